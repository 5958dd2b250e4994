"""Running the planned sessions on one machine: many at a time, each once, stoppable at any moment."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from silicus.concepts.session import Session
from silicus.concepts.transcript import Transcript
from silicus.designs.plan import Plan
from silicus.execution.archive import Archive
from silicus.execution.conduct import conduct_session
from silicus.llm.prompt import Provider

__all__ = ["Progress", "Tally", "run_sessions"]

CONCURRENCY = 64
"""Sessions in flight at once."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: sessions planned, held before this run, and by this run."""

    planned: int
    before: int
    complete: int
    censored: int
    failed: int
    last: Transcript | None = None

    @property
    def done(self) -> int:
        """Sessions that need no further work, failed ones of this run included."""
        return self.before + self.complete + self.censored + self.failed


@dataclass(frozen=True, slots=True)
class Tally:
    """How a run ended.

    ``interrupted`` where the user stopped it; ``failures`` names up to ten failed sessions with their reasons.
    """

    progress: Progress
    seconds: float
    interrupted: bool
    failures: tuple[tuple[str, str], ...]


def run_sessions(
    plan: Plan,
    archive: Archive,
    providers: Mapping[str, Provider],
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    concurrency: int = CONCURRENCY,
) -> Tally:
    """Run every planned session that is neither complete nor censored; a failed one is tried again.

    The first Ctrl-C lets the sessions in flight finish and starts no more; what was held is kept. A session is recorded
    whole, after its calls; one that was cut off is taken up again and its answered calls are not repeated.
    """
    return asyncio.run(_Run(plan, archive, providers, on_progress, concurrency).run())


class _Run:
    def __init__(
        self,
        plan: Plan,
        archive: Archive,
        providers: Mapping[str, Provider],
        on_progress: Callable[[Progress], None],
        concurrency: int,
    ) -> None:
        self._plan = plan
        self._archive = archive
        self._providers = providers
        self._on_progress = on_progress
        self._concurrency = concurrency
        self._finished = {name for name, status in archive.finished().items() if status != "failed"}
        self._resumable = archive.unfinished()
        self._counts = {"complete": 0, "censored": 0, "failed": 0}
        self._before = 0
        self._failures: list[tuple[str, str]] = []
        self._stopping = False

    async def run(self) -> Tally:
        started = time.perf_counter()
        remaining = self._remaining()
        self._on_progress(self._progress(None))
        with self._stopped_by_ctrl_c():
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(remaining))
        self._archive.flush()
        progress = self._progress(None)
        interrupted = self._stopping and progress.done < progress.planned
        return Tally(progress, time.perf_counter() - started, interrupted, tuple(self._failures[:10]))

    def _remaining(self) -> Iterator[Session]:
        self._before = sum(1 for name in self._plan.session_ids() if name in self._finished) if self._finished else 0
        return (session for session in self._plan if session.session_id not in self._finished)

    async def _work(self, remaining: Iterator[Session]) -> None:
        for session in remaining:
            if self._stopping:
                return
            await self._hold(session)
            await asyncio.sleep(0)  # lets Ctrl-C through even where no call waits

    async def _hold(self, session: Session) -> None:
        started_at = time.time()
        answered = self._archive.answered(session.session_id) if session.session_id in self._resumable else {}
        transcript = await conduct_session(session, self._providers, answered, self._archive.record_call)
        self._archive.record_session(transcript, started_at)
        self._counts[transcript.status] += 1
        if transcript.status == "failed":
            self._failures.append((session.session_id, transcript.error))
        self._on_progress(self._progress(transcript))

    def _progress(self, last: Transcript | None) -> Progress:
        return Progress(len(self._plan), self._before, **self._counts, last=last)

    @contextmanager
    def _stopped_by_ctrl_c(self) -> Iterator[None]:
        """The first Ctrl-C drains; the second is Python's own."""
        loop = asyncio.get_running_loop()

        def stop() -> None:
            self._stopping = True
            loop.remove_signal_handler(signal.SIGINT)

        try:
            loop.add_signal_handler(signal.SIGINT, stop)
        except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or a system without signals
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
