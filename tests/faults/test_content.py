"""An answer that came and is none: asked for once more, then a missing value or a failed session, never a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import query, silicus
from laboratory import PLANNED, Laboratory, calls_in, data_of, faults_in, run, statuses_of
from loopback import Fault, Reply
from loopback_players import Asked, Disturbance, in_turn, never

SELLER_IS = "You are the seller"
HALF = Reply('{"say": "I offer 12 doll', finish="length")
SILENT = Reply('{"say": " ", "action": "none", "value": null}')
WITH_COORDINATOR: dict[str, Any] = {
    "speakers": ["buyer", "seller"], "stop": ["coordinator"], "turn_order": "coordinator_before", "max_turns": 6,
}  # fmt: skip


def each_question_once(instead: Fault | Reply) -> Disturbance:
    """Every question is answered amiss at first, and well when it is put again."""
    seen: set[tuple[str, str]] = set()

    def disturb(asked: Asked, _: int) -> Fault | Reply | None:
        if (asked.told, asked.heard) in seen:
            return None
        seen.add((asked.told, asked.heard))
        return instead

    return disturb


def always(instead: Fault | Reply, to: str) -> Disturbance:
    """A kind of question, or the seller, is always answered amiss."""
    return lambda asked, _: instead if asked.task == to or (to in asked.told and asked.task == "act") else None


def errors_in(folder: Path) -> set[str]:
    return {error for (error,) in query(folder / "archive.sqlite", "SELECT error FROM session WHERE status = 'failed'")}


def same_study(lab: Laboratory, folder: Path) -> Path:
    """A new folder with the same study, in which nothing was held yet."""
    made = lab.here / "again"
    made.mkdir()
    (made / "study.yaml").write_text((folder / "study.yaml").read_text())
    return made


def missing_in(folder: Path) -> dict[str, int]:
    count = "SELECT missing, COUNT(*) FROM response AS r JOIN session AS s USING (session_id, attempt) GROUP BY missing"
    return {str(code): number for code, number in query(folder / "archive.sqlite", count)}


@pytest.mark.parametrize(
    "instead",
    [Fault("wrong_schema"), HALF, SILENT, Reply("Well."), Reply("", finish="length")],
    ids=["wrong schema", "half", "silent", "prose", "nothing before the cap"],
)
def test_an_answer_that_cannot_be_taken_is_asked_for_once_more(lab: Laboratory, instead: Fault | Reply) -> None:
    folder = lab.disturbed(each_question_once(instead))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert calls_in(folder) == lab.players.total_paid > calls_in(lab.undisturbed)
    lab.assert_as_undisturbed(folder)


def test_what_the_coder_never_answers_as_asked_is_a_missing_value(lab: Laboratory) -> None:
    folder = lab.disturbed(always(Fault("wrong_schema"), to="answer"))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert statuses_of(folder) == statuses_of(lab.undisturbed)
    assert missing_in(folder) == {"unparseable": PLANNED}
    assert calls_in(folder) == calls_in(lab.undisturbed) + PLANNED  # each was asked for once more, and no third time


@pytest.mark.parametrize(
    ("instead", "code"),
    [
        (Fault("refusal"), "refused"),
        (Fault("filtered_request"), "withheld"),
        (Reply("", finish="content_filter"), "refused"),  # what a filter is called in this format
        (Reply("4", finish="length"), "unparseable"),  # it may have become 40
    ],
    ids=["refused", "400 of a filter", "filter", "cut off"],
)
def test_a_refusal_or_a_filter_of_an_item_is_a_missing_value_with_its_code(
    lab: Laboratory, instead: Fault | Reply, code: str
) -> None:
    folder = lab.disturbed(always(instead, to="answer"))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert missing_in(folder) == {code: PLANNED}
    calls = lab.players.total_paid
    assert run(folder).code == 0
    assert lab.players.total_paid == calls, "a refusal was asked for again"
    # A replay needs no answer that there never was.
    again = same_study(lab, folder)
    assert silicus("run", again, "--replay", folder).code == 0
    assert missing_in(again) == {code: PLANNED}


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (Fault("refusal"), 'no statement of the seller: it was refused: "I can\'t help with that."'),
        (Fault("filtered_request"), "no statement of the seller: the provider's content filter withheld it"),
        (Reply("", finish="content_filter"), "no statement of the seller: it was refused"),
        (SILENT, "no statement of the seller: nothing is said and nothing done"),
        (Reply("", finish="length"), "no statement of the seller: it breaks off at the cap on tokens"),
        (Fault("wrong_schema"), "no statement of the seller: the answer is not the JSON object asked for"),
    ],
    ids=["refused", "400 of a filter", "filter", "silent", "nothing before the cap", "wrong schema"],
)
def test_a_participant_without_a_statement_fails_the_session_and_is_drawn_afresh_later(
    lab: Laboratory, instead: Fault | Reply, reason: str
) -> None:
    folder = lab.disturbed(always(instead, to=SELLER_IS))
    ended = run(folder)
    assert ended.code == 1
    failed = statuses_of(folder)["failed"]
    assert f"{failed} sessions failed" in ended.said
    (error,) = errors_in(folder)
    assert error.startswith(reason)
    assert faults_in(folder)["unusable"] == failed
    before = calls_in(folder)
    lab.players.disturb = never
    lab.players.came.clear()
    assert run(folder).code == 0
    asked_anew = calls_in(folder) - before
    assert lab.players.came.total() == asked_anew, "an answered call was asked for again"
    assert query(folder / "archive.sqlite", "SELECT DISTINCT attempt FROM completion") == [(1,), (2,)]
    lab.assert_as_undisturbed(folder)


def test_a_statement_that_stays_half_is_heard_as_far_as_it_goes_and_does_nothing(lab: Laboratory) -> None:
    folder = lab.disturbed(always(HALF, to=SELLER_IS), procedure=short_procedure())
    assert run(folder).code == 0
    said = query(
        folder / "archive.sqlite", "SELECT DISTINCT words, action, irregular FROM turn WHERE speaker = 'seller'"
    )
    assert said == [("I offer 12 doll", None, '["it breaks off at the cap on tokens; no action was taken"]')]


def short_procedure() -> dict[str, Any]:
    offer = {"by": ["buyer", "seller"], "meaning": "offer a price", "value": "money", "effect": ["propose"]}
    return {"speakers": ["buyer", "seller"], "max_turns": 4, "actions": {"offer": offer}}


def test_a_verdict_that_cannot_be_read_is_drawn_afresh_by_the_next_run(lab: Laboratory) -> None:
    folder = lab.disturbed(never, procedure=WITH_COORDINATOR)
    lab.players.disturb = always(Reply("There is no need to continue."), to="over")
    ended = run(folder)
    assert ended.code == 1
    assert statuses_of(folder) == {"failed": PLANNED}
    assert "the coordinator gave no readable verdict (judge_end); it wrote: 'There is no need" in ended.said
    calls = calls_in(folder)
    assert calls == PLANNED * 4  # who speaks, the statement, the verdict, and the verdict asked for once more
    # It fails once more: not the old answers read again, but fresh ones.
    lab.players.came.clear()
    assert run(folder).code == 1
    assert lab.players.came.total() == PLANNED * 2
    lab.players.disturb = never
    lab.players.came.clear()
    assert run(folder).code == 0
    assert statuses_of(folder).get("failed", 0) == 0
    assert calls_in(folder) == calls + PLANNED * 2 + lab.players.came.total() == lab.players.total_paid
    drawn = "SELECT ordinal, MAX(attempt) FROM completion WHERE ordinal < 4 GROUP BY ordinal"
    assert query(folder / "archive.sqlite", drawn) == [(1, 1), (2, 1), (3, 3)]
    # A replay goes by the draws that were used in the end.
    again = same_study(lab, folder)
    assert silicus("run", again, "--replay", folder).code == 0
    assert data_of(again) == data_of(folder)


def test_a_prompt_that_is_too_long_fails_its_session_and_no_other(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, _: Fault("context_length") if "19 dollars" in asked.told else None)
    ended = run(folder)
    assert ended.code == 1
    failed = query(folder / "archive.sqlite", "SELECT session_id FROM session WHERE status = 'failed'")
    assert failed
    assert all("minimum=19" in name for (name,) in failed)
    assert "maximum context length" in ended.said or "prompt is too long" in ended.said
    lab.players.disturb = never
    assert run(folder).code == 0
    assert lab.players.total_paid == calls_in(folder)
    lab.assert_as_undisturbed(folder)


def test_a_request_that_the_server_refuses_fails_its_session_with_the_server_s_words(lab: Laboratory) -> None:
    folder = lab.disturbed(in_turn("bad_request"))
    ended = run(folder)
    assert ended.code == 1
    assert "1 session failed" in ended.said
    assert "temperature" in ended.said
    assert run(folder).code == 0
    lab.assert_as_undisturbed(folder)
