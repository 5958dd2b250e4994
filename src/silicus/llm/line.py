"""The line to one endpoint: how many calls at once, how fast, how patiently, and at what cost.

A line wraps a provider. It lets a bounded number of calls through at once and fewer when the server asks for less,
keeps to requests and tokens a minute, tries again what is worth trying again, and counts what it cost.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from silicus.llm.budget import Budget, Spent
from silicus.llm.faults import CallError
from silicus.llm.prices import Price, cost_of
from silicus.llm.prompt import Completion, Prompt, Provider

__all__ = ["Limits", "Line"]

GUESSED_TOKENS_OUT = 500
"""What an answer without ``max_tokens`` is taken to need at most when the budget is checked."""

TOKENS_OF_A_PICTURE = 1600
"""What a large picture is counted as by the vendors that publish it, rounded up."""

COSTLY_FAULTS = ("malformed", "empty")
"""Faults that may have been paid for: tried again a few times only, whatever patience is left."""

CROWDED = ("rate_limited", "overloaded")
"""Faults of too many at once, not of this call: it waits its turn while others are answered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard and how patiently an endpoint is asked.

    Attributes
    ----------
    concurrency
        Calls in flight at once, at most.
    requests_per_minute, tokens_per_minute
        Rates not to exceed; None where there is none.
    patience_s
        How long a call is tried again after it first failed; a server that is gone for less is waited for. Where a
        server has too much to do, it counts from the last answer that any call got.
    first_patience_s
        The same for a server to which there is no connection and never was: it may not be there at all.
    longest_asked_s
        A server that asks to wait longer than this is taken at its word that nothing goes on today.
    first_wait_s, longest_wait_s
        Bounds of the pause before another try; it doubles and is drawn between zero and its length (full jitter).
    costly_tries
        Tries of a call whose answers are empty or malformed.
    """

    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    patience_s: float = 120.0
    first_patience_s: float = 30.0
    longest_asked_s: float = 3600.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    costly_tries: int = 3


class Line:
    """A provider with limits, patience and a price; itself a provider.

    Parameters
    ----------
    provider
        The adapter.
    limits
        How hard it may be asked.
    price
        From a model's name to its price, None where it is not known.
    budget
        What the whole run may spend, shared by all lines; None where there is no limit.
    extra
        What the provider adds to every request: part of the request's identity.
    """

    def __init__(
        self,
        provider: Provider,
        limits: Limits,
        *,
        price: Callable[[str], Price | None] = lambda _: None,
        budget: Budget | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.extra = extra or {}
        self._provider = provider
        self._limits = limits
        self._price = cache(price)  # which may read settings files
        self._budget = budget
        self._gate = _Gate(limits.concurrency)
        self._requests = _Rate(limits.requests_per_minute)
        self._tokens = _Rate(limits.tokens_per_minute)
        self._answered_at: float | None = None
        self._longest_answer = GUESSED_TOKENS_OUT

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Answer, however many tries it takes; the completion holds the faults on the way.

        Raises
        ------
        CallError
            Where it cannot be answered, or patience is used up; ``error.earlier`` holds the faults before.
        BudgetReachedError
            Where the call could exceed the budget; nothing is sent.
        """
        tokens = tokens_at_most(prompt)
        price = self._price(model_name)
        reservation = None
        if self._budget is not None:
            received = prompt.sampling.max_tokens or self._longest_answer
            reservation = await self._budget.reserve_in_time(_spent_at_most((tokens[0], received), price))
        taken = Spent()
        try:
            completion = await self._persist(prompt, model_name, sum(tokens), price)
            self._longest_answer = max(self._longest_answer, completion.tokens_out)
            taken = Spent(completion.cost or 0.0, completion.tokens_in + completion.tokens_out, 1)
            return completion
        finally:
            if self._budget is not None and reservation is not None:
                self._budget.settle(reservation, taken)

    async def _persist(self, prompt: Prompt, model_name: str, tokens: int, price: Price | None) -> Completion:
        faults: list[CallError] = []
        failed_at = None
        while True:
            try:
                completion, seconds = await self._try(prompt, model_name, tokens)
            except CallError as error:
                failed_at = failed_at if failed_at is not None else _now()
                wait = self._wait_after((*faults, error), failed_at)
                if wait is None:
                    ended = self._at_the_end(error)
                    ended.earlier = tuple(faults)
                    raise ended from None
                faults.append(error)
                await asyncio.sleep(wait)
            else:
                self._answered_at = _now()
                return replace(
                    completion,
                    latency_s=seconds,
                    cost=cost_of(completion, price),
                    tries=len(faults) + 1,
                    faults=tuple(faults),
                )

    def _wait_after(self, faults: tuple[CallError, ...], failed_at: float) -> float | None:
        """Seconds until the next try after the last of the faults; None where the call is given up.

        What the server asked for, a little more, even where it is more than is left of patience; else a random part of
        a doubling pause. ``failed_at`` is when the first fault came.
        """
        error, limits = faults[-1], self._limits
        costly = sum(fault.kind in COSTLY_FAULTS for fault in faults)
        left = self._patience_after(error, failed_at) - _now()
        if not error.retryable or costly >= limits.costly_tries or left <= 0:
            return None
        if error.retry_after_s is not None:
            asked = error.retry_after_s + random.uniform(0, limits.first_wait_s)
            return asked if error.retry_after_s <= limits.longest_asked_s else None
        pause = min(limits.first_wait_s * 2 ** (len(faults) - 1), limits.longest_wait_s)
        return min(random.uniform(0, pause), left)

    def _patience_after(self, error: CallError, failed_at: float) -> float:
        """When patience with a call ends."""
        if error.kind == "disconnected" and self._answered_at is None:
            return failed_at + min(self._limits.patience_s, self._limits.first_patience_s)
        if error.kind in CROWDED and self._answered_at is not None:
            return max(failed_at, self._answered_at) + self._limits.patience_s
        return failed_at + self._limits.patience_s

    def _at_the_end(self, error: CallError) -> CallError:
        """The fault as it is told when a call is given up: asked to wait for hours, the whole run stops."""
        asked = error.retry_after_s
        if not error.retryable or asked is None or asked <= self._limits.longest_asked_s:
            return error
        message = f"{error.message} (it asks to wait {asked / 3600:.1f} hours)"
        return CallError("quota", message, suggestion="Run again after that time to go on.", retry_after_s=asked)

    async def _try(self, prompt: Prompt, model_name: str, tokens: int) -> tuple[Completion, float]:
        """One request: its answer, and the seconds that it took."""
        await self._requests.take(1)
        await self._tokens.take(tokens)
        async with self._gate:
            started = time.perf_counter()
            try:
                completion = await self._provider.complete(prompt, model_name)
            except CallError as error:
                self._gate.after(error)
                raise
            self._gate.after(None)
            return completion, time.perf_counter() - started

    async def close(self) -> None:
        """Let go of the provider's connections."""
        await self._provider.close()


def tokens_at_most(prompt: Prompt) -> tuple[int, int]:
    """Tokens sent (characters over three, rather too many, and pictures) and received, at most."""
    pictures = sum(len(message.images) for message in prompt.messages)
    sent = sum(len(message.content) for message in prompt.messages) // 3 + 1 + pictures * TOKENS_OF_A_PICTURE
    return sent, prompt.sampling.max_tokens or GUESSED_TOKENS_OUT


def _spent_at_most(tokens: tuple[int, int], price: Price | None) -> Spent:
    money = (tokens[0] * price.tokens_in + tokens[1] * price.tokens_out) / 1e6 if price is not None else 0.0
    return Spent(money, sum(tokens), 1)


def _now() -> float:
    """The event loop's own clock, which its sleeps follow."""
    return asyncio.get_running_loop().time()


class _Gate:
    """Lets a bounded number through at once: fewer after the server asked for less, slowly more again.

    Additive increase, multiplicative decrease: a rate limit or an overload takes a third off, at most once a second;
    each answer adds its share, so that a full round of answers adds one place.
    """

    def __init__(self, places: int) -> None:
        self._most = float(places)
        self._places = float(places)
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._narrowed_at = float("-inf")

    @property
    def places(self) -> int:
        """How many are let through at once just now."""
        return max(int(self._places), 1)

    async def __aenter__(self) -> None:
        if self._inside < self.places and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        while self._waiting and self._inside < self.places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)

    def after(self, error: CallError | None) -> None:
        """Learn from how a call went."""
        if error is None:
            self._places = min(self._places + 1 / self._places, self._most)
        elif error.kind in CROWDED and _now() - self._narrowed_at > 1.0:
            self._places = max(self._places * 2 / 3, 1.0)
            self._narrowed_at = _now()


class _Rate:
    """A number a minute, in the order asked; a short burst of a second's worth may go at once."""

    def __init__(self, per_minute: float | None) -> None:
        self._per_second = per_minute / 60 if per_minute is not None else None
        self._free_at = float("-inf")

    async def take(self, amount: float) -> None:
        """Wait until the amount is within the rate."""
        if self._per_second is None:
            return
        now = _now()
        self._free_at = max(self._free_at, now - 1.0) + amount / self._per_second
        wait = self._free_at - now
        if wait > 0:
            await asyncio.sleep(wait)
