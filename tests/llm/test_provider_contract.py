"""What holds for every wire format that is registered, whoever wrote it."""

from __future__ import annotations

import asyncio
import base64
import json
import traceback
from dataclasses import replace

import pytest
from loopback import Fault, Loopback, Reply, in_order
from loopback_endpoints import KEY, KEY_VARIABLE, PROMPT, SCHEMA, asked, asking, endpoint_at

from silicus.llm import wire
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Image
from silicus.llm.wire import FORMATS, WireFormat, WireProvider, check_endpoint, served_models

pytestmark = pytest.mark.parametrize("name", FORMATS.names())

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)

# Fault of the server -> what it is to be called.
FAULTS = {
    "rate_limited": "rate_limited", "quota": "quota", "overloaded": "overloaded", "server_error": "server_error",
    "unavailable": "overloaded", "bad_gateway": "server_error", "auth": "auth", "forbidden": "auth",
    "not_found": "not_found", "bad_request": "bad_request", "context_length": "context_length",
    "filtered_request": "content_filter", "redirect": "not_found", "truncated": "malformed", "malformed": "malformed",
    "empty": "empty", "error_in_200": "overloaded", "reset": "disconnected", "reset_after_headers": "disconnected",
    "cut_body": "disconnected",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def capable(name: str) -> wire.Capabilities:
    found: WireFormat = FORMATS.load(name)
    return found.capabilities


async def outcome_of(provider: WireProvider) -> Completion | CallError:
    try:
        return await provider.complete(PROMPT, "small")
    except CallError as error:
        return error


async def fault_of(server: Loopback, name: str, **changes: object) -> CallError:
    async with asking(server, name, **changes) as provider:
        with pytest.raises(CallError) as caught:
            await provider.complete(PROMPT, "small")
    return caught.value


async def test_an_answer_comes_back_whole(name: str) -> None:
    with Loopback("I offer 6 dollars.") as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small:7b")
    assert completion.text == "I offer 6 dollars."
    assert completion.llm == "lab:small:7b"
    assert completion.served == "small:7b"
    assert completion.finish == "stop"
    assert completion.tokens_in > 0
    assert completion.tokens_out > 0
    assert completion.cost is None
    assert json.loads(completion.raw)["model"] == "small:7b"
    sent = server.requests[0]
    assert "You are the buyer." in json.dumps(sent.body)
    assert "It is your turn." in json.dumps(sent.body)
    assert sent.headers["content-type"] == "application/json"
    assert KEY in sent.headers[capable(name).key_header.lower()]


async def test_tokens_are_counted_as_the_provider_counts_them(name: str) -> None:
    with Loopback(lambda _: Reply("Yes.", tokens_in=1000, tokens_cached=640, tokens_out=30)) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert (completion.tokens_in, completion.tokens_cached, completion.tokens_out) == (1000, 640, 30)


async def test_tokens_that_nobody_counts_are_estimated_and_not_taken_for_none(name: str) -> None:
    with Loopback(lambda _: Reply("Twelve dollars is my last word.", usage=False)) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert "usage" not in json.loads(completion.raw)
    assert completion.tokens_in >= 10
    assert completion.tokens_out >= 8


async def test_sampling_is_sent_where_it_is_given_and_else_left_to_the_provider(name: str) -> None:
    with Loopback() as server:
        async with asking(server, name) as provider:
            await provider.complete(PROMPT, "small")
            await provider.complete(asked("Your turn.", temperature=0.3, max_tokens=77), "small")
    plain, set_ = (received.body for received in server.requests)
    assert "temperature" not in plain
    assert set_["temperature"] == 0.3
    assert 77 in (set_.get("max_tokens"), set_.get("max_completion_tokens"))


async def test_an_answer_cut_by_the_cap_says_so(name: str) -> None:
    with Loopback(lambda _: Reply("I would rather", finish="length")) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert (completion.text, completion.finish) == ("I would rather", "length")


async def test_a_cap_used_up_before_the_answer_begins_is_no_fault_to_be_paid_for_again(name: str) -> None:
    with Loopback(lambda _: Reply("", finish="length", tokens_out=500)) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert (completion.text, completion.finish, completion.tokens_out) == ("", "length", 500)


async def test_a_refusal_keeps_its_words(name: str) -> None:
    with Loopback(faults=in_order("refusal")) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert completion.text == "I can't help with that."
    assert completion.finish == ("stop" if capable(name).base_text else "refusal")


async def test_an_answer_that_is_withheld_is_no_answer(name: str) -> None:
    with Loopback(faults=in_order("content_filter")) as server:
        async with asking(server, name) as provider:
            outcome = await outcome_of(provider)
    if isinstance(outcome, CallError):
        assert outcome.kind == "content_filter"
    else:
        assert (outcome.text, outcome.finish) == ("", "refusal")


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
async def test_a_fault_is_called_by_its_name(name: str, fault: str, kind: str) -> None:
    with Loopback(faults=in_order(fault)) as server:
        error = await fault_of(server, name)
    assert error.kind == kind
    assert error.code == kind
    assert error.message.startswith("lab: ")
    assert "<" not in error.message
    assert server.asked == 1
    assert error.suggestion or kind in ("server_error", "bad_request")


@pytest.mark.parametrize("fault", ["rate_limited", "overloaded", "unavailable"])
async def test_the_time_that_a_server_asks_for_is_passed_on(name: str, fault: str) -> None:
    told = (Fault(fault, retry_after=7), Fault(fault, retry_after=90, as_date=True), Fault(fault))
    with Loopback(faults=in_order(*told)) as server:
        seconds, date, none = [await fault_of(server, name) for _ in told]
    assert seconds.retry_after_s == 7
    assert date.retry_after_s == pytest.approx(90, abs=3)  # a date counts whole seconds
    assert none.retry_after_s is None


async def test_a_server_that_hangs_is_given_up(name: str) -> None:
    with Loopback(faults=in_order("hang")) as server:
        error = await fault_of(server, name, timeout_s=0.1)
    assert error.kind == "timeout"
    assert "0.1 s" in error.message


async def test_an_answer_that_stops_coming_is_given_up(name: str) -> None:
    with Loopback(faults=in_order(Fault("drip", seconds=30))) as server:
        error = await fault_of(server, name, idle_s=0.05)
    assert error.kind == "timeout"
    assert "idle_s" in error.suggestion


async def test_an_answer_that_never_stops_coming_is_given_up(name: str) -> None:
    with Loopback(faults=in_order(Fault("drip", seconds=0.02))) as server:
        error = await fault_of(server, name, timeout_s=0.15, idle_s=60.0)
    assert error.kind == "timeout"


async def test_an_answer_that_comes_slowly_is_waited_for(name: str) -> None:
    with Loopback("Slowly.", faults=in_order(Fault("drip", seconds=0.0001))) as server:
        async with asking(server, name) as provider:
            assert (await provider.complete(PROMPT, "small")).text == "Slowly."


async def test_a_server_that_is_gone_is_no_connection_and_one_that_is_back_answers(name: str) -> None:
    with Loopback("Here.") as server:
        gone = endpoint_at(server, name)
        async with asking(server, name) as provider:
            await provider.complete(PROMPT, "small")
            server.go_dark(0.05)
            outcomes = [await outcome_of(provider)]
            while isinstance(outcomes[-1], CallError):
                outcomes.append(await outcome_of(provider))
    assert {error.kind for error in outcomes if isinstance(error, CallError)} <= {"disconnected"}
    assert isinstance(outcomes[-1], Completion)
    assert outcomes[-1].text == "Here."
    fault = await check_endpoint(gone, "small")
    assert isinstance(fault, CallError)
    assert "no connection to 127.0.0.1" in fault.message
    assert gone.base_url in fault.suggestion


async def test_no_key_is_sent_to_where_a_server_redirects(name: str) -> None:
    with Loopback(faults=in_order("redirect")) as server:
        await fault_of(server, name)
    assert [received.path for received in server.requests if received.path == "/elsewhere"] == []
    assert server.count == 1


@pytest.mark.parametrize(
    "told", [Fault("auth", message=f"Incorrect API key: {KEY}."), f"Your key is {KEY}.", Fault("reset")]
)
async def test_the_key_is_nowhere_but_in_the_request(name: str, told: str | Fault) -> None:
    with Loopback(lambda _: told) as server:
        async with asking(server, name) as provider:
            shown = [repr(provider.endpoint), str(provider.endpoint), repr(provider)]
            outcome = await outcome_of(provider)
            shown.append(repr(outcome))
            if isinstance(outcome, CallError):
                shown += [outcome.message, outcome.suggestion, "".join(traceback.format_exception(outcome))]
                shown += [repr(outcome.__context__), repr(outcome.__cause__)]
            shown.append(repr(vars(provider)))
    assert KEY in str(server.requests[0].headers)
    assert [text for text in shown if KEY in text] == []


async def test_nothing_is_sent_without_a_key_where_one_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    with Loopback() as server:
        error = await fault_of(server, name)
        assert error.kind == "auth"
        assert KEY_VARIABLE in error.message
        assert server.count == 0
        async with asking(server, name, key_required=False) as provider:
            await provider.complete(PROMPT, "small")
    assert capable(name).key_header.lower() not in server.requests[0].headers


async def test_a_key_that_cannot_be_one_is_not_sent_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "first line\nsecond: line")
    with Loopback() as server:
        error = await fault_of(server, name)
    assert error.kind == "auth"
    assert "second" not in error.message + error.suggestion
    assert server.count == 0


async def test_a_header_may_come_from_the_environment_and_is_not_repeated(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PASS", "open-sesame-42")
    with Loopback("You said open-sesame-42.") as server:
        async with asking(server, name, headers={"X-Gate": "$GATE_PASS", "X-Lab": "seven"}) as provider:
            completion = await provider.complete(PROMPT, "small")
            assert "open-sesame" not in repr(provider.endpoint) + repr(completion)
    assert server.requests[0].headers["x-gate"] == "open-sesame-42"
    assert server.requests[0].headers["x-lab"] == "seven"


@pytest.mark.parametrize("words", ["Zwölf Euro – “ja”", "十二ドル 🏺", "\u202e\x00 tab\there", "a" * 5000])
async def test_words_of_any_script_survive(name: str, words: str) -> None:
    with Loopback(lambda body: f"You said: {words}.") as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(asked(words), "small")
    assert completion.text == f"You said: {words}."
    assert words in json.dumps(server.requests[0].body, ensure_ascii=False).replace("\\u0000", "\x00").replace(
        "\\t", "\t"
    )


async def test_half_characters_neither_stop_a_request_nor_an_answer(name: str) -> None:
    with Loopback("A broken \ud83d smile.") as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(asked("What a \udc00 thing."), "small")
    assert completion.text == "A broken ? smile."
    completion.raw.encode()
    assert "What a ? thing." in json.dumps(server.requests[0].body)


async def test_an_answer_to_a_schema_comes_back_as_its_text(name: str) -> None:
    with Loopback('{"answer": 12}') as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(asked("How much?", schema=SCHEMA), "small")
    assert json.loads(completion.text) == {"answer": 12}
    held = "integer" in json.dumps(server.requests[0].body)
    assert held == (capable(name).schema[0] != "words")


async def test_a_schema_is_left_to_words_where_the_endpoint_says_so(name: str) -> None:
    with Loopback('Sure: {"answer": 12}') as server:
        async with asking(server, name, structured="words") as provider:
            completion = await provider.complete(asked("How much?", schema=SCHEMA), "small")
    assert completion.text == 'Sure: {"answer": 12}'
    assert "integer" not in json.dumps(server.requests[0].body)


async def test_an_answer_that_breaks_the_schema_is_kept_as_it_is(name: str) -> None:
    with Loopback(faults=in_order("wrong_schema")) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(asked("How much?", schema=SCHEMA), "small")
    assert json.loads(completion.text) == {"unrelated": [1, 2, 3]}


async def test_a_picture_is_shown_or_the_format_says_that_it_cannot(name: str) -> None:
    prompt = asked("Would you buy this?", images=(Image("image/png", PIXEL),))
    with Loopback("It is a dot.") as server:
        async with asking(server, name) as provider:
            if not capable(name).images:
                with pytest.raises(CallError) as caught:
                    await provider.complete(prompt, "small")
                assert caught.value.kind == "bad_request"
                assert caught.value.suggestion
                return
            completion = await provider.complete(prompt, "small")
    assert completion.text == "It is a dot."
    body = json.dumps(server.requests[0].body)
    assert base64.b64encode(PIXEL).decode() in body
    assert "image/png" in body
    assert "Would you buy this?" in body


async def test_a_large_picture_is_sent_too(name: str) -> None:
    if not capable(name).images:
        return
    large = Image("image/jpeg", bytes(1_500_000))
    with Loopback("Black.") as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(asked("What colour?", images=(large,)), "small")
    assert completion.text == "Black."
    assert len(json.dumps(server.requests[0].body)) > 2_000_000


async def test_reasoning_is_counted_and_never_the_answer(name: str) -> None:
    thought = "The budget is 20, so 6 is a fair opening. " * 5
    with Loopback(lambda _: Reply("Six dollars.", reasoning=thought)) as server:
        async with asking(server, name) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert completion.text == "Six dollars."
    assert 0 < completion.tokens_reasoning <= completion.tokens_out


async def test_the_endpoints_own_fields_go_into_the_body(name: str) -> None:
    with Loopback() as server:
        async with asking(server, name, extra={"reasoning_effort": "low", "top_p": 0.5}) as provider:
            await provider.complete(PROMPT, "small")
    assert server.requests[0].body["reasoning_effort"] == "low"
    assert server.requests[0].body["top_p"] == 0.5


async def test_no_more_connections_are_opened_than_calls_are_let_through(name: str) -> None:
    with Loopback("Hello.", latency_s=0.002) as server:
        async with asking(server, name, concurrency=8) as provider:
            answers = await asyncio.gather(*(provider.complete(PROMPT, "small") for _ in range(80)))
    assert len(answers) == 80
    assert server.most_in_flight <= 8
    assert server.connections_made <= 8


async def test_a_cancelled_call_lets_go(name: str) -> None:
    arrived, loop = asyncio.Event(), asyncio.get_running_loop()

    def first_hangs(ordinal: int) -> Fault | None:
        loop.call_soon_threadsafe(arrived.set)
        return Fault("hang") if ordinal == 1 else None

    with Loopback("Back.", faults=first_hangs) as server:
        async with asking(server, name) as provider:
            call = asyncio.create_task(provider.complete(PROMPT, "small"))
            await arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await provider.complete(PROMPT, "small")).text == "Back."


async def test_a_closed_provider_opens_anew(name: str) -> None:
    with Loopback("Hello.") as server:
        async with asking(server, name) as provider:
            await provider.complete(PROMPT, "small")
            await provider.close()
            assert (await provider.complete(PROMPT, "small")).text == "Hello."
    assert server.connections_made == 2


async def test_an_answer_without_end_is_not_read_to_its_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST_BODY", 100_000)
    with Loopback("x" * 2_000_000) as server:
        assert (await fault_of(server, name)).kind == "malformed"


async def test_an_endpoint_is_checked_with_one_small_call(name: str) -> None:
    with Loopback("Ready.") as server:
        answer = await check_endpoint(endpoint_at(server, name), "small")
        assert isinstance(answer, Completion)
        assert answer.text == "Ready."
        assert server.asked == 1
        server.faults = lambda _: Fault("not_found")
        fault = await check_endpoint(endpoint_at(server, name), "nobody")
        assert isinstance(fault, CallError)
        assert fault.kind == "not_found"
        assert await served_models(endpoint_at(server, name)) == ("loopback",)
    silent = await served_models(replace(endpoint_at(server, name), timeout_s=1.0))
    assert isinstance(silent, CallError)
