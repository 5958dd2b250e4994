"""The one door to language models: every call is keyed, answered once, and kept.

A session's calls go through a :class:`Caller`. Before it asks a provider it looks whether the same call (full
request and draw) was answered before; afterwards it hands the completion to the recorder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from silicus.concepts.errors import ProviderError
from silicus.concepts.seats import Seat
from silicus.llm.faults import CallError, UnusableAnswerError
from silicus.llm.prompt import Completion, Draw, Message, Prompt, Provider, SeatName, key_of, request_of, storable

__all__ = ["NOTHING", "Call", "Caller", "Earlier", "asked_again"]


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call as the archive keeps it."""

    key: str
    draw: Draw
    seat: SeatName
    role: str
    request: str
    completion: Completion
    finished_at: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of a session's calls from before.

    Attributes
    ----------
    answers
        Completions by key of the call; they are not asked for again.
    redrawn_from
        Ordinals of the calls whose answers could not be used: from each on, calls are drawn once more.
    failure
        In a replay, how the session failed: so it fails again where a call is not among the answers. Else empty.
    """

    answers: Mapping[str, Completion] = field(default_factory=dict)
    redrawn_from: tuple[int, ...] = ()
    failure: str = ""


NOTHING = Earlier()
"""Of a session that is held for the first time."""


class Caller:
    """Makes the calls of one session.

    Parameters
    ----------
    session_id
        The session.
    providers
        Adapter by provider name.
    earlier
        What is known of this session's calls from before.
    record
        Receives each newly answered call.
    record_fault
        Receives each request that brought no answer: the call's draw, which try, the language model, what went wrong.
    """

    def __init__(
        self,
        session_id: str,
        providers: Mapping[str, Provider],
        earlier: Earlier,
        record: Callable[[Call], None],
        record_fault: Callable[[Draw, int, str, CallError], None] = lambda *_: None,
    ) -> None:
        self._session_id = session_id
        self._providers = providers
        self._earlier = earlier
        self._record = record
        self._record_fault = record_fault
        self.calls = 0
        self.tokens_in = 0
        self.tokens_out = 0

    async def complete(self, prompt: Prompt, seat: Seat, role: str = "") -> tuple[Completion, int]:
        """Answer a prompt from the seat's language model; returns the completion and the call's ordinal.

        An answer that the provider's content filter withheld is a completion without text.
        """
        self.calls += 1
        draw = self._draw(self.calls)
        request = request_of(prompt, seat.llm, getattr(self._providers[seat.provider], "extra", None))
        key = key_of(request, draw)
        completion = self._earlier.answers.get(key)
        if completion is None:
            if self._earlier.failure:
                raise ProviderError(self._earlier.failure)
            completion = await self._asked(prompt, seat, draw)
            self._record(Call(key, draw, prompt.seat, role, request, completion, time.time()))
        self.tokens_in += completion.tokens_in
        self.tokens_out += completion.tokens_out
        return completion, draw.ordinal

    def unusable(self, ordinal: int, seat: Seat, reason: str) -> UnusableAnswerError:
        """Note that the session cannot go on with the answer of a call; returns the error to raise."""
        error = UnusableAnswerError(reason)
        self._record_fault(self._draw(ordinal), 1, seat.llm, error)
        return error

    def _draw(self, ordinal: int) -> Draw:
        return Draw(self._session_id, ordinal, 1 + sum(ordinal >= start for start in self._earlier.redrawn_from))

    async def _asked(self, prompt: Prompt, seat: Seat, draw: Draw) -> Completion:
        started = time.perf_counter()
        try:
            completion = await self._providers[seat.provider].complete(prompt, seat.model_name)
        except CallError as error:
            self._note((*error.earlier, error), draw, seat.llm)
            if error.kind != "content_filter":
                raise
            completion = Completion("", seat.llm, 0, 0, cost=0.0, finish="content_filter", tries=len(error.earlier) + 1)
        else:
            self._note(completion.faults, draw, seat.llm)
        if completion.latency_s and completion.text.isascii():
            return completion
        latency = completion.latency_s or time.perf_counter() - started
        return replace(completion, text=storable(completion.text), latency_s=latency)

    def _note(self, faults: tuple[CallError, ...], draw: Draw, llm: str) -> None:
        for number, error in enumerate(faults, start=1):
            self._record_fault(draw, number, llm, error)


def asked_again(prompt: Prompt, answer: str, note: str) -> Prompt:
    """The same question once more, with the answer that could not be used and what was wrong with it.

    An answer without words is left out: some servers refuse messages that are empty.
    """
    if answer.strip():
        return replace(prompt, messages=(*prompt.messages, Message("assistant", answer), Message("user", note)))
    *before, last = prompt.messages
    return replace(prompt, messages=(*before, replace(last, content=f"{last.content}\n\n{note}")))
