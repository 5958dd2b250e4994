"""A folder to work in, a server of language models that can fail, and the same study held while nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from laboratory import KEY, Laboratory, draft, run
from loopback import Loopback
from loopback_players import Players

from silicus.llm import adapters
from silicus.llm.line import Limits


def answer_at(patch: pytest.MonkeyPatch, server: Loopback) -> None:
    """Let the addresses of both providers lead to the server, with a key."""
    for name, address in (("OPENAI", server.openai_url), ("ANTHROPIC", server.url)):
        patch.setenv(f"{name}_BASE_URL", address)
        patch.setenv(f"{name}_API_KEY", KEY)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as it ought to be."""
    where = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch, Loopback(Players()) as server:
        patch.chdir(where)
        patch.setenv("XDG_CONFIG_HOME", str(where))
        answer_at(patch, server)
        folder = draft("undisturbed")
        ended = run("undisturbed")
    assert ended.code == 0, ended.said
    return where / folder


@pytest.fixture
def players() -> Players:
    """Who answers."""
    return Players()


@pytest.fixture
def server(players: Players) -> Iterator[Loopback]:
    """Where they answer."""
    with Loopback(players) as running:
        yield running


@pytest.fixture
def patience_s() -> float:
    """How long a call is tried again; a test may say otherwise."""
    return 10.0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience_s: float) -> Path:
    """The current folder, in which the pauses between tries are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    limits = partial(Limits, first_wait_s=0.01, longest_wait_s=0.1, patience_s=patience_s)
    monkeypatch.setattr(adapters, "Limits", limits)
    return tmp_path


@pytest.fixture
def lab(
    here: Path, server: Loopback, players: Players, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> Laboratory:
    """The server known by its addresses, and the study as it ought to be."""
    answer_at(monkeypatch, server)
    return Laboratory(here, server, players, undisturbed)
