"""A process that is killed, and a disk that is full: what was committed is kept, and the next run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Ended, command_in_python, in_process_of_its_own, query, silicus
from laboratory import AT_ONCE, PLANNED, Laboratory, calls_in, held_twice, run, statuses_of
from loopback_players import never

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither kill -9 nor a limit to a file's size")

REPLICATES = 6
ANSWERS_S = 0.01
MOST_LOST = 8 * AT_ONCE
"""Calls under way, and those answered in the moment before, whose commit was not over yet: few, on any machine."""


def disk_of(size: int) -> str:
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


def killed_after(folder: Path, lab: Laboratory, calls: int) -> None:
    """Run in a process of its own, and kill it once the server has answered so many more."""
    until, deadline = lab.players.total_paid + calls, time.monotonic() + 60
    words = command_in_python("run", folder, "--yes", "--no-canary")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while lab.players.total_paid < until and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        assert process.poll() is None, process.stderr.read() if process.stderr is not None else ""
        process.kill()


def undisturbed_copy(lab: Laboratory) -> Path:
    """The same study with as many replicates, held while nothing goes wrong; forgotten by the players."""
    folder = lab.disturbed(never, design={"replicates": REPLICATES})
    assert run(folder).code == 0
    lab.players.paid.clear()
    lab.players.came.clear()
    return folder.rename("whole")


def test_kill_9_loses_no_recorded_call(lab: Laboratory) -> None:
    lab.undisturbed = undisturbed_copy(lab)
    lab.server.latency_s = ANSWERS_S
    lab.ask_few_at_once()
    folder = lab.disturbed(never, design={"replicates": REPLICATES})
    lost = 0
    for calls in (40, 70):
        recorded, paid = calls_if_any(folder), lab.players.total_paid
        killed_after(folder, lab, calls)
        newly_lost = (lab.players.total_paid - paid) - (calls_in(folder) - recorded)
        assert 0 <= newly_lost <= MOST_LOST
        lost += newly_lost
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert lab.players.total_paid == calls_in(folder) + lost, "a recorded call was paid for again"
    assert calls_in(folder) == calls_in(lab.undisturbed)
    lab.assert_as_undisturbed(folder)


def calls_if_any(folder: Path) -> int:
    return calls_in(folder) if (folder / "archive.sqlite").exists() else 0


def test_a_full_disk_ends_the_run_and_keeps_what_is_on_it(lab: Laboratory) -> None:
    lab.undisturbed = undisturbed_copy(lab)
    folder = lab.disturbed(never, design={"replicates": REPLICATES})
    ended = on_a_disk_of(200_000, folder)
    assert ended.code == 2, ended.said
    assert "Traceback" not in ended.err
    assert "was committed before is safe" in ended.err
    assert "disk" in ended.err
    kept = calls_in(folder)
    assert 0 < kept < calls_in(lab.undisturbed)
    lost = lab.players.total_paid - kept
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert lab.players.total_paid == calls_in(folder) + lost, "a recorded call was paid for again"
    lab.assert_as_undisturbed(folder)


def on_a_disk_of(size: int, folder: Path) -> Ended:
    words = ("run", folder, "--yes", "--no-canary")
    return in_process_of_its_own(*words, where=Path.cwd(), before=disk_of(size), env=dict(os.environ))


def test_a_folder_that_was_killed_can_be_read_as_it_stands(lab: Laboratory) -> None:
    lab.server.latency_s = ANSWERS_S
    folder = lab.disturbed(never, design={"replicates": REPLICATES})
    killed_after(folder, lab, 150)
    held = sum(statuses_of(folder).values())
    assert 0 < held < REPLICATES * PLANNED
    assert len(silicus("show", folder).out.splitlines()) == held
    assert f"{REPLICATES * PLANNED - held} not held" in silicus("tabulate", folder).out
    assert held_twice(folder) == []
    assert query(folder / "archive.sqlite", "PRAGMA integrity_check") == [("ok",)]
