"""The one door to language models: every call is keyed, answered once, and kept.

A session's calls go through a :class:`Caller`. Before it asks a provider it looks whether the same call (full
request and draw) was answered before; afterwards it hands the completion to the recorder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from silicus.concepts.seats import Seat
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Draw, Prompt, Provider, SeatName, key_of, request_of, storable

__all__ = ["Call", "Caller"]


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


class Caller:
    """Makes the calls of one session.

    Parameters
    ----------
    session_id
        The session.
    providers
        Adapter by provider name.
    answered
        Calls of this session that were answered before, by key.
    record
        Receives each newly answered call.
    record_fault
        Receives each request that brought no answer: the call's draw, which try, the language model, what went wrong.
    """

    def __init__(
        self,
        session_id: str,
        providers: Mapping[str, Provider],
        answered: Mapping[str, Completion],
        record: Callable[[Call], None],
        record_fault: Callable[[Draw, int, str, CallError], None] = lambda *_: None,
    ) -> None:
        self._session_id = session_id
        self._providers = providers
        self._answered = answered
        self._record = record
        self._record_fault = record_fault
        self.calls = 0
        self.tokens_in = 0
        self.tokens_out = 0

    async def complete(self, prompt: Prompt, seat: Seat, role: str = "") -> tuple[Completion, int]:
        """Answer a prompt from the seat's language model; returns the completion and the call's ordinal."""
        self.calls += 1
        draw = Draw(self._session_id, self.calls)
        request = request_of(prompt, seat.llm)
        key = key_of(request, draw)
        completion = self._answered.get(key)
        if completion is None:
            completion = await self._asked(prompt, seat, draw)
            self._record(Call(key, draw, prompt.seat, role, request, completion, time.time()))
        self.tokens_in += completion.tokens_in
        self.tokens_out += completion.tokens_out
        return completion, draw.ordinal

    async def _asked(self, prompt: Prompt, seat: Seat, draw: Draw) -> Completion:
        started = time.perf_counter()
        try:
            completion = await self._providers[seat.provider].complete(prompt, seat.model_name)
        except CallError as error:
            self._note((*error.earlier, error), draw, seat.llm)
            raise
        self._note(completion.faults, draw, seat.llm)
        latency = completion.latency_s or time.perf_counter() - started
        return replace(completion, text=storable(completion.text), latency_s=latency)

    def _note(self, faults: tuple[CallError, ...], draw: Draw, llm: str) -> None:
        for number, error in enumerate(faults, start=1):
            self._record_fault(draw, number, llm, error)
