"""A transcript as a reader follows it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from silicus.concepts.transcript import Action, Response, Transcript, Turn
from silicus.reporting.sessions import ended_in_words, session_view


def transcript(**changes: object) -> Transcript:
    return Transcript.model_validate(
        {"session_id": "convictions=3,replicate=1", "replicate": 1,
         "condition": {"convictions": 3, "cases": 5, "plea": 1}, "status": "complete",
         "ended_by": "coordinator", **changes}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "ended by the coordinator after 0 statements"),
        ({"ended_by": "agreement", "turns": (Turn.example(),)}, "agreement after 1 statement"),
        ({"ended_by": "set_bail"}, "ended by “set bail” after 0 statements"),
        ({"ended_by": "all_retired"}, "all had retired after 0 statements"),
        ({"status": "censored", "ended_by": "cap"}, "cut off by the cap after 0 statements"),
        ({"status": "failed", "ended_by": ""}, "failed after 0 statements"),
    ],
)
def test_how_a_session_ended(changes: dict[str, object], words: str) -> None:
    assert ended_in_words(transcript(**changes)) == words


def test_each_role_is_shown_with_what_it_was_told(kit: SimpleNamespace) -> None:
    view = session_view(transcript(), kit.study(kit.BAIL))
    told = {role.name: role.told for role in view.roles}
    assert told["defendant"] == (("your convictions", "3 convictions", "public"), ("the plea", "guilty", "public"))
    assert told["judge"] == (("cases today", "5 cases per day", "private"), ("the plea", "guilty", "public"))
    assert told["prosecutor"] == (("the plea", "guilty", "public"),)
    assert view.condition[0] == ("Defendant's previous convictions", "3 convictions")
    assert len({role.colour for role in view.roles}) == 4


def test_only_what_not_everybody_heard_is_marked(kit: SimpleNamespace) -> None:
    everyone = ("judge", "prosecutor", "defence attorney")
    turns = (
        Turn(number=1, speaker="defendant", words="a", heard_by=everyone),
        Turn(number=2, speaker="defendant", words="b", heard_by=("judge", "defence attorney")),
        Turn(number=3, speaker="defendant", words="c"),
    )
    view = session_view(transcript(turns=turns), kit.study(kit.BAIL))
    assert [turn.heard for turn in view.turns] == ["", "heard only by judge and defence attorney", "heard by nobody"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action(name="offer", value=5), "offer: 5 dollars"),
        (Action(name="offer", value=9.5), "offer: 9.50 dollars"),
        (Action(name="accept", value=12), "accept: 12 dollars"),
        (Action(name="leave"), "leave"),
        (Action(name="walk_off", value="angrily"), "walk off: angrily"),
        (Action(name="count", value=3), "count: 3"),
    ],
)
def test_an_action_is_told_with_its_amount(kit: SimpleNamespace, action: Action, words: str) -> None:
    session = transcript(condition={}, turns=(Turn(number=1, speaker="buyer", words="x", action=action),))
    assert session_view(session, kit.study(kit.MUG)).turns[0].action == words


def test_answers_keep_their_raw_text_beside_what_was_read(kit: SimpleNamespace) -> None:
    def answer(variable: str, **fields: object) -> Response:
        return Response.model_validate(
            {"variable": variable, "item": 1, "respondent": "judge", "question": "?", "raw": "so it is", **fields}
        )

    responses = (
        answer("bail", value=54_428.5), answer("remorse", value=2.0), answer("appeal", value=0.0),
        answer("bail", missing="refused", reason="would not say"), answer("bail", value="a lot"),
    )  # fmt: skip
    view = session_view(transcript(responses=responses), kit.study(kit.BAIL))
    assert [each.value for each in view.answers] == ["54,428.50 dollars", "some (coded 2)", "no (coded 0)", "", "a lot"]
    assert view.answers[3].missing == "refused: would not say"
    assert {(each.raw, each.respondent) for each in view.answers} == {("so it is", "the judge")}
