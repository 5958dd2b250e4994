"""A folder to work in, a server of language models that can fail, and the same study held without any disturbance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from laboratory import KEY, Laboratory
from loopback import Loopback
from loopback_players import Players

from silicus.llm import adapters
from silicus.llm.line import Limits


@pytest.fixture
def players() -> Players:
    """Who answers."""
    return Players()


@pytest.fixture
def server(players: Players) -> Iterator[Loopback]:
    """Where they answer."""
    with Loopback(players) as running:
        yield running


@pytest.fixture(params=["openai", "anthropic"])
def provider(request: pytest.FixtureRequest) -> str:
    """Each wire format."""
    name: str = request.param
    return name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which the first pauses between tries are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setattr(adapters, "Limits", partial(Limits, first_wait_s=0.01, longest_wait_s=0.1, patience_s=4.0))
    return tmp_path


@pytest.fixture
def lab(here: Path, server: Loopback, players: Players, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    """Both providers' addresses lead to the server, with a key."""
    for name, address in (("OPENAI", server.openai_url), ("ANTHROPIC", server.url)):
        monkeypatch.setenv(f"{name}_BASE_URL", address)
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    return Laboratory(here, server, players)
