"""What bad input gets: what happened, what to do, exit code 2, no traceback, and nothing lost."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import as_nobody, done, files_in, query, refused, silicus
from stand_ins import bargaining_study

from silicus.concepts.study_yaml import study_to_yaml

SMALL = study_to_yaml(bargaining_study())


def written(text: str, folder: str = "mine") -> Path:
    """A study folder with this text as its study.yaml."""
    Path(folder).mkdir()
    file = Path(folder) / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def changed(old: str, new: str) -> str:
    """The small study with one place of its text changed."""
    assert SMALL.count(old) == 1, f"{old!r} stands {SMALL.count(old)} times in:\n{SMALL}"
    return SMALL.replace(old, new)


def line_of(text: str, words: str) -> int:
    """Number of the first line that holds these words, from 1."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


UNUSABLE: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    # what is wrong: old, new, the words of the line that is named, what is said of it
    "unknown field": ("    goal: to pay little", "    gaol: to pay little", "gaol", ("roles.buyer.gaol", "'goal'")),
    "wrong type": ("  max_turns: 20", "  max_turns: many", "many", ("procedure.max_turns", "a whole number", "many")),
    "cyclic causal model": (
        "    - deal ~ budget + minimum",
        "    - deal ~ minimum\n    - minimum ~ deal",
        "causal_model:",
        ("circle", "deal", "minimum"),
    ),
    "treatment told to nobody there": (
        "        tell: seller",
        "        tell: sellr",
        "sellr",
        ("minimum.treatment.tell", "there is no role 'sellr'", "Did you mean 'seller'?"),
    ),
    "value not among the levels": (
        "\ndesign:",
        "\ndesign:\n  only: {budget: [5, 13]}",
        "only:",
        ("design.only.budget", "is not among the values of 'budget'", "5, 12, 20"),
    ),
    "order with an unknown speaker": (
        "  speakers: [buyer, seller]",
        "  speakers: [buyer, sellor]",
        "sellor",
        ("procedure.speakers", "there is no role 'sellor'", "Did you mean 'seller'?"),
    ),
    "unknown turn order": (
        "  turn_order: ordered",
        "  turn_order: central_orderd",
        "central_orderd",
        ("procedure.turn_order", "central_ordered"),
    ),
    "no YAML": ("scenario: two people", "scenario: [two people", "scenario:", ("study.yaml",)),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_study_that_cannot_be_used_is_refused_with_line_field_and_remedy(here: Path, what: str) -> None:
    old, new, words, said = UNUSABLE[what]
    text = changed(old, new)
    file = written(text)
    error = refused("conduct", "mine").err
    assert f"line {line_of(text, words)}" in error
    for part in said:
        assert part in error
    problems = refused("run", "mine", "--json").error["problems"]
    for problem in problems:
        assert set(problem) == {"code", "severity", "where", "line", "message", "suggestion"}
    assert line_of(text, words) in {problem["line"] for problem in problems}
    assert list(files_in(here)) == ["mine/study.yaml"], "something was made for a study that cannot be used"
    assert file.read_text() == text


@pytest.mark.usefixtures("here")
def test_every_problem_is_said_at_once() -> None:
    text = changed("    goal: to pay little", "    gaol: to pay little").replace("max_turns: 20", "max_turns: many")
    written(text.replace("tell: seller", "tell: sellr"))
    for command in ("conduct", "check", "run"):
        error = refused(command, "mine").err
        assert all(said in error for said in ("3 problems", "gaol", "many", "sellr"))


def test_a_design_that_cannot_be_planned_is_refused_before_anything_is_frozen(here: Path) -> None:
    written(changed("  assignment: full_factorial", "  assignment: random_subset\n  sessions: 100"))
    for command in ("conduct", "run"):
        assert "asks for 100 sessions, but the full factorial has 9" in refused(command, "mine").err
    assert list(files_in(here)) == ["mine/study.yaml"]
    data = refused_check_data("mine")
    assert data["error"]["code"] == "invalid_study"
    assert data["data"]["problems"][0]["severity"] == "error"


def refused_check_data(folder: str) -> dict[str, Any]:
    """A check that finds errors: one object with the error and all that was found."""
    ended = silicus("check", folder, "--json")
    assert (ended.code, ended.answer["status"]) == (2, "error")
    return ended.answer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conduct", "mugg"), "Did you mean 'mug'?"),
        (("conduct", ""), "it has no words"),
        (("conduct", "no/such/study.yaml"), "there is no file or folder 'no/such/study.yaml'"),
        (("conduct", "."), "there is no study.yaml"),
        (("conduct", "mug", "--sessions", "406"), "the full factorial has 405"),
        (("conduct", "mug", "--law", "nois=2"), "Did you mean 'noise'?"),
        (("conduct", "mug", "--law", "noise"), "a name and a number"),
        (("conduct", "mug", "--law", "noise=nan"), "a name and a number"),
        (("conduct", "mug", "--law", "step=0"), "expected a number above 0, got 0"),
        (("conduct", "mug", "--law", "noise=-1"), "expected a number of at least 0, got -1"),
        (("conduct", "mug", "--effect", "budget=0.1"), "buyer_budget"),
        (("conduct", "mug", "--participant", "rehersal:linear"), "there is no"),
        (("conduct", "mug", "--participant", "rehearsal:bargainig"), "Did you mean 'rehearsal:bargaining'?"),
        (("conduct", "mug", "--participant", "rehearsal:hearing"), "the hearing law needs a role that decides"),
        (("run", "nowhere"), "there is no folder nowhere"),
        (("tabulate", "nowhere"), "there is no folder nowhere"),
        (("report", "nowhere"), "there is no folder nowhere"),
        (("show", "nowhere"), "there is no folder nowhere"),
        (("estimate", "nowhere"), "a table needs a formula"),
        (("estimate", "rows.csv", "--formula", "y ~ x"), "there is no such file"),
        (("estimate", "a" * 300, "--formula", "y ~ x"), "too long"),
        (("draft", "mug", "--folder", "a" * 300), "too long"),
        (("import", "nowhere.json"), "No such file"),
        (("laws", "mugg"), "Did you mean 'mug'?"),
        (("conduct",), "SCENARIO_OR_STUDY"),
        (("conduct", "mug", "--sessions", "0"), "--sessions"),
        (("conduct", "mug", "--seed", "x"), "--seed"),
        (("conduct", "mug", "--sesions", "3"), "--sesions"),
        (("conducct", "mug"), "conducct"),
    ],
)
def test_a_command_that_cannot_be_done_says_so_in_words_and_in_json(
    here: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(*words).err
    error = refused(*words, "--json").error
    assert said in f"{error['message']} {error['suggestion']}"
    assert files_in(here) == {}


def test_bytes_that_are_no_text_are_refused(here: Path) -> None:
    (here / "study.yaml").write_bytes(b"format: 1\nname: \xff\xfe\n")
    assert "UTF-8" in refused("conduct", "study.yaml").err
    name = os.fsdecode(b"\xff\xfe")
    assert "no file or folder here" in refused("conduct", name).err
    assert refused("conduct", name, "--json").error["code"] == "unknown_library_study"


def test_two_studies_do_not_share_a_folder(here: Path) -> None:
    done("draft", "bail", "--folder", "mine")
    before = files_in(here)
    error = refused("conduct", "mug", "--folder", "mine").err
    for said in ("two studies in one folder", "scenario.text", "--folder mug"):
        assert said in error
    assert files_in(here) == before
    (here / "other").mkdir()
    (here / "other" / "notes.txt").write_text("mine")
    assert "holds other files (notes.txt)" in refused("conduct", "mug", "--folder", "other").err
    assert refused("import", "x.json", "--json").error["code"] == "import_file"


def test_an_edited_study_with_data_is_refused_with_the_difference_and_the_way_on(here: Path) -> None:
    file = written(SMALL)
    done("run", "mine")
    file.write_text(changed("values: [5, 12, 20]", "values: [5, 12, 21]"))
    rows = "SELECT * FROM session_attempt JOIN completion USING (session_id)"
    before = query(here / "mine" / "archive.sqlite", rows)
    for command in ("conduct", "run", "report"):
        error = refused(command, "mine").err
        for said in ("edited", "values", "[5, 12, 20]", "[5, 12, 21]", "silicus conduct mine/study.yaml --folder"):
            assert said in error
    assert refused("run", "mine", "--json").error["code"] == "study_edited"
    assert "study_edited" in silicus("check", "mine").out
    assert query(here / "mine" / "archive.sqlite", rows) == before
    # The way that it names is a way.
    suggested = refused("conduct", "mine").err.split("silicus ")[1].split()
    assert "9 sessions held" in done(*suggested).said
    # And so is the other: undone, it goes on where it was. Comments are no edits.
    file.write_text("# a comment\n" + SMALL)
    assert "9 sessions held before" in done("run", "mine").said


def test_options_that_change_a_study_with_data_are_refused(here: Path) -> None:
    written(SMALL)
    done("run", "mine")
    before = files_in(here)
    error = refused("conduct", "mine", "--seed", "9").err
    assert all(said in error for said in ("design.seed: 1 -> 9", "--folder"))
    assert files_in(here) == before


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders are of Unix")
def test_a_folder_that_cannot_be_written_is_refused_and_can_still_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:  # not under pytest's own, which nobody else may enter
        Path(name).chmod(0o755)
        monkeypatch.chdir(name)
        sealed = written(SMALL).parent
        done("conduct", "mine")  # which also imports all that nobody may have to read from somebody's home
        before = files_in(sealed)
        for path in sealed.iterdir():
            path.chmod(0o444)
        sealed.chmod(0o555)
        with as_nobody():
            for command in ("conduct", "run", "tabulate", "report"):
                assert "permission" in refused(command, "mine").err
            assert "permission" in refused("draft", "mug", "--folder", "mine/mug").err
            assert refused("run", "mine", "--json").error["code"] == "no_permission"
            session = done("show", "mine").out.split()[0]
            assert "Did they agree?" in done("show", "mine", session).out
        sealed.chmod(0o755)
        assert files_in(sealed) == before


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: writing then fails as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of file size are of Unix")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(here: Path) -> None:
    written(SMALL)
    archive = here / "mine" / "archive.sqlite"
    with full_disk(122_880):
        error = refused("run", "mine", "--json").error
    assert error["code"] in ("disk_full", "disk_error")
    assert "disk" in error["message"]
    assert query(archive, "PRAGMA integrity_check") == [("ok",)]
    assert query(archive, "SELECT COUNT(*) FROM session")[0][0] < 9
    done("conduct", "mine")
    assert query(archive, "SELECT COUNT(*), COUNT(DISTINCT session_id) FROM session_attempt") == [(9, 9)]


def test_a_file_that_does_not_fit_on_the_disk_is_not_half_there(here: Path) -> None:
    written(SMALL)
    done("conduct", "mine")
    before = files_in(here)
    with full_disk(len(before["mine/report.html"]) // 2):
        assert "report.html could not be written" in refused("report", "mine").err
    assert files_in(here) == before


@pytest.mark.parametrize("damage", ["cut", "zeroed", "another", "empty", "altered"])
def test_a_damaged_archive_is_refused_and_left_as_it_is(here: Path, damage: str) -> None:
    written(SMALL)
    done("run", "mine")
    archive = here / "mine" / "archive.sqlite"
    whole = archive.read_bytes()
    words = b"I can offer"
    spoilt = {
        "cut": whole[: len(whole) // 2],
        "zeroed": whole[:4096] + bytes(8192) + whole[12288:],
        "another": b"GIF89a" + whole[6:],
        "empty": b"",
        "altered": whole.replace(words, b"I can suffr"),
    }[damage]
    assert spoilt != whole
    archive.write_bytes(spoilt)
    for command in ("tabulate", "report"):
        error = refused(command, "mine").err
        assert "archive.sqlite" in error
        assert any(said in error for said in ("damaged", "no archive", "another program"))
    assert archive.read_bytes() == spoilt
    ended = silicus("conduct", "mine")
    assert ended.code == 2
    assert "Error: " in ended.err
    assert not (here / "mine" / "report.html").exists()
    archive.write_bytes(whole)
    done("tabulate", "mine")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b'{"variables": [', "breaks off"),
        (b"\x89PNG\r\n\x1a\n", "not text"),
        (b"[1, 2, 3]", ""),
        (b'{"an": "object", "of": "another program"}', ""),
        (b'"a string"', ""),
    ],
)
def test_a_damaged_import_file_is_refused(here: Path, content: bytes, said: str) -> None:
    file = here / "scm.json"
    file.write_bytes(content)
    assert said in refused("import", "scm.json", "--folder", "imported").err
    assert refused("import", "scm.json", "--json").error["code"] == "import_file"
    assert list(files_in(here)) == ["scm.json"]
    assert not (here / "imported").exists()


def test_a_file_where_a_folder_should_be_is_refused(here: Path) -> None:
    (here / "taken").write_text("mine")
    assert "taken" in refused("conduct", "mug", "--folder", "taken").err
    assert "taken" in refused("conduct", "mug", "--folder", "taken/inside").err
    assert "is a file" in refused("run", "taken").err
    assert "cannot be read" in refused("import", ".").err
    assert (here / "taken").read_text() == "mine"


def test_two_processes_do_not_conduct_one_study(here: Path) -> None:
    from silicus.execution.folder import open_archive, open_folder, read_study

    written(SMALL)
    done("run", "mine")
    folder = open_folder(here / "mine")
    with open_archive(folder, read_study(folder), write=True):
        assert "is being conducted by process" in refused("run", "mine").err
        done("show", "mine")
