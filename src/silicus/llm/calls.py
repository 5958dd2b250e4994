"""The one door to language models: every call is keyed, answered once, and kept.

A session's calls go through a :class:`Caller`. Before it asks a provider it looks whether the same call (full
request and draw) was answered before; afterwards it hands the completion to the recorder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from silicus.concepts.seats import Seat
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
    """

    def __init__(
        self,
        session_id: str,
        providers: Mapping[str, Provider],
        answered: Mapping[str, Completion],
        record: Callable[[Call], None],
    ) -> None:
        self._session_id = session_id
        self._providers = providers
        self._answered = answered
        self._record = record
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
            started = time.perf_counter()
            completion = await self._providers[seat.provider].complete(prompt, seat.model_name)
            elapsed = time.perf_counter() - started
            completion = replace(completion, text=storable(completion.text), latency_s=elapsed)
            self._record(Call(key, draw, prompt.seat, role, request, completion, time.time()))
        self.tokens_in += completion.tokens_in
        self.tokens_out += completion.tokens_out
        return completion, draw.ordinal
