"""Many sessions at a time, each held once, stoppable and resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from stand_in_providers import stop
from stand_ins import bargaining_study

from silicus.concepts.errors import ArchiveError, ProviderError
from silicus.concepts.study import Study
from silicus.concepts.transcript import Transcript
from silicus.designs.plan import plan_sessions
from silicus.execution.archive import Archive
from silicus.execution.event_loop import Progress, Tally, run_sessions
from silicus.llm.prompt import Completion, Prompt
from silicus.llm.rehearsal.provider import RehearsalProvider

STUDY = bargaining_study(design={"replicates": 4})
PLANNED = 36


class Noted(RehearsalProvider):
    """The embedded provider, which notes who is waiting for an answer, and may act before a call."""

    def __init__(self, before_call: Callable[[int, str], None] = lambda number, session_id: None) -> None:
        super().__init__()
        self.before_call = before_call
        self.calls = 0
        self.in_flight: set[str] = set()
        self.most_in_flight = 0
        self.closed = 0

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        assert prompt.cue is not None
        session_id = prompt.cue.session.session_id
        self.in_flight.add(session_id)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        await asyncio.sleep(0)
        self.in_flight.discard(session_id)
        self.calls += 1
        self.before_call(self.calls, session_id)
        return await super().complete(prompt, model_name)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Where an archive of the study stands, still without a session."""
    path = tmp_path / "archive.sqlite"
    Archive.create(path, STUDY).close()
    return path


def run(
    path: Path,
    provider: RehearsalProvider,
    *,
    study: Study = STUDY,
    concurrency: int = 8,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Tally:
    with Archive.open(path) as opened:
        return run_sessions(
            plan_sessions(study), opened, {"rehearsal": provider}, on_progress=on_progress, concurrency=concurrency
        )


def held(path: Path) -> Mapping[str, Transcript]:
    with Archive.open(path, readonly=True) as opened:
        return {transcript.session_id: transcript for transcript in opened.transcripts()}


def test_every_planned_session_is_held_once(archive: Path) -> None:
    provider = Noted()
    tally = run(archive, provider)
    assert tally.whole
    assert (tally.progress.planned, tally.progress.complete, tally.progress.done) == (PLANNED,) * 3
    assert (tally.interrupted, tally.halted, tally.failures) == (False, "", ())
    transcripts = held(archive)
    assert set(transcripts) == set(plan_sessions(STUDY).session_ids())
    assert sum(transcript.usage.calls for transcript in transcripts.values()) == provider.calls
    assert provider.closed == 1


def test_no_more_are_in_flight_than_asked_for_and_not_many_fewer(archive: Path) -> None:
    provider = Noted()
    run(archive, provider, concurrency=5)
    assert provider.most_in_flight == 5


def test_what_is_held_does_not_depend_on_how_many_are_held_at_a_time(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    Archive.create(other, STUDY).close()
    run(archive, Noted(), concurrency=1)
    run(other, Noted(), concurrency=64)
    assert held(archive) == held(other)


def test_a_second_run_holds_nothing_again(archive: Path) -> None:
    run(archive, Noted())
    provider = Noted()
    tally = run(archive, provider)
    assert provider.calls == 0
    assert (tally.progress.before, tally.progress.complete, tally.progress.done) == (PLANNED, 0, PLANNED)


def test_progress_is_told_from_the_first_moment_to_the_last_session(archive: Path) -> None:
    seen: list[Progress] = []
    run(archive, Noted(), on_progress=seen.append)
    assert (seen[0].planned, seen[0].done) == (PLANNED, 0)
    assert [progress.done for progress in seen] == list(range(PLANNED + 1))


def test_a_failed_session_takes_nobody_with_it_and_is_tried_again(archive: Path) -> None:
    def unreachable(_: int, session_id: str) -> None:
        if session_id.endswith("replicate=3"):
            raise ProviderError("nobody answers", suggestion="Try later.")

    tally = run(archive, Noted(unreachable))
    assert not tally.whole
    assert (tally.progress.complete, tally.progress.failed) == (27, 9)
    assert {reason for _, reason in tally.failures} == {"nobody answers"}
    failed = {name for name, transcript in held(archive).items() if transcript.status == "failed"}
    assert failed == {name for name in plan_sessions(STUDY).session_ids() if name.endswith("replicate=3")}
    again = run(archive, Noted())
    assert (again.progress.before, again.progress.complete, again.whole) == (27, 9, True)
    assert {transcript.status for transcript in held(archive).values()} == {"complete"}


def test_at_most_ten_failures_are_named(archive: Path) -> None:
    def unreachable(*_: object) -> None:
        raise ProviderError("nobody answers", suggestion="Try later.")

    tally = run(archive, Noted(unreachable))
    assert (tally.progress.failed, len(tally.failures)) == (PLANNED, 10)


def test_ctrl_c_lets_those_in_flight_finish_and_begins_no_more(archive: Path) -> None:
    seen: list[Progress] = []
    provider = Noted(lambda number, _: stop() if number == 10 else None)
    tally = run(archive, provider, concurrency=4, on_progress=seen.append)
    assert tally.interrupted
    assert not tally.whole
    assert 4 <= tally.progress.done < PLANNED
    assert seen[-1].stopping
    assert {transcript.status for transcript in held(archive).values()} == {"complete"}
    assert len(held(archive)) == tally.progress.done
    assert run(archive, Noted()).whole


def test_ctrl_c_at_the_very_end_is_no_interruption(archive: Path) -> None:
    calls = Noted()
    run(archive, calls)
    Archive.create(archive.with_name("again.sqlite"), STUDY).close()
    provider = Noted(lambda number, _: stop() if number == calls.calls else None)
    assert run(archive.with_name("again.sqlite"), provider).whole


def test_the_second_ctrl_c_stops_at_once_and_python_has_its_handler_back(archive: Path) -> None:
    import signal

    before = signal.getsignal(signal.SIGINT)
    provider = Noted(lambda number, _: stop() if number in (4, 30) else None)
    with pytest.raises(KeyboardInterrupt):
        run(archive, provider, concurrency=4)
    assert signal.getsignal(signal.SIGINT) == before
    with Archive.open(archive, readonly=True) as opened:
        recorded = sum(len(opened.calls(name)) for name in plan_sessions(STUDY).session_ids())
    assert recorded == provider.calls
    whole = Noted()
    assert run(archive, whole).whole
    assert whole.calls + recorded == sum(transcript.usage.calls for transcript in held(archive).values())


def test_answered_calls_of_a_session_that_was_cut_off_are_not_made_again(archive: Path) -> None:
    class FaultOfTheProgramError(Exception):
        pass

    def break_off(number: int, _: str) -> None:
        if number == 50:
            raise FaultOfTheProgramError

    broken = Noted(break_off)
    with pytest.raises(ExceptionGroup) as raised:
        run(archive, broken)
    assert raised.value.subgroup(FaultOfTheProgramError) is not None
    provider = Noted()
    assert run(archive, provider).whole
    undisturbed = archive.with_name("undisturbed.sqlite")
    Archive.create(undisturbed, STUDY).close()
    calls = Noted()
    run(undisturbed, calls)
    assert provider.calls == calls.calls - (broken.calls - 1)  # the one that broke was not answered
    assert held(archive) == held(undisturbed)


def test_what_cannot_be_recorded_ends_the_run_with_that_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise ArchiveError("the disk is full", suggestion="Make room.", code="disk_full")

    monkeypatch.setattr(Archive, "record_session", full)
    provider = Noted()
    with pytest.raises(ArchiveError, match="the disk is full"):
        run(archive, provider)
    assert provider.closed == 1


async def test_sessions_can_be_run_where_a_loop_is_running_already_as_in_a_notebook(archive: Path) -> None:
    assert asyncio.get_running_loop().is_running()
    assert run(archive, Noted()).whole
    assert len(held(archive)) == PLANNED
