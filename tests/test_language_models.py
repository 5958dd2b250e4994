"""The page on language models says what is so: its commands, settings and Python are run against a loopback server."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import done, files_in
from loopback import Reply
from loopback_batches import BatchServer
from loopback_player import play, said_to

from silicus.llm import adapters
from silicus.llm.endpoints import endpoint
from silicus.llm.line import Limits
from silicus.llm.prompt import Completion
from silicus.llm.settings import read_settings
from silicus.plugins import PROVIDERS, Registry

PAGE = Path(__file__).resolve().parents[1] / "docs" / "language-models.md"
KEY = "sk-planted-0123456789abcdef"
ELSEWHERE = ("ollama pull", "pip install")
"""Commands of other programs, which the page shows and this test does not run."""


@dataclass(frozen=True)
class Block:
    language: str
    text: str


def blocks() -> list[Block]:
    text = PAGE.read_text(encoding="utf-8")
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def answer(body: dict[str, Any]) -> str | Reply:
    """A player that also tells how likely a letter is: A where the first option is yes."""
    if not body.get("top_logprobs"):
        return play(body)
    likelier = "A" if "A. yes" in said_to(body) else "B"
    listed = [{"token": letter, "logprob": -0.1 if letter == likelier else -3.0} for letter in "AB"]
    choice = {
        "message": {"role": "assistant", "content": likelier},
        "finish_reason": "stop",
        "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]},
    }
    return Reply(body={"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server in place of every one that the page names, in an empty folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    weights = {**PROVIDERS.built_in, "hf": "loopback_player:PlayedWeights"}
    monkeypatch.setattr(adapters, "PROVIDERS", Registry("silicus.providers", weights))
    with BatchServer(answer, looks=0) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.openai_url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{running.port}")
        yield running


def test_the_whole_page_can_be_followed(server: BatchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    names: dict[str, Any] = {}
    for block in blocks():
        if block.language == "sh":
            for line in block.text.splitlines():
                if line.startswith("export "):
                    monkeypatch.setenv(line.removeprefix("export ").partition("=")[0], KEY)
                elif not line.startswith(ELSEWHERE):
                    done(*shlex.split(line)[1:])
        elif block.language == "toml":
            with (here / "silicus.toml").open("a", encoding="utf-8") as file:
                file.write(re.sub(r"http://[\w.:]+/v1", server.openai_url, block.text))
        else:
            exec(compile(block.text, str(PAGE), "exec"), names)
    folders = {"first", "second", "first-local", "first-lab", "first-weights", "first-replayed"}
    assert folders == {each.name for each in here.iterdir() if each.is_dir()}
    assert (here / "first-replayed/estimates.json").read_text() == (here / "first/estimates.json").read_text()
    asked = {json.dumps(received.body) for received in server.requests if isinstance(received.body, dict)}
    assert {json.loads(body)["model"] for body in asked} >= {
        *("gpt-5-mini", "claude-haiku-4-5", "qwen3:8b", "Qwen/Qwen3-32B", "gpt-4.1-mini"),
    }
    assert dict(zip(names["scores"].options, names["scores"].probabilities, strict=True))["yes"] > 0.9
    assert names["second"]
    assert all(isinstance(each, Completion) for each in names["second"].values())
    assert len(server.batches) == 1
    kept = b"".join(files_in(here).values())
    assert KEY.encode() not in kept


def test_each_piece_of_settings_stands_on_its_own(tmp_path: Path) -> None:
    pieces = [block.text for block in blocks() if block.language == "toml"]
    assert len(pieces) == 3
    for number, piece in enumerate(pieces):
        file = tmp_path / f"{number}.toml"
        file.write_text(piece, encoding="utf-8")
        assert read_settings(file).endpoints


def test_the_numbers_that_the_page_names_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert f"{endpoint('openai').concurrency} calls at once to each endpoint" in text
    assert Limits().patience_s == 120
    assert "for two minutes" in text


def test_the_way_to_a_first_session_is_read_in_two_minutes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    start, *parts = re.split(r"^### .*$", text.partition("## What it costs")[0], flags=re.MULTILINE)
    assert len(parts) == 4
    for part in parts:
        assert len(f"{start} {part}".split()) < 2 * 150  # words, read slowly


def test_a_reader_is_led_here() -> None:
    root = PAGE.parents[1]
    assert "docs/language-models.md" in (root / "README.md").read_text(encoding="utf-8")
    assert "(language-models.md)" in (root / "docs/index.md").read_text(encoding="utf-8")
