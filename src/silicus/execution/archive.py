"""What happened in a study: every session, every call, the frozen plan. Append-only; survives ``kill -9``.

One process conducts and writes; any number may read meanwhile. ``archive_rows`` has the layout, ``archive_writer`` the
thread that writes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import metadata
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from silicus.concepts.errors import ArchiveError, SilicusError
from silicus.concepts.study import Study
from silicus.concepts.transcript import Status, Transcript
from silicus.execution.archive_rows import (
    APPLICATION_ID,
    ARCHIVE_FORMAT,
    CALL,
    RESPONSE,
    SCHEMA,
    SESSION,
    TURN,
    FaultRow,
    Row,
    Table,
    call_from,
    checksum_of,
    row_of_call,
    rows_of_session,
    transcript_from,
)
from silicus.execution.archive_writer import ArchiveWriter
from silicus.execution.atomic_file import move_into_place
from silicus.execution.conductor_lock import ConductorLock
from silicus.execution.disk_faults import damaged, refused_by_disk, refused_by_sqlite
from silicus.llm.calls import Call
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Draw, storable

__all__ = ["Archive", "Ledger", "LedgerRow"]

_BESIDE = ("-wal", "-journal")  # where SQLite keeps what is not in the file itself yet


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What the calls of one language model in one seat took.

    Attributes
    ----------
    llm, seat
        Who was asked, as what; empty in a total.
    calls, tokens_in, tokens_out
        Counts; the tokens are the provider's.
    tokens_cached, tokens_reasoning
        How many of the tokens sent a prefix cache paid for, and how many of those received were reasoning.
    cost
        Money in US dollars; None where the cost of any of the calls is not known.
    seconds
        Time spent waiting for answers, summed over calls (many wait at once).
    """

    llm: str
    seat: str
    calls: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    tokens_reasoning: int
    cost: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a study's calls took, by language model and seat; every attempt counts."""

    rows: tuple[LedgerRow, ...]

    @property
    def total(self) -> LedgerRow:
        """All rows together."""
        costs = [row.cost for row in self.rows]
        return LedgerRow(
            llm="",
            seat="",
            calls=sum(row.calls for row in self.rows),
            tokens_in=sum(row.tokens_in for row in self.rows),
            tokens_cached=sum(row.tokens_cached for row in self.rows),
            tokens_out=sum(row.tokens_out for row in self.rows),
            tokens_reasoning=sum(row.tokens_reasoning for row in self.rows),
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
            seconds=sum(row.seconds for row in self.rows),
        )


class Archive:
    """The record of a study. Make one with :meth:`create` or :meth:`open`, and close it (or use ``with``).

    Attributes
    ----------
    path
        The file.
    study_fingerprint
        Fingerprint of the plan that was frozen when the archive was made.
    """

    def __init__(self, path: Path, *, readonly: bool, resources: contextlib.ExitStack) -> None:
        self.path = path
        self._resources = resources
        self._writer: ArchiveWriter | None = None
        self.study_fingerprint, self._study_json, self._version = _inspected(path)
        if not readonly:
            self._writer = ArchiveWriter(path)
            resources.callback(self._writer.close)
        self._reader = resources.enter_context(contextlib.closing(_reading_connection(path)))

    @classmethod
    def create(cls, path: Path, study: Study) -> Archive:
        """Make the archive of a study, which freezes the plan, and open it for writing.

        Raises
        ------
        ArchiveError
            There is one already (``archive_exists``), or another process conducts here (``archive_in_use``).
        FolderError
            The folder cannot be written.
        """
        with contextlib.ExitStack() as resources:
            resources.callback(_lock(path).release)
            for present in (path, *(path.with_name(path.name + ending) for ending in _BESIDE)):
                if present.exists():
                    raise ArchiveError(
                        f"{present} exists already",
                        suggestion="Open it, or move it away together with every file whose name starts as it does.",
                        code="archive_exists",
                    )
            _build(path, study)
            return cls._opened(path, readonly=False, resources=resources)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Archive:
        """Open an archive, also one whose process was killed.

        Parameters
        ----------
        path
            The file.
        readonly
            Read only: possible while another process conducts the study.

        Raises
        ------
        ArchiveError
            It is missing, damaged, not an archive, of a newer format, or another process conducts the study; a
            damaged file is left as it is.
        """
        _require_content(path)
        with contextlib.ExitStack() as resources:
            if not readonly:
                resources.callback(_lock(path).release)
            return cls._opened(path, readonly=readonly, resources=resources)

    @classmethod
    def _opened(cls, path: Path, *, readonly: bool, resources: contextlib.ExitStack) -> Archive:
        archive = cls(path, readonly=readonly, resources=resources)
        archive._resources = resources.pop_all()
        return archive

    @cached_property
    def study(self) -> Study:
        """The plan as it was frozen."""
        try:
            study = Study.model_validate_json(self._study_json)
        except ValidationError as error:
            raise ArchiveError(
                f"the plan in {self.path} cannot be read by this version of silicus: it was written by {self._version}",
                suggestion=f"Install silicus {self._version} to work on this study.",
                code="archive_format",
            ) from error
        return study

    def finished(self) -> dict[str, Status]:
        """How the latest attempt at each session ended, by ``session_id``."""
        return dict(self._rows("SELECT session_id, status FROM session"))

    def unfinished(self) -> frozenset[str]:
        """Sessions with answered calls that were not held to an end: those calls need not be paid for again."""
        return frozenset(
            session_id
            for (session_id,) in self._rows(
                "SELECT DISTINCT session_id FROM completion "
                "WHERE session_id NOT IN (SELECT session_id FROM session WHERE status <> 'failed')"
            )
        )

    def failures(self) -> dict[str, str]:
        """Why sessions failed at the latest attempt, by ``session_id``."""
        return dict(self._rows("SELECT session_id, error FROM session WHERE status = 'failed'"))

    def redrawn(self) -> dict[str, tuple[int, ...]]:
        """Ordinals of the calls whose answers a session could not use, in order, by ``session_id``."""
        rows = self._rows("SELECT session_id, ordinal FROM fault WHERE kind = 'unusable' ORDER BY session_id, ordinal")
        return {name: tuple(ordinal for _, ordinal in group) for name, group in groupby(rows, key=itemgetter(0))}

    def faults(self) -> dict[str, int]:
        """How many requests met which kind of fault, the most frequent first."""
        return dict(self._rows("SELECT kind, COUNT(*) AS number FROM fault GROUP BY kind ORDER BY number DESC, kind"))

    def answered(self, session_id: str) -> dict[str, Completion]:
        """The completions of a session's calls so far, by key of the call."""
        return {call.key: call.completion for call in self.calls(session_id)}

    def calls(self, session_id: str) -> tuple[Call, ...]:
        """Every call of a session with its full request, in order; empty for a session without calls."""
        rows = self._rows(
            f"SELECT {CALL.listed()} FROM completion WHERE session_id = ? ORDER BY ordinal, attempt, finished_at",
            session_id,
        )
        with _intelligible(self.path):
            return tuple(map(call_from, rows))

    def record_call(self, call: Call) -> None:
        """Keep an answered call; it is committed within milliseconds.

        Raises
        ------
        ArchiveError
            This call cannot be recorded, or an earlier record could not be written (this one is kept in memory and
            tried again by :meth:`flush`).
        """
        self._writing().put(row_of_call(call))

    def record_fault(self, draw: Draw, number: int, llm: str, error: CallError) -> None:
        """Keep a request that brought no answer: try ``number`` of a call; raises as :meth:`record_call`."""
        columns = (draw.session_id, draw.ordinal, number, llm, error.kind, storable(error.message), time.time())
        self._writing().put(FaultRow(columns))

    def record_session(self, transcript: Transcript, started_at: float) -> None:
        """Keep a held session as a new attempt, after the calls recorded before it.

        Parameters
        ----------
        transcript
            What happened.
        started_at
            When the session began, in seconds since 1970 (``time.time()``).

        Raises
        ------
        ArchiveError
            As :meth:`record_call`.
        """
        self._writing().put(rows_of_session(transcript, started_at, time.time()))

    def flush(self) -> None:
        """Return when everything recorded is committed; raises ArchiveError where it cannot be (a full disk)."""
        if self._writer is not None:
            self._writer.flush()

    def transcripts(self, *, status: Collection[Status] | None = None) -> Iterator[Transcript]:
        """The latest attempt at each session, ordered by ``session_id``, one at a time.

        Parameters
        ----------
        status
            Only sessions that ended so; by default all.
        """
        if status is None:
            return self._transcripts("1")
        return self._transcripts(f"s.status IN ({', '.join('?' * len(status))})", *status)

    def transcript(self, session_id: str) -> Transcript:
        """The latest attempt at one session; raises SilicusError with the nearest id where there is none."""
        with contextlib.closing(self._transcripts("s.session_id = ?", session_id)) as found:
            for transcript in found:
                return transcript
        known = [known_id for (known_id,) in self._rows("SELECT session_id FROM session ORDER BY session_id")]
        close = get_close_matches(session_id, known, n=1)
        if close:
            advice = f"Did you mean '{close[0]}'?"
        elif known:
            advice = f"Sessions are named like '{known[0]}'; {len(known)} have been held."
        else:
            advice = "No session has been held yet."
        raise SilicusError(f"there is no session '{session_id}'", suggestion=advice, code="unknown_session")

    def ledger(self) -> Ledger:
        """Calls, tokens, money and time by language model and seat."""
        columns = "llm, seat, calls, tokens_in, tokens_cached, tokens_out, tokens_reasoning, cost, seconds"
        rows = self._rows(f"SELECT {columns} FROM ledger ORDER BY llm, seat")
        return Ledger(tuple(LedgerRow(*row) for row in rows))

    def close(self) -> None:
        """Commit what is left and let others conduct; raises ArchiveError where something could not be written."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _writing(self) -> ArchiveWriter:
        if self._writer is None:
            raise ArchiveError(f"the archive {self.path} was opened for reading only", code="archive_readonly")
        return self._writer

    def _rows(self, query: str, *values: str) -> list[Row]:
        self.flush()
        with _intelligible(self.path):
            return self._reader.execute(query, values).fetchall()

    def _transcripts(self, which: str, *values: str) -> Generator[Transcript]:
        # One read transaction over three cursors in the same order: constant memory, no query a session. On a
        # connection of its own, so that several can be under way.
        self.flush()
        with _intelligible(self.path), contextlib.closing(_reading_connection(self.path)) as reader:
            reader.execute("BEGIN")
            sessions = reader.execute(
                f"SELECT {SESSION.listed('s')} FROM session AS s WHERE {which} ORDER BY s.session_id", values
            )
            turns = _by_session(reader.execute(_parts(TURN, "number", which), values))
            responses = _by_session(reader.execute(_parts(RESPONSE, "position", which), values))
            for session in sessions:
                yield transcript_from(session, turns(session[0]), responses(session[0]))


def _parts(table: Table, order: str, which: str) -> str:
    """The query for the rows of a table that belong to the latest attempts."""
    return (
        f"SELECT {table.listed('part')} FROM session AS s CROSS JOIN {table.name} AS part "
        f"ON part.session_id = s.session_id AND part.attempt = s.attempt "
        f"WHERE {which} ORDER BY s.session_id, part.{order}"
    )


def _by_session(rows: Iterable[Row]) -> Callable[[str], Sequence[Row]]:
    """From rows ordered by session, a function that hands out one session's rows; to be asked in the same order."""
    groups = groupby(rows, key=itemgetter(0))
    upcoming = next(groups, None)

    def of_session(session_id: str) -> Sequence[Row]:
        nonlocal upcoming
        if upcoming is None or upcoming[0] != session_id:
            return ()
        own = tuple(upcoming[1])
        upcoming = next(groups, None)
        return own

    return of_session


@contextlib.contextmanager
def _intelligible(path: Path) -> Iterator[None]:
    """Turn what a damaged or locked archive raises into an ArchiveError."""
    try:
        yield
    except sqlite3.Error as error:
        raise refused_by_sqlite(error, path) from error
    except (ValueError, zlib.error) as error:
        raise damaged(path, str(error)) from error


def _lock(path: Path) -> ConductorLock:
    return ConductorLock(path.with_suffix(".lock"))


def _build(path: Path, study: Study) -> None:
    """Write a new archive under another name and move it into place: there is never half an archive."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {ARCHIVE_FORMAT}")
            connection.executescript(f"BEGIN; {SCHEMA}")
            row = (
                *(ARCHIVE_FORMAT, study.name, study.fingerprint),
                *(json.dumps(study.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False), _version()),
                time.time(),
            )
            connection.execute("INSERT INTO meta VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, checksum_of(*row)))
            connection.execute("COMMIT")
        move_into_place(new, path)
    except sqlite3.Error as error:
        new.unlink(missing_ok=True)
        raise refused_by_sqlite(error, path) from error
    except OSError as error:
        raise refused_by_disk(error, path, "written") from error


def _version() -> str:
    try:
        return metadata.version("silicus")
    except metadata.PackageNotFoundError:
        return "unknown"


def _reading_connection(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing in the archive.

    Where SQLite cannot read without writing, it may: after a kill in the very act of closing it first undoes a
    half-made change. In a read-only folder it may not, and where nothing is beside the archive it need not
    (``immutable``).
    """
    ways = ["mode=ro", "mode=rw"]
    if not any(path.with_name(path.name + ending).exists() for ending in _BESIDE):
        ways.append("immutable=1")
    for how in ways[:-1]:
        try:
            return _connected(path, how)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
    return _connected(path, ways[-1])


def _connected(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT COUNT(*) FROM sqlite_master")
    except BaseException:  # also where SQLite's own message is no text, as with a damaged schema
        connection.close()
        raise
    return connection


def _require_content(path: Path) -> None:
    """Stop at a file that SQLite would take for a new database."""
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        advice = "Run the study first, or restore the archive from a copy."
        raise ArchiveError(f"there is no archive {path}", suggestion=advice, code="archive_missing") from error
    except OSError as error:
        raise refused_by_disk(error, path, "read") from error
    if path.is_dir():
        advice = "Move it away, or use another folder."
        raise ArchiveError(f"{path} is a folder and no archive", suggestion=advice, code="not_an_archive")
    if size == 0:
        raise damaged(path, "it is empty")


def _inspected(path: Path) -> tuple[str, str, str]:
    """Make sure that a file is an archive, whole and readable; its study's fingerprint and JSON, and who wrote it."""
    with _intelligible(path), contextlib.closing(_reading_connection(path)) as reader:
        application, written_format = (
            reader.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if application != APPLICATION_ID:
            raise ArchiveError(
                f"{path} is a database of another program",
                suggestion="Move it away, or use another folder.",
                code="not_an_archive",
            )
        if written_format > ARCHIVE_FORMAT:
            raise ArchiveError(
                f"{path} has format {written_format}; this version of silicus reads up to {ARCHIVE_FORMAT}",
                suggestion="Install a newer version: pip install --upgrade silicus.",
                code="archive_format",
            )
        findings = [finding for (finding,) in reader.execute("PRAGMA quick_check(1)")]
        if findings != ["ok"]:
            raise damaged(path, findings[0])
        *row, checksum = reader.execute("SELECT * FROM meta").fetchone()
        if checksum_of(*row) != checksum:
            raise damaged(path, "its plan is not as it was frozen")
    _, _, fingerprint, study_json, version, _ = row
    return fingerprint, study_json, version
