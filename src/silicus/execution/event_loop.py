"""Running the planned sessions on one machine: many at a time, each once, stoppable at any moment."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from silicus.concepts.errors import ProviderError, SilicusError
from silicus.concepts.seats import Seat
from silicus.concepts.session import Session
from silicus.designs.plan import Plan
from silicus.execution.archive import Archive
from silicus.execution.conduct import conduct_session
from silicus.llm.calls import NOTHING, Caller, Earlier
from silicus.llm.canary import CANARY, sing
from silicus.llm.faults import BudgetReachedError, CallError
from silicus.llm.prompt import Provider

__all__ = ["Progress", "Recall", "Tally", "recall_of", "run_sessions", "run_to_end"]

T = TypeVar("T")

CONCURRENCY = 64
"""Sessions in flight at once; each has about one call under way."""

Recall = Callable[[str], Earlier]
"""From a session's id to what is known of its calls from before."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: sessions planned, held before this run, and by this run.

    ``stopping`` where no further session is begun and those in flight are let finish.
    """

    planned: int
    before: int
    complete: int
    censored: int
    failed: int
    stopping: bool = False

    @property
    def done(self) -> int:
        """Sessions that need no further work, failed ones of this run included."""
        return self.before + self.complete + self.censored + self.failed


@dataclass(frozen=True, slots=True)
class Tally:
    """How a run ended.

    ``interrupted`` where the user stopped it; ``halted`` says why it stopped of itself, as at a budget; ``failures``
    names up to ten failed sessions with their reasons.
    """

    progress: Progress
    seconds: float
    interrupted: bool
    failures: tuple[tuple[str, str], ...]
    halted: str = ""

    @property
    def whole(self) -> bool:
        """True where everything planned was held."""
        return not self.interrupted and not self.halted and self.progress.failed == 0


def run_sessions(
    plan: Plan,
    archive: Archive,
    providers: Mapping[str, Provider],
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    concurrency: int = CONCURRENCY,
    recall: Recall | None = None,
    canary: tuple[Seat, ...] = (),
) -> Tally:
    """Run every planned session that is neither complete nor censored; a failed one is tried again.

    Sessions are taken from all over the plan, so that a run which stops early has data on the whole design.

    The first Ctrl-C lets the sessions in flight finish and starts no more; the second stops at once. What was held is
    kept. A session is recorded whole, after its calls; one that was cut off is taken up again and its answered calls
    are not repeated. A call that could exceed the budget halts the run in the same way.

    Parameters
    ----------
    plan
        The planned sessions.
    archive
        Where everything is recorded.
    providers
        Adapter by provider name; closed at the end.
    on_progress
        Called after each session.
    concurrency
        Sessions in flight at once.
    recall
        Where calls from before are found; by default the archive itself.
    canary
        The seats whose models are asked a few fixed things before the first session and after the last.

    Raises
    ------
    CallError
        Where a model cannot answer the canary: no session is begun.
    ArchiveError
        Where what happened cannot be recorded.
    """
    try:
        return run_to_end(_Run(plan, archive, providers, on_progress, concurrency, recall, canary).run())
    except asyncio.CancelledError:  # by the second Ctrl-C
        raise KeyboardInterrupt from None


def recall_of(archive: Archive, *, replay: bool = False) -> Recall:
    """What an archive knows of each session's calls; in a replay of it, also how sessions failed."""
    known, redrawn = archive.unfinished(), archive.redrawn()
    if replay:
        failures = archive.failures()
        return lambda name: Earlier(archive.answered(name), redrawn.get(name, ()), failures.get(name, ""))
    return lambda name: Earlier(archive.answered(name), redrawn.get(name, ())) if name in known else NOTHING


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as beside:
        return beside.submit(asyncio.run, work).result()


class _Run:
    def __init__(
        self,
        plan: Plan,
        archive: Archive,
        providers: Mapping[str, Provider],
        on_progress: Callable[[Progress], None],
        concurrency: int,
        recall: Recall | None,
        canary: tuple[Seat, ...],
    ) -> None:
        self._plan = plan
        self._archive = archive
        self._providers = providers
        self._on_progress = on_progress
        self._concurrency = concurrency
        self._finished = {name for name, status in archive.finished().items() if status != "failed"}
        self._left = any(name not in self._finished for name in plan.session_ids())
        self._canary = canary
        self._recall = recall or recall_of(archive)
        self._counts = {"complete": 0, "censored": 0, "failed": 0}
        self._before = 0
        self._failures: list[tuple[str, str]] = []
        self._stopping = False
        self._halted = ""

    async def run(self) -> Tally:
        started = time.perf_counter()
        remaining = self._remaining()
        self._on_progress(self._progress())
        try:
            await self._meet_the_models()
            with self._stopped_by_ctrl_c():
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._concurrency):
                        group.create_task(self._work(remaining))
            if not self._stopping:
                with suppress(ProviderError):  # everything was held; what went wrong is in the archive
                    await self._sing()
        except ExceptionGroup as group:  # not except*: what that raises comes wrapped again before Python 3.11.4
            known, others = group.split(SilicusError)
            if known is None or others is not None:
                raise
            raise _first(known) from None
        finally:
            for provider in self._providers.values():
                await provider.close()
        self._archive.flush()
        progress = self._progress()
        interrupted = self._stopping and not self._halted and progress.done < progress.planned
        seconds = time.perf_counter() - started
        return Tally(progress, seconds, interrupted, tuple(self._failures[:10]), self._halted)

    async def _meet_the_models(self) -> None:
        """Take the canary, which shows before any session whether the models answer at all."""
        try:
            await self._sing()
        except BudgetReachedError as error:
            self._halt(error)

    async def _sing(self) -> None:
        if not self._canary or not self._left:
            return
        caller = Caller(CANARY, self._providers, NOTHING, self._archive.record_call, self._archive.record_fault)
        caller.calls = max((call.draw.ordinal for call in self._archive.calls(CANARY)), default=0)
        await sing(caller, self._canary)

    def _remaining(self) -> Iterator[Session]:
        self._before = sum(1 for name in self._plan.session_ids() if name in self._finished) if self._finished else 0
        sessions = (self._plan[position] for position in _spread(len(self._plan)))
        return (session for session in sessions if session.session_id not in self._finished)

    async def _work(self, remaining: Iterator[Session]) -> None:
        for session in remaining:
            if self._stopping:
                return
            await self._hold(session)
            await asyncio.sleep(0)  # lets Ctrl-C through even where no call waits

    async def _hold(self, session: Session) -> None:
        started_at = time.time()
        try:
            transcript = await conduct_session(
                session,
                self._providers,
                self._recall(session.session_id),
                self._archive.record_call,
                self._archive.record_fault,
            )
        except (BudgetReachedError, CallError) as error:
            self._halt(error)
            return
        self._archive.record_session(transcript, started_at)
        self._counts[transcript.status] += 1
        if transcript.status == "failed":
            self._failures.append((session.session_id, transcript.error))
        self._on_progress(self._progress())

    def _halt(self, error: SilicusError) -> None:
        self._stopping, self._halted = True, f"{error.message.rstrip('.')}. {error.suggestion}".strip()

    def _progress(self) -> Progress:
        return Progress(len(self._plan), self._before, **self._counts, stopping=self._stopping)

    @contextmanager
    def _stopped_by_ctrl_c(self) -> Iterator[None]:
        """The first Ctrl-C drains; the second cuts the sessions off between two calls; a third is Python's own."""
        loop = asyncio.get_running_loop()
        sessions, asked = asyncio.current_task(), False

        def stop() -> None:
            nonlocal asked
            if asked and sessions is not None:
                loop.remove_signal_handler(signal.SIGINT)
                sessions.cancel()
                return
            self._stopping = asked = True
            self._on_progress(self._progress())

        try:
            loop.add_signal_handler(signal.SIGINT, stop)
        except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or a system without signals
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _spread(number: int) -> Iterator[int]:
    """The positions of a plan, each once, in steps of a golden section.

    However early the order breaks off, what came before is spread over the whole plan: a run that halts at its budget
    has held sessions of all conditions, not only those of the first factor's first values.
    """
    step = max(round(number * 0.6180339887498949), 1)
    while math.gcd(step, number) != 1:
        step += 1
    return (position * step % number for position in range(number))


def _first(errors: BaseExceptionGroup[SilicusError]) -> SilicusError:
    """The first of the errors that ended the sessions."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
