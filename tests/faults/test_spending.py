"""Before money is spent: what it will take, and whether anybody wants that."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import query, silicus
from laboratory import BUYER, PLANNED, SELLER, Laboratory, draft, played_study, run, statuses_of
from loopback import Reply
from loopback_players import Asked, in_turn, never

from silicus.concepts.seats import Seat, Seats
from silicus.concepts.study import Study
from silicus.llm.prices import FREE, Price
from silicus.studies.cost import CostForecast, forecast_cost
from silicus.studies.library_studies import library_names, library_study

DEAR = "".join(f'[endpoints.{name}.prices]\n"players" = [1000, 100, 4000]\n' for name in ("openai", "anthropic"))


class Person(io.StringIO):
    """Somebody at the keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def dear(lab: Laboratory) -> Laboratory:
    """A model that costs a lot."""
    (lab.here / "silicus.toml").write_text(DEAR)
    return lab


def test_nobody_who_could_say_yes_is_no_yes(dear: Laboratory) -> None:
    (dear.here / "study.yaml").write_text((dear.undisturbed / "study.yaml").read_text())
    ended = silicus("conduct", "study.yaml", "--folder", "new", "--json")
    assert ended.code == 2
    assert ended.error["code"] == "needs_consent"
    assert "US dollars" in ended.error["message"]
    assert "--budget" in ended.error["suggestion"]
    assert not Path("new").exists()
    assert dear.server.count == 0


@pytest.mark.parametrize(("said", "code", "asked"), [("y\n", 0, True), ("n\n", 1, False), ("", 130, False)])
def test_somebody_is_asked(
    dear: Laboratory, monkeypatch: pytest.MonkeyPatch, said: str, code: int, asked: bool
) -> None:
    folder = draft("asked")
    monkeypatch.setattr(sys, "stdin", Person(said))
    ended = silicus("run", folder, "--no-canary")
    assert ended.code == code, ended.said
    assert "Forecast: likely 99 calls" in ended.said
    assert "Go on?" in ended.said
    assert "Traceback" not in ended.said
    assert (dear.server.count > 0) == asked == (folder / "archive.sqlite").exists()


@pytest.mark.parametrize("words", [("--yes",), ("--budget", "90"), ("--max-tokens", "90000"), ("--max-calls", "900")])
def test_who_sets_a_limit_or_says_yes_is_not_asked(dear: Laboratory, words: tuple[str, ...]) -> None:
    folder = draft("limited")
    assert "Go on?" not in silicus("run", folder, "--no-canary", *words).said
    assert dear.server.count > 0


def test_little_is_not_asked_about_and_an_unknown_price_is(lab: Laboratory) -> None:
    assert silicus("run", draft("free"), "--no-canary").code == 0  # a server on this computer
    (lab.here / "silicus.toml").write_text('[endpoints.far]\nbase_url = "http://far.example.org/v1"\n')
    folder = draft("far", seats={"participant": "far:players", "coder": "far:players"})
    ended = silicus("run", folder)
    assert ended.code == 2
    assert "the price of far:players is not known" in ended.said


def test_only_what_is_left_is_asked_about(dear: Laboratory) -> None:
    dear.players.disturb = in_turn("context_length", "context_length")
    folder = draft("begun")
    assert run(folder).code == 1
    failed = statuses_of(folder)["failed"]
    dear.players.disturb = never
    ended = silicus("run", folder)
    assert ended.code == 2
    assert f"likely {failed * 11} calls" in ended.said
    assert run(folder).code == 0
    assert silicus("run", folder).code == 0, "it asked about nothing"


# --- the forecast, held against what runs take


def long_winded(asked: Asked, _: int) -> Reply | None:
    """Statements of a length as language models make them: about 200 characters."""
    if asked.task == "act":
        return Reply(
            '{"say": "' + "I would like to think about it some more. " * 5 + '", "action": "none", "value": null}'
        )
    return None


def seated(study: Study, llm: str, **sampling: Any) -> Study:
    seat = Seat(llm=llm, **sampling)
    return study.model_copy(update={"seats": Seats(participant=seat, coder=seat)})


def took(folder: Path) -> tuple[int, int, int]:
    columns = "COUNT(*), SUM(tokens_in), SUM(tokens_out)"
    calls, tokens_in, tokens_out = query(folder / "archive.sqlite", f"SELECT {columns} FROM completion")[0]
    return calls, tokens_in, tokens_out


def test_what_is_likely_is_what_a_talkative_model_takes(lab: Laboratory) -> None:
    # A conversation of a planned length, so that only the tokens are guessed.
    offer = {"by": ["buyer", "seller"], "meaning": "offer a price", "value": "money", "effect": ["propose"]}
    procedure = {"speakers": ["buyer", "seller"], "max_turns": 8, "actions": {"offer": offer}}
    lab.players.disturb = long_winded
    folder = draft("talk", procedure=procedure)
    assert run(folder).code == 0
    forecast = forecast_cost(played_study(procedure=procedure), lambda _: FREE)
    calls, tokens_in, tokens_out = took(folder)
    assert forecast.calls == (calls, calls)
    # The loopback server counts words of messages alone; the forecast counts the schema too.
    assert 1.0 <= forecast.tokens_in[0] / tokens_in < 1.5
    assert 0.8 <= forecast.tokens_out[0] / tokens_out < 1.2


def test_no_run_takes_more_than_at_most(lab: Laboratory) -> None:
    forecast = forecast_cost(played_study(), lambda _: FREE)
    short = took(lab.undisturbed)
    lab.players.disturb = long_winded
    folder = draft("endless")
    assert run(folder).code == 0
    assert statuses_of(folder) == {"censored": PLANNED}
    for taken in (short, took(folder)):
        for number, (_, most) in zip(taken, (forecast.calls, forecast.tokens_in, forecast.tokens_out), strict=True):
            assert number <= most
    assert took(folder)[0] == forecast.calls[1]


@pytest.mark.parametrize("name", library_names())
def test_the_range_of_a_built_in_study_is_narrow_enough_to_decide_by(name: str) -> None:
    for llm, widest in (("openai:gpt-4o-mini", 10), ("openai:gpt-5-mini", 12)):
        forecast = forecast_cost(seated(library_study(name), llm), lambda _: Price(0.15, 0.075, 0.6))
        assert forecast.dollars is not None
        likely, most = forecast.dollars
        assert 1.5 < most / likely < widest


def test_reasoning_and_caps_are_counted() -> None:
    study = library_study("mug")
    plain, may, does = (
        forecast_cost(seated(study, llm), lambda _: FREE).tokens_out
        for llm in ("openai:gpt-4o", "lab:x", "openai:o4-mini")
    )
    calls = forecast_cost(seated(study, "lab:x"), lambda _: FREE).calls
    assert (may[0], may[1] - plain[1]) == (plain[0], 1000 * calls[1])
    assert (does[0] - plain[0], does[1] - plain[1]) == (400 * calls[0], 2000 * calls[1])
    capped = forecast_cost(seated(study, "openai:o4-mini", max_tokens=60), lambda _: FREE).tokens_out
    assert capped[1] <= 60 * calls[1]


def test_only_the_seats_that_cost_are_counted_and_an_unknown_price_is_said() -> None:
    study = library_study("mug")
    assert forecast_cost(study, lambda _: FREE) == CostForecast((), (0, 0), (0, 0), (0, 0), (0.0, 0.0), ())
    coder = study.model_copy(update={"seats": Seats(participant=study.seats.participant, coder=Seat(llm=BUYER))})
    forecast = forecast_cost(coder, lambda _: None)
    assert (forecast.calls, forecast.llms) == ((405, 405), (BUYER,))
    assert forecast.dollars is None
    assert f"the price of {BUYER} is not known" in str(forecast)
    assert SELLER not in str(forecast)
