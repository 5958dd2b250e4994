"""The one door to language models: every call has a key, is answered once, and is kept with its full request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from stand_ins import SCRIPTED, Scripted, bargaining_study, first_session, held

from silicus.concepts.errors import ProviderError
from silicus.concepts.seats import Seat
from silicus.llm.calls import Call, Caller, Earlier
from silicus.llm.cue import Cue
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Draw, Image, Message, Prompt, Sampling, key_of, request_of

SEAT = Seat(llm=SCRIPTED)
PROMPT = Prompt((Message("system", "You are the buyer."), Message("user", "It is your turn.")), "participant")


class Kept:
    """A caller with a scripted model, and all that it hands over to be kept."""

    def __init__(self, model: Scripted, session_id: str = "s", answers: Mapping[str, Completion] | None = None) -> None:
        self.calls: list[Call] = []
        self.faults: list[tuple[Draw, int, str, CallError]] = []
        self.caller = Caller(
            session_id,
            {"scripted": model},
            Earlier(answers or {}),
            self.calls.append,
            lambda *fault: self.faults.append(fault),
        )


def counting() -> Scripted:
    """A model that answers each call with another number."""
    model = Scripted(lambda _: f"answer {len(model.prompts)}")
    return model


async def test_a_call_is_answered_kept_and_counted() -> None:
    kept = Kept(Scripted(lambda _: "Twelve dollars."))
    completion, ordinal = await kept.caller.complete(PROMPT, SEAT, "buyer")
    assert (completion.text, completion.llm, ordinal) == ("Twelve dollars.", SCRIPTED, 1)
    (call,) = kept.calls
    assert (call.draw, call.seat, call.role, call.completion) == (Draw("s", 1), "participant", "buyer", completion)
    assert call.request == request_of(PROMPT, SCRIPTED)
    assert call.key == key_of(call.request, call.draw)
    assert call.finished_at > 1_600_000_000
    assert completion.latency_s > 0
    assert (kept.caller.calls, kept.caller.tokens_in, kept.caller.tokens_out) == (1, 1, 1)


async def test_the_same_question_twice_in_a_session_is_two_draws() -> None:
    kept = Kept(counting())
    answers = [(await kept.caller.complete(PROMPT, SEAT))[0].text for _ in range(3)]
    assert answers == ["answer 1", "answer 2", "answer 3"]
    assert [call.draw.ordinal for call in kept.calls] == [1, 2, 3]
    assert len({call.key for call in kept.calls}) == 3


async def test_a_call_that_was_answered_before_is_not_made_again_but_counts() -> None:
    first = Kept(counting())
    for _ in range(2):
        await first.caller.complete(PROMPT, SEAT)
    model = counting()
    again = Kept(model, answers={call.key: call.completion for call in first.calls})
    answers = [await again.caller.complete(PROMPT, SEAT) for _ in range(3)]
    assert [completion.text for completion, _ in answers] == ["answer 1", "answer 2", "answer 1"]
    assert len(model.prompts) == len(again.calls) == 1, "only the third call is new"
    assert (again.caller.calls, again.caller.tokens_out) == (3, 3)


async def test_an_answer_to_another_session_request_or_model_is_no_answer_to_this_call() -> None:
    first = Kept(counting())
    await first.caller.complete(PROMPT, SEAT)
    answers = {call.key: call.completion for call in first.calls}
    other_words = replace(PROMPT, messages=(*PROMPT.messages[:1], Message("user", "It is your turn!")))
    warmer = replace(PROMPT, sampling=Sampling(temperature=0.7))
    for session_id, prompt, seat in (
        ("other", PROMPT, SEAT), ("s", other_words, SEAT), ("s", warmer, SEAT), ("s", PROMPT, Seat(llm="scripted:b")),
    ):  # fmt: skip
        model = counting()
        again = Kept(model, session_id, answers)
        await again.caller.complete(prompt, seat)
        assert len(model.prompts) == 1


async def test_a_fault_is_kept_and_passed_on_and_no_answer_is_made_up() -> None:
    def overloaded(_: Prompt) -> str:
        raise CallError("overloaded", "the server is overloaded", suggestion="Try later.")

    kept = Kept(Scripted(overloaded))
    with pytest.raises(CallError, match="overloaded"):
        await kept.caller.complete(PROMPT, SEAT)
    assert kept.calls == []
    ((draw, number, llm, error),) = kept.faults
    assert (draw, number, llm, error.kind) == (Draw("s", 1), 1, SCRIPTED, "overloaded")


async def test_an_error_of_the_provider_is_passed_on() -> None:
    def dead(_: Prompt) -> str:
        raise ProviderError("the line is dead", suggestion="Try later.")

    kept = Kept(Scripted(dead))
    with pytest.raises(ProviderError, match="the line is dead"):
        await kept.caller.complete(PROMPT, SEAT)
    assert kept.calls == []


async def test_what_is_no_character_is_replaced_so_that_an_answer_can_be_written_down() -> None:
    kept = Kept(Scripted(lambda _: "twelve \ud800 dollars"))
    completion, _ = await kept.caller.complete(PROMPT, SEAT)
    assert completion.text == kept.calls[0].completion.text == "twelve ? dollars"


# The request


def test_the_request_holds_all_that_is_sent_and_nothing_else() -> None:
    schema = {"type": "object"}
    prompt = replace(PROMPT, schema=schema, sampling=Sampling(temperature=0.5, max_tokens=60))
    assert json.loads(request_of(prompt, "acme:one")) == {
        "llm": "acme:one",
        "messages": [
            {"role": "system", "content": "You are the buyer."},
            {"role": "user", "content": "It is your turn."},
        ],
        "schema": schema,
        "temperature": 0.5,
        "max_tokens": 60,
    }
    session = first_session(bargaining_study())
    cue = Cue("speak", session, role="buyer")
    assert request_of(replace(PROMPT, cue=cue), "acme:one") == request_of(PROMPT, "acme:one")
    pictured = replace(PROMPT, messages=(Message("user", "Look.", (Image("image/png", b"\x89PNG"),)),))
    other = replace(PROMPT, messages=(Message("user", "Look.", (Image("image/png", b"\x89PNg"),)),))
    assert request_of(pictured, "acme:one") != request_of(other, "acme:one")


def test_a_key_tells_draws_apart_and_never_changes() -> None:
    draws = [Draw("s", 1), Draw("s", 2), Draw("s", 1, 2), Draw("t", 1)]
    assert len({key_of("request", draw) for draw in draws}) == 4
    # Archives of older versions are read by it.
    assert key_of("request", Draw("s", 1)) == "d53636978fe9c7e51e12ba400db6a31c"


def test_a_session_asks_each_participant_by_extending_what_it_asked_before() -> None:
    _, calls = held(first_session(bargaining_study()))
    by_role: dict[str, list[list[object]]] = {}
    for call in calls:
        by_role.setdefault(call.role, []).append(json.loads(call.request)["messages"])
    for prompts in (by_role["buyer"], by_role["seller"]):
        assert len(prompts) > 1
        for earlier, later in pairwise(prompts):
            assert later[: len(earlier)] == earlier, "the provider's prefix cache is lost"


def test_what_the_settings_add_to_a_request_is_part_of_its_identity() -> None:
    plain, none = request_of(PROMPT, SCRIPTED), request_of(PROMPT, SCRIPTED, {})
    assert plain == none
    assert request_of(PROMPT, SCRIPTED, {"reasoning_effort": "low"}) != plain
