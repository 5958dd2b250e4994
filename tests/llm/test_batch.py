"""Batches: handed in once, waited for, found again after a crash, collected whatever became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from loopback import Fault, Reply
from loopback_batches import BatchServer, Trouble
from loopback_endpoints import KEY, KEY_VARIABLE, SCHEMA, asked
from loopback_player import said_to
from picture_files import png

from silicus.concepts.errors import ProviderError
from silicus.llm import batch as batches
from silicus.llm.batch import BATCH_FORMATS, BatchNews, BatchTicket, Pace, batch_price, cancel, collect, submit, wait
from silicus.llm.batch_desk import BatchFormat
from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prices import Price
from silicus.llm.prompt import Completion, Image, Message, Prompt
from silicus.llm.wire import WireProvider

QUICK = Pace(poll_s=0.001, patience_s=0.5)
DEAR = Price(100.0, 10.0, 1000.0)

each_format = pytest.mark.parametrize("wire_format", ["openai", "anthropic"])


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def at(server: BatchServer, wire_format: str, **changes: Any) -> Endpoint:
    base_url = server.url if wire_format == "anthropic" else server.openai_url
    return Endpoint("lab", wire_format, base_url, KEY_VARIABLE, timeout_s=5.0, **changes)


def questions(*words: str) -> list[tuple[str, Prompt]]:
    return [(word, asked(f"What do you say to {word}?")) for word in words]


def naming(body: dict[str, Any]) -> str:
    """Answers with the word that was asked about."""
    return f"I say {said_to(body).rpartition(' to ')[2].partition('?')[0]}."


def texts(answers: dict[str, Completion | CallError]) -> dict[str, str]:
    return {key: answer.text if isinstance(answer, Completion) else answer.kind for key, answer in answers.items()}


async def asked_in_batch(
    prompts: Sequence[tuple[str, Prompt]], endpoint: Endpoint, **options: Any
) -> dict[str, Completion | CallError]:
    ticket = await submit(prompts, endpoint, "small", pace=QUICK, **options)
    await wait(ticket, endpoint, pace=QUICK)
    return await collect(ticket, endpoint, pace=QUICK)


class Crash(BaseException):
    """What ``kill -9`` is to a test."""


class Kept:
    """Keeps the ticket as JSON text, and crashes when it is told to."""

    def __init__(self, crash_at: int = 0) -> None:
        self.crash_at = crash_at
        self.texts: list[str] = []

    def __call__(self, ticket: BatchTicket) -> None:
        self.texts.append(json.dumps(ticket.content()))
        if len(self.texts) == self.crash_at:
            raise Crash

    @property
    def ticket(self) -> BatchTicket:
        return BatchTicket.from_content(json.loads(self.texts[-1]))


# The whole way


@each_format
async def test_each_answer_comes_back_under_its_key_in_whatever_order_they_come(wire_format: str) -> None:
    words = ("red", "green", "blue")
    with BatchServer(naming, looks=3, key=KEY) as server:
        answers = await asked_in_batch(questions(*words), at(server, wire_format))
    assert texts(answers) == {word: f"I say {word}." for word in words}
    assert list(answers) == list(words)
    assert len(server.batches) == 1
    for answer in answers.values():
        assert isinstance(answer, Completion)
        assert (answer.llm, answer.served, answer.tries) == ("lab:small", "small", 1)
        assert answer.tokens_in > 0
        assert json.loads(answer.raw)["model"] == "small"


@each_format
async def test_a_request_in_a_batch_is_the_one_that_would_be_sent_live(wire_format: str) -> None:
    prompt = asked("Which?", "That.", "Sure?", schema=SCHEMA, images=(Image("image/png", png(4)),), temperature=0.5)
    with BatchServer('{"answer": 3}') as server:
        endpoint = at(server, wire_format, extra={"service_tier": "flex"})
        provider = WireProvider(endpoint)
        live = await provider.complete(prompt, "small")
        await provider.close()
        batched = (await asked_in_batch([("k", prompt)], endpoint))["k"]
    assert isinstance(batched, Completion)
    assert batched.text == live.text
    assert server.batches[0].requests[0][2] == server.requests[0].body


@each_format
async def test_a_batch_costs_half(wire_format: str) -> None:
    reply = Reply("Yes.", tokens_in=1000, tokens_cached=400, tokens_out=10)
    live = (600 * 100 + 400 * 10 + 10 * 1000) / 1e6
    with BatchServer(lambda _: reply) as server:
        endpoint = at(server, wire_format)
        priced = replace(endpoint, prices={"small": DEAR})
        answers = [(await asked_in_batch(questions("red"), each))["red"] for each in (priced, endpoint)]
    costs = [answer.cost for answer in answers if isinstance(answer, Completion)]
    assert costs == [pytest.approx(live / 2), None]
    assert batch_price(replace(endpoint, name="openai"), "gpt-5-mini") == Price(0.125, 0.0125, 1.0)


@each_format
async def test_waiting_tells_how_far_it_is_and_goes_on_until_the_end(wire_format: str) -> None:
    news: list[BatchNews] = []
    with BatchServer(looks=4) as server:
        endpoint = at(server, wire_format)
        ticket = await submit(questions("red", "green"), endpoint, "small", pace=QUICK)
        last = await wait(ticket, endpoint, pace=QUICK, on_news=news.append)
        assert await wait(ticket, endpoint, pace=QUICK) == last
    assert last == BatchNews(requests=2, finished=2, ended=True)
    assert news == [BatchNews(2, 0, False)] * 4 + [last]


async def test_base_models_are_asked_in_batches_too() -> None:
    with BatchServer(" Hm.") as server:
        answers = await asked_in_batch(questions("red"), at(server, "completion"))
    assert texts(answers) == {"red": "Hm."}
    assert server.batches[0].requests[0][1] == "/v1/completions"


@each_format
async def test_nothing_asked_is_nothing_sent(wire_format: str) -> None:
    with BatchServer() as server:
        assert await asked_in_batch([], at(server, wire_format)) == {}
    assert server.count == 0


async def test_any_sign_survives_the_way_there_and_back() -> None:
    odd = 'naïve 汉字 🙂 \u2028\x85 "quoted" back\\slash\nnext \ud800'
    with BatchServer(lambda body: body["messages"][-1]["content"]) as server:
        answers = await asked_in_batch([("k", Prompt((Message("user", odd),), "participant"))], at(server, "openai"))
    assert texts(answers) == {"k": odd.replace("\ud800", "?")}


# What does not come


def moody(body: dict[str, Any]) -> str | Reply | Fault:
    word = naming(body)
    if "red" in word:
        return Fault("context_length")
    if "blue" in word:
        return Reply("I'd rather not.", finish="refusal")
    return Reply("") if "grey" in word else word


@each_format
async def test_a_request_that_fails_fails_alone_with_the_fault_of_a_live_call(wire_format: str) -> None:
    with BatchServer(moody) as server:
        answers = await asked_in_batch(questions("red", "green", "grey", "blue"), at(server, wire_format))
    assert texts(answers) == {
        "red": "context_length", "green": "I say green.", "grey": "empty", "blue": "I'd rather not.",
    }  # fmt: skip
    fault, refusal = answers["red"], answers["blue"]
    assert isinstance(fault, CallError)
    assert fault.message.startswith("lab: ")
    assert isinstance(refusal, Completion)
    assert refusal.finish == "refusal"


@each_format
async def test_of_a_batch_that_expired_what_was_answered_is_kept(wire_format: str) -> None:
    with BatchServer(naming, ending="expired", answered=2) as server:
        answers = await asked_in_batch(questions("red", "green", "blue"), at(server, wire_format))
    assert texts(answers) == {"red": "I say red.", "green": "I say green.", "blue": "timeout"}
    assert "expired" in str(answers["blue"])


@each_format
async def test_of_a_batch_that_is_cancelled_what_was_answered_is_kept(wire_format: str) -> None:
    with BatchServer(naming, looks=3, answered=1) as server:
        endpoint = at(server, wire_format)
        ticket = await submit(questions("red", "green"), endpoint, "small", pace=QUICK)
        await cancel(ticket, endpoint, pace=QUICK)
        await wait(ticket, endpoint, pace=QUICK)
        answers = await collect(ticket, endpoint, pace=QUICK)
        await cancel(ticket, endpoint, pace=QUICK)
    assert texts(answers) == {"red": "I say red.", "green": "disconnected"}
    assert "cancelled" in str(answers["green"])
    assert server.asked_for("POST", "/cancel") == 1


async def test_a_batch_that_is_not_taken_says_why_for_every_request() -> None:
    with BatchServer(ending="failed") as server:
        answers = await asked_in_batch(questions("red", "green"), at(server, "openai"))
    assert texts(answers) == {"red": "rate_limited", "green": "rate_limited"}
    assert "Enqueued token limit" in str(answers["red"])


@each_format
async def test_what_the_results_leave_out_or_garble_is_told_and_not_made_up(wire_format: str) -> None:
    faulty = ('{"custom_id": "silicus-0-0", "resp', "[]", "", '{"custom_id": "stranger", "response": null}')
    with BatchServer(naming, left_out=(1,), faulty=faulty) as server:
        answers = await asked_in_batch(questions("red", "green", "blue"), at(server, wire_format))
    assert texts(answers) == {"red": "I say red.", "green": "malformed", "blue": "I say blue."}


@each_format
async def test_results_are_not_fetched_before_the_end(wire_format: str) -> None:
    with BatchServer(looks=9) as server:
        endpoint = at(server, wire_format)
        ticket = await submit(questions("red"), endpoint, "small", pace=QUICK)
        with pytest.raises(CallError, match="has not ended"):
            await collect(ticket, endpoint, pace=QUICK)


@each_format
async def test_a_batch_that_is_gone_is_told(wire_format: str) -> None:
    with BatchServer() as server:
        endpoint = at(server, wire_format)
        ticket = await submit(questions("red"), endpoint, "small", pace=QUICK)
        server.batches.clear()
        for verb in (wait, collect, cancel):
            with pytest.raises(CallError) as told:
                await verb(ticket, endpoint, pace=QUICK)
            assert told.value.kind == "not_found"


@each_format
async def test_the_key_goes_to_the_endpoint_only_and_stands_in_no_ticket_or_error(wire_format: str) -> None:
    kept = Kept()
    with BatchServer(lambda _: f"Your key is {KEY}.", key=KEY) as server:
        answers = await asked_in_batch(questions("red"), at(server, wire_format), save=kept)
        assert {
            each.headers.get("x-api-key", each.headers.get("authorization", "")[7:]) for each in server.requests
        } == {KEY}
    assert KEY not in "".join(kept.texts)
    answer = answers["red"]
    assert isinstance(answer, Completion)
    assert KEY not in answer.raw + answer.text
    with BatchServer(key="another") as server, pytest.raises(CallError) as refused:
        await submit(questions("red"), at(server, wire_format), "small", pace=QUICK)
    assert refused.value.kind == "auth"
    assert KEY not in str(refused.value)


# Many


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of at most two requests and a few hundred bytes."""

    class Small:
        def names(self) -> tuple[str, ...]:
            return BATCH_FORMATS.names()

        def load(self, name: str) -> BatchFormat:
            found: BatchFormat = BATCH_FORMATS.load(name)
            return replace(found, most_requests=2, most_bytes=900)

    monkeypatch.setattr(batches, "BATCH_FORMATS", Small())


@each_format
@pytest.mark.usefixtures("small_batches")
async def test_what_is_too_much_for_one_batch_is_handed_in_in_parts(wire_format: str) -> None:
    long = ("long", asked(f"What do you say to {'very ' * 90}long?"))
    prompts = [*questions("red", "green", "blue"), long, *questions("grey")]
    with BatchServer(lambda body: naming(body)[-6:].strip(), looks=2) as server:
        answers = await asked_in_batch(prompts, at(server, wire_format))
        sizes = [len(json.dumps(batch.requests)) for batch in server.batches]
    assert [len(batch.requests) for batch in server.batches] == [2, 1, 1, 1]
    assert max(sizes) < 1200
    assert list(texts(answers).values()) == ["y red.", "green.", "blue.", "long.", "grey."]


@pytest.mark.usefixtures("small_batches")
async def test_a_prompt_that_fits_no_batch_is_refused_before_anything_is_sent() -> None:
    with BatchServer() as server, pytest.raises(ProviderError, match="the prompt 'huge' takes"):
        await submit([("huge", asked("very " * 500))], at(server, "openai"), "small")
    assert server.count == 0


async def test_limits_are_within_those_that_vendors_publish() -> None:
    # OpenAI: 50,000 requests and 200 MB; Anthropic: 100,000 and 256 MB.
    for name in BATCH_FORMATS.names():
        known: BatchFormat = BATCH_FORMATS.load(name)
        assert known.most_requests <= 50_000
        assert known.most_bytes <= 200_000_000
        assert known.share_of_price == 0.5


async def test_one_key_for_two_prompts_is_refused() -> None:
    with BatchServer() as server, pytest.raises(ProviderError, match="same key"):
        await submit([*questions("red"), *questions("red")], at(server, "openai"), "small")
    assert server.count == 0


async def test_an_endpoint_of_a_format_without_batches_is_told() -> None:
    with pytest.raises(ProviderError) as refused:
        await submit(questions("red"), Endpoint("lab", "carrier_pigeon", "http://localhost"), "small")
    assert refused.value.code == "no_batches"
    assert "openai" in refused.value.suggestion


# Crashes and troubles


@each_format
@pytest.mark.usefixtures("small_batches")
async def test_wherever_it_is_cut_off_it_goes_on_and_hands_nothing_in_twice(wire_format: str) -> None:
    prompts = questions("red", "green", "blue")
    for crash_at in range(1, 7):
        kept = Kept(crash_at)
        with BatchServer(naming, looks=1) as server:
            endpoint = at(server, wire_format)
            with suppress(Crash):
                await submit(prompts, endpoint, "small", save=kept, pace=QUICK)
            before = len(server.batches)
            assert before <= 2
            again = Kept()
            ticket = await submit(prompts, endpoint, "small", ticket=kept.ticket, save=again, pace=QUICK)
            await wait(ticket, endpoint, pace=QUICK)
            answers = await collect(ticket, endpoint, pace=QUICK)
            assert len(server.batches) == 2, f"cut off at save {crash_at}"
        assert texts(answers) == {word: f"I say {word}." for word in ("red", "green", "blue")}
        assert again.ticket == ticket


@each_format
async def test_handed_in_and_cut_off_before_that_was_written_down_it_is_found_again(wire_format: str) -> None:
    kept = Kept(crash_at=3)
    with BatchServer(naming, looks=3, page=2) as server:
        endpoint = at(server, wire_format)
        for words in (("red", "green"), ("grey", "black"), ("white",)):  # others' batches, older
            await submit(questions(*words), endpoint, "small", pace=QUICK)
        with pytest.raises(Crash):
            await submit(questions("blue", "pink"), endpoint, "small", save=kept, pace=QUICK)
        kept.texts.pop()  # what crashed was not written
        assert not kept.ticket.parts[0].batch_id
        await submit(questions("brown", "beige"), endpoint, "small", pace=QUICK)  # and a later one
        ticket = await submit(questions("blue", "pink"), endpoint, "small", ticket=kept.ticket, pace=QUICK)
        assert len(server.batches) == 5
        assert ticket.parts[0].batch_id == server.batches[3].name
        await wait(ticket, endpoint, pace=QUICK)
        answers = await collect(ticket, endpoint, pace=QUICK)
    assert texts(answers) == {"blue": "I say blue.", "pink": "I say pink."}


@each_format
async def test_a_batch_that_never_arrived_is_handed_in_after_all(wire_format: str) -> None:
    kept = Kept(crash_at=2)
    with BatchServer(naming) as server:
        endpoint = at(server, wire_format)
        with pytest.raises(Crash):
            await submit(questions("blue"), endpoint, "small", save=kept, pace=QUICK)
        assert server.batches == []
        ticket = await submit(questions("blue"), endpoint, "small", ticket=kept.ticket, pace=QUICK)
        assert len(server.batches) == 1
        assert ticket.parts[0].batch_id


@each_format
async def test_batches_from_before_are_not_looked_through(wire_format: str) -> None:
    kept = Kept(crash_at=2)
    with BatchServer(looks=1000, page=1) as server:
        endpoint = at(server, wire_format)
        for word in ("red", "green", "blue"):
            await submit(questions(word), endpoint, "small", pace=QUICK)
        server.age(days=2)
        with pytest.raises(Crash):
            await submit(questions("grey"), endpoint, "small", save=kept, pace=QUICK)
        await submit(questions("grey"), endpoint, "small", ticket=kept.ticket, pace=QUICK)
        assert server.asked_for("GET", "/batches") == 1
        assert len(server.batches) == 4


@each_format
async def test_what_is_left_of_a_ticket_cannot_be_handed_in_without_its_prompts(wire_format: str) -> None:
    kept = Kept(crash_at=1)
    with BatchServer() as server:
        endpoint = at(server, wire_format)
        with pytest.raises(Crash):
            await submit(questions("red"), endpoint, "small", save=kept, pace=QUICK)
        with pytest.raises(ProviderError, match="its prompts are not given"):
            await submit([], endpoint, "small", ticket=kept.ticket, pace=QUICK)


@each_format
@pytest.mark.parametrize("acted_upon", [True, False])
@pytest.mark.parametrize("status", [0, 500])
async def test_a_desk_that_fails_at_handing_in_has_the_batch_once(
    wire_format: str, acted_upon: bool, status: int
) -> None:
    trouble = [Trouble("POST", "/batches", status, acted_upon)]
    with BatchServer(naming, trouble=trouble) as server:
        answers = await asked_in_batch(questions("red", "green"), at(server, wire_format))
        assert len(server.batches) == 1
    assert texts(answers) == {"red": "I say red.", "green": "I say green."}


@each_format
async def test_too_many_at_once_are_handed_in_a_little_later(wire_format: str) -> None:
    trouble = [Trouble("POST", "/batches", 429, retry_after=0.01), Trouble("POST", "/batches", 429)]
    with BatchServer(trouble=trouble) as server:
        await submit(questions("red"), at(server, wire_format), "small", pace=QUICK)
        assert len(server.batches) == 1
        assert server.asked_for("GET", "/batches") == 0  # it is certain that nothing was handed in


@each_format
@pytest.mark.parametrize("trouble", [Trouble("GET", "_1", 503), Trouble("GET", "_1"), Trouble("GET", "_1", 429)])
async def test_a_desk_that_is_away_for_a_moment_is_asked_again(wire_format: str, trouble: Trouble) -> None:
    files = Trouble("GET", "/content" if wire_format == "openai" else "/results", 502)
    with BatchServer(naming, trouble=[trouble, trouble, files]) as server:
        answers = await asked_in_batch(questions("red"), at(server, wire_format))
        assert server.trouble == []
    assert texts(answers) == {"red": "I say red."}


@each_format
async def test_a_desk_that_stays_away_is_given_up_and_can_be_gone_back_to(wire_format: str) -> None:
    pace = Pace(poll_s=0.001, patience_s=0.0)
    with BatchServer(naming, trouble=[Trouble("GET", "_1", 503)] * 3) as server:
        endpoint = at(server, wire_format)
        ticket = await submit(questions("red"), endpoint, "small", pace=pace)
        with pytest.raises(CallError) as told:
            await wait(ticket, endpoint, pace=pace)
        assert told.value.kind == "overloaded"
        assert told.value.message.startswith("lab: ")
        server.trouble.clear()
        await wait(ticket, endpoint, pace=pace)
        assert texts(await collect(ticket, endpoint, pace=pace)) == {"red": "I say red."}


@each_format
async def test_a_refusal_at_the_desk_ends_it_at_once(wire_format: str) -> None:
    with BatchServer(trouble=[Trouble("POST", "/batches", 400)]) as server:
        with pytest.raises(CallError) as told:
            await submit(questions("red"), at(server, wire_format), "small", pace=QUICK)
        assert told.value.kind == "bad_request"
        assert server.batches == []


@each_format
async def test_results_longer_than_any_live_answer_may_be_are_read(
    wire_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("silicus.llm.wire.LONGEST_BODY", 1000)
    with BatchServer("word " * 500) as server:
        answers = await asked_in_batch(questions("red", "green"), at(server, wire_format))
    assert {key: len(text) for key, text in texts(answers).items()} == {"red": 2499, "green": 2499}
