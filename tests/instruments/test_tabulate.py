"""From transcripts to the dataset."""

from __future__ import annotations

import random

import pytest
from stand_ins import bargaining_study, held

from silicus.concepts.transcript import Response, Transcript
from silicus.concepts.variables import Variable
from silicus.designs.plan import plan_sessions
from silicus.instruments.tabulate import combined, tabulate


def variable(combine: str, items: int) -> Variable:
    questions = [{"question": f"Question {number}?"} for number in range(items)]
    return Variable.model_validate(
        {"name": "y", "label": "y", "kind": "continuous", "measure": {"items": questions, "combine": combine}}
    )


def answers(*values: float | None) -> list[Response]:
    return [
        Response(
            variable="y", item=n, respondent="coder", question="?", raw="", value=v,
            missing=None if v is not None else "unknown",
        )
        for n, v in enumerate(values, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(("how", "value"), [("first", 4.0), ("mean", 3.0), ("sum", 9.0), ("min", 2.0), ("max", 4.0)])
def test_answers_are_combined(how: str, value: float) -> None:
    assert combined(variable(how, 3), answers(4, 3, 2)) == (value, "")


def test_only_the_first_answer_may_lack_others() -> None:
    assert combined(variable("first", 2), answers(None, 3)) == (3, "")
    assert combined(variable("mean", 2), answers(None, 3)) == (None, "unknown")
    assert combined(variable("mean", 3), answers(1, 3)) == (None, "not_asked")
    assert combined(variable("first", 2), []) == (None, "not_asked")


def test_rows_follow_the_plan_and_lead_to_their_transcripts() -> None:
    study = bargaining_study()
    plan = plan_sessions(study)
    transcripts = [held(session)[0] for session in plan]
    shuffled = random.Random(1).sample(transcripts, len(transcripts))
    dataset = tabulate(study, len(plan), plan.session_ids(), shuffled)
    assert list(dataset.frame["session_id"]) == [session.session_id for session in plan]
    for row, transcript in zip(dataset.frame.to_dict("records"), transcripts, strict=True):
        assert row["n_turns"] == len(transcript.turns)
        assert {name: row[name] for name in transcript.condition} == transcript.condition
        agreed = any(turn.action is not None and turn.action.name == "accept" for turn in transcript.turns)
        assert row["deal"] == float(agreed)
    assert [column.name for column in dataset.codebook.columns] == list(dataset.frame.columns)
    assert dataset.codebook.flow.complete == len(plan)


def test_failed_and_censored_sessions_keep_their_rows_and_say_why() -> None:
    study = bargaining_study()
    plan = plan_sessions(study)
    names = list(plan.session_ids())[:2]
    conditions = [plan.session(name).condition for name in names]
    failed = Transcript(session_id=names[0], condition=conditions[0], replicate=1, status="failed", error="out of ink")
    censored = Transcript(session_id=names[1], condition=conditions[1], replicate=1, status="censored", ended_by="cap")
    dataset = tabulate(study, len(plan), plan.session_ids(), [failed, censored])
    assert list(dataset.frame["deal_missing"]) == ["session_failed", "not_asked"]
    assert dataset.frame["deal"].isna().all()
    flow = dataset.codebook.flow
    assert (flow.planned, flow.complete, flow.censored, flow.failed, flow.not_held) == (9, 0, 1, 1, 7)
    deal = next(column for column in dataset.codebook.columns if column.name == "deal")
    assert deal.missing == {"session_failed": 1, "not_asked": 1}


def test_no_session_makes_an_empty_table() -> None:
    study = bargaining_study()
    dataset = tabulate(study, 9, [], [])
    assert dataset.frame.shape[0] == 0
    assert dataset.codebook.flow.not_held == 9
