"""What another try cures: the run ends as if nothing had happened, and nothing that was answered is paid for again."""

from __future__ import annotations

import pytest
from laboratory import (
    PLANNED,
    Laboratory,
    calls_in,
    data_of,
    faults_in,
    held_twice,
    statuses_of,
    transcripts_of,
)
from loopback import Fault
from loopback_players import Asked, in_turn, once_each

TIGHT = "[endpoints.{provider}]\ntimeout_s = 1.0\nidle_s = 0.3\n"

# What the server does -> what it is recorded as, in either wire format.
CURED = {
    "rate limited": (Fault("rate_limited"), "rate_limited"),
    "rate limited, asked to wait": (Fault("rate_limited", retry_after=0.05), "rate_limited"),
    "rate limited, until a date": (Fault("rate_limited", retry_after=0.0, as_date=True), "rate_limited"),
    "500": (Fault("server_error"), "server_error"),
    "502, with a page": (Fault("bad_gateway"), "server_error"),
    "503, or 529": (Fault("overloaded"), "overloaded"),
    "503, without more": (Fault("unavailable"), "overloaded"),
    "overloaded, in a 200": (Fault("error_in_200"), "overloaded"),
    "reset": (Fault("reset"), "disconnected"),
    "reset amid the answer": (Fault("reset_after_headers"), "disconnected"),
    "closed amid the answer": (Fault("cut_body"), "disconnected"),
    "truncated JSON": (Fault("truncated"), "malformed"),
    "no JSON": (Fault("malformed"), "malformed"),
    "empty content": (Fault("empty"), "empty"),
}


@pytest.mark.parametrize("what", CURED)
def test_a_fault_that_passes_leaves_no_trace_in_the_data(lab: Laboratory, provider: str, what: str) -> None:
    fault, kind = CURED[what]
    undisturbed, disturbed = lab.disturbed(once_each(fault), provider)
    ended = lab.run("disturbed")
    assert ended.code == 0, ended.said
    assert f"{PLANNED} sessions held" in ended.said
    met = len(lab.players.came)
    assert faults_in(disturbed) == {kind: met}
    # Empty answers are billed too: nothing else was, beyond what is in the archive.
    assert lab.players.total_paid == calls_in(disturbed) + (met if kind == "empty" else 0)
    assert data_of(disturbed) == data_of(undisturbed)
    assert transcripts_of(disturbed) == transcripts_of(undisturbed)


def test_a_server_that_never_answers_is_given_up_and_asked_again(lab: Laboratory, provider: str) -> None:
    (lab.folder / "silicus.toml").write_text(TIGHT.format(provider=provider))
    undisturbed, disturbed = lab.disturbed(in_turn("hang", "hang", "hang"), provider)
    ended = lab.run("disturbed")
    assert ended.code == 0, ended.said
    assert faults_in(disturbed) == {"timeout": 3}
    assert data_of(disturbed) == data_of(undisturbed)
    assert lab.players.total_paid == calls_in(disturbed)


def test_a_slow_stream_is_waited_for_and_one_that_falls_silent_is_not(lab: Laboratory, provider: str) -> None:
    (lab.folder / "silicus.toml").write_text(TIGHT.format(provider=provider))
    slow, silent = Fault("drip", seconds=0.0002), Fault("drip", seconds=0.6)
    undisturbed, disturbed = lab.disturbed(in_turn(slow, slow, silent), provider)
    ended = lab.run("disturbed")
    assert ended.code == 0, ended.said
    assert faults_in(disturbed) == {"timeout": 1}
    assert data_of(disturbed) == data_of(undisturbed)


def test_everything_at_once(lab: Laboratory, provider: str) -> None:
    (lab.folder / "silicus.toml").write_text(TIGHT.format(provider=provider))
    kinds = [fault for fault, kind in CURED.values() if kind not in ("malformed", "empty")]

    def disturb(asked: Asked, before: int) -> Fault | None:
        return kinds[(len(asked.heard) + before) % len(kinds)] if before < 5 else None

    undisturbed, disturbed = lab.disturbed(disturb, provider)
    ended = lab.run("disturbed")
    assert ended.code == 0, ended.said
    assert len(faults_in(disturbed)) >= 4
    assert (statuses_of(disturbed), held_twice(disturbed)) == (statuses_of(undisturbed), [])
    assert data_of(disturbed) == data_of(undisturbed)
    assert transcripts_of(disturbed) == transcripts_of(undisturbed)
    assert lab.players.total_paid == calls_in(disturbed)


def test_a_server_that_dies_for_a_while_is_waited_for(lab: Laboratory, provider: str) -> None:
    dark = [Fault("dark", seconds=1.5)]

    def disturb(asked: Asked, before: int) -> Fault | None:
        return dark.pop() if dark and lab.players.total_paid >= 12 else None

    undisturbed, disturbed = lab.disturbed(disturb, provider)
    ended = lab.run("disturbed")
    assert ended.code == 0, ended.said
    assert set(faults_in(disturbed)) == {"disconnected"}
    assert data_of(disturbed) == data_of(undisturbed)
    assert lab.players.total_paid == calls_in(disturbed)


def test_a_server_that_stays_away_fails_the_sessions_with_the_reason_and_they_are_held_later(
    lab: Laboratory, provider: str
) -> None:
    dark = [Fault("dark", seconds=60)]

    def disturb(asked: Asked, before: int) -> Fault | None:
        return dark.pop() if dark and lab.players.total_paid >= 12 else None

    undisturbed, disturbed = lab.disturbed(disturb, provider)
    ended = lab.run("disturbed")
    assert ended.code == 1
    assert f"{PLANNED - statuses_of(disturbed).get('complete', 0)} sessions failed" in ended.said
    assert "no connection to 127.0.0.1" in ended.said
    assert sum(statuses_of(disturbed).values()) == PLANNED, "a session is lost"
    paid = lab.players.total_paid
    assert paid == calls_in(disturbed)
    lab.server.come_back()
    assert lab.run("disturbed").code == 0
    assert lab.players.total_paid == calls_in(disturbed) == calls_in(undisturbed)
    assert held_twice(disturbed) == []
    assert data_of(disturbed) == data_of(undisturbed)
