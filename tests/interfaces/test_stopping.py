"""Stopped, killed, cut off: what was finished is kept, the same command goes on, and no call is made twice."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from command_line import done, in_process_of_its_own, query, silicus
from stand_in_providers import Watched, stop, watched

ALL = 140
DESIGN = ("  assignment: full_factorial", f"  assignment: random_subset\n  sessions: {ALL}")
WITH_WATCHED = (
    "import stand_in_providers as s, silicus.plugins as p; p.PROVIDERS.built_in['rehearsal'] = s.HERE + ':Watched'"
)


@pytest.fixture(scope="module")
def held_in_one_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study held in one go and estimated."""
    folder = tmp_path_factory.mktemp("held") / "undisturbed"
    done("draft", "mug", "--folder", folder)
    file = folder / "study.yaml"
    file.write_text(file.read_text().replace(*DESIGN))
    done("run", folder)
    done("estimate", folder)
    return folder


@pytest.fixture
def undisturbed(here: Path, held_in_one_go: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in a folder beside which the study can be held again, with its calls watched."""
    watched(monkeypatch)
    return Path(shutil.copytree(held_in_one_go, here / "undisturbed"))


def sessions_held(folder: Path) -> int:
    number: int = query(folder / "archive.sqlite", "SELECT COUNT(*) FROM session")[0][0]
    return number


def calls_recorded(folder: Path) -> int:
    number: int = query(folder / "archive.sqlite", "SELECT COUNT(*) FROM completion")[0][0]
    return number


def transcripts(folder: Path) -> list[tuple[object, ...]]:
    """All that was said, done and answered, without the times."""
    turns = "SELECT session_id, number, speaker, words, action, action_value, heard_by, raw, ordinal FROM turn"
    answers = "SELECT session_id, position, variable, respondent, question, raw, value, missing, ordinal FROM response"
    calls = "SELECT key, session_id, ordinal, seat, role, llm, request, response FROM completion"
    return [
        row for sql in (turns, answers, calls) for row in query(folder / "archive.sqlite", f"{sql} ORDER BY 1, 2, 3")
    ]


def test_ctrl_c_leaves_a_folder_that_goes_on_and_ends_as_if_undisturbed(undisturbed: Path) -> None:
    folder = undisturbed.with_name("stopped")
    Watched.calls, Watched.events = 0, {100: stop}
    ended = silicus("conduct", undisturbed / "study.yaml", "--folder", "stopped")
    assert ended.code == 130
    assert "Go on with: silicus conduct stopped" in ended.out
    held = sessions_held(folder)
    assert f"Stopped with {ALL - held} of {ALL} sessions left" in ended.out
    assert 0 < held < ALL
    assert not (folder / "report.html").exists(), "a part was reported as if it were the whole"
    assert f"{held} complete, 0 censored, 0 failed, {ALL - held} not held" in done("tabulate", "stopped").out
    Watched.events = {Watched.calls + 20: stop}
    again = silicus("run", "stopped", "--json")
    assert (again.code, again.answer["status"]) == (130, "partial")
    assert again.answer["data"]["interrupted"] is True
    Watched.events = {}
    done("conduct", "stopped")
    assert Watched.calls == calls_recorded(folder) == calls_recorded(undisturbed), "a call was made twice"
    assert transcripts(folder) == transcripts(undisturbed)
    for name in ("dataset.parquet", "codebook.json", "estimates.json"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_second_ctrl_c_stops_at_once_and_nothing_recorded_is_lost(undisturbed: Path) -> None:
    folder = undisturbed.with_name("stopped")
    Watched.calls, Watched.events = 0, {10: stop, 150: stop}
    ended = silicus("conduct", undisturbed / "study.yaml", "--folder", "stopped")
    assert ended.code == 130
    assert ended.err == "Error: stopped\nNothing that was finished is lost; the same command goes on from there.\n"
    recorded, held = calls_recorded(folder), sessions_held(folder)
    assert recorded == Watched.calls
    of_held_sessions = "SELECT COUNT(*) FROM completion JOIN session USING (session_id)"
    assert query(folder / "archive.sqlite", of_held_sessions)[0][0] < recorded, "it waited for the sessions begun"
    Watched.calls, Watched.events = 0, {}
    assert f"{ALL - held} sessions held" in done("run", "stopped").out
    assert Watched.calls == calls_recorded(undisturbed) - recorded, "a recorded call was made again"
    assert transcripts(folder) == transcripts(undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_kill_9_loses_no_recorded_call_and_ends_as_if_undisturbed(undisturbed: Path) -> None:
    folder, last = undisturbed.with_name("killed"), 500
    done("draft", "mug", "--folder", "killed")
    (folder / "study.yaml").write_text((undisturbed / "study.yaml").read_text())
    kill = f"s.Watched.events = {{{last}: lambda: s.kill_once_recorded(s.Path('killed/archive.sqlite'), {last - 1})}}"
    ended = in_process_of_its_own("run", "killed", where=folder.parent, before=f"{WITH_WATCHED}; {kill}")
    assert ended.code == -9
    assert calls_recorded(folder) == last - 1
    held = sessions_held(folder)
    assert 0 < held < ALL
    # The folder can be looked at as it stands.
    assert len(done("show", "killed").out.splitlines()) == held
    assert len(done("tabulate", "killed", "--json").answer["data"]["codebook"]["columns"]) > 10
    Watched.calls = 0
    assert f"{ALL - held} sessions held" in done("run", "killed").out
    assert Watched.calls == calls_recorded(undisturbed) - (last - 1), "a recorded call was made again"
    assert calls_recorded(folder) == calls_recorded(undisturbed)
    done("tabulate", "killed")
    assert transcripts(folder) == transcripts(undisturbed)
    assert (folder / "dataset.parquet").read_bytes() == (undisturbed / "dataset.parquet").read_bytes()


@pytest.mark.usefixtures("here")
def test_ctrl_c_outside_the_sessions_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from silicus.studies import one_path

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    done("conduct", "mug", "--sessions", "5")
    monkeypatch.setattr(one_path, "tabulate_study", interrupted)
    for words in (("tabulate", "mug"), ("conduct", "mug")):
        ended = silicus(*words)
        assert ended.code == 130
        assert ended.err == (
            "Error: stopped\nNothing that was finished is lost; the same command goes on from there.\n"
        )
    ended = silicus("tabulate", "mug", "--json")
    assert (ended.code, ended.error["code"]) == (130, "interrupted")
