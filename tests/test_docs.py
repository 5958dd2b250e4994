"""The README and the manual say what is so: pages, links, options, studies, outputs, Python, decisions."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from silicus.concepts.study_yaml import study_from_yaml
from silicus.interfaces.cli.main import run
from silicus.interfaces.cli.output import console
from silicus.llm.cue import Cue
from silicus.llm.prompt import Message, Prompt, request_of
from silicus.studies.library_studies import library_study
from silicus.studies.one_path import check

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NARROW = 80  # columns of a terminal, as the pages show outputs


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def named(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=name_of)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and its line in the page."""

    language: str
    text: str
    line: int


@cache
def blocks_of(page: Path) -> tuple[Block, ...]:
    text = page.read_text(encoding="utf-8")
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return tuple(Block(fence[1], fence[2], text.count("\n", 0, fence.start()) + 1) for fence in fences)


def blocks_in(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks_of(page) if block.language in languages]


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- pages and links


@named([page for page in PAGES if "<!-- generated" in page.read_text(encoding="utf-8")])
def test_a_generated_page_is_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator().renewed(text) == text, "write it anew: .venv/bin/python docs/generate.py"


def test_a_place_that_nothing_is_generated_for_is_told() -> None:
    with pytest.raises(ValueError, match="'weather'"):
        generator().renewed("<!-- generated: weather -->\n<!-- end -->\n")


def slugs_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@named([*PAGES, ROOT / "CONTRIBUTING.md"])
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in slugs_of(place)):
            dead.append(target)
    assert dead == []


def test_every_page_is_reached_from_the_index() -> None:
    linked = set(re.findall(r"\]\(([^)#]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8")))
    assert {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"index.md"} <= linked


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 180


# --- commands and their options


def commands_in(text: str) -> Iterator[str]:
    """Every ``silicus …`` that stands as code: in a block, or between backticks."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"^(?:\$ )?(silicus .*)$", block, re.MULTILINE)
    yield from re.findall(r"`(silicus [^`]+)`", text)


@named(PAGES)
def test_every_command_and_option_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = generator().options_by_command()
    everywhere = set().union(*known.values(), {"--help", "-h", "--version", "--json"})
    unknown = []
    for command in commands_in(text):
        verb = command.split()[1].strip("'\"[")
        options = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", command.partition("#")[0])
        allowed = known.get(verb, set()) | {"--help", "-h"} if not verb.startswith("-") else everywhere
        if verb not in known and not verb.startswith("-"):
            unknown.append(verb)
        unknown += [f"{verb} {option}" for option in options if option not in allowed]
    unknown += [option for option in re.findall(r"`(--[a-z][a-z-]*)", text) if option not in everywhere]
    assert unknown == []


# --- outputs


def shown_outputs(page: Path) -> list[tuple[Block, Block | None]]:
    """Each block of commands, with the block of output that follows it where one does."""
    blocks = blocks_of(page)
    return [
        (block, after if after is not None and after.language == "text" else None)
        for block, after in zip(blocks, [*blocks[1:], None], strict=True)
        if block.language == "sh"
    ]


def said_by(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run one command of a page; ``make demo`` stands for the command in the Makefile."""
    if command == "make demo":
        assert "silicus conduct mug --folder $(DEMO)" in (ROOT / "Makefile").read_text(encoding="utf-8")
        command = "silicus conduct mug --folder demo"
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    code: object = None
    try:
        run()
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert not code, f"{command}: {said}"
    return said.out


def comparable(text: str) -> list[str]:
    """The lines without what differs from run to run or cannot be seen: seconds, kinds of spaces."""
    lines = [re.sub(r"\d+\.\d s\b", "_ s", line).replace("\u00a0", " ").rstrip() for line in text.splitlines()]
    return [line for line in lines if line]


@named([ROOT / "README.md", DOCS / "tutorial.md"])
def test_commands_print_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one new folder, in the order of the page; a page may leave lines of an output out, and adds none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "width", NARROW)
    for commands, output in shown_outputs(page):
        said = "".join(said_by(command, monkeypatch, capsys) for command in commands.text.splitlines())
        printed = iter(comparable(said))
        missing = [line for line in comparable(output.text if output else "") if line not in printed]
        assert missing == [], f"line {commands.line} of the page, printed:\n{said}"


# --- studies


def whole_studies() -> list[tuple[str, str]]:
    found = [
        (f"{name_of(page)}:{block.line}", block.text)
        for page in PAGES
        for block in blocks_in(page, "yaml")
        if block.text.startswith("format:")
    ]
    return [*found, ("docs/every-key.yaml", (DOCS / "every-key.yaml").read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("place", "text"), whole_studies(), ids=[place for place, _ in whole_studies()])
def test_a_study_that_is_shown_can_be_conducted(place: str, text: str) -> None:
    assert check(study_from_yaml(text, source=place)).errors == ()


def test_the_readme_shows_a_study_without_faults() -> None:
    (text,) = [text for place, text in whole_studies() if place.startswith("README.md")]
    assert check(study_from_yaml(text)).problems == ()


# --- Python


@named([ROOT / "README.md", DOCS / "python.md"])
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = blocks_in(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block.text, f"{name_of(page)}:{block.line}", "exec"), names)


# --- what the numbers page counts


def test_the_manual_counts_the_reference_figures() -> None:
    content = json.loads((ROOT / "tests/estimators/reference/lavaan.json").read_text(encoding="utf-8"))
    parameters = sum(len(case["estimates"]) for case in content.values())
    assert f"{len(content)} models, {parameters} parameters" in (DOCS / "numbers.md").read_text(encoding="utf-8")


# --- decisions: short, guarded by tests that exist, and three that only these tests guard


@named(sorted((DOCS / "decisions").glob("*.md")))
def test_a_decision_is_short_and_names_tests_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 25
    assert all(f"**{part}" in text for part in ("Context.", "Decision.", "Consequence.", "Guarded by"))
    guards = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert guards
    absent = [f"{file}::{test}" for file, test in guards if f"def {test}(" not in (ROOT / file).read_text("utf-8")]
    assert absent == []


LEAN = """
format: 1
name: frozen
scenario: two people talking in a room
roles: {ann: {goal: to be cheered up}, bob: {}}
causal_model:
  variables:
    jokes:
      {label: jokes, kind: count, treatment: {tell: bob, phrase: the number of jokes to tell, values: [0, 3]}}
    mood:
      {label: mood, kind: continuous, measure: {ask: ann, question: How do you feel?}}
  paths: [mood ~ jokes]
procedure: {speakers: [bob, ann]}
"""
SPELLED_OUT = """
format: 1
name: frozen
mode: human_proxy
scenario: {text: two people talking in a room, language: en}
roles: {ann: {goal: to be cheered up, constraint: "", attributes: {}}, bob: {goal: "", constraint: ""}}
causal_model:
  variables:
    jokes:
      label: jokes
      kind: count
      levels: []
      operationalisation: ""
      treatment: {tell: [bob], phrase: the number of jokes to tell, values: [0, 3]}
    mood:
      {label: mood, kind: continuous, measure: {ask: ann, question: How do you feel?, items: [], combine: first}}
  paths: [mood ~ jokes]
design: {assignment: full_factorial, replicates: 1, only: {}, seed: 1}
procedure:
  {kind: conversation, turn_order: ordered, speakers: [bob, ann], max_turns: 20, stop: [], actions: {}}
seats: {scientist: rehearsal, participant: rehearsal, coder: {llm: rehearsal, law: {}}, roles: {}}
analysis: {errors: standard, confidence_level: 0.95, censored: exclude}
"""


@pytest.mark.parametrize("text", [LEAN, SPELLED_OUT], ids=["lean", "spelled_out"])
def test_a_fingerprint_leaves_defaults_out_and_stays_what_it_was(text: str) -> None:
    # As it is in format 1. Where this fails, every archive frozen before is without its study.
    assert study_from_yaml(text).fingerprint == "4f7ab32815758aeb"


def test_the_cue_is_no_part_of_a_request() -> None:
    from silicus.designs.plan import plan_sessions

    (session, *_) = plan_sessions(library_study("mug"))
    messages = (Message("user", "It is your turn."),)
    with_cue, without = Prompt(messages, "participant", cue=Cue("speak", session)), Prompt(messages, "participant")
    assert request_of(with_cue, "rehearsal") == request_of(without, "rehearsal")
    assert session.session_id not in request_of(with_cue, "rehearsal")


def test_the_rehearsed_auction_sells_at_the_second_highest_maximum_before_the_cap() -> None:
    from stand_ins import held

    from silicus.designs.plan import plan_sessions

    plan = plan_sessions(library_study("auction"))
    for session in plan[::7]:
        transcript, *_ = held(session)
        maxima = sorted(session.condition.values())
        (price,) = [response.value for response in transcript.responses]
        assert transcript.status == "complete"
        assert len(transcript.turns) < session.procedure.max_turns
        assert price == maxima[1] + (1 if maxima[2] > maxima[1] else 0)


def test_the_lock_has_every_dependency_within_its_bounds() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE):
        locked.setdefault(canonicalize_name(name), []).append(version)
    wanted = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["test"])]
    for requirement in wanted:
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not in requirements.lock: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), requirement
