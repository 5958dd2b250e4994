"""The rehearsal's participants do what their laws say, and what they say agrees with what they do.

Every session of the four built-in studies is looked at, not a sample of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import bargaining_content, first_session, held, talk_study

from silicus.concepts.estimate import EstimateTable
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_from_yaml
from silicus.concepts.transcript import Transcript, Turn
from silicus.concepts.variables import Variable
from silicus.designs.plan import plan_sessions
from silicus.execution.conduct import conduct_session
from silicus.instruments.tabulate import tabulate
from silicus.llm.calls import NOTHING
from silicus.llm.reading import read_answer
from silicus.llm.rehearsal.interview import FRIENDLY
from silicus.llm.rehearsal.provider import LAWS, RehearsalProvider, laws_in, rehearsal_problems
from silicus.llm.rehearsal.record import answer_from, record_line, value_words
from silicus.studies.choosing import Settings, choose
from silicus.studies.estimating import estimate_paths
from silicus.studies.library_studies import library_names

Held = tuple[tuple[Session, Transcript], ...]


def conducted(study: Study) -> Held:
    """Every planned session with its transcript; through prompts, reading and measurement, without an archive."""
    providers = {"rehearsal": RehearsalProvider()}

    async def all_of_them() -> Held:
        plan = plan_sessions(study)
        return tuple([(s, await conduct_session(s, providers, NOTHING, lambda _: None)) for s in plan])

    return asyncio.run(all_of_them())


@cache
def library(name: str) -> Held:
    """The sessions of a built-in study."""
    return conducted(choose(name, Settings()).study)


def with_law(name: str, law: Mapping[str, float], **settings: Any) -> Held:
    return conducted(choose(name, Settings(law=law, **settings)).study)


def estimated(name: str) -> dict[str, Any]:
    """The estimates of a built-in study's paths by cause."""
    study = choose(name, Settings()).study
    plan = plan_sessions(study)
    rows = tabulate(study, len(plan), plan.session_ids(), (transcript for _, transcript in library(name)))
    table: EstimateTable = estimate_paths(study, rows)
    return {row.treatment: row for row in table.estimates if row.quantity == "path"}


def amounts_in(turn: Turn) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"(\d[\d,]*(?:\.\d+)?) dollars", turn.words)]


def action_of(turn: Turn) -> str:
    return turn.action.name if turn.action is not None else ""


def value_of(turn: Turn) -> float:
    assert turn.action is not None
    assert isinstance(turn.action.value, float | int)
    return float(turn.action.value)


def measured(transcript: Transcript) -> float | str | None:
    (response,) = transcript.responses
    assert response.missing is None
    return response.value


# What holds for all four


@pytest.mark.parametrize("name", library_names())
def test_every_session_comes_to_its_own_end_and_nothing_in_it_is_irregular(name: str) -> None:
    for session, transcript in library(name):
        assert transcript.status == "complete", session.session_id
        assert transcript.ended_by
        assert not [problem for turn in transcript.turns for problem in turn.irregular], session.session_id
        assert len(transcript.turns) <= 20


@pytest.mark.parametrize("name", library_names())
def test_no_amount_breaks_a_limit(name: str) -> None:
    for session, transcript in library(name):
        for turn in transcript.turns:
            if action_of(turn) not in ("offer", "accept", "bid", "final_bid"):
                continue
            for told in session.persona(turn.speaker).told:
                if told.limit == "at_most":
                    assert value_of(turn) <= told.code, session.session_id
                elif told.limit == "at_least":
                    assert value_of(turn) >= told.code, session.session_id


@pytest.mark.parametrize("name", library_names())
def test_no_private_value_is_given_away_in_words(name: str) -> None:
    """Nobody names what only it was told; a reservation price may show as an offer, never as what it is."""
    for session, transcript in library(name):
        private = [value for persona in session.cast for value in persona.told if value.public_phrase is None]
        for turn in transcript.turns:
            assert not [value for value in private if value.phrase in turn.words or value.phrase[5:] in turn.words]


@pytest.mark.parametrize("name", library_names())
def test_the_dataset_holds_what_was_done(name: str) -> None:
    deeds: dict[str, Callable[[dict[str, Any]], float]] = {
        "mug": lambda done: float("accept" in done),
        "bail": lambda done: done["set_bail"],
        "interview": lambda done: float(done["decide"] == "hire"),
        "auction": lambda done: done["sell"],
    }
    for session, transcript in library(name):
        done = {action_of(turn): turn.action.value for turn in transcript.turns if turn.action is not None}
        assert measured(transcript) == deeds[name](done), session.session_id


@pytest.mark.parametrize("name", library_names())
def test_equal_seeds_give_equal_sessions(name: str) -> None:
    settings = Settings(sessions=20, seed=3)
    assert conducted(choose(name, settings).study) == conducted(choose(name, settings).study)


@pytest.mark.parametrize("name", ["mug", "bail", "interview"])  # nothing in an auction is random
def test_another_seed_gives_other_sessions(name: str) -> None:
    one = {session.session_id: transcript for session, transcript in library(name)}
    assert any(
        one[session.session_id] != transcript
        for session, transcript in conducted(choose(name, Settings(seed=2, sessions=30)).study)
    )


# Bargaining


def test_bargainers_say_the_price_that_they_offer_or_accept() -> None:
    for session, transcript in library("mug"):
        standing = None
        for turn in transcript.turns:
            if action_of(turn) == "offer":
                standing = value_of(turn)
                assert amounts_in(turn) == [standing]
            elif action_of(turn) == "accept":
                assert turn.words.startswith("Agreed")
                assert amounts_in(turn) == [value_of(turn)] == [standing]
            else:
                assert action_of(turn) == "walk_away", session.session_id
                assert amounts_in(turn) == []
        assert [action_of(turn) in ("accept", "walk_away") for turn in transcript.turns].count(True) == 1
        assert action_of(transcript.turns[-1]) in ("accept", "walk_away")


def test_bargainers_only_ever_concede() -> None:
    for session, transcript in library("mug"):
        for role, direction in (("buyer", 1), ("seller", -1)):
            offers = [direction * value_of(t) for t in transcript.turns if (t.speaker, action_of(t)) == (role, "offer")]
            assert offers == sorted(offers), session.session_id


def test_without_noise_there_is_a_deal_exactly_where_the_prices_cross() -> None:
    for session, transcript in with_law("mug", {"noise": 0, "premium": 1}, sessions=200):
        told = session.condition
        crossing = told["buyer_budget"] >= told["seller_minimum"] + told["seller_attachment"] - 1
        assert measured(transcript) == float(crossing), session.session_id


def test_the_mugs_three_signs_come_out_as_published() -> None:
    found = estimated("mug")
    for cause, sign in (("buyer_budget", 1), ("seller_minimum", -1), ("seller_attachment", -1)):
        assert sign * found[cause].value > 0
        assert found[cause].p_value < 0.05
        assert found[cause].n_units == 405


def test_the_premium_moves_what_attachment_does() -> None:
    deals = [
        sum(float(measured(t) or 0) for _, t in with_law("mug", {"premium": premium}, sessions=60))
        for premium in (0, 1, 4)
    ]
    assert deals[0] > deals[1] > deals[2]


# Auction


def test_bidders_say_what_they_bid_and_top_what_stands() -> None:
    for session, transcript in library("auction"):
        standing, leader, left = 0.0, "", set()
        for turn in transcript.turns:
            done = action_of(turn)
            if done in ("bid", "final_bid"):
                assert turn.speaker not in left, session.session_id
                assert amounts_in(turn) == [value_of(turn)]
                assert value_of(turn) > standing
                assert value_of(turn) >= 50
                assert ("last bid" in turn.words) == (done == "final_bid")
                standing, leader = value_of(turn), turn.speaker
            elif done == "sell":
                assert turn.words == f"Sold to {leader} for {standing:,.0f} dollars."
                assert value_of(turn) == standing
            elif done == "drop_out":
                assert "I am out" in turn.words
            elif turn.speaker == "auctioneer" and standing:
                assert amounts_in(turn) == [standing]
                assert leader in turn.words
            if done in ("drop_out", "final_bid"):
                left.add(turn.speaker)
        assert action_of(transcript.turns[-1]) == "sell"


def test_the_price_is_the_second_highest_maximum_or_one_over_it() -> None:
    for session, transcript in library("auction"):
        _, second, highest = sorted(session.condition.values())
        assert measured(transcript) in ({second, second + 1} if highest > second else {second}), session.session_id


def test_the_auctions_slopes_are_twenty_forty_ninths() -> None:
    """343 sessions; second-price theory gives 20/49 for each bidder, and the law is within .02 of it."""
    found = estimated("auction")
    for number in (1, 2, 3):
        slope = found[f"bidder_{number}_maximum"]
        assert slope.n_units == 343
        assert abs(slope.value - 20 / 49) < 0.02


def test_bidders_who_hold_back_pay_less() -> None:
    full = {session.session_id: float(measured(transcript) or 0) for session, transcript in library("auction")}
    for session, transcript in with_law("auction", {"shading": 0.5, "reserve": 25, "increment": 25}, sessions=40):
        second = sorted(session.condition.values())[1] / 2
        assert measured(transcript) in (second, second + 1), session.session_id
        assert float(measured(transcript) or 0) < full[session.session_id]


# Hearing


def test_the_judge_says_the_bail_that_is_set_after_hearing_everybody() -> None:
    for session, transcript in library("bail"):
        last = transcript.turns[-1]
        assert (last.speaker, action_of(last)) == ("judge", "set_bail")
        assert amounts_in(last) == [value_of(last)]
        assert value_of(last) % 500 == 0
        assert {turn.speaker for turn in transcript.turns} == {"judge", "prosecutor", "defence attorney", "defendant"}
        for turn in transcript.turns[:-1]:
            assert amounts_in(turn) == [], session.session_id


def test_without_noise_bail_is_the_stated_sum() -> None:
    for session, transcript in with_law("bail", {"noise": 0, "round_to": 0.001}, sessions=100):
        told = session.condition
        amount = 56165 + 521.53 * told["convictions"] - 74.632 * told["cases_heard"] - 1153.061 * told["remorse"]
        assert measured(transcript) == pytest.approx(amount, abs=0.001), session.session_id


# Interview


def test_the_interviewer_uses_exactly_as_many_friendly_phrases_as_told() -> None:
    phrase = re.compile("|".join(map(re.escape, FRIENDLY)))
    for session, transcript in library("interview"):
        said = [len(phrase.findall(turn.words)) for turn in transcript.turns if turn.speaker == "interviewer"]
        assert sum(said) == session.condition["friendly_phrases"], session.session_id
        assert not [turn for turn in transcript.turns if turn.speaker == "applicant" and phrase.search(turn.words)]


def test_the_interviewer_says_the_decision_that_is_taken() -> None:
    for session, transcript in library("interview"):
        last = transcript.turns[-1]
        assert last.action is not None
        assert (last.speaker, last.action.name) == ("interviewer", "decide")
        assert last.words == f"Thank you. My decision is: {last.action.value}."
        answer = transcript.responses[0]
        assert (answer.respondent, answer.value) == ("interviewer", float(last.action.value == "hire"))
        assert len(transcript.turns) > 2, session.session_id


@pytest.mark.parametrize(("base", "hired"), [(0, "passed_bar"), (1, "everybody"), (-1, "nobody")])
def test_the_weights_decide(base: float, hired: str) -> None:
    law = {"base": base, "passed_bar": 1, "friendly_phrases": 0, "height": 0}
    for session, transcript in with_law("interview", law):
        expected = {"passed_bar": session.condition["passed_bar"], "everybody": 1.0, "nobody": 0.0}[hired]
        assert measured(transcript) == expected


# The record and the coder


VARIABLES = {
    "number": Variable(name="mood", label="the mood", kind="continuous", measure={"question": "How?"}),
    "money": Variable(
        name="price", label="the price: final", kind="continuous", unit="dollars", measure={"question": "Which?"}
    ),
    "count": Variable(name="calls", label="calls", kind="count", unit="calls", measure={"question": "How many?"}),
    "yes_no": Variable(name="deal", label="whether there is a deal", kind="binary", measure={"question": "Deal?"}),
    "choice": Variable(
        name="tone", label="the tone", kind="ordinal", measure={"question": "Which?"},
        levels=("very low", "low", "neither low nor high", "high", "no. 5 of 5"),
    ),
}  # fmt: skip
VALUES = {
    "number": st.floats(-1e6, 1e6).map(lambda value: round(value, 6)),
    "money": st.floats(0, 1e6).map(lambda value: round(value, 2)),
    "count": st.integers(0, 10**6).map(float),
    "yes_no": st.sampled_from([0.0, 1.0]),
    "choice": st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]),
}


@given(values=st.fixed_dictionaries(VALUES))
def test_what_is_put_on_record_is_read_back_as_it_was(values: dict[str, float]) -> None:
    study = talk_study(["ann", "bob"], {})
    session = first_session(study)
    model = session.causal_model.model_copy(update={"variables": tuple(VARIABLES.values())})
    session = session.model_copy(update={"causal_model": model})
    outcomes = {VARIABLES[kind].name: value for kind, value in values.items()}
    turns = [Turn(number=1, speaker="ann", words=f"Let us close. {record_line(session, outcomes)}")]
    for variable in VARIABLES.values():
        raw = answer_from(turns, variable, session.procedure)
        options = [(level.words, level.code) for level in variable.levels]
        reading = read_answer(raw, variable.answer, options)
        assert (reading.value, reading.missing) == (outcomes[variable.name], None)
        assert value_words(variable, outcomes[variable.name]) in turns[0].words


def bargained(*deeds: tuple[str, str, float | str | None]) -> Sequence[Turn]:
    return [
        Turn.model_validate(
            {"number": n, "speaker": speaker, "words": "So be it.", "action": {"name": name, "value": value}}
        )
        for n, (speaker, name, value) in enumerate(deeds, start=1)
    ]


def test_the_coder_goes_by_what_was_done_and_says_where_nothing_tells() -> None:
    procedure = Study.model_validate(bargaining_content()).procedure
    offer, accept = ("buyer", "offer", 12.0), ("seller", "accept", 12.0)
    deal, price, mood = VARIABLES["yes_no"], VARIABLES["money"], VARIABLES["choice"]
    assert answer_from(bargained(offer, accept), deal, procedure) == '{"answer": "yes"}'
    assert answer_from(bargained(offer), deal, procedure) == '{"answer": "no"}'
    assert answer_from(bargained(offer, accept), price, procedure) == '{"answer": 12.0}'
    assert answer_from(bargained(offer), price, procedure) == '{"answer": null}'
    assert read_answer(answer_from(bargained(offer), price, procedure), "money").missing == "not_applicable"
    raw = answer_from(bargained(offer, accept), mood, procedure)
    assert read_answer(raw, "choice", [(level.words, level.code) for level in mood.levels]).value is None


# Every turn order, and numbers that make no sense


@pytest.mark.parametrize(
    ("order", "more"),
    [
        ("ordered", {}),
        ("random", {}),
        ("central_ordered", {"center": "ann"}),
        ("central_random", {"center": "ann"}),
        ("coordinator_before", {}),
        ("coordinator_after", {}),
        ("simultaneous", {}),
    ],
)
def test_every_turn_order_can_be_rehearsed(order: str, more: dict[str, str]) -> None:
    study = talk_study(["ann", "bob", "cleo"], {"turn_order": order, "stop": ["coordinator"], "max_turns": 12, **more})
    for session, transcript in conducted(study):
        assert (transcript.status, transcript.ended_by) == ("complete", "coordinator"), session.session_id
        assert {turn.speaker for turn in transcript.turns} == {"ann", "bob", "cleo"}
        value, words = measured(transcript), " ".join(turn.words for turn in transcript.turns)
        assert isinstance(value, float)
        assert f"For the record, mood of it: {value_words(study.causal_model.variable('mood'), value)}." in words


@pytest.mark.parametrize("law", LAWS)
def test_a_law_names_and_bounds_its_numbers(law: str) -> None:
    model = choose("mug", Settings()).study.causal_model
    for name, parameter in LAWS[law].parameters(model).items():
        assert parameter.meaning
        assert parameter.expected_instead_of(parameter.default) == "", name
        assert parameter.expected_instead_of(float("nan")) == "a finite number"
    assert len(LAWS[law].statement) > 40


@pytest.mark.parametrize(
    ("law", "number", "expected"),
    [
        ("rounds", 0, "a number of at least 1"),
        ("step", 0, "a number above 0"),
        ("opening", 1.5, "a number above 0 and of at most 1"),
        ("noise", -0.1, "a number of at least 0"),
        ("premium", float("inf"), "a finite number"),
    ],
)
def test_a_number_that_a_law_cannot_mean_is_a_finding(law: str, number: float, expected: str) -> None:
    content = bargaining_content(seats={"participant": {"llm": "rehearsal:bargaining", "law": {law: number}}})
    (problem,) = rehearsal_problems(Study.model_validate(content))
    assert (problem.code, problem.where) == ("wrong_law_parameter", f"seats.participant.law.{law}")
    assert f"expected {expected}, got {number:g}" in problem.message


def test_only_seats_that_somebody_sits_in_are_checked() -> None:
    def codes(**seats: Any) -> list[str]:
        return [problem.code for problem in rehearsal_problems(Study.model_validate(bargaining_content(seats=seats)))]

    own = {"buyer": "rehearsal:bargaining", "seller": "rehearsal:bargaining"}
    assert codes(participant="rehearsal:auction", roles=own) == []
    assert set(codes(participant="rehearsal:auction", roles={"buyer": own["buyer"]})) == {"law_misfit"}
    assert codes(participant="rehearsal:bargaining", coder="rehearsal:auction") == []
    assert codes(participant="rehearsal:bargaining", coder="rehearsal:nonsense") == ["unknown_law"]


# Known effects of the general law on a probability


def linear(law: dict[str, float], **changes: Any) -> Study:
    return Study.model_validate(
        bargaining_content(seats={"participant": {"llm": "rehearsal:linear", "law": law}}, **changes)
    )


def probabilities(study: Study) -> list[float]:
    ((_, _, numbers),) = laws_in(study)
    values = [[level.code for level in v.treatment.values] for v in study.causal_model.treatments if v.treatment]
    return [
        numbers["deal ~ (intercept)"] + numbers["deal ~ budget"] * budget + numbers["deal ~ minimum"] * minimum
        for budget, minimum in product(*values)
    ]


@pytest.mark.parametrize("law", [{}, {"deal ~ budget": 0.06}, {"deal ~ budget": -0.03}, {"deal ~ minimum": 1 / 15}])
def test_by_default_a_probability_stays_one_whatever_effects_are_given(law: dict[str, float]) -> None:
    study = linear(law)
    found = probabilities(study)
    assert min(found) >= -1e-9
    assert max(found) <= 1 + 1e-9
    assert (min(found) + max(found)) / 2 == pytest.approx(0.5)
    assert rehearsal_problems(study) == ()


def test_effects_too_large_for_a_probability_are_a_warning_that_says_how_far() -> None:
    (problem,) = rehearsal_problems(linear({"deal ~ budget": 0.1, "deal ~ (intercept)": 0.0}))
    assert (problem.code, problem.severity) == ("law_truncated", "warning")
    assert "would run from 0.5 to 2" in problem.message


def test_a_study_file_of_the_library_says_its_law_in_numbers_that_it_can_be_played_with() -> None:
    for name in library_names():
        assert rehearsal_problems(study_from_yaml(choose(name, Settings()).text)) == ()
        assert held(first_session(choose(name, Settings()).study))[0].status == "complete"
