"""The archive: what was recorded comes back exactly, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silicus.concepts.errors import ArchiveError, FolderError, SilicusError
from silicus.concepts.study import Study
from silicus.concepts.transcript import Action, Response, Status, Transcript, Turn, Usage
from silicus.execution.archive import Archive, LedgerRow
from silicus.llm.calls import Call
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Draw, Message, Prompt, SeatName, key_of, request_of

NOBODY = 65534


def call(
    session_id: str = "s1",
    ordinal: int = 1,
    *,
    text: str = "I offer 12 dollars.",
    llm: str = "rehearsal:bargaining",
    seat: SeatName = "participant",
    tokens_in: int = 200,
    latency_s: float = 0.25,
    cost: float | None = 0.0,
) -> Call:
    chat = (Message("system", "You are the buyer. " * 20), Message("user", f"Turn {ordinal} of {session_id}: ½ €?"))
    request = request_of(Prompt(chat, seat), llm)
    draw = Draw(session_id, ordinal)
    completion = Completion(
        text, llm, tokens_in, 20, latency_s, tokens_cached=150, tokens_reasoning=5, cost=cost, finish="length",
        served="served-model", fingerprint="fp", tries=2, raw='{"choices": []}',
    )  # fmt: skip
    return Call(key_of(request, draw), draw, seat, "buyer", request, completion, 1.5e9)


def transcript(
    session_id: str = "s1", *, status: Status = "complete", words: str = "I offer 12 dollars."
) -> Transcript:
    turns = (
        Turn(
            number=1,
            speaker="buyer",
            words=words,
            action=Action(name="offer", value=12),
            heard_by=("seller",),
            ordinal=1,
        ),
        Turn(number=2, speaker="seller", words="Done.", action=Action(name="accept", value="12"), irregular=("late",)),
        Turn(number=3, speaker="buyer", words="Thanks.", action=Action(name="leave")),
        Turn(number=4, speaker="seller", words="Bye."),
    )
    responses = (
        Response(variable="deal", item=1, respondent="coder", question="Deal?", raw="Yes.", value=1.0, ordinal=5),
        Response(variable="mood", item=1, respondent="buyer", question="How was it?", raw="1", value="1"),
        Response(
            variable="price", item=1, respondent="coder", question="Price?", raw="?", missing="unreadable", reason="no"
        ),
    )
    return Transcript(
        session_id=session_id, condition={"buyer_budget": 10, "seller_minimum": 0.1}, replicate=1, status=status,
        ended_by="agreement", turns=turns, responses=responses, error="" if status != "failed" else "no answer",
        usage=Usage(calls=5, tokens_in=900, tokens_out=100),
    )  # fmt: skip


def record(archive: Archive, *session_ids: str) -> None:
    for session_id in session_ids:
        archive.record_call(call(session_id))
        archive.record_session(transcript(session_id), 1.4e9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.sqlite"


@pytest.fixture
def archive(path: Path) -> Iterator[Archive]:
    with Archive.create(path, Study.example()) as opened:
        yield opened


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


# What is recorded comes back

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
values = st.none() | numbers | texts
actions = st.none() | st.builds(Action, name=texts, value=values)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    turn_numbers = draw(st.lists(st.integers(1, 99), unique=True, max_size=5).map(sorted))
    turn = st.fixed_dictionaries(
        {
            "speaker": texts, "words": texts, "action": actions, "raw": texts, "ordinal": counts,
            "heard_by": st.tuples(texts), "irregular": st.lists(texts, max_size=2).map(tuple),
        }
    )  # fmt: skip
    response = st.builds(
        Response, variable=texts, item=counts, respondent=texts, question=texts, raw=texts, value=values,
        missing=st.none() | texts, reason=texts, ordinal=counts,
    )  # fmt: skip
    return Transcript(
        session_id=draw(texts),
        condition=draw(st.dictionaries(texts, numbers, max_size=3)),
        replicate=draw(counts),
        status=draw(st.sampled_from(["complete", "censored", "failed"])),
        ended_by=draw(texts),
        turns=tuple(Turn(number=number, **draw(turn)) for number in turn_numbers),
        responses=tuple(draw(st.lists(response, max_size=3))),
        error=draw(texts),
        usage=draw(st.builds(Usage, calls=counts, tokens_in=counts, tokens_out=counts)),
    )


def test_any_transcript_comes_back_exactly() -> None:
    with tempfile.TemporaryDirectory() as folder, Archive.create(Path(folder) / "a.sqlite", Study.example()) as archive:

        @settings(max_examples=60)
        @given(transcripts())
        def comes_back(held: Transcript) -> None:
            archive.record_session(held, 0.0)
            read = archive.transcript(held.session_id)
            assert repr(read) == repr(held)  # also tells 12.0 from "12", and the order of treatments
            assert read == held

        comes_back()


def test_a_yes_recorded_as_true_is_the_number_one(archive: Archive) -> None:
    answer = Response.example().model_copy(update={"value": True})
    archive.record_session(transcript().model_copy(update={"responses": (answer,)}), 0.0)
    assert archive.transcript("s1").responses[0].value == 1.0


def test_calls_come_back_exactly_and_in_order(archive: Archive) -> None:
    recorded = [call("s1", ordinal, text=f"“{ordinal}”\n\x00é") for ordinal in (2, 1, 3)]
    for made in [*recorded, call("s2")]:
        archive.record_call(made)
    assert archive.calls("s1") == tuple(sorted(recorded, key=lambda made: made.draw.ordinal))
    assert archive.answered("s1") == {made.key: made.completion for made in recorded}
    assert archive.calls("s3") == ()


def test_what_was_recorded_is_seen_at_once_and_after_reopening(archive: Archive, path: Path) -> None:
    record(archive, "s1")
    assert archive.finished() == {"s1": "complete"}
    archive.close()
    with Archive.open(path) as again:
        assert list(again.transcripts()) == [transcript("s1")]
        assert again.calls("s1") == (call("s1"),)


def test_more_than_may_wait_is_recorded_too(archive: Archive) -> None:
    for ordinal in range(1, 4601):
        archive.record_call(call("s1", ordinal))
    assert [made.draw.ordinal for made in archive.calls("s1")] == list(range(1, 4601))


def test_a_session_run_again_is_a_further_attempt(archive: Archive, path: Path) -> None:
    archive.record_session(transcript("s1", status="failed"), 0.0)
    archive.record_session(transcript("s2"), 0.0)
    archive.flush()
    archive.record_session(transcript("s1", words="I offer 13 dollars."), 0.0)
    archive.record_session(transcript("s1", words="I offer 14 dollars."), 0.0)  # in the same commit as the one before
    assert archive.finished() == {"s1": "complete", "s2": "complete"}
    assert [held.turns[0].words for held in archive.transcripts()] == ["I offer 14 dollars.", "I offer 12 dollars."]
    attempts = query(path, "SELECT attempt, status FROM session_attempt WHERE session_id = 's1' ORDER BY attempt")
    assert attempts == [(1, "failed"), (2, "complete"), (3, "complete")]
    assert query(path, "SELECT COUNT(*) FROM turn WHERE session_id = 's1'") == [(12,)]


def test_unfinished_are_sessions_with_answers_and_no_end(archive: Archive) -> None:
    for session_id in ("held", "cut", "capped", "failed", "mended"):
        archive.record_call(call(session_id))
    archive.record_session(transcript("held"), 0.0)
    archive.record_session(transcript("capped", status="censored"), 0.0)
    archive.record_session(transcript("failed", status="failed"), 0.0)
    archive.record_session(transcript("mended", status="failed"), 0.0)
    archive.record_session(transcript("mended"), 0.0)
    archive.record_session(transcript("never_answered", status="failed"), 0.0)
    assert archive.unfinished() == {"cut", "failed"}


def test_transcripts_come_in_order_by_status_and_several_readings_at_once(archive: Archive) -> None:
    silent = transcript("b").model_copy(update={"turns": (), "responses": ()})
    held = [transcript("c"), silent, transcript("a", status="censored"), transcript("é", status="failed")]
    for one in held:
        archive.record_session(one, 0.0)
    in_order = sorted(held, key=lambda one: one.session_id)
    assert list(archive.transcripts()) == in_order
    assert list(archive.transcripts(status=["complete"])) == [in_order[1], in_order[2]]
    assert list(archive.transcripts(status={"failed", "censored"})) == [in_order[0], in_order[3]]
    assert list(archive.transcripts(status=())) == []
    both = zip(archive.transcripts(), archive.transcripts(), strict=True)
    assert next(both) == (in_order[0], in_order[0])
    archive.record_session(transcript("aa"), 0.0)  # a reading keeps to what was there when it began
    assert [one.session_id for one, _ in both] == ["b", "c", "é"]


def test_an_unknown_session_is_answered_with_the_nearest(archive: Archive) -> None:
    with pytest.raises(SilicusError) as none_held:
        archive.transcript("s1")
    record(archive, "buyer_budget=10,replicate=1", "buyer_budget=20,replicate=1")
    with pytest.raises(SilicusError) as misspelt:
        archive.transcript("buyer_budget=20,replicat=1")
    with pytest.raises(SilicusError) as far_off:
        archive.transcript("?")
    assert (misspelt.value.code, none_held.value.suggestion) == ("unknown_session", "No session has been held yet.")
    assert misspelt.value.suggestion == "Did you mean 'buyer_budget=20,replicate=1'?"
    assert "buyer_budget=10,replicate=1" in far_off.value.suggestion


def test_the_ledger_counts_every_call_and_invents_no_cost(archive: Archive, path: Path) -> None:
    archive.record_call(call("s1", 1))
    archive.record_call(call("s2", 1, tokens_in=300))
    archive.record_call(call("s1", 2, seat="coder"))
    rehearsed = (
        LedgerRow("rehearsal:bargaining", "coder", 1, 200, 150, 20, 5, 0.0, 0.25),
        LedgerRow("rehearsal:bargaining", "participant", 2, 500, 300, 40, 10, 0.0, 0.5),
    )
    assert archive.ledger().rows == rehearsed
    assert archive.ledger().total == LedgerRow("", "", 3, 700, 450, 60, 15, 0.0, 0.75)
    archive.record_call(call("s1", 3, llm="openai:gpt-5-mini", cost=None))
    unpriced = LedgerRow("openai:gpt-5-mini", "participant", 1, 200, 150, 20, 5, None, 0.25)
    assert archive.ledger().rows == (unpriced, *rehearsed)
    assert archive.ledger().total.cost is None
    assert query(path, "SELECT SUM(calls) FROM ledger") == [(4,)]


def test_requests_without_an_answer_are_kept(archive: Archive, path: Path) -> None:
    archive.record_fault(Draw("s1", 4), 2, "openai:gpt", CallError("rate_limited", "slow down", retry_after_s=3))
    archive.close()
    kept = query(path, "SELECT session_id, ordinal, number, llm, kind, message FROM fault")
    assert kept == [("s1", 4, 2, "openai:gpt", "rate_limited", "slow down")]


def test_the_empty_ledger_cost_nothing(archive: Archive) -> None:
    assert archive.ledger().total == LedgerRow("", "", 0, 0, 0, 0, 0, 0, 0)


def test_a_sociologist_can_ask_in_sql(archive: Archive, path: Path) -> None:
    record(archive, "s1")
    archive.close()
    asked = "SELECT speaker, action, action_value, typeof(action_value), heard_by FROM turn ORDER BY number LIMIT 3"
    assert query(path, asked) == [
        ("buyer", "offer", 12.0, "real", '["seller"]'),
        ("seller", "accept", "12", "text", "[]"),
        ("buyer", "leave", None, "null", "[]"),
    ]
    assert query(path, "SELECT variable, value, missing FROM response ORDER BY position") == [
        ("deal", 1.0, None), ("mood", "1", None), ("price", None, "unreadable"),
    ]  # fmt: skip
    assert query(path, "SELECT status, json_extract(condition, '$.buyer_budget'), started_at FROM session") == [
        ("complete", 10.0, 1.4e9)
    ]
    assert query(path, "SELECT study_name, study_fingerprint FROM meta") == [("example", Study.example().fingerprint)]


def test_the_plan_is_kept_as_it_was_frozen(archive: Archive, path: Path) -> None:
    archive.close()
    with Archive.open(path, readonly=True) as again:
        assert again.study == Study.example()
        assert again.study_fingerprint == Study.example().fingerprint


@pytest.mark.parametrize("table", ["meta", "completion", "fault", "session_attempt", "turn", "response"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET checksum = 0", "UPDATE {} SET raw = ''"])
def test_nothing_recorded_can_be_changed_or_deleted(archive: Archive, path: Path, table: str, change: str) -> None:
    record(archive, "s1")
    archive.record_fault(Draw("s1", 1), 1, "openai:gpt", CallError("timeout", "no answer in 60 s"))
    archive.close()
    columns = [row[1] for row in query(path, f"PRAGMA table_info({table})")]
    if "SET" in change and change.split()[3] not in columns:
        return
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change.format(table))


# What cannot be recorded


@pytest.mark.parametrize(
    "spoilt",
    [
        {"turns": (Turn(number=2, speaker="a", words=""), Turn(number=2, speaker="b", words=""))},
        {"turns": (Turn(number=1, speaker="a", words="", action=Action(name="offer", value=float("nan"))),)},
        {"condition": {"buyer_budget": float("inf")}},
        {"responses": (Response.example().model_copy(update={"raw": "\ud83d"}),)},
    ],
    ids=["numbering", "not a number", "infinite", "half a character"],
)
def test_what_could_not_be_read_back_is_refused_and_harms_nothing(archive: Archive, spoilt: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError) as refused:
        archive.record_session(transcript("s1").model_copy(update=spoilt), 0.0)
    assert refused.value.code == "not_recordable"
    assert "s1" in refused.value.message
    record(archive, "s2")
    assert archive.finished() == {"s2": "complete"}


def test_a_call_recorded_twice_is_a_fault_that_is_told(archive: Archive) -> None:
    archive.record_call(call())
    archive.flush()
    with suppress(ArchiveError):
        archive.record_call(call())
    with pytest.raises(ArchiveError) as refused:
        archive.flush()
    assert refused.value.code == "archive_recorded_twice"
    with pytest.raises(ArchiveError):
        archive.close()


def test_an_archive_opened_for_reading_records_nothing(archive: Archive, path: Path) -> None:
    archive.close()
    with Archive.open(path, readonly=True) as reading:
        with pytest.raises(ArchiveError, match="reading only"):
            reading.record_call(call())
        with pytest.raises(ArchiveError, match="reading only"):
            reading.record_session(transcript(), 0.0)


# Processes


def test_an_archive_is_made_only_once(archive: Archive, path: Path) -> None:
    record(archive, "s1")
    archive.close()
    with pytest.raises(ArchiveError) as refused:
        Archive.create(path, Study.example())
    assert refused.value.code == "archive_exists"
    with Archive.open(path, readonly=True) as again:
        assert again.finished() == {"s1": "complete"}


def test_a_lost_archive_is_not_replaced_while_its_log_is_there(path: Path) -> None:
    log = path.with_name("archive.sqlite-wal")
    log.write_bytes(b"the last sessions")
    with pytest.raises(ArchiveError, match=r"archive\.sqlite-wal"):
        Archive.create(path, Study.example())
    assert log.read_bytes() == b"the last sessions"
    assert not path.exists()


def test_a_closed_archive_is_a_single_file(archive: Archive, path: Path) -> None:
    record(archive, "s1")
    archive.close()
    with Archive.open(path, readonly=True) as reading:
        assert reading.finished() == {"s1": "complete"}
    assert names_in(path.parent) == ["archive.sqlite"]


def test_one_conducts_and_others_read_meanwhile(archive: Archive, path: Path) -> None:
    with Archive.open(path, readonly=True) as reading:
        record(archive, "s1")
        archive.flush()
        assert reading.finished() == {"s1": "complete"}
        with pytest.raises(ArchiveError) as refused:
            Archive.open(path)
        assert refused.value.code == "archive_in_use"
        assert f"process {os.getpid()}" in refused.value.message
        assert "--folder" in refused.value.suggestion
        archive.close()
        assert reading.finished() == {"s1": "complete"}
    with Archive.open(path) as next_conductor:
        record(next_conductor, "s2")
        assert set(next_conductor.finished()) == {"s1", "s2"}


def test_a_lock_file_left_behind_locks_nothing(archive: Archive, path: Path) -> None:
    archive.close()
    path.with_name("archive.lock").write_text("1234567890")
    Archive.open(path).close()
    assert names_in(path.parent) == ["archive.sqlite"]


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_archive import call, transcript
from silicus.concepts.study import Study
from silicus.execution.archive import Archive
path = Path({path!r})
archive = Archive.open(path) if path.exists() else Archive.create(path, Study.example())
number = len(archive.finished())
print("ready", flush=True)
while True:
    number += 1
    for ordinal in range(1, 6):
        archive.record_call(call(f"s{{number:05}}", ordinal))
    archive.record_session(transcript(f"s{{number:05}}"), 0.0)
    if number % 3 == 0:
        archive.flush()
        print(number, flush=True)
"""


@contextmanager
def conducting(path: Path) -> Iterator[subprocess.Popen[str]]:
    code = CHILD.format(tests=str(Path(__file__).parent), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of Unix")
def test_kill_9_loses_nothing_committed_and_the_next_process_goes_on(path: Path) -> None:
    chance = random.Random(7)
    for round_ in range(3):
        with conducting(path) as process:
            said = lines_of(process)
            assert next(said) == "ready\n"
            if round_ == 0:
                with pytest.raises(ArchiveError, match=f"conducted by process {process.pid}"):
                    Archive.open(path)
            for _ in range(chance.randrange(1, 25)):
                committed = int(next(said))
            process.send_signal(signal.SIGKILL)
            process.wait()
        with Archive.open(path, readonly=True) as archive:
            held = archive.finished()
            assert len(held) >= committed
            assert sorted(held) == [f"s{number:05}" for number in range(1, len(held) + 1)]
            assert [one == transcript(one.session_id) for one in archive.transcripts()] == [True] * len(held)
            assert all(len(archive.calls(name)) == 5 for name in held)
            assert len(archive.unfinished()) <= 1
    with Archive.open(path) as archive:
        record(archive, "one more")
        assert archive.finished() == {**held, "one more": "complete"}


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of Unix")
@pytest.mark.parametrize("readonly", [True, False])
def test_a_process_killed_in_a_half_made_change_has_changed_nothing(
    archive: Archive, path: Path, readonly: bool
) -> None:
    record(archive, "s1")
    archive.close()
    code = f"""
import os, signal, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.executemany("INSERT INTO meta VALUES (1, 'other', '', ?, '', 0, 0)", [("x" * 9000,)] * 50)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert path.with_name("archive.sqlite-journal").exists()
    with Archive.open(path, readonly=readonly) as again:
        assert list(again.transcripts()) == [transcript("s1")]
    assert query(path, "SELECT study_name FROM meta") == [("example",)]


# Disks


def full_after(pages: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let SQLite find the disk full at so many pages; the function returned makes room."""
    connect, opened = sqlite3.connect, []

    def limited(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        if "mode=rw" in str(arguments[0]):
            connection.execute(f"PRAGMA max_page_count = {pages}")
            opened.append(connection)
        return connection

    def make_room() -> None:
        opened[-1].execute("PRAGMA max_page_count = 1000000")

    monkeypatch.setattr(sqlite3, "connect", limited)
    return make_room


def test_a_full_disk_is_told_at_once_and_nothing_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_room = full_after(40, monkeypatch)
    archive = Archive.create(path, Study.example())
    kept = []

    def record_many() -> None:
        for number in range(1000):
            kept.append(f"s{number:05}")
            record(archive, kept[-1])
            archive.flush()

    with pytest.raises(ArchiveError) as refused:
        record_many()
    assert refused.value.code == "disk_full"
    assert "full" in refused.value.message
    assert refused.value.suggestion
    with pytest.raises(ArchiveError):
        record(archive, "later")
    with Archive.open(path, readonly=True) as reading:
        assert sorted(reading.finished()) == kept[:-1]
    make_room()
    archive.flush()
    assert archive.calls("later") == (call("later"),)
    assert sorted(archive.finished()) == kept
    archive.close()


def test_closing_on_a_full_disk_tells_it_and_lets_go_of_the_archive(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_after(40, monkeypatch)
    archive = Archive.create(path, Study.example())
    for ordinal in range(1, 1001):
        with suppress(ArchiveError):
            archive.record_call(call("s1", ordinal))
    with pytest.raises(ArchiveError) as refused:
        archive.close()
    assert refused.value.code == "disk_full"
    monkeypatch.undo()
    with Archive.open(path) as again:
        assert len(again.calls("s1")) < 1000


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of a file are of Unix")
def test_a_file_that_may_not_grow_is_told(path: Path) -> None:
    code = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_archive import record
from silicus.concepts.errors import ArchiveError
from silicus.concepts.study import Study
from silicus.execution.archive import Archive
archive = Archive.create(Path({str(path)!r}), Study.example())
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
kept = 0
try:
    for number in range(10_000):
        record(archive, f"s{{number:05}}")
        archive.flush()
        kept += 1
except ArchiveError as error:
    print(kept, error.code, bool(error.suggestion))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    archive.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    kept, error_code, advised = done.stdout.split()
    assert (error_code, advised) == ("disk_error", "True")
    with Archive.open(path, readonly=True) as archive:
        assert len(archive.finished()) == int(kept) + 1  # the one that was refused was tried again


@contextmanager
def without_privileges() -> Iterator[None]:
    """As somebody whom permissions bind, also where the tests are run by root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder in which nobody may write; the test makes it so with chmod(0o555)."""
    if sys.platform == "win32":
        pytest.skip("permissions of folders are of Unix")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize("log_mode", ["DELETE", "WAL"])
def test_an_archive_in_a_read_only_folder_can_be_read_but_not_written(read_only_folder: Path, log_mode: str) -> None:
    path = read_only_folder / "archive.sqlite"
    with Archive.create(path, Study.example()) as archive:
        record(archive, "s1")
    query(path, f"PRAGMA journal_mode = {log_mode}")
    read_only_folder.chmod(0o555)
    with without_privileges():
        with Archive.open(path, readonly=True) as reading:
            assert list(reading.transcripts()) == [transcript("s1")]
        with pytest.raises(FolderError) as refused:
            Archive.open(path)
    assert refused.value.code == "no_permission"
    assert names_in(read_only_folder) == ["archive.sqlite"]


def test_no_archive_can_be_made_in_a_read_only_folder(read_only_folder: Path) -> None:
    read_only_folder.chmod(0o555)
    with without_privileges(), pytest.raises(FolderError) as refused:
        Archive.create(read_only_folder / "archive.sqlite", Study.example())
    assert refused.value.code == "no_permission"
    assert names_in(read_only_folder) == []


# Damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "archive.sqlite"
    with Archive.create(path, Study.example()) as archive:
        record(archive, *(f"s{number:05}" for number in range(40)))
    return path.read_bytes()


def read_all(path: Path) -> tuple[Any, ...]:
    with Archive.open(path, readonly=True) as archive:
        held = list(archive.transcripts())
        return archive.study, archive.finished(), held, [archive.calls(one.session_id) for one in held]


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meta (a)")


def newer_archive(path: Path) -> None:
    Archive.create(path, Study.example()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "archive_damaged"),
    "text": (lambda path: path.write_text("session_id,deal\n" * 500), "archive_damaged"),
    "zeros": (lambda path: path.write_bytes(bytes(10_000)), "archive_damaged"),
    "folder": (lambda path: path.mkdir(), "not_an_archive"),
    "missing": (lambda path: path.unlink(missing_ok=True), "archive_missing"),
    "other database": (other_database, "not_an_archive"),
    "newer": (newer_archive, "archive_format"),
}


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_is_no_usable_archive_is_named_and_left_alone(path: Path, kind: str, readonly: bool) -> None:
    make, code = UNUSABLE[kind]
    make(path)
    before = path.read_bytes() if path.is_file() else None
    beside = names_in(path.parent)
    with pytest.raises(ArchiveError) as refused:
        Archive.open(path, readonly=readonly)
    assert refused.value.code == code
    assert str(path) in refused.value.message
    assert refused.value.suggestion
    assert (path.read_bytes() if path.is_file() else None) == before
    assert names_in(path.parent) == beside


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("readonly", [True, False])
def test_a_truncated_archive_is_damaged_and_left_alone(path: Path, sound: bytes, share: float, readonly: bool) -> None:
    rest = sound[: int(len(sound) * share)]
    path.write_bytes(rest)
    with pytest.raises(ArchiveError) as refused:
        Archive.open(path, readonly=readonly)
    assert refused.value.code == "archive_damaged"
    assert "--folder NEW" in refused.value.suggestion
    assert path.read_bytes() == rest


def test_random_damage_is_found_or_harmless_never_believed(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    whole = read_all(path)
    chance = random.Random(11)
    found = 0
    for _ in range(60):
        spoilt = bytearray(sound)
        start, length = chance.randrange(len(sound)), chance.choice([1, 8, 64, 4096])
        spoilt[start : start + length] = chance.randbytes(len(spoilt[start : start + length]))
        path.write_bytes(spoilt)
        try:
            assert read_all(path) == whole
        except ArchiveError:
            found += 1
        assert path.read_bytes() == spoilt
    assert found > 30


@pytest.mark.parametrize(
    ("true", "false"),
    [(b"I offer 12 dollars.", b"I offer 92 dollars."), (b'"buyer_budget": 10.0', b'"buyer_budget": 90.0')],
)
def test_an_answer_altered_on_disk_is_not_taken_for_an_answer(
    path: Path, sound: bytes, true: bytes, false: bytes
) -> None:
    assert true in sound
    path.write_bytes(sound.replace(true, false))
    with pytest.raises(ArchiveError) as refused:
        read_all(path)
    assert refused.value.code == "archive_damaged"


def test_a_plan_altered_on_disk_is_not_the_preregistration(path: Path, sound: bytes) -> None:
    path.write_bytes(sound.replace(b"to sell the mug for as much", b"to sell the mug for as long"))
    with pytest.raises(ArchiveError, match="not as it was frozen"):
        Archive.open(path, readonly=True)
