"""Text completion: the transcript that a base model continues, and whether its log-probabilities can be trusted."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from loopback import Loopback
from loopback_endpoints import KEY, KEY_VARIABLE, SCHEMA, asked, asking

from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.providers.text_completion import (
    PROBES,
    LogprobVerdict,
    TokenLogprobs,
    as_transcript,
    parse,
    probe_logprobs,
    read_logprobs,
    render,
    score_text,
)

LAB = Endpoint("lab", "completion", "http://localhost:1/v1")
KNOWN = [opening + right for opening, right, _ in PROBES]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def knowing(prefix: str, token: str) -> float:
    """A language model that has read the probes."""
    return -0.1 if any(known.startswith(prefix + token) for known in KNOWN) else -5.0


def continued(text: str, finish: str = "stop", **fields: Any) -> str:
    return json.dumps({"choices": [{"text": text, "finish_reason": finish}], "model": "base-1", **fields})


def reported(tokens: list[Any], logprobs: list[Any] | None) -> str:
    return json.dumps({"choices": [{"text": "", "logprobs": {"tokens": tokens, "token_logprobs": logprobs}}]})


def test_a_chat_is_a_transcript_that_ends_where_the_model_goes_on() -> None:
    assert as_transcript(asked("Your turn.", "Six. ", "No.").messages) == (
        "You are the buyer.\n\nUser: Your turn.\nAssistant: Six.\nUser: No.\nAssistant:"
    )


def test_each_transcript_begins_with_the_one_before() -> None:
    before = as_transcript(asked("Your turn.").messages)
    assert as_transcript(asked("Your turn.", "Six.", "No.").messages).startswith(before)


def test_the_request_stops_at_another_speaker_and_has_a_cap() -> None:
    body = render(asked("Your turn."), "base", LAB).body
    assert body["stop"] == ["\nUser:", "\nAssistant:"]
    assert body["max_tokens"] > 16
    assert "temperature" not in body
    assert "response_format" not in render(asked("?", schema=SCHEMA), "base", LAB).body


async def test_a_server_that_can_hold_a_continuation_to_a_schema_is_asked_to() -> None:
    with Loopback('{"answer": 2}') as server:
        async with asking(server, "completion", structured="native") as provider:
            assert (await provider.complete(asked("?", schema=SCHEMA), "base")).text == '{"answer": 2}'
    assert server.requests[0].body["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (" Six dollars.", "Six dollars."),
        (" Six dollars.\nUser: No.\nAssistant: Seven.", "Six dollars."),
        (" Six.\nAssistant: Seven.\nUser: No.", "Six."),
        (" Six, said the User: no.", "Six, said the User: no."),
    ],
)
def test_words_of_another_speaker_are_cut_off(written: str, text: str) -> None:
    assert parse(continued(written), "base", LAB).text == text


def test_a_continuation_cut_after_the_answer_is_a_whole_answer() -> None:
    assert parse(continued(" Six.\nUser: No", "length"), "base", LAB).finish == "stop"
    assert parse(continued(" Six dol", "length"), "base", LAB).finish == "length"


@pytest.mark.parametrize(("text", "finish", "kind"), [("  \n", "stop", "empty"), ("\nUser: No.", "length", "empty"),
                                                      ("", "content_filter", "content_filter")])  # fmt: skip
def test_nothing_before_another_speaker_is_no_answer(text: str, finish: str, kind: str) -> None:
    with pytest.raises(CallError) as caught:
        parse(continued(text, finish), "base", LAB)
    assert caught.value.kind == kind


async def test_a_text_is_scored_token_by_token() -> None:
    with Loopback("!", logprob=knowing) as server:
        async with asking(server, "completion") as provider:
            scored = await score_text(provider, "The opposite of hot is cold.", "base")
    assert scored.tokens == ("The", " opposite", " of", " hot", " is", " cold.")
    assert scored.offsets == (0, 3, 12, 15, 19, 22)
    assert scored.logprobs == (None, -0.1, -0.1, -0.1, -0.1, -0.1)
    assert scored.sum_from(len("The opposite of hot is")) == pytest.approx(-0.1)
    assert scored.sum_from(0) == pytest.approx(-0.5)


def test_a_token_across_the_boundary_belongs_to_what_follows() -> None:
    scored = TokenLogprobs(("ab", "cd", "ef"), (None, -1.0, -2.0), (0, 2, 4))
    assert scored.sum_from(4) == -2.0
    assert scored.sum_from(3) == -3.0
    assert scored.sum_from(6) == 0.0


def test_a_mark_of_the_beginning_is_no_part_of_the_text() -> None:
    scored = read_logprobs(reported(["<s>", "One", " two", " more"], [None, -3.0, -1.0, -9.0]), "One two")
    assert scored == TokenLogprobs(("One", " two"), (-3.0, -1.0), (0, 3))


@pytest.mark.parametrize(
    ("tokens", "logprobs"),
    [
        ([" three"], [-1.0]),  # only what was generated
        (["One", " two", " three"], [None, -1.0]),
        (["One", " two"], None),
        (["One", " two"], [None, None]),
        (["One", "�", " two"], [None, -1.0, -1.0]),
        ([101, 202], [None, -1.0]),
        ([], []),
    ],
)
def test_log_probabilities_of_something_else_are_refused(tokens: list[Any], logprobs: list[Any] | None) -> None:
    with pytest.raises(CallError) as caught:
        read_logprobs(reported(tokens, logprobs), "One two")
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("absent", "reports no log-probabilities"),
        ("ignores_echo", "echo is ignored"),
        ("zeros", "all are alike"),
        ("noise", "when asked again"),
        ("context_free", "likelier with a wrong ending"),
    ],
)
async def test_log_probabilities_that_mean_nothing_are_found_out(mode: str, reason: str) -> None:
    with Loopback("!", logprobs=mode) as server:
        async with asking(server, "completion") as provider:
            verdict = await probe_logprobs(provider, "base")
    assert not verdict.trusted
    assert reason in verdict.reason


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -9999.0, 0.7])
async def test_numbers_that_are_no_logarithms_of_probabilities_are_found_out(value: float) -> None:
    with Loopback("!", logprob=lambda prefix, token: value if token == " is" else knowing(prefix, token)) as server:
        async with asking(server, "completion") as provider:
            verdict = await probe_logprobs(provider, "base")
    assert verdict == LogprobVerdict(False, "some are not logarithms of a probability")


async def test_honest_log_probabilities_are_trusted() -> None:
    with Loopback("!", logprob=knowing) as server:
        async with asking(server, "completion") as provider:
            assert await probe_logprobs(provider, "base") == LogprobVerdict(True)
    assert server.asked == 17


async def test_one_probe_that_a_small_model_misses_is_forgiven_and_two_are_not() -> None:
    missed: list[str] = []

    def forgetful(prefix: str, token: str) -> float:
        return -20.0 if prefix + token in missed else knowing(prefix, token)

    for misses, trusted in ((1, True), (2, False)):
        missed[:] = KNOWN[:misses]
        with Loopback("!", logprob=forgetful) as server:
            async with asking(server, "completion") as provider:
                assert (await probe_logprobs(provider, "base")).trusted is trusted


async def test_a_server_that_is_down_is_not_called_untrustworthy() -> None:
    with Loopback(faults=lambda _: None, key="another") as server:
        async with asking(server, "completion") as provider:
            with pytest.raises(CallError) as caught:
                await probe_logprobs(provider, "base")
    assert caught.value.kind == "auth"
