"""What another try cures: the run ends as if nothing had happened, and nothing that was answered is paid for again."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import pytest
from laboratory import PLANNED, Laboratory, calls_in, faults_in, held_twice, run, statuses_of
from loopback import Fault, Loopback
from loopback_players import Asked, Disturbance, in_turn, once_each

TIGHT = "[endpoints.{}]\ntimeout_s = {}\nidle_s = {}\n"

# What the server does -> what it is recorded as, in either wire format.
CURED = {
    "429": (Fault("rate_limited"), "rate_limited"),
    "429 and Retry-After": (Fault("rate_limited", retry_after=0.05), "rate_limited"),
    "429 and Retry-After, a date": (Fault("rate_limited", retry_after=0.0, as_date=True), "rate_limited"),
    "500": (Fault("server_error"), "server_error"),
    "502 and a page": (Fault("bad_gateway"), "server_error"),
    "503 or 529": (Fault("overloaded"), "overloaded"),
    "503 without more": (Fault("unavailable"), "overloaded"),
    "an error in a 200": (Fault("error_in_200"), "overloaded"),
    "reset": (Fault("reset"), "disconnected"),
    "reset amid the answer": (Fault("reset_after_headers"), "disconnected"),
    "closed amid the answer": (Fault("cut_body"), "disconnected"),
    "truncated JSON": (Fault("truncated"), "malformed"),
    "no JSON": (Fault("malformed"), "malformed"),
    "empty content": (Fault("empty"), "empty"),
}


def hurry(lab: Laboratory, timeout_s: float, idle_s: float) -> None:
    """Give up sooner on a server that is silent."""
    tight = "".join(TIGHT.format(provider, timeout_s, idle_s) for provider in ("openai", "anthropic"))
    (lab.here / "silicus.toml").write_text(tight)


def dark_after(calls: int, seconds: float, lab: Laboratory) -> Disturbance:
    """The server is gone for so long once it has answered so many."""
    left = [Fault("dark", seconds=seconds)]
    return lambda asked, before: left.pop() if left and lab.players.total_paid >= calls else None


@pytest.mark.parametrize("what", CURED)
def test_a_fault_that_passes_leaves_no_trace_in_the_data(lab: Laboratory, what: str) -> None:
    fault, kind = CURED[what]
    folder = lab.disturbed(once_each(fault))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert f"{PLANNED} sessions held" in ended.said
    met = len(lab.players.came)
    assert met > PLANNED
    assert faults_in(folder) == {kind: met}
    assert lab.players.total_paid == calls_in(folder), "something was answered twice"
    lab.assert_as_undisturbed(folder)


def test_a_server_that_does_not_answer_is_given_up_and_asked_again(lab: Laboratory) -> None:
    hurry(lab, timeout_s=1.0, idle_s=1.0)
    folder = lab.disturbed(in_turn("hang", "hang", "hang"))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert faults_in(folder) == {"timeout": 3}
    assert lab.players.total_paid == calls_in(folder)
    lab.assert_as_undisturbed(folder)


def test_a_slow_stream_is_waited_for_and_one_that_falls_silent_is_not(lab: Laboratory) -> None:
    hurry(lab, timeout_s=10, idle_s=0.5)
    slow, silent = Fault("drip", seconds=0.0002), Fault("drip", seconds=1.0)
    folder = lab.disturbed(in_turn(slow, silent, slow))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert faults_in(folder) == {"timeout": 1}
    assert lab.players.total_paid == calls_in(folder) + 1  # the silent one had been answered, and could not be heard
    lab.assert_as_undisturbed(folder)


def test_everything_at_once(lab: Laboratory) -> None:
    kinds = [fault for fault, kind in CURED.values() if kind not in ("malformed", "empty")]

    def disturb(asked: Asked, before: int) -> Fault | None:
        return kinds[(len(asked.heard) + before) % len(kinds)] if before < 4 else None

    folder = lab.disturbed(disturb)
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert set(faults_in(folder)) == {"rate_limited", "server_error", "overloaded", "disconnected"}
    assert lab.players.total_paid == calls_in(folder)
    lab.assert_as_undisturbed(folder)


def test_a_server_that_dies_for_a_while_is_waited_for(lab: Laboratory) -> None:
    folder = lab.disturbed(dark_after(12, seconds=1.0, lab=lab))
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert set(faults_in(folder)) == {"disconnected"}
    assert 0 <= lab.players.total_paid - calls_in(folder) <= PLANNED  # answers that were on their way when it died
    lab.assert_as_undisturbed(folder)


@pytest.mark.parametrize("patience_s", [0.3])
def test_a_server_that_stays_away_fails_the_sessions_with_the_reason_and_they_are_held_later(lab: Laboratory) -> None:
    folder = lab.disturbed(dark_after(12, seconds=1.5, lab=lab))
    ended = run(folder)
    assert ended.code == 1
    failed = statuses_of(folder)["failed"]
    assert f"{failed} sessions failed. Try again: silicus run disturbed" in ended.said
    assert "no connection to 127.0.0.1" in ended.said
    assert sum(statuses_of(folder).values()) == PLANNED, "a session is lost"
    on_their_way = lab.players.total_paid - calls_in(folder)
    assert 0 <= on_their_way <= PLANNED
    wait_for(lab.server)
    assert run(folder).code == 0
    assert calls_in(folder) == calls_in(lab.undisturbed)
    assert lab.players.total_paid == calls_in(folder) + on_their_way, "an answered call was paid for twice"
    assert held_twice(folder) == []
    lab.assert_as_undisturbed(folder)


def wait_for(server: Loopback) -> None:
    """Wait until the server is there again."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.02)
