"""How an archive is laid out: its tables, and the rows that a call and a transcript become.

Each record carries a checksum of its rows. SQLite keeps none of its own: a flipped bit in a stored answer would
otherwise come back as somebody's answer.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from silicus.concepts.errors import ArchiveError
from silicus.concepts.transcript import Transcript
from silicus.llm.calls import Call
from silicus.llm.prompt import Completion, Draw

__all__ = [
    "APPLICATION_ID",
    "ARCHIVE_FORMAT",
    "CALL",
    "FAULT",
    "RESPONSE",
    "SCHEMA",
    "SESSION",
    "TURN",
    "FaultRow",
    "Row",
    "SessionRows",
    "Table",
    "call_from",
    "checksum_of",
    "row_of_call",
    "rows_of_session",
    "transcript_from",
]

ARCHIVE_FORMAT = 1
APPLICATION_ID = 0x53494C43
"""Stands in the header of every archive: other SQLite files are told apart by it."""

Row = tuple[Any, ...]

_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the archive and its columns, in the order in which rows are written and read."""

    name: str
    columns: tuple[str, ...]

    def listed(self, alias: str = "") -> str:
        """The columns for a SELECT or INSERT."""
        return ", ".join(f"{alias}.{column}" if alias else column for column in self.columns)


CALL = Table(
    "completion",
    (
        *("key", "session_id", "ordinal", "attempt", "seat", "role", "llm", "served", "fingerprint", "finish"),
        *("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning", "cost", "tries", "latency_s", "finished_at"),
        *("request", "raw", "response", "checksum"),
    ),
)
FAULT = Table("fault", ("session_id", "ordinal", "number", "llm", "kind", "message", "happened_at"))
SESSION = Table(
    "session_attempt",
    (
        *("session_id", "attempt", "status", "ended_by", "error", "replicate", "condition"),
        *("calls", "tokens_in", "tokens_out", "started_at", "finished_at", "checksum"),
    ),
)
TURN = Table(
    "turn",
    (
        *("session_id", "attempt", "number", "speaker", "words", "action", "action_value"),
        *("heard_by", "raw", "ordinal", "irregular"),
    ),
)
RESPONSE = Table(
    "response",
    (
        *("session_id", "attempt", "position", "variable", "item", "respondent", "question"),
        *("raw", "value", "missing", "reason", "ordinal"),
    ),
)

_TABLES = """
CREATE TABLE meta (
    format INTEGER NOT NULL,
    study_name TEXT NOT NULL,
    study_fingerprint TEXT NOT NULL,
    study TEXT NOT NULL,                -- the frozen plan, JSON
    silicus_version TEXT NOT NULL,
    created_at REAL NOT NULL,           -- times are seconds since 1970, UTC: datetime(created_at, 'unixepoch')
    checksum INTEGER NOT NULL
);
CREATE TABLE completion (               -- every call to a language model
    key TEXT NOT NULL,                  -- hash of the full request and its draw
    session_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,           -- which call of the session, from 1
    attempt INTEGER NOT NULL,
    seat TEXT NOT NULL,
    role TEXT NOT NULL,
    llm TEXT NOT NULL,                  -- what was asked for, provider:model
    served TEXT NOT NULL,               -- the model that the provider says answered
    fingerprint TEXT NOT NULL,          -- the system fingerprint that it reports
    finish TEXT NOT NULL,               -- stop, length, refusal, content_filter
    tokens_in INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,     -- of tokens_in, paid for by a prefix cache
    tokens_out INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,  -- of tokens_out
    cost REAL,                          -- US dollars; NULL: not known
    tries INTEGER NOT NULL,             -- requests it took, failed ones included
    latency_s REAL NOT NULL,
    finished_at REAL NOT NULL,
    request BLOB NOT NULL,              -- JSON, compressed by zlib
    raw BLOB NOT NULL,                  -- the provider's response, compressed by zlib; empty: there is none
    response TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (session_id, ordinal, attempt, key)
);
CREATE TABLE fault (                    -- every request that brought no answer
    session_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    number INTEGER NOT NULL,            -- which request of that call, from 1
    llm TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- rate_limited, timeout, …
    message TEXT NOT NULL,
    happened_at REAL NOT NULL
);
CREATE TABLE session_attempt (          -- a session run again is a further attempt
    session_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('complete', 'censored', 'failed')),
    ended_by TEXT NOT NULL,
    error TEXT NOT NULL,
    replicate INTEGER NOT NULL,
    condition TEXT NOT NULL,            -- JSON: code of each treatment
    calls INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    started_at REAL NOT NULL,
    finished_at REAL NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (session_id, attempt)
) WITHOUT ROWID;
CREATE TABLE turn (
    session_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    speaker TEXT NOT NULL,
    words TEXT NOT NULL,
    action TEXT,                        -- NULL: the turn had no action
    action_value,                       -- REAL or TEXT
    heard_by TEXT NOT NULL,             -- JSON
    raw TEXT NOT NULL,
    ordinal INTEGER NOT NULL,           -- the call that brought it
    irregular TEXT NOT NULL,            -- JSON
    PRIMARY KEY (session_id, attempt, number)
) WITHOUT ROWID;
CREATE TABLE response (
    session_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- in the order asked, from 1
    variable TEXT NOT NULL,
    item INTEGER NOT NULL,
    respondent TEXT NOT NULL,
    question TEXT NOT NULL,
    raw TEXT NOT NULL,
    value,                              -- REAL or TEXT; NULL exactly where missing says why
    missing TEXT,
    reason TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (session_id, attempt, position)
) WITHOUT ROWID;
CREATE VIEW session AS                  -- the latest attempt at each session
    SELECT * FROM session_attempt AS this
    WHERE attempt = (SELECT MAX(attempt) FROM session_attempt WHERE session_id = this.session_id);
CREATE VIEW ledger AS                   -- a cost of which a part is not known is not known
    SELECT llm, seat, COUNT(*) AS calls, SUM(tokens_in) AS tokens_in, SUM(tokens_cached) AS tokens_cached,
        SUM(tokens_out) AS tokens_out, SUM(tokens_reasoning) AS tokens_reasoning,
        CASE WHEN COUNT(cost) = COUNT(*) THEN SUM(cost) END AS cost, SUM(latency_s) AS seconds
    FROM completion GROUP BY llm, seat;
"""

_APPEND_ONLY = """
CREATE TRIGGER {table}_is_never_{past} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the archive is append-only'); END;
"""

SCHEMA = _TABLES + "".join(
    _APPEND_ONLY.format(table=table, verb=verb, past=past)
    for table in ("meta", "completion", "fault", "session_attempt", "turn", "response")
    for verb, past in (("UPDATE", "changed"), ("DELETE", "deleted"))
)


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A request that brought no answer, as a row of ``fault``."""

    columns: Row


@dataclass(frozen=True, slots=True)
class SessionRows:
    """One held session as rows; the number of the attempt is not known before it is written.

    Attributes
    ----------
    session_id
        The session.
    session
        Columns of ``session_attempt`` after ``attempt``.
    turns, responses
        Columns of ``turn`` and ``response`` after ``attempt``, one tuple a row.
    """

    session_id: str
    session: Row
    turns: tuple[Row, ...]
    responses: tuple[Row, ...]


def checksum_of(*content: Any) -> int:
    """CRC-32 of JSON-able content.

    Raises
    ------
    ValueError
        The content has a number that is not finite, or text that is no Unicode (a lone surrogate).
    """
    return zlib.crc32(_json(content).encode())


@contextmanager
def _recordable(what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ArchiveError(
            f"{what} cannot be recorded: {error}",
            suggestion="Numbers must be finite, text valid Unicode, turns numbered in order. Please report this fault.",
            code="not_recordable",
        ) from error


def row_of_call(call: Call) -> Row:
    """A call as a row of ``completion``; its request is compressed.

    Raises
    ------
    ArchiveError
        The call has a number or text that could not be read back (``not_recordable``).
    """
    draw, answer = call.draw, call.completion
    row = (
        *(call.key, draw.session_id, draw.ordinal, draw.attempt, call.seat, call.role),
        *(answer.llm, answer.served, answer.fingerprint, answer.finish),
        *(int(answer.tokens_in), int(answer.tokens_cached), int(answer.tokens_out), int(answer.tokens_reasoning)),
        *(answer.cost, int(answer.tries), float(answer.latency_s), float(call.finished_at)),
    )
    with _recordable(f"call {draw.ordinal} of session {draw.session_id}"):
        packed = (_compressed(call.request), _compressed(answer.raw) if answer.raw else b"")
        return (*row, *packed, answer.text, checksum_of(row, answer.text))


def _compressed(text: str) -> bytes:
    # zlib has a checksum of its own. A small window: clearing zlib's usual tables takes longer than the text itself.
    compressor = zlib.compressobj(1, zlib.DEFLATED, 12, 5)
    return compressor.compress(text.encode()) + compressor.flush()


def call_from(row: Row) -> Call:
    """The call that a row of ``completion`` holds.

    Raises
    ------
    ValueError, zlib.error
        The row is not as it was written.
    """
    *head, compressed, packed, response, checksum = row
    request = zlib.decompress(compressed).decode()
    raw = zlib.decompress(packed).decode() if packed else ""
    if checksum_of(head, response) != checksum:
        raise ValueError(f"call {head[2]} of session {head[1]} is not as it was recorded")
    of = dict(zip(CALL.columns, head, strict=False))
    completion = Completion(
        text=response,
        raw=raw,
        **{name: of[name] for name in ("llm", "served", "fingerprint", "finish", "cost", "tries", "latency_s")},
        **{name: of[name] for name in ("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning")},
    )
    draw = Draw(of["session_id"], of["ordinal"], of["attempt"])
    return Call(of["key"], draw, of["seat"], of["role"], request, completion, of["finished_at"])


def rows_of_session(transcript: Transcript, started_at: float, finished_at: float) -> SessionRows:
    """A transcript as rows of ``session_attempt``, ``turn`` and ``response``; raises as :func:`row_of_call`."""
    usage = transcript.usage
    condition = {name: float(code) for name, code in transcript.condition.items()}
    session = (
        *(transcript.status, transcript.ended_by, transcript.error, transcript.replicate),
        json.dumps(condition, ensure_ascii=False),
        *(usage.calls, usage.tokens_in, usage.tokens_out, float(started_at), float(finished_at)),
    )
    turns = tuple(
        (
            *(turn.number, turn.speaker, turn.words),
            *((turn.action.name, _number_or_text(turn.action.value)) if turn.action is not None else (None, None)),
            _listed(turn.heard_by),
            *(turn.raw, turn.ordinal, _listed(turn.irregular)),
        )
        for turn in transcript.turns
    )
    responses = tuple(
        (
            *(position, asked.variable, asked.item, asked.respondent, asked.question),
            *(asked.raw, _number_or_text(asked.value), asked.missing, asked.reason, asked.ordinal),
        )
        for position, asked in enumerate(transcript.responses, start=1)
    )
    with _recordable(f"session {transcript.session_id}"):
        if any(later.number <= earlier.number for earlier, later in pairwise(transcript.turns)):
            raise ValueError("its turns are not numbered in order")
        checksum = checksum_of(transcript.session_id, condition, session, turns, responses)
    return SessionRows(transcript.session_id, (*session, checksum), turns, responses)


@lru_cache(maxsize=1024)
def _listed(words: tuple[str, ...]) -> str:
    return _json(words)


def _number_or_text(value: float | str | None) -> float | str | None:
    """The value as SQLite will give it back: a count or a yes/no as the number it is."""
    return value if value is None or isinstance(value, str) else float(value)


def transcript_from(session: Row, turns: Sequence[Row], responses: Sequence[Row]) -> Transcript:
    """The transcript that rows hold; each row with all columns of its table.

    Raises
    ------
    ValueError
        The rows are not as they were written.
    """
    session_id, _, *content, checksum = session
    condition = json.loads(content[4])
    turns, responses = [row[2:] for row in turns], [row[2:] for row in responses]
    if checksum_of(session_id, condition, content, turns, responses) != checksum:
        raise ValueError(f"session {session_id} is not as it was recorded")
    status, ended_by, error, replicate, _, calls, tokens_in, tokens_out, _, _ = content
    return Transcript.model_validate(
        {
            "session_id": session_id,
            "condition": condition,
            "replicate": replicate,
            "status": status,
            "ended_by": ended_by,
            "error": error,
            "turns": tuple(map(_turn_from, turns)),
            "responses": tuple(map(_response_from, responses)),
            "usage": {"calls": calls, "tokens_in": tokens_in, "tokens_out": tokens_out},
        }
    )


def _turn_from(row: Row) -> dict[str, Any]:
    content = dict(zip(TURN.columns[2:], row, strict=True))
    name, value = content["action"], content.pop("action_value")
    content["action"] = None if name is None else {"name": name, "value": value}
    for column in ("heard_by", "irregular"):
        content[column] = tuple(json.loads(content[column]))
    return content


def _response_from(row: Row) -> dict[str, Any]:
    return dict(zip(RESPONSE.columns[3:], row[1:], strict=True))
