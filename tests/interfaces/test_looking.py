"""Help, transcripts, the library, the laws: what there is to look at, on any terminal, in any pipe."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from command_line import command_in_python, done, files_in, refused, silicus
from stand_ins import bargaining_study

from silicus.concepts.study_yaml import study_to_yaml
from silicus.interfaces.cli.main import app, run

COMMANDS = [str(command.name) for command in app.registered_commands]
PATH_VERBS = ["conduct", "draft", "check", "run", "tabulate", "estimate", "report"]


@pytest.fixture
def mine(here: Path) -> Path:
    """A study folder with nine sessions held."""
    (here / "small.yaml").write_text(study_to_yaml(bargaining_study()))
    done("draft", "small.yaml", "--folder", "mine")
    done("run", "mine")
    return here / "mine"


def help_of(*words: str) -> str:
    ended = done(*words, "--help")
    return re.sub(r"\s+", " ", re.sub(r"[│╭╮╰╯─]", " ", ended.out))


def test_help_lists_the_verbs_in_the_order_of_the_path() -> None:
    text = help_of()
    places = [text.index(f" {verb} ") for verb in PATH_VERBS]
    assert places == sorted(places)
    assert "Start with: silicus conduct mug." in text
    assert silicus().out == done("--help").out == done("-h").out
    assert re.fullmatch(r"silicus \d+\.\d+\.\d+\n", done("--version").out)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example_that_could_be_typed(command: str) -> None:
    told, _, rest = help_of(command).partition("Arguments")
    told, explained = (told, rest) if rest else (told.partition("Options")[0], told.partition("Options")[2])
    assert "Example" in told
    examples = [part for part in told.partition("Example")[2].split(" silicus ") if part.startswith(command)]
    assert examples
    for option in re.findall(r" (--\w+)", " ".join(examples)):
        assert f"{option} " in explained, f"{option} is shown in an example and not explained"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("models", "serve")])
def test_every_command_can_answer_in_json(command: str) -> None:
    assert "--json" in help_of(command)


def test_each_command_prints_one_json_object_and_nothing_else(mine: Path) -> None:
    session = next(iter(done("show", "mine", "--json").answer["data"]))
    (mine.parent / "rows.csv").write_text("y,x\n1,2\n2,3\n3,5\n4,4\n6,7\n7,6\n")
    for words in (
        ("conduct", "mine"), ("draft", "mug", "--folder", "drafted"), ("check", "mine"), ("run", "mine"),
        ("tabulate", "mine"), ("estimate", "mine"), ("estimate", "mine", "--formula", "deal ~ budget"),
        ("estimate", "rows.csv", "--formula", "y ~ x"), ("report", "mine"), ("show", "mine"), ("show", "mine", session),
        ("show", "mine", session, "--prompts"), ("library",), ("laws",), ("laws", "mine"),
    ):  # fmt: skip
        ended = done(*words, "--json")
        assert ended.answer["status"] == "ok", words
        assert ended.answer["error"] is None
        assert ended.answer["data"]


@pytest.mark.usefixtures("mine")
def test_a_transcript_shows_who_said_and_did_what_and_what_was_asked() -> None:
    listed = done("show", "mine").out.splitlines()
    assert len(listed) == 9
    assert all(line.endswith("  complete") for line in listed)
    session = "budget=12,minimum=4,replicate=1"
    text = done("show", "mine", session).out
    assert text.startswith(session)
    for said in ("1 buyer: I can offer", "[offer: ", "ended by", "asked of coder: Did they agree?", "read as 1.0"):
        assert said in text
    data = done("show", "mine", session, "--prompts", "--json").answer["data"]
    assert [call["ordinal"] for call in data["calls"]] == list(range(1, len(data["turns"]) + 2))
    prompts = done("show", "mine", session, "--prompts").out
    for call in data["calls"]:
        assert json.loads(call["request"])["messages"][-1]["content"].splitlines()[0] in prompts
    assert f"Did you mean '{session}'?" in refused("show", "mine", session.replace("replicate=1", "replicate=2")).err


def test_the_library_lists_the_four_published_studies() -> None:
    found = {entry["name"]: entry["sessions"] for entry in done("library", "--json").answer["data"]}
    assert found == {"mug": 405, "bail": 245, "interview": 80, "auction": 343}
    for name in found:
        assert name in done("library").out


def test_laws_state_the_numbers_that_a_study_would_be_played_with(here: Path) -> None:
    for name in ("bargaining", "auction", "hearing", "interview", "linear"):
        assert f"rehearsal:{name}" in done("laws").out
    (law,) = done("laws", "bail", "--json").answer["data"]
    assert (law["law"], law["numbers"]["convictions"], law["numbers"]["noise"]) == ("hearing", 521.53, 13355)
    done("draft", "mug", "--folder", "mine")
    file = here / "mine" / "study.yaml"
    file.write_text(
        file.read_text().replace(
            "participant: rehearsal:bargaining", "participant: {llm: rehearsal:bargaining, law: {noise: 2}}"
        )
    )
    (law,) = done("laws", "mine", "--json").answer["data"]
    assert law["numbers"]["noise"] == 2
    assert re.search(r"noise +2 ", done("laws", "mine").out)


def test_check_lists_design_calls_and_every_finding_and_makes_nothing(here: Path) -> None:
    ended = done("check", "auction", "--replicates", "2")
    for said in ("343 conditions × 2 replicates", "686 sessions", "calls each", "50, 100, 150", "Nothing keeps it"):
        assert said in ended.said
    assert done("check", "mug", "--sessions", "60", "--seed", "3", "--json").answer["data"]["sessions"] == 60
    million = (
        study_to_yaml(bargaining_study())
        .replace("[5, 12, 20]", str(list(range(1, 1001))))
        .replace("[4, 11, 19]", str(list(range(1, 1001))))
    )
    (here / "million.yaml").write_text(million)
    assert "1,000,000 sessions" in done("check", "million.yaml").said
    assert list(files_in(here)) == ["million.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise on Windows")
def test_a_reader_who_leaves_early_is_no_error_to_talk_about(here: Path) -> None:
    command = shlex.join(command_in_python("laws", "--json"))
    piped = subprocess.run(
        ["sh", "-c", f"{command} | true"], cwd=here, capture_output=True, timeout=60, env={**os.environ}
    )
    assert piped.stderr == b""


def test_signs_that_the_output_cannot_show_are_written_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = BytesIO()
    monkeypatch.setattr(sys, "argv", ["silicus", "check", "mug"])
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(shown, encoding="ascii"))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0
    assert b"buyer_budget (9 values) x seller_minimum (9 values)" in shown.getvalue()
    monkeypatch.setattr(sys, "argv", ["silicus", "check", "mug", "--json"])
    sys.stdout.truncate(0)
    sys.stdout.seek(0)
    with pytest.raises(SystemExit):
        run()
    assert "9 values) × " in json.loads(shown.getvalue())["data"]["design"]
