"""Batches: many single questions handed in together, answered within a day, at half the price.

For what is asked once and needs no answer before the next question: surveys, coding, judging. Handing in gives a
:class:`BatchTicket`, which is all that is needed to find the answers again, in another process or on another day:

    ticket = await submit(prompts, endpoint("openai"), "gpt-5-mini", save=keep)
    await wait(ticket, endpoint("openai"))
    answers = await collect(ticket, endpoint("openai"))  # key -> Completion, or the CallError that came instead

``save`` receives the ticket before anything is sent and after each step. Given such a ticket again, :func:`submit` goes
on where it stopped: what may have been handed in just before a crash is looked for at the provider first, so that
nothing is paid for twice. :func:`silicus.execution.batches.ask_in_batches` does all of it for a study folder.

A way to take batches is a file in ``providers/``. A package adds one by an entry point in the group
``silicus.batch_formats``, which names a :class:`silicus.llm.batch_desk.BatchFormat`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from silicus.concepts.errors import ProviderError
from silicus.llm.batch_desk import USUAL_PACE, BatchFormat, BatchState, Desk, Pace, Result
from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prices import Price, cost_of, listed_price
from silicus.llm.prompt import Completion, Prompt
from silicus.llm.wire import Request
from silicus.plugins import Registry

__all__ = [
    "BATCH_FORMATS",
    "BatchNews",
    "BatchPart",
    "BatchTicket",
    "Pace",
    "batch_price",
    "cancel",
    "collect",
    "submit",
    "wait",
]

BATCH_FORMATS = Registry(
    "silicus.batch_formats",
    {
        "openai": "silicus.llm.providers.openai_batches:FORMAT",
        "completion": "silicus.llm.providers.openai_batches:FORMAT",
        "anthropic": "silicus.llm.providers.anthropic_batches:FORMAT",
    },
)
"""Ways to take batches by the wire format of the endpoint: each a :class:`silicus.llm.batch_desk.BatchFormat`."""

CLOCKS_APART_S = 3600.0
"""How far the provider's clock may be from ours."""

_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x85\u2028\u2029"}
"""What some readers of lines take for the end of one, as JSON writes it otherwise."""

_REFUSED = ("rate_limited", "quota", "auth", "not_found", "bad_request", "context_length")
"""Faults after which it is certain that nothing was handed in."""


@dataclass(frozen=True, slots=True)
class BatchPart:
    """A batch as the provider has it: one part of what was asked.

    Attributes
    ----------
    token
        Begins the id of every request in it, and is told to the provider where that can be done.
    keys
        The keys of its prompts, in the order of its requests.
    begun_at
        When it was first tried to hand it in, in seconds since 1970; None before that.
    batch_id
        The provider's name for it; empty until it is known.
    """

    token: str
    keys: tuple[str, ...]
    begun_at: float | None = None
    batch_id: str = ""


@dataclass(frozen=True, slots=True)
class BatchTicket:
    """What was handed in, and where.

    Attributes
    ----------
    name
        Tells it from other tickets.
    llm
        Who is asked, as ``endpoint:model``.
    parts
        The batches it is made of.
    """

    name: str
    llm: str
    parts: tuple[BatchPart, ...]

    @property
    def model_name(self) -> str:
        """The model's name at the endpoint."""
        return self.llm.partition(":")[2]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all its prompts."""
        return tuple(key for part in self.parts for key in part.keys)

    def content(self) -> dict[str, Any]:
        """As JSON-able content, to be kept."""
        parts = [
            {"token": part.token, "keys": list(part.keys), "begun_at": part.begun_at, "batch_id": part.batch_id}
            for part in self.parts
        ]
        return {"name": self.name, "llm": self.llm, "parts": parts}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> BatchTicket:
        """The ticket that was kept; KeyError or TypeError where it is none."""
        parts = tuple(
            BatchPart(part["token"], tuple(part["keys"]), part["begun_at"], part["batch_id"])
            for part in content["parts"]
        )
        return cls(content["name"], content["llm"], parts)


@dataclass(frozen=True, slots=True)
class BatchNews:
    """How far a ticket is: its requests, how many are answered or failed, and whether all parts have ended."""

    requests: int
    finished: int
    ended: bool


async def submit(
    prompts: Sequence[tuple[str, Prompt]],
    endpoint: Endpoint,
    model_name: str,
    *,
    ticket: BatchTicket | None = None,
    save: Callable[[BatchTicket], None] = lambda _: None,
    pace: Pace = USUAL_PACE,
) -> BatchTicket:
    """Hand questions in as batches, in parts where they are too many for one.

    Parameters
    ----------
    prompts
        Each with a key of your choice, by which the answer comes back. A key stands for one prompt: an edited prompt
        is another question and needs another key.
    endpoint
        Whom to ask. Its way of holding answers to a schema is taken as it is: a batch cannot be renegotiated.
    model_name
        Which model.
    ticket
        Of an earlier call that was cut off: what it has handed in is not handed in again.
    save
        Receives the ticket whenever it changes; keep it where a crash does not take it away.
    pace
        How patiently.

    Raises
    ------
    ProviderError
        Where the endpoint takes no batches, two prompts have one key, or a prompt is too large.
    CallError
        Where a part could not be handed in; the ticket as saved last says which were.
    """
    async with _at_the_desk(endpoint, pace) as (desk, how):
        requests = {key: desk.format.render(prompt, model_name, endpoint) for key, prompt in prompts}
        if len(requests) < len(prompts):
            raise ProviderError("two prompts of a batch have the same key", suggestion="Give each a key of its own.")
        if ticket is None:
            parts = tuple(BatchPart(_token(), keys) for keys in _in_parts(requests, how))
            ticket = BatchTicket(_token(), f"{endpoint.name}:{model_name}", parts)
        save(ticket)
        for number, part in enumerate(ticket.parts):
            if part.batch_id:
                continue
            found = await _found_again(desk, how, part) if part.begun_at is not None else None
            if found is None:
                begun = part if part.begun_at is not None else replace(part, begun_at=time.time())
                ticket = _with_part(ticket, number, begun)
                save(ticket)
                found = await _handed_in(desk, how, begun, _lines(part, requests, how))
            ticket = _with_part(ticket, number, replace(ticket.parts[number], batch_id=found))
            save(ticket)
        return ticket


async def wait(
    ticket: BatchTicket,
    endpoint: Endpoint,
    *,
    pace: Pace = USUAL_PACE,
    on_news: Callable[[BatchNews], None] = lambda _: None,
) -> BatchNews:
    """Look at a ticket's batches until all have ended.

    It may be stopped at any moment and called again later; the provider goes on meanwhile.

    Raises
    ------
    CallError
        Where a batch is not there any more, or the provider cannot be had for long.
    """
    async with _at_the_desk(endpoint, pace) as (desk, how):
        states: dict[str, BatchState] = {}
        while True:
            for part in ticket.parts:
                if part.batch_id and not (part.token in states and states[part.token].ended):
                    states[part.token] = await _looked_at(desk, how, part)
            finished = sum(min(state.finished, state.total) for state in states.values())
            news = BatchNews(len(ticket.keys), finished, all(state.ended for state in states.values()))
            on_news(news)
            if news.ended:
                return news
            await asyncio.sleep(pace.poll_s)


async def collect(
    ticket: BatchTicket, endpoint: Endpoint, *, pace: Pace = USUAL_PACE
) -> dict[str, Completion | CallError]:
    """Fetch what has come of a ticket whose batches have ended.

    Parameters
    ----------
    ticket
        What was handed in.
    endpoint
        Where.
    pace
        How patiently.

    Returns
    -------
    dict
        For each key of a part that was handed in the completion, with its share of the price as its cost, or what came
        instead: the fault that a live call would have met; ``timeout`` where the batch expired first, ``disconnected``
        where it was cancelled, ``malformed`` where the results leave it out.

    Raises
    ------
    CallError
        Where the results cannot be fetched; ``bad_request`` where a batch has not ended.
    """
    price = batch_price(endpoint, ticket.model_name)
    answers: dict[str, Completion | CallError] = {}
    async with _at_the_desk(endpoint, pace) as (desk, how):
        for part in ticket.parts:
            if part.batch_id:
                found = await _results(desk, how, part)
                answers |= {key: _answer(found[key], desk, ticket.model_name, price) for key in part.keys}
    return answers


async def cancel(ticket: BatchTicket, endpoint: Endpoint, *, pace: Pace = USUAL_PACE) -> None:
    """Let the provider answer no more of a ticket; what was answered can be collected once the batches have ended.

    Raises
    ------
    CallError
        Where the provider cannot be had.
    """
    async with _at_the_desk(endpoint, pace) as (desk, how):
        for part in ticket.parts:
            if part.batch_id and not (await _looked_at(desk, how, part)).ended:
                try:
                    await how.cancel(desk, part.batch_id)
                except CallError as error:
                    raise desk.told(error) from None


def batch_price(endpoint: Endpoint, model_name: str) -> Price | None:
    """What a batch costs: its share of the price of live calls; None where that is not known.

    Raises
    ------
    ProviderError
        Where the endpoint takes no batches.
    """
    live = endpoint.prices.get(model_name) or listed_price(f"{endpoint.name}:{model_name}")
    share = _format_of(endpoint).share_of_price
    if live is None:
        return None
    return Price(live.tokens_in * share, live.tokens_cached * share, live.tokens_out * share)


def _format_of(endpoint: Endpoint) -> BatchFormat:
    if endpoint.format not in BATCH_FORMATS.names():
        raise ProviderError(
            f"batches are not known in the format '{endpoint.format}' of the endpoint '{endpoint.name}'",
            suggestion=f"Known are those of the formats {', '.join(BATCH_FORMATS.names())}.",
            code="no_batches",
        )
    how: BatchFormat = BATCH_FORMATS.load(endpoint.format)
    return how


@asynccontextmanager
async def _at_the_desk(endpoint: Endpoint, pace: Pace) -> AsyncIterator[tuple[Desk, BatchFormat]]:
    how = _format_of(endpoint)
    desk = Desk(endpoint, how, pace)
    try:
        yield desk, how
    finally:
        await desk.close()


def _token() -> str:
    return f"silicus-{secrets.token_hex(8)}"


def _with_part(ticket: BatchTicket, number: int, part: BatchPart) -> BatchTicket:
    return replace(ticket, parts=(*ticket.parts[:number], part, *ticket.parts[number + 1 :]))


def _line(token: str, number: int, request: Request, how: BatchFormat) -> str:
    entry = json.dumps(how.line(f"{token}-{number}", request), ensure_ascii=False, separators=(",", ":"))
    return entry.translate(_LINE_ENDS)


def _lines(part: BatchPart, requests: Mapping[str, Request], how: BatchFormat) -> list[str]:
    """The entries of a part; ProviderError where a prompt is not given."""
    if not requests.keys() >= set(part.keys):
        raise ProviderError(
            "a part of the ticket was not handed in, and its prompts are not given",
            suggestion="Give the prompts that the ticket was made of.",
        )
    return [_line(part.token, number, requests[key], how) for number, key in enumerate(part.keys)]


def _in_parts(requests: Mapping[str, Request], how: BatchFormat) -> list[tuple[str, ...]]:
    """The keys in parts that each hold no more requests and bytes than a batch may."""
    parts: list[list[str]] = []
    taken = 0
    for key, request in requests.items():
        size = len(_line(_token(), how.most_requests, request, how).encode("utf-8", "replace")) + 1
        if size > how.most_bytes:
            raise ProviderError(
                f"the prompt '{key}' takes {size / 1e6:.1f} MB, more than a batch may hold",
                suggestion="Shorten it, or ask it live.",
            )
        if not parts or len(parts[-1]) >= how.most_requests or taken + size > how.most_bytes:
            parts.append([])
            taken = 0
        parts[-1].append(key)
        taken += size
    return [tuple(part) for part in parts]


async def _handed_in(desk: Desk, how: BatchFormat, part: BatchPart, lines: Sequence[str]) -> str:
    """Hand a part in, and again where that may help and it has not arrived."""
    tries, gives_up_at = 0, None
    while True:
        try:
            return await how.hand_in(desk, part.token, lines)
        except CallError as error:
            now = time.monotonic()
            gives_up_at = now + desk.pace.patience_s if gives_up_at is None else gives_up_at
            if not error.retryable or now > gives_up_at:
                raise desk.told(error) from None
            await desk.pause(tries, error)
            tries += 1
            found = None if error.kind in _REFUSED else await _found_again(desk, how, part)
            if found is not None:
                return found


async def _found_again(desk: Desk, how: BatchFormat, part: BatchPart) -> str | None:
    since = (part.begun_at if part.begun_at is not None else time.time()) - CLOCKS_APART_S
    try:
        return await how.find(desk, part.token, len(part.keys), since)
    except CallError as error:
        raise desk.told(error) from None


async def _looked_at(desk: Desk, how: BatchFormat, part: BatchPart) -> BatchState:
    try:
        return await how.look(desk, part.batch_id)
    except CallError as error:
        raise desk.told(error) from None


async def _results(desk: Desk, how: BatchFormat, part: BatchPart) -> dict[str, Result]:
    """The results of an ended batch by the keys of its prompts; a fault where there is none."""
    state = await _looked_at(desk, how, part)
    if not state.ended:
        raise CallError("bad_request", f"the batch {part.batch_id} has not ended", suggestion="Wait for it first.")
    keys = {f"{part.token}-{number}": key for number, key in enumerate(part.keys)}
    found = {key: Result("", fault=state.lacking) for key in part.keys}
    for path in state.results:
        try:
            text = await desk.get(path)
        except CallError as error:
            raise desk.told(error) from None
        for line in filter(str.strip, text.split("\n")):
            try:
                result = how.read(line)
            except CallError:
                continue  # its request is told as lacking
            if result.custom_id in keys:
                found[keys[result.custom_id]] = result
    return found


def _answer(result: Result, desk: Desk, model_name: str, price: Price | None) -> Completion | CallError:
    if result.fault is not None:
        return desk.told(result.fault)
    answer = desk.answer(result.response, model_name)
    return answer if isinstance(answer, CallError) else replace(answer, cost=cost_of(answer, price))
