"""Calls that wait at the same moment are worked on together, off the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from silicus.concepts.errors import SilicusError

__all__ = ["Asked", "Together"]

Job = TypeVar("Job")
Result = TypeVar("Result")

GATHERING_S = 0.002
"""How long the first of a batch waits for others that are about to ask."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Job, Result]):
    """A job and the one who waits for it."""

    job: Job
    answer: asyncio.Future[Result]

    @property
    def given_up(self) -> bool:
        """Whether nobody waits any more; may be read from any thread."""
        return self.answer.done()


class Together(Generic[Job, Result]):
    """Hands waiting jobs to ``work``, up to ``size`` at once, one batch after the other, each in a thread.

    Parameters
    ----------
    work
        From jobs to results, in their order; an error among the results is raised where that job was asked for, one
        that ``work`` raises concerns them all.
    size
        Jobs in a batch, at most.
    """

    def __init__(
        self, work: Callable[[Sequence[Asked[Job, Result]]], Sequence[Result | SilicusError]], size: int
    ) -> None:
        self._work = work
        self._size = size
        self._waiting: deque[Asked[Job, Result]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, job: Job) -> Result:
        """Wait for the job's result."""
        asked: Asked[Job, Result] = Asked(job, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._serve())
        return await asked.answer

    async def _serve(self) -> None:
        await asyncio.sleep(GATHERING_S)
        while batch := self._next_batch():
            (outcome,) = await asyncio.gather(asyncio.to_thread(self._work, batch), return_exceptions=True)
            results = [outcome] * len(batch) if isinstance(outcome, BaseException) else outcome
            for asked, result in zip(batch, results, strict=True):
                _settle(asked.answer, result)

    def _next_batch(self) -> list[Asked[Job, Result]]:
        batch: list[Asked[Job, Result]] = []
        while self._waiting and len(batch) < self._size:
            asked = self._waiting.popleft()
            if not asked.given_up:
                batch.append(asked)
        return batch


def _settle(answer: asyncio.Future[Result], result: Result | BaseException) -> None:
    if answer.done():
        return
    if isinstance(result, BaseException):
        answer.set_exception(result)
    else:
        answer.set_result(result)
