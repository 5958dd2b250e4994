"""What every further call would meet too, a budget, and Ctrl-C: the run stops, loses nothing, and goes on later."""

from __future__ import annotations

import json
import os
import signal

import pytest
from command_line import query, silicus
from laboratory import AT_ONCE, BUYER, PLANNED, SELLER, Laboratory, calls_in, draft, faults_in, run, statuses_of
from loopback import Fault
from loopback_players import Disturbance, never

PRICES = '[endpoints.{}.prices]\n"players" = [1.0, 0.1, 4.0]\n'


def after(calls: int, fault: str, lab: Laboratory) -> Disturbance:
    """Everything goes wrong in one way once so many were answered."""
    return lambda asked, before: Fault(fault) if lab.players.total_paid >= calls else None


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("auth", "auth", "Check the key in OPENAI_API_KEY"),
        ("forbidden", "auth", "Check the key in OPENAI_API_KEY"),
        ("quota", "quota", "the account's balance"),
        ("not_found", "not_found", "Check the model's name"),
        ("redirect", "not_found", "Check the model's name and the address"),
    ],
)
def test_what_every_call_would_meet_halts_the_run_and_fails_no_session(
    lab: Laboratory, fault: str, kind: str, told: str
) -> None:
    folder = lab.disturbed(after(12, fault, lab), seats={"participant": BUYER, "coder": BUYER})
    ended = run(folder)
    assert ended.code == 1
    assert told in ended.said
    held = statuses_of(folder).get("complete", 0)
    assert f"Stopped with {PLANNED - held} of {PLANNED} sessions left" in ended.said
    assert "failed" not in statuses_of(folder)
    assert set(faults_in(folder)) == {kind}
    assert lab.players.total_paid == calls_in(folder) == 12
    lab.players.disturb = never
    ended = run(folder)
    assert ended.code == 0, ended.said
    assert f"{PLANNED - held} sessions held" in ended.said
    assert lab.players.total_paid == calls_in(folder)


def test_a_key_that_is_wrong_from_the_first_call_on_holds_nothing_and_says_so(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, before: Fault("auth"))
    for words in (("conduct", folder, "--yes"), ("conduct", folder, "--yes", "--no-canary")):
        ended = silicus(*words)
        assert ended.code in (1, 2)
        assert "Check the key in" in ended.said
        assert not (folder / "report.html").exists()
    assert statuses_of(folder) == {}
    lab.players.disturb = never
    assert run(folder).code == 0


def test_a_model_s_name_that_is_mistyped_freezes_nothing(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, before: Fault("not_found"))
    assert run(folder).code == 1
    (folder / "study.yaml").write_text((folder / "study.yaml").read_text().replace("players", "player"))
    lab.players.disturb = never
    assert run(folder).code == 0
    # Now it is frozen.
    (folder / "study.yaml").write_text((folder / "study.yaml").read_text().replace("player", "players"))
    ended = run(folder)
    assert ended.code == 2
    assert "was edited after its first session" in ended.said


def test_a_server_that_asks_for_hours_halts_the_run(lab: Laboratory) -> None:
    folder = lab.disturbed(lambda asked, before: Fault("rate_limited", retry_after=7200))
    ended = run(folder)
    assert ended.code == 1
    assert "it asks to wait 2.0 hours" in ended.said
    assert statuses_of(folder) == {}


@pytest.mark.parametrize(
    ("option", "limit", "one_call"), [("--max-calls", 20, 1), ("--max-tokens", 4000, 1000), ("--budget", 0.005, 0.0025)]
)
def test_a_budget_is_kept_and_a_larger_one_goes_on(lab: Laboratory, option: str, limit: float, one_call: float) -> None:
    (lab.here / "silicus.toml").write_text(PRICES.format("openai") + PRICES.format("anthropic"))
    folder = lab.disturbed(never)
    ended = run(folder, option, str(limit))
    assert ended.code == 1
    assert "budget of" in ended.said
    assert "is reached" in ended.said
    assert "larger budget" in ended.said
    spent = query(folder / "archive.sqlite", "SELECT SUM(calls), SUM(tokens_in + tokens_out), SUM(cost) FROM ledger")[0]
    reached = dict(zip(("--max-calls", "--max-tokens", "--budget"), spent, strict=True))[option]
    assert limit - one_call < reached <= limit, "there was room for another call, or there was none for the last"
    assert lab.players.total_paid == calls_in(folder) < calls_in(lab.undisturbed)
    assert "failed" not in statuses_of(folder)
    # What was held can be analysed; the same budget allows nothing more, be it the canary.
    assert silicus("estimate", folder, "--json").code == 0
    assert silicus("run", folder, "--yes", option, str(limit)).code == 1
    assert run(folder, option, "100000").code == 0
    assert lab.players.total_paid == calls_in(folder)
    lab.assert_as_undisturbed(folder)


def test_a_budget_of_money_needs_a_price(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_API_KEY", "sk-lab-0000")
    (lab.here / "silicus.toml").write_text('[endpoints.lab]\nbase_url = "http://lab.example.org/v1"\n')
    folder = draft("unpriced", seats={"participant": "lab:players", "coder": "lab:players"})
    ended = run(folder, "--budget", "1")
    assert ended.code == 2
    assert "the price of lab:players is not known" in ended.said
    assert not (folder / "archive.sqlite").exists()


def test_ctrl_c_lets_those_begun_finish_and_the_next_run_goes_on(lab: Laboratory) -> None:
    def disturb(*_: object) -> Fault | None:
        if lab.players.total_paid == 30:
            os.kill(os.getpid(), signal.SIGINT)
        return None

    lab.ask_few_at_once()
    folder = lab.disturbed(disturb, design={"replicates": 12})
    ended = run(folder)
    assert ended.code == 130
    held = statuses_of(folder)["complete"]
    assert 0 < held < 12 * PLANNED
    assert f"Stopped with {12 * PLANNED - held} of {12 * PLANNED} sessions left" in ended.said
    assert lab.players.total_paid == calls_in(folder), "an answer was thrown away"
    unfinished = "SELECT COUNT(*) FROM completion WHERE session_id NOT IN (SELECT session_id FROM session)"
    assert query(folder / "archive.sqlite", unfinished) == [(0,)]
    lab.players.disturb = never
    assert run(folder).code == 0
    assert lab.players.total_paid == calls_in(folder)


def test_the_second_ctrl_c_stops_at_once_and_keeps_what_was_answered(lab: Laboratory) -> None:
    lab.ask_few_at_once()
    stops = {30, 60}

    def disturb(*_: object) -> Fault | None:
        if lab.players.total_paid in stops:
            stops.discard(lab.players.total_paid)
            os.kill(os.getpid(), signal.SIGINT)
        return None

    folder = lab.disturbed(disturb, design={"replicates": 12})
    ended = run(folder)
    assert ended.code == 130
    assert "Nothing that was finished is lost" in ended.said
    in_flight = lab.players.total_paid - calls_in(folder)
    assert 0 <= in_flight <= AT_ONCE
    lab.players.disturb = never
    assert run(folder).code == 0
    assert lab.players.total_paid == calls_in(folder) + in_flight
    assert statuses_of(folder) == {"complete": 12 * PLANNED}


def test_the_seats_of_a_study_may_meet_their_limits_apart(lab: Laboratory) -> None:
    seats = {"participant": BUYER, "coder": SELLER}
    folder = lab.disturbed(lambda asked, _: Fault("quota") if asked.task == "answer" else None, seats=seats)
    ended = run(folder)
    assert ended.code == 1
    assert "ANTHROPIC_API_KEY" in ended.said
    assert statuses_of(folder) == {}
    calls = calls_in(folder)
    lab.players.disturb = never
    assert run(folder).code == 0
    assert lab.players.total_paid == calls_in(folder) > calls


def test_a_run_that_halts_early_has_held_sessions_of_every_value(lab: Laboratory) -> None:
    lab.ask_few_at_once()
    folder = lab.disturbed(never, design={"replicates": 40})
    assert run(folder, "--max-calls", "360").code == 1  # of about 1,400
    held = [json.loads(told) for (told,) in query(folder / "archive.sqlite", "SELECT condition FROM session")]
    assert 20 < len(held) < 40 * PLANNED / 2
    for factor, values in (("budget", {5, 12, 20}), ("minimum", {4, 11, 19})):
        assert {condition[factor] for condition in held} == values
