"""The command line as a user meets it: what it printed, and with which exit code it ended."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from silicus.interfaces.cli.main import run

SUPPORT = Path(__file__).parent
_WITH_PATHS = "import sys; sys.path.insert(0, {support!r}); "
_ENTRY = "from silicus.interfaces.cli.main import run; run()"


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it printed, line breaks taken out."""
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object that stands on standard output, and nothing else there."""
        content = json.loads(self.out)
        assert isinstance(content, dict)
        assert list(content) == ["status", "data", "error"]
        assert self.out.endswith("}\n")
        assert self.out.count("\n") == 1
        return content

    @property
    def error(self) -> dict[str, Any]:
        """The error in that object, which then holds no data."""
        content = self.answer
        assert (content["status"], content["data"]) == ("error", None)
        assert set(content["error"]) >= {"code", "message", "suggestion"}
        error: dict[str, Any] = content["error"]
        return error


def silicus(*words: str | Path) -> Ended:
    """Run a command in this process, in the current folder."""
    out, err = StringIO(), StringIO()
    argv = ["silicus", *map(str, words)]
    with mock.patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            run()
        except SystemExit as ending:
            code = ending.code
        except KeyboardInterrupt:
            pytest.fail("Ctrl-C came through")
        else:
            code = 0
    assert isinstance(code, int)
    return Ended(code, out.getvalue(), err.getvalue())


def refused(*words: str | Path) -> Ended:
    """Run a command that cannot be done as asked: exit code 2, an error and what to do, and no traceback."""
    ended = silicus(*words)
    assert ended.code == 2, ended.said
    assert "Traceback" not in ended.said
    if "--json" in words:
        assert ended.error["message"]
        assert ended.error["suggestion"]
    else:
        assert ended.out == ""
        assert ended.err.startswith("Error: ")
        assert len(ended.err.splitlines()) > 1, f"it says nothing of what to do: {ended.err}"
    return ended


def done(*words: str | Path) -> Ended:
    """Run a command that does all that it was asked."""
    ended = silicus(*words)
    assert ended.code == 0, ended.said
    assert ended.err == ""
    return ended


def in_process_of_its_own(
    *words: str | Path, where: Path, before: str = "", env: Mapping[str, str] | None = None
) -> Ended:
    """Run a command in a process of its own, after the Python statements ``before``."""
    surroundings = {"MPLBACKEND": "Agg", "NO_COLOR": "1", **os.environ, **(env or {})}
    ended = subprocess.run(
        command_in_python(*words, before=before), cwd=where, env=surroundings, capture_output=True, timeout=120
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def command_in_python(*words: str | Path, before: str = "") -> Sequence[str]:
    """What starts a command in a Python of its own; the test support can be imported there."""
    code = _WITH_PATHS.format(support=str(SUPPORT)) + f"{before}\n{_ENTRY}"
    return [sys.executable, "-c", code, *map(str, words)]


@contextmanager
def as_nobody() -> Iterator[None]:
    """As somebody whom permissions bind, also where the tests are run by root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def query(archive: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask an archive with SQLite itself, as another program would."""
    with closing(sqlite3.connect(f"{archive.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
