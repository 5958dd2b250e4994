"""The general law: it says what it does, and it does what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stand_ins import bargaining_content, held

from silicus.concepts.study import Study
from silicus.concepts.transcript import Transcript
from silicus.designs.plan import plan_sessions
from silicus.instruments.tabulate import tabulate
from silicus.llm.rehearsal.provider import laws_in, rehearsal_problems
from silicus.studies.estimating import estimate_paths

SLOPES = {"mood ~ (intercept)": 10.0, "mood ~ dose": 1.5, "mood ~ heat": -0.5, "mood ~ (noise)": 2.0}


def chain_content(law: dict[str, float], seed: int = 1) -> dict[str, Any]:
    """Dose and heat act on mood, mood acts on whether they stay."""
    return {
        "format": 1,
        "name": "chain",
        "scenario": "two people talking in a room",
        "roles": {"ann": {}, "bob": {}},
        "causal_model": {
            "variables": {
                "dose": {
                    "label": "the dose", "kind": "continuous",
                    "treatment": {"tell": "ann", "phrase": "your dose", "values": [0, 1, 2, 3, 4]},
                },
                "heat": {
                    "label": "the heat", "kind": "continuous",
                    "treatment": {"tell": "everyone", "phrase": "the heat", "values": [10, 15, 20, 25]},
                },
                "mood": {"label": "the mood", "kind": "continuous", "measure": {"question": "How was the mood?"}},
                "stayed": {
                    "label": "whether they stayed", "kind": "binary", "measure": {"ask": "bob", "question": "Stayed?"},
                },
            },
            "paths": ["mood ~ dose + heat", "stayed ~ mood"],
        },
        "design": {"replicates": 3, "seed": seed},
        "procedure": {"speakers": ["ann", "bob"], "stop": ["coordinator"], "max_turns": 8},
        "seats": {"participant": {"llm": "rehearsal:linear", "law": law}},
    }  # fmt: skip


def conducted(study: Study) -> list[Transcript]:
    return [held(session)[0] for session in plan_sessions(study)]


def test_the_record_says_what_the_dataset_holds() -> None:
    study = Study.model_validate(chain_content({**SLOPES, "stayed ~ (intercept)": 0.1, "stayed ~ mood": 0.05}))
    transcripts = conducted(study)
    plan = plan_sessions(study)
    dataset = tabulate(study, len(plan), plan.session_ids(), transcripts)
    assert dataset.frame["mood"].notna().all()
    for row, transcript in zip(dataset.frame.to_dict("records"), transcripts, strict=True):
        words = " ".join(turn.words for turn in transcript.turns)
        mood = row["mood"]
        written = str(int(mood)) if float(mood).is_integer() else repr(mood)
        assert f"For the record, the mood: {written}." in words
        assert f"For the record, whether they stayed: {'yes' if row['stayed'] else 'no'}." in words
        assert transcript.status == "complete"


def test_private_values_are_not_given_away() -> None:
    study = Study.model_validate(chain_content(SLOPES))
    for transcript in conducted(study)[:10]:
        assert all("your dose" not in turn.words for turn in transcript.turns)


def test_equal_seeds_give_equal_sessions_and_other_seeds_others() -> None:
    first, again, other = (conducted(Study.model_validate(chain_content(SLOPES, seed))) for seed in (1, 1, 2))
    assert first == again
    assert [t.responses for t in first] != [t.responses for t in other]


def test_coefficients_are_recovered_and_intervals_cover_them() -> None:
    """Over 200 seeds the 95% interval of each slope covers it about 95% of the time.

    With 200 draws the count of covering intervals has standard deviation sqrt(200 * .95 * .05) = 3.1; four of them are
    allowed. The mean estimate may miss by four standard errors of a mean of 200.
    """
    truth = {"dose": 1.5, "heat": -0.5}
    covered = dict.fromkeys(truth, 0)
    values: dict[str, list[float]] = {name: [] for name in truth}
    for seed in range(200):
        study = Study.model_validate(chain_content(SLOPES, seed))
        plan = plan_sessions(study)
        rows = tabulate(study, len(plan), plan.session_ids(), (outcomes_only(s) for s in plan))
        for estimate in estimate_paths(study, rows).estimates:
            if estimate.outcome == "mood" and estimate.quantity == "path" and estimate.treatment in truth:
                assert estimate.interval is not None
                assert estimate.value is not None
                values[estimate.treatment].append(estimate.value)
                covered[estimate.treatment] += estimate.interval[0] <= truth[estimate.treatment] <= estimate.interval[1]
    for name, slope in truth.items():
        found = np.array(values[name])
        assert abs(covered[name] - 190) <= 12
        assert abs(found.mean() - slope) < 4 * found.std() / np.sqrt(200)


def outcomes_only(session: Any) -> Transcript:
    """A session's realised outcomes without the talk; the talk is shown above to carry them unchanged."""
    from silicus.concepts.transcript import Response
    from silicus.llm.rehearsal.linear import Linear, realised
    from silicus.llm.rehearsal.provider import numbers_of

    numbers = numbers_of(Linear(), session.seats.participant.law, session.causal_model)
    responses = tuple(
        Response.model_construct(
            variable=name, item=1, respondent="coder", question="", raw="", value=value, missing=None
        )
        for name, value in realised(session, numbers).items()
    )
    return Transcript.model_construct(
        session_id=session.session_id, condition=session.condition, replicate=session.replicate, status="complete",
        ended_by="coordinator", turns=(), responses=responses, error="",
    )  # fmt: skip


def test_a_known_effect_on_the_bargaining_procedure_ends_in_deals_at_that_rate() -> None:
    law = {"deal ~ (intercept)": 0.0, "deal ~ budget": 0.05, "deal ~ minimum": 0.0}
    content = bargaining_content(
        seats={"participant": {"llm": "rehearsal:linear", "law": law}}, design={"replicates": 150}
    )
    study = Study.model_validate(content)
    plan = plan_sessions(study)
    transcripts = conducted(study)
    assert {transcript.status for transcript in transcripts} == {"complete"}
    frame = tabulate(study, len(plan), plan.session_ids(), transcripts).frame
    rates = frame.groupby("budget")["deal"].mean()
    for budget, rate in rates.items():
        # Binomial standard error with n = 450, four of them.
        assert abs(rate - 0.05 * float(str(budget))) < 4 * np.sqrt(0.25 / 450)


def test_unknown_parameters_and_laws_are_named_with_the_nearest() -> None:
    def problems(participant: Any) -> str:
        content = bargaining_content(seats={"participant": participant})
        return " ".join(f"{p.message} {p.suggestion}" for p in rehearsal_problems(Study.model_validate(content)))

    assert "'bargaining'" not in problems("rehearsal:bargaining")
    assert "Did you mean 'rehearsal:bargaining'?" in problems("rehearsal:bargainig")
    assert "Did you mean 'noise'?" in problems({"llm": "rehearsal:bargaining", "law": {"nois": 2}})
    assert "Did you mean 'deal ~ budget'?" in problems({"llm": "rehearsal:linear", "law": {"deal ~ budgt": 2}})


@pytest.mark.parametrize("law", ["auction", "hearing", "interview"])
def test_a_law_that_cannot_play_a_study_says_what_is_missing(law: str) -> None:
    content = bargaining_content(seats={"participant": f"rehearsal:{law}"})
    problems = rehearsal_problems(Study.model_validate(content))
    assert problems
    assert all(problem.code == "law_misfit" and problem.suggestion for problem in problems)


def test_the_laws_in_a_study_come_with_their_numbers() -> None:
    content = bargaining_content(seats={"participant": "rehearsal:bargaining", "roles": {"buyer": "rehearsal:linear"}})
    found = {who: (law.name, numbers) for who, law, numbers in laws_in(Study.model_validate(content))}
    assert found["participants"][0] == "bargaining"
    assert found["buyer"][0] == "linear"
    assert found["participants"][1]["premium"] == 1.0
