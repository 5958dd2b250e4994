"""The embedded provider with faults and events, for the registry of providers.

The registry makes a provider without arguments, so what shall happen is set on the class.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from silicus.concepts.errors import ProviderError
from silicus.llm import adapters
from silicus.llm.prompt import Completion, Prompt
from silicus.llm.rehearsal.provider import RehearsalProvider
from silicus.plugins import Registry

HERE = Path(__file__).stem


class Watched(RehearsalProvider):
    """The embedded provider, counted, with something happening before it answers a certain call."""

    calls: ClassVar[int] = 0
    events: ClassVar[Mapping[int, Callable[[], None]]] = {}
    fails: ClassVar[Callable[[str], bool]] = staticmethod(lambda _: False)
    """Whether the session of an id gets no answer."""

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        await asyncio.sleep(0)  # as with a real one, other sessions go on meanwhile
        Watched.calls += 1
        event = Watched.events.get(Watched.calls)
        if event is not None:
            event()
        assert prompt.cue is not None
        if Watched.fails(prompt.cue.session.session_id):
            raise ProviderError("the line is dead", suggestion="Try again later.")
        return await super().complete(prompt, model_name)


def watched(
    monkeypatch: pytest.MonkeyPatch,
    *,
    fails: Callable[[str], bool] = lambda _: False,
    events: Mapping[int, Callable[[], None]] | None = None,
) -> type[Watched]:
    """Let the registry know this provider by the embedded one's name, until the end of the test."""
    registry = Registry("silicus.providers", {"rehearsal": f"{HERE}:Watched", "watched": f"{HERE}:Watched"})
    monkeypatch.setattr(adapters, "PROVIDERS", registry)
    monkeypatch.setattr(Watched, "calls", 0)
    monkeypatch.setattr(Watched, "fails", staticmethod(fails))
    monkeypatch.setattr(Watched, "events", events or {})
    return Watched


def stop() -> None:
    """What Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def kill_once_recorded(archive: Path, calls: int) -> None:
    """``kill -9``, when so many calls are safe on the disk; half a minute at most is waited for that."""
    uri = f"{archive.absolute().as_uri()}?mode=ro"
    until = time.monotonic() + 30
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        while time.monotonic() < until:
            if connection.execute("SELECT COUNT(*) FROM completion").fetchone()[0] >= calls:
                break
    os.kill(os.getpid(), signal.SIGKILL)
