"""The one thread that writes to the archive, so that a slow disk never holds up a conversation.

What is recorded waits in memory for some milliseconds and is committed together with whatever came meanwhile. A
commit is on the disk when it returns (``synchronous=FULL``): in a thread of its own, and many records to a commit, that
costs next to nothing, and the calls have been paid for. ``kill -9`` or a power cut loses at most what was recorded in
the last moment before it.

Versions of SQLite before 3.51.3 can, very rarely, damage a write-ahead log when two connections write or checkpoint it
at once. Here only one connection does either: this one, guarded by the conductor's lock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from silicus.execution.archive_rows import CALL, FAULT, RESPONSE, SESSION, TURN, FaultRow, Row, SessionRows, Table
from silicus.execution.disk_faults import refused_by_sqlite

__all__ = ["ArchiveWriter"]

_MOST_WAITING = 4000  # records; beyond, the one who records waits for the disk
_MOST_IN_COMMIT = 500
_PAUSE_S = 0.02  # from one commit to the next: what comes meanwhile shares the second's price
_MOST_PLACEHOLDERS = 900  # SQLite before 3.32 allows 999 in one statement
_PATIENCE_S = 30.0


Record = Row | FaultRow | SessionRows


class ArchiveWriter:
    """Takes records at once and commits them in the background, in their order.

    Parameters
    ----------
    path
        The archive, which exists and is locked for this process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._waiting: list[Record] = []
        self._writing: Future[None] | None = None  # done and still here: it failed
        self._hurried = threading.Event()
        self._committed_at = float("-inf")
        try:
            self._connection = _opened(path)
        except sqlite3.Error as error:
            raise refused_by_sqlite(error, path) from error
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="silicus-archive")

    def put(self, record: Record) -> None:
        """Take a call's row, a fault's or a session's rows; raises ArchiveError where an earlier write failed."""
        with self._guard:
            self._waiting.append(record)
            if self._writing is None:
                self._writing = self._pool.submit(self._write_waiting)
            writing, crowded = self._writing, len(self._waiting) > _MOST_WAITING
        if crowded or writing.done():
            writing.result()

    def flush(self) -> None:
        """Return when everything taken is committed; what could not be written before is tried again."""
        with self._guard:
            if self._waiting and (self._writing is None or self._writing.done()):
                self._writing = self._pool.submit(self._write_waiting)
            writing = self._writing
        if writing is not None:
            self._hurried.set()
            try:
                writing.result()
            finally:
                self._hurried.clear()

    def close(self) -> None:
        """Flush, and leave the archive as a single file that can be copied and read anywhere."""
        try:
            self.flush()
        finally:
            self._pool.shutdown()
            self._connection.execute("PRAGMA busy_timeout = 0")
            # Not while somebody reads, or without room: then the log stays beside the archive, committed as it is.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.close()

    def _write_waiting(self) -> None:
        while True:
            if len(self._waiting) < _MOST_IN_COMMIT:
                self._hurried.wait(max(self._committed_at + _PAUSE_S - time.monotonic(), 0.0))
            with self._guard:
                records = self._waiting[:_MOST_IN_COMMIT]
                if not records:
                    self._writing = None
                    return
            self._commit(records)
            self._committed_at = time.monotonic()
            with self._guard:
                del self._waiting[: len(records)]

    def _commit(self, records: list[Record]) -> None:
        calls = [record for record in records if isinstance(record, tuple)]
        sessions = [record for record in records if isinstance(record, SessionRows)]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert(CALL, calls)
            self._insert(FAULT, [record.columns for record in records if isinstance(record, FaultRow)])
            self._insert_sessions(sessions)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise refused_by_sqlite(error, self._path) from error

    def _insert_sessions(self, records: list[SessionRows]) -> None:
        attempts = self._attempts_of({record.session_id for record in records})
        sessions: list[Row] = []
        turns: list[Row] = []
        responses: list[Row] = []
        for record in records:
            attempt = attempts.get(record.session_id, 0) + 1
            attempts[record.session_id] = attempt
            identity = (record.session_id, attempt)
            sessions.append((*identity, *record.session))
            turns += [(*identity, *row) for row in record.turns]
            responses += [(*identity, *row) for row in record.responses]
        self._insert(SESSION, sessions)
        self._insert(TURN, turns)
        self._insert(RESPONSE, responses)

    def _attempts_of(self, session_ids: set[str]) -> dict[str, int]:
        if not session_ids:
            return {}
        asked = ", ".join("?" * len(session_ids))
        query = (
            f"SELECT session_id, MAX(attempt) FROM session_attempt WHERE session_id IN ({asked}) GROUP BY session_id"
        )
        return dict(self._connection.execute(query, tuple(session_ids)))

    def _insert(self, table: Table, rows: list[Row]) -> None:
        # Many rows to a statement: each statement gives up the interpreter's lock, and a busy loop hands it back late.
        at_once = _MOST_PLACEHOLDERS // len(table.columns)
        row_of_placeholders = f"({', '.join('?' * len(table.columns))})"
        for start in range(0, len(rows), at_once):
            chunk = rows[start : start + at_once]
            values = ", ".join([row_of_placeholders] * len(chunk))
            self._connection.execute(
                f"INSERT INTO {table.name} ({table.listed()}) VALUES {values}",
                [value for row in chunk for value in row],
            )


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_PATIENCE_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")  # makes the log this connection's own, which removes it in the end
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
