"""What README.md and docs/ show can be typed: their commands run, their Python runs, their study files are studies.

A document is followed from its first line to its last in one empty folder, as a reader would. In ``sh`` blocks every
line that begins with ``silicus `` is run; in ``console`` blocks (``$ silicus …``), which may need files of the
reader's, the commands are only read. A block is left out where an HTML comment stands above it that begins with
``not run``:

    <!-- not run: it needs a key -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import done, silicus

from silicus.interfaces.cli.main import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT_OUT = re.compile(r"<!--\s*not run[^>]*-->\s*\Z")
_SAVED_AS = re.compile(r"[Ss]ave this as `(?P<name>[\w.-]+)`[^`]*(?:`[^`]+`[^`]*)*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block, and the text between the block before it and itself."""

    kind: str
    text: str
    before: str

    @property
    def left_out(self) -> bool:
        return _LEFT_OUT.search(self.before) is not None

    def commands(self) -> Iterator[str]:
        """The commands of silicus in it, as they would be typed."""
        prompt = {"sh": "silicus ", "bash": "silicus ", "console": "$ silicus "}.get(self.kind)
        for line in self.text.replace("\\\n", " ").splitlines():
            if prompt is not None and line.startswith(prompt):
                yield line.removeprefix("$ ")


def blocks_of(document: Path) -> list[Block]:
    text, blocks, end = document.read_text(encoding="utf-8"), [], 0
    for found in _FENCE.finditer(text):
        blocks.append(Block(found["kind"], found["text"], text[end : found.start()]))
        end = found.end()
    return blocks


def shown(kinds: tuple[str, ...]) -> list[Path]:
    """The documents that have blocks of these kinds to run."""
    return [each for each in DOCUMENTS if any(b.kind in kinds and not b.left_out for b in blocks_of(each))]


def words_of(command: str) -> list[str]:
    return shlex.split(command, comments=True)[1:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_shown_exists_with_its_options(document: Path) -> None:
    group: Any = typer.main.get_command(app)
    for block in blocks_of(document):
        for command in block.commands():
            name, *words = words_of(command)
            if name.startswith("-"):
                continue
            assert name in group.commands, command
            group.commands[name].make_context(f"silicus {name}", words)  # raises where it cannot be read


@pytest.mark.parametrize("document", shown(("sh", "bash")), ids=lambda path: path.name)
def test_the_commands_of_a_document_run_in_their_order(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(document):
        saved = _SAVED_AS.search(block.before)
        if saved is not None:
            (tmp_path / saved["name"]).write_text(block.text, encoding="utf-8")
        if block.kind == "console" or block.left_out:
            continue
        for command in block.commands():
            ended = silicus(*words_of(command))
            assert ended.code == 0, f"{document.name}: {command}\n{ended.out}{ended.err}"


@pytest.mark.parametrize("document", shown(("python",)), ids=lambda path: path.name)
def test_the_python_of_a_document_runs_in_its_order(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks_of(document):
        if block.kind == "python" and not block.left_out:
            exec(compile(block.text, f"{document.name}", "exec"), names)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=document.name)
        for document in DOCUMENTS
        for block in blocks_of(document)
        if block.kind == "yaml" and block.text.startswith("format:") and not block.left_out
    ],
)
def test_a_study_file_shown_is_a_study_that_can_be_conducted(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shown.yaml").write_text(block.text, encoding="utf-8")
    done("check", "shown.yaml")
    assert "6 sessions held" in done("conduct", "shown.yaml", "--sessions", "6", "--folder", "mine").said
