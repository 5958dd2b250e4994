"""Conversations: who hears what, how they end, what counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import Scripted, bargaining_study, first_session, held, scripted, talk_study

from silicus.concepts.transcript import Transcript
from silicus.llm.prompt import Prompt


def say(words: str, action: str = "none", value: object = None) -> str:
    return json.dumps({"say": words, "action": action, "value": value})


def bargain(*moves: str, **changes: Any) -> Transcript:
    """A bargaining session in which the statements are given, and the coder says yes."""
    left = list(moves)

    def answer(prompt: Prompt) -> str:
        if prompt.cue is not None and prompt.cue.task == "speak":
            return left.pop(0) if left else say("Hm.")
        return '{"answer": "yes"}'

    return held(first_session(scripted(bargaining_study(**changes))), Scripted(answer))[0]


def test_agreement_ends_at_the_standing_amount() -> None:
    transcript = bargain(say("Five.", "offer", 5), say("Fine.", "accept"))
    assert (transcript.status, transcript.ended_by) == ("complete", "agreement")
    assert transcript.turns[1].action is not None
    assert transcript.turns[1].action.value == 5


def test_nobody_accepts_an_own_offer_or_none() -> None:
    transcript = bargain(say("Fine.", "accept"), say("Nine.", "offer", 9), say("Hm."), say("Fine.", "accept"))
    assert [bool(turn.irregular) for turn in transcript.turns[:4]] == [True, False, False, True]
    assert transcript.ended_by == "cap"


def test_an_offer_beyond_the_budget_counts_and_is_marked() -> None:
    transcript = bargain(say("Eighteen.", "offer", 18), say("Fine.", "accept"))
    assert transcript.turns[0].irregular == ("offer at 18 is above your budget (5 dollars)",)
    assert transcript.ended_by == "agreement"


def test_accepting_beyond_a_limit_is_marked_too() -> None:
    transcript = bargain(say("Hm."), say("Nine.", "offer", 9), say("Fine.", "accept"))
    assert transcript.turns[2].irregular == ("accept at 9 is above your budget (5 dollars)",)


def test_the_cap_censors() -> None:
    transcript = bargain()
    assert (transcript.status, transcript.ended_by, len(transcript.turns)) == ("censored", "cap", 20)


def test_a_cap_that_is_the_only_end_is_the_planned_length() -> None:
    study = scripted(talk_study(("ann", "bob"), {"max_turns": 4}))
    transcript, _ = held(first_session(study), Scripted(lambda prompt: "4"))
    assert (transcript.status, transcript.ended_by, len(transcript.turns)) == ("complete", "planned_length", 4)


def test_words_never_end_a_session() -> None:
    words = "There is no need to continue, we have a deal, this is over."
    assert bargain(*[say(words)] * 20).status == "censored"


def test_retirement_and_its_stop_rule() -> None:
    procedure = {
        "stop": ["all_retired"],
        "actions": {"leave": {"by": ["ann", "bob", "cleo"], "meaning": "leave", "effect": ["retire"]}},
    }
    study = scripted(talk_study(("ann", "bob", "cleo"), procedure))

    def answer(prompt: Prompt) -> str:
        if prompt.cue is None or prompt.cue.task != "speak":
            return "4"
        return say("Bye.", "leave") if prompt.cue.role != "cleo" else say("Stay.")

    transcript, _ = held(first_session(study), Scripted(answer))
    assert [turn.speaker for turn in transcript.turns] == ["ann", "bob"]
    assert transcript.ended_by == "all_retired"


def test_simultaneous_statements_are_heard_after_the_round() -> None:
    study = scripted(talk_study(("ann", "bob"), {"turn_order": "simultaneous", "max_turns": 5}))
    model = Scripted(lambda prompt: f"I am {prompt.cue.role if prompt.cue else ''}")
    transcript, _ = held(first_session(study), model)
    assert [turn.speaker for turn in transcript.turns] == ["ann", "bob", "ann", "bob"]
    first_of_bob = model.prompts[1].messages[-1].content
    assert "I am ann" not in first_of_bob
    assert "ann: I am ann" in model.prompts[3].messages[-1].content


def test_an_acceptance_cannot_meet_an_offer_of_the_same_moment() -> None:
    procedure = bargaining_study().procedure.model_dump(mode="json", exclude_defaults=True)
    moves = (say("Five.", "offer", 5), say("Fine.", "accept"), say("Hm."), say("Fine.", "accept"))
    transcript = bargain(*moves, procedure={**procedure, "turn_order": "simultaneous"})
    assert transcript.turns[1].irregular
    assert (transcript.ended_by, len(transcript.turns)) == ("agreement", 4)


def test_the_coordinator_names_the_next_speaker() -> None:
    study = scripted(talk_study(("ann", "bob"), {"turn_order": "coordinator_before", "max_turns": 3}))
    named = iter(["bob", "bob", "ann"])
    model = Scripted(
        lambda prompt: (
            json.dumps({"speaker": next(named)}) if prompt.seat == "coder" and "speaker" in str(prompt.schema) else "4"
        )
    )
    transcript, _ = held(first_session(study), model)
    assert [turn.speaker for turn in transcript.turns] == ["bob", "bob", "ann"]


def test_only_the_chosen_draft_is_heard() -> None:
    study = scripted(talk_study(("ann", "bob"), {"turn_order": "coordinator_after", "max_turns": 2}))

    def answer(prompt: Prompt) -> str:
        if prompt.cue is not None and prompt.cue.task == "choose_draft":
            return '{"speaker": "bob"}'
        return f"draft of {prompt.cue.role if prompt.cue else ''}"

    model = Scripted(answer)
    transcript, calls = held(first_session(study), model)
    assert [turn.words for turn in transcript.turns] == ["draft of bob", "draft of bob"]
    later = [p for p in model.prompts if p.cue and p.cue.role == "ann"][1]
    assert "draft of ann" not in "".join(message.content for message in later.messages)
    assert [call.draw.ordinal for call in calls] == list(range(1, len(calls) + 1))


@pytest.mark.parametrize("verdict", ["There is no need to continue.", "It is over", '{"over": "maybe"}'])
def test_a_verdict_that_cannot_be_read_fails_the_session_with_its_words(verdict: str) -> None:
    study = scripted(talk_study(("ann", "bob"), {"stop": ["coordinator"]}))
    transcript, calls = held(first_session(study), Scripted(lambda p: verdict if p.seat == "coder" else "Hello."))
    assert transcript.status == "failed"
    assert verdict in transcript.error
    assert len(calls) == 3  # one statement, the verdict, and the verdict asked for once more


def test_the_coordinator_ends_the_session_by_its_verdict_alone() -> None:
    study = scripted(talk_study(("ann", "bob"), {"stop": ["coordinator"]}))
    verdicts = iter([False, False, True])

    def answer(prompt: Prompt) -> str:
        if prompt.cue is not None and prompt.cue.task == "judge_end":
            return json.dumps({"over": next(verdicts)})
        return '{"answer": 4}' if prompt.seat == "coder" else "No need to continue."

    transcript, _ = held(first_session(study), Scripted(answer))
    assert (transcript.ended_by, len(transcript.turns)) == ("coordinator", 3)


ORDERS = (
    "ordered",
    "random",
    "central_ordered",
    "central_random",
    "coordinator_before",
    "coordinator_after",
    "simultaneous",
)


@given(order=st.sampled_from(ORDERS), roles=st.integers(2, 4), length=st.integers(1, 9), seed=st.integers(0, 99))
def test_everybody_hears_everything_and_nobody_more(order: str, roles: int, length: int, seed: int) -> None:
    names = ("ann", "bob", "cleo", "dan")[:roles]
    settings = {"turn_order": order, "max_turns": length} | ({"center": "ann"} if order.startswith("central") else {})
    study = scripted(talk_study(names, settings, design={"seed": seed}))

    def answer(prompt: Prompt) -> str:
        cue = prompt.cue
        if cue is not None and cue.candidates:
            return json.dumps({"speaker": cue.candidates[len(cue.turns) % len(cue.candidates)]})
        return f"word{len(cue.turns) if cue else 0} of {cue.role if cue else ''}"

    model = Scripted(answer)
    transcript, _ = held(first_session(study), model)
    assert len(transcript.turns) <= length
    for turn in transcript.turns:
        assert set(turn.heard_by) == set(names) - {turn.speaker}
    for prompt in model.prompts:
        if prompt.cue is None or prompt.cue.task != "speak":
            continue
        seen = "\n".join(message.content for message in prompt.messages)
        for turn in prompt.cue.turns:
            assert turn.words in seen
        for turn in transcript.turns[len(prompt.cue.turns) :]:
            if turn.speaker != prompt.cue.role:
                assert f"{turn.speaker}: {turn.words}" not in seen
