"""What a run leaves behind: replays, the canary, prefix caches, no keys, and a report that says how it went."""

from __future__ import annotations

import json
import re
import zlib
from html import unescape
from pathlib import Path

import pytest
from command_line import query, silicus
from laboratory import KEY, PLANNED, SELLER, Laboratory, data_of, faults_in, run, statuses_of, transcripts_of
from loopback import Fault, Reply
from loopback_players import Asked, in_turn, never


def again(lab: Laboratory, folder: Path) -> Path:
    """A new folder with the same study, in which nothing was held yet."""
    made = lab.here / "again"
    made.mkdir()
    (made / "study.yaml").write_text((folder / "study.yaml").read_text())
    return made


def told_in(report: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", report.read_text()))


def test_a_replay_asks_nothing_and_gives_the_same_data(lab: Laboratory) -> None:
    folder = again(lab, lab.undisturbed)
    ended = silicus("conduct", folder, "--replay", lab.undisturbed)
    assert ended.code == 0, ended.said
    assert lab.server.count == 0, "something was sent"
    assert data_of(folder) == data_of(lab.undisturbed)
    assert transcripts_of(folder) == transcripts_of(lab.undisturbed)
    assert "every answer was replayed from another archive" in told_in(folder / "report.html")


def test_a_replay_needs_no_key_and_no_server(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.delenv(f"{name}_API_KEY")
        monkeypatch.delenv(f"{name}_BASE_URL")
    folder = again(lab, lab.undisturbed)
    assert silicus("run", folder, "--replay", lab.undisturbed).code == 0
    assert data_of(folder) == data_of(lab.undisturbed)


def test_a_call_that_the_archive_does_not_hold_is_an_error_and_never_sent(lab: Laboratory) -> None:
    folder = lab.disturbed(never)
    file = folder / "study.yaml"
    file.write_text(file.read_text().replace("two people bargaining", "two people haggling"))
    ended = silicus("run", folder, "--replay", lab.undisturbed)
    assert ended.code == 2
    assert "holds no answer" in ended.err
    assert "without --replay" in ended.err
    assert lab.server.count == 0
    assert statuses_of(folder) == {}


def test_a_replay_gives_failed_sessions_too(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, _: Fault("context_length") if "19 dollars" in asked.told else None)
    assert run(folder).code == 1
    failed = statuses_of(folder)["failed"]
    asked = lab.server.count
    replayed = again(lab, folder)
    ended = silicus("run", replayed, "--replay", folder)
    assert ended.code == 1
    assert f"{failed} sessions failed" in ended.said
    assert lab.server.count == asked
    assert data_of(replayed) == data_of(folder)
    errors = "SELECT session_id, error FROM session ORDER BY 1"
    assert query(replayed / "archive.sqlite", errors) == query(folder / "archive.sqlite", errors)


@pytest.fixture
def conducted(lab: Laboratory) -> Path:
    """A study conducted with the canary, each request rate limited once, under a model's name that then changes."""
    lab.players.model = "players-2026-01-05"

    def disturb(asked: Asked, before: int) -> Fault | None:
        if asked.task == "sing":
            lab.players.model = "players-2026-01-05" if lab.players.total_paid < 12 else "players-2026-03-11"
            return None
        return Fault("rate_limited") if before == 0 else None

    folder = lab.disturbed(disturb)
    ended = silicus("conduct", folder, "--yes")
    assert ended.code == 0, ended.said
    return folder


def test_the_canary_is_kept_and_shows_that_the_served_model_changed(conducted: Path, lab: Laboratory) -> None:
    songs = "SELECT llm, COUNT(*) FROM completion WHERE session_id = '(canary)' GROUP BY llm"
    sung = query(conducted / "archive.sqlite", songs)
    assert sung == [("anthropic:players", 6), ("openai:players", 6)]
    said = told_in(conducted / "report.html")
    for llm in ("anthropic:players", "openai:players"):
        assert f"{llm}: 3 of 3 fixed calls answered alike over 2 takings; served by players-2026-01-05" in said
    assert said.count("then players-2026-03-11") == 2
    lab.assert_as_undisturbed(conducted)


def test_the_report_says_what_went_wrong_on_the_way_and_what_caches_paid_for(conducted: Path) -> None:
    said = told_in(conducted / "report.html")
    count = faults_in(conducted)["rate_limited"]
    assert f"{count} rate limited" in said
    sent, cached = query(conducted / "archive.sqlite", "SELECT SUM(tokens_in), SUM(tokens_cached) FROM completion")[0]
    assert 0 < cached < sent
    assert f"({cached / sent:.0%} from a prefix cache)" in said


def test_each_prompt_of_a_participant_extends_its_last_so_that_caches_pay(lab: Laboratory) -> None:
    found = query(
        lab.undisturbed / "archive.sqlite",
        "SELECT role, ordinal, tokens_in, tokens_cached FROM completion WHERE seat = 'participant'",
    )
    later = [(sent, cached) for _, ordinal, sent, cached in found if ordinal > 2]
    assert later
    assert all(cached > 0.5 * sent for sent, cached in later), "a prompt did not extend the one before"


def test_a_canary_without_words_is_no_reason_not_to_begin(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, _: Fault("empty") if asked.task == "sing" and "prime" in asked.heard else None)
    assert silicus("run", folder, "--yes").code == 0
    lab.assert_as_undisturbed(folder)


def test_a_model_that_takes_no_temperature_sings_without(lab: Laboratory) -> None:
    lab.server.lacks = ("temperature",)
    folder = lab.disturbed(never)
    ended = silicus("run", folder, "--yes")
    assert ended.code == 0, ended.said
    sung = query(folder / "archive.sqlite", "SELECT COUNT(*) FROM completion WHERE session_id = '(canary)'")
    assert sung == [(12,)]
    lab.assert_as_undisturbed(folder)


def test_a_canary_that_dies_at_the_end_takes_nothing_with_it(lab: Laboratory) -> None:
    folder = lab.disturbed(
        lambda asked, _: Fault("auth") if asked.task == "sing" and lab.players.total_paid > 12 else None
    )
    ended = silicus("run", folder, "--yes")
    assert ended.code == 0, ended.said
    lab.assert_as_undisturbed(folder)


def test_no_key_is_ever_written_down(lab: Laboratory, tmp_path: Path) -> None:
    # A server that repeats the key in its errors and in its answers, in every way it can.
    told = [
        Fault("rate_limited", message=f"Key {KEY} has reached its limit."),
        Fault("bad_request", message=f"Incorrect: {KEY}"),
        Fault("server_error", message=KEY),
        Fault("auth", message=f"Incorrect API key provided: {KEY}. You can find yours elsewhere."),
    ]
    folder = lab.disturbed(in_turn(*told))
    said = [silicus(*words) for words in (
        ("run", folder, "--yes"), ("run", folder, "--yes", "--json"), ("conduct", folder, "--yes", "--no-canary"),
        ("models", "openai:players"), ("models",), ("models", "--json"), ("show", folder), ("check", folder),
    )]  # fmt: skip
    told_by_the_coder = Reply(json.dumps({"answer": f"yes, by {KEY}"}))
    lab.players.disturb = lambda asked, _: told_by_the_coder if asked.task == "answer" else None
    said.append(silicus("conduct", folder, "--yes", "--no-canary", "--json"))
    assert statuses_of(folder) == {"complete": PLANNED}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"archive.sqlite", "report.html", "estimates.json"} <= {path.name for path in files}
    for path in files:
        assert KEY.encode() not in path.read_bytes(), f"the key is in {path}"
    for packed in query(folder / "archive.sqlite", "SELECT request, raw FROM completion"):  # compressed
        assert all(KEY.encode() not in zlib.decompress(text) for text in packed if text)
    for ended in said:
        assert KEY not in ended.out + ended.err
    assert any("[key]" in ended.said for ended in said), "the server never repeated it"


def test_the_archive_names_who_answered_and_keeps_the_answer_as_it_came(lab: Laboratory) -> None:
    columns = "served, fingerprint, finish, tries, latency_s, cost, raw"
    rows = query(lab.undisturbed / "archive.sqlite", f"SELECT llm, {columns} FROM completion")
    assert {(llm, served) for llm, served, *_ in rows} == {("openai:players", "players"), (SELLER, "players")}
    assert {tries for *_, tries, _, _, _ in rows} == {1}
    assert all(raw for *_, raw in rows)
