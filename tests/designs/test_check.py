"""What a check finds in a study, and what it forecasts."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.designs import findings, forecast, plan
from silicus.designs.check import CheckResult, check_study
from silicus.designs.findings import FINDINGS
from silicus.designs.forecast import forecast_plan
from silicus.designs.plan import plan_sessions

SOUND: dict[str, Any] = {
    "format": 1,
    "name": "example",
    "scenario": "two people bargaining over a mug",
    "roles": {"buyer": {"goal": "to buy the mug"}, "seller": {"goal": "to sell the mug"}},
    "causal_model": {
        "variables": {
            "budget": {
                "label": "the buyer's budget",
                "kind": "continuous",
                "unit": "dollars",
                "treatment": {
                    "tell": "buyer",
                    "phrase": "your budget for the mug",
                    "values": [3, 6, 9, 12],
                    "limit": "at_most",
                },
            },
            "minimum": {
                "label": "the seller's minimum",
                "kind": "continuous",
                "unit": "dollars",
                "treatment": {
                    "tell": "seller",
                    "phrase": "your minimum price",
                    "values": [3, 6, 9, 12],
                    "limit": "at_least",
                },
            },
            "deal": {
                "label": "whether a deal occurs",
                "kind": "binary",
                "measure": {"question": "Did they agree on a price?"},
            },
        },
        "paths": ["deal ~ budget + minimum"],
    },
    "design": {},
    "procedure": {
        "speakers": ["buyer", "seller"],
        "stop": ["agreement"],
        "actions": {
            "offer": {"by": ["buyer", "seller"], "meaning": "offer", "value": "money", "effect": ["propose"]},
            "accept": {"by": ["buyer", "seller"], "meaning": "accept", "effect": ["agree"]},
            "leave": {"by": ["buyer", "seller"], "meaning": "leave", "effect": ["end"]},
        },
    },
}

BUDGET = "causal_model.variables.budget"
MINIMUM = "causal_model.variables.minimum"
DEAL = "causal_model.variables.deal"
VARIABLES, PATHS = "causal_model.variables", "causal_model.paths"
VALUES, LIMIT, TELL = (f"{BUDGET}.treatment.{field}" for field in ("values", "limit", "tell"))
KIND, LEVELS, MEASURE = (f"{DEAL}.{field}" for field in ("kind", "levels", "measure"))
ASK, QUESTION = f"{MEASURE}.ask", f"{MEASURE}.question"
TRUST = {"label": "trust", "kind": "continuous", "measure": {"question": "How much trust was there, from 0 to 10?"}}
TALK_ONLY: dict[str, Any] = {
    "procedure.stop": [], "procedure.actions": {}, LIMIT: None, f"{MINIMUM}.treatment.limit": None,
}  # fmt: skip


def changed(changes: Mapping[str, Any]) -> Study:
    """The sound study with some fields, named by their paths, set otherwise; None takes a field out."""
    content = deepcopy(SOUND)
    for path, value in changes.items():
        *parents, last = path.split(".")
        inner = content
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return Study.model_validate(content)


def check(changes: Mapping[str, Any]) -> CheckResult:
    return check_study(changed(changes))


def test_a_sound_study_has_no_findings() -> None:
    result = check({})
    assert result.problems == ()
    assert result.ok
    assert result.forecast is not None


# Each fault: its code, its severity, the field it stands at, words of its message, and the change that brings it about
FAULTS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("idle_role", "warning", "roles.guest", "guest", {"roles.guest": {}}),
    ("same_label", "warning", f"{DEAL}.label", "'budget' and 'deal'", {f"{DEAL}.label": "The buyer's budget"}),
    ("same_phrase", "warning", f"{MINIMUM}.treatment.phrase", "'buyer'",
     {f"{MINIMUM}.treatment.tell": "buyer",
      f"{MINIMUM}.treatment.phrase": "your budget for the mug"}),
    ("constant_treatment", "warning", VALUES, "single value", {VALUES: [3]}),
    ("constant_treatment", "warning", "design.only.budget", "single value", {"design.only": {"budget": [6]}}),
    ("few_values", "warning", VALUES, "two values", {VALUES: [3, 12]}),
    ("few_values", "warning", VALUES, "two values", {"design.only": {"budget": [3, 12]}}),
    ("words_for_numbers", "warning", VALUES, "'low', 'high'",
     {VALUES: {"low": 1, "high": 2, "7": 3}, LIMIT: None}),
    ("codes_differ", "warning", VALUES, "1,000 (coded 2)",
     {VALUES: {"3": 3, "6": 6, "1,000": 2}}),
    ("codes_out_of_order", "warning", VALUES, "'budget'",
     {f"{BUDGET}.kind": "ordinal", VALUES: {"low": 1, "high": 3, "middle": 2},
      LIMIT: None}),
    ("codes_out_of_order", "warning", LEVELS, "'deal'",
     {KIND: "ordinal", LEVELS: {"none": 0, "full": 2, "half": 1}}),
    ("told_to_silent", "warning", TELL, "'guest'",
     {"roles.guest": {}, TELL: "guest", LIMIT: None}),
    ("public_words_unheard", "warning", VALUES, "'rich'",
     {VALUES: [{"words": "3", "code": 3, "public": "poor"}, {"words": "6", "code": 6},
                                     {"words": "9", "code": 9, "public": "rich"}]}),
    ("private_told", "warning", "scenario", "'your budget for the mug'",
     {"scenario": "two people bargaining over a mug on a budget"}),
    ("private_told", "warning", f"{MINIMUM}.treatment.public", "'your budget for the mug'",
     {f"{MINIMUM}.treatment.public": "the budget that the mug must bring"}),
    ("private_told", "warning", "roles.buyer.attributes.mug budget", "'buyer'",
     {"roles.buyer.attributes": {"mug budget": {"value": "small", "public": True}}}),
    ("limit_without_numbers", "error", LIMIT, "'low', 'high'",
     {f"{BUDGET}.kind": "ordinal", VALUES: ["low", "high"]}),
    ("limit_without_amounts", "warning", LIMIT, "'buyer'",
     {"procedure.actions.offer.by": "seller", "procedure.actions.accept.by": "seller", "procedure.stop": []}),
    ("nominal_outcome", "error", KIND, "names", {KIND: "nominal", LEVELS: ["a", "b", "c"]}),
    ("text_on_a_path", "error", f"{DEAL}.measure.answer", "in words", {f"{DEAL}.measure.answer": "text"}),
    ("text_combined", "error", "causal_model.variables.why.measure.combine", "the mean of answers in words",
     {"causal_model.variables.why": TRUST | {"measure": {"question": "Why?", "answer": "text", "combine": "mean"}}}),
    ("ordinal_outcome", "warning", KIND, "equal", {KIND: "ordinal", LEVELS: ["a", "b", "c"]}),
    ("asks_onlooker", "warning", QUESTION, "'guest'", {"roles.guest": {}, ASK: "guest"}),
    ("hypothesis_told", "warning", QUESTION, "'budget'",
     {MEASURE: {"ask": "buyer", "question": "Given the budget, did you agree on a price?"}}),
    ("hypothesis_told", "warning", f"{DEAL}.measure.items.1", "'budget'",
     {MEASURE: {"items": [{"ask": "buyer", "question": "Did you agree?"},
                                    {"ask": "seller", "question": "Was it the buyer’s budget?"}]}}),
    ("hypothesis_told", "warning", QUESTION, "'trust'",
     {f"{VARIABLES}.trust": TRUST, PATHS: ["trust ~ budget", "deal ~ trust + minimum"],
      MEASURE: {"ask": "buyer", "question": "Was there enough trust for you to agree?"}}),
    ("causal_wording", "warning", QUESTION, "'because of'",
     {MEASURE: {"ask": "buyer", "question": "Did you agree because of what was said?"}}),
    ("same_question", "warning", f"{VARIABLES}.trust.measure.question", "'deal' and 'trust'",
     {f"{VARIABLES}.trust": TRUST | {"measure": {"question": "did they  agree on a price?"}},
      PATHS: ["deal ~ budget + minimum", "trust ~ budget"]}),
    ("cause_asked_late", "warning", "causal_model.paths.0", "'trust'",
     {f"{VARIABLES}.trust": TRUST | {"measure": {"ask": "buyer", "question": "How sure were you?"}},
      MEASURE: {"ask": "buyer", "question": "Did you agree?"},
      PATHS: ["deal ~ trust", "trust ~ budget + minimum"]}),
    ("no_paths", "error", "causal_model.paths", "no path", {PATHS: []}),
    ("treatment_on_no_path", "warning", MINIMUM, "'minimum'",
     {PATHS: ["deal ~ budget"]}),
    ("measured_on_no_path", "warning", f"{VARIABLES}.trust", "'trust'", {f"{VARIABLES}.trust": TRUST}),
    ("not_randomised", "warning", "causal_model.paths.1", "'trust'",
     {f"{VARIABLES}.trust": TRUST, PATHS: ["trust ~ budget + minimum", "deal ~ trust"]}),
    ("interaction_without_main", "warning", "causal_model.paths.0", "'minimum'",
     {PATHS: ["deal ~ budget + budget:minimum"]}),
    ("too_few_sessions", "warning", "causal_model.paths.0", "12 sessions",
     {"design": {"assignment": "random_subset", "sessions": 12}}),
    ("too_few_sessions", "warning", "causal_model.paths.0", "5 coefficients",
     {"design": {"assignment": "random_subset", "sessions": 14}, f"{BUDGET}.kind": "nominal"}),
    ("many_sessions", "warning", "design", "160,000", {"design.replicates": 10_000}),
    ("nothing_to_accept", "warning", "procedure.actions.accept", "'seller'", {"procedure.actions.offer.by": "seller"}),
    ("nobody_retires", "warning", "procedure.stop", "too few", {"procedure.stop": ["all_retired"]}),
    ("always_censored", "error", "procedure.stop", "no data",
     {"procedure.actions": {"offer": SOUND["procedure"]["actions"]["offer"]}, "procedure.stop": ["all_retired"]}),
    ("always_censored", "warning", "procedure.stop", "every session",
     {"procedure.actions": {"offer": SOUND["procedure"]["actions"]["offer"]}, "procedure.stop": ["all_retired"],
      "analysis.censored": "keep"}),
    ("cap_below_round", "warning", "procedure.max_turns", "2", {"procedure.max_turns": 1}),
    ("cap_below_round", "error", "procedure.max_turns", "nothing is said",
     {"procedure.max_turns": 1, "procedure.turn_order": "simultaneous"}),
    ("low_cap", "warning", "procedure.max_turns", "twice", {"procedure.max_turns": 3}),
    ("long_session", "warning", "procedure.max_turns", "61", {"procedure.max_turns": 61}),
    ("replicates_unclustered", "warning", "analysis.errors", "3 sessions", {"design.replicates": 3}),
    ("few_clusters", "warning", "analysis.cluster", "4 clusters",
     {"analysis": {"errors": "cluster", "cluster": "budget"}}),
    ("few_clusters", "warning", "analysis.cluster", "16 clusters",
     {"analysis": {"errors": "cluster", "cluster": "condition"}, "design.replicates": 3}),
    ("cluster_on_outcome", "warning", "analysis.cluster", "'deal'",
     {"analysis": {"errors": "cluster", "cluster": "deal"}}),
    ("too_many_sessions", "error", "design.sessions", "16",
     {"design": {"assignment": "random_subset", "sessions": 17}}),
    ("no_levels", "error", "design.only.budget", "'budget'", {"design.only": {"budget": []}}),
    ("not_finite", "error", VALUES, "inf",
     {VALUES: {"3": 3, "6": 6, "9": float("inf")}, LIMIT: None,
      f"{BUDGET}.kind": "ordinal"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "where", "says", "changes"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_found(code: str, severity: str, where: str, says: str, changes: dict[str, Any]) -> None:
    result = check(changes)
    found = [problem for problem in result.problems if problem.code == code and problem.where == where]
    assert found, f"found instead: {[(problem.code, problem.where) for problem in result.problems]}"
    assert all(problem.severity == severity for problem in found)
    assert any(says in problem.message for problem in found)
    assert result.ok is not any(problem.severity == "error" for problem in result.problems)


def test_every_finding_has_a_fault_that_brings_it_about() -> None:
    codes = {
        node.args[0].value
        for module in (findings, plan)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Problem", "_warning")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert codes == {code for code, *_ in FAULTS}


def test_every_finding_says_what_to_do_and_where() -> None:
    for *_, changes in FAULTS:
        for problem in check(changes).problems:
            assert problem.suggestion.endswith("."), problem
            assert problem.where, problem
            assert not problem.message.endswith("."), problem


# What comes close to a fault and is none.
INNOCENT: list[tuple[str, dict[str, Any]]] = [
    ("idle_role", {"roles.guest": {}, ASK: "guest"}),
    ("few_values", {f"{BUDGET}.kind": "binary", VALUES: [3, 12]}),
    ("codes_differ", {VALUES: {"1,000": 1000, "-2": -2, "0.5": 0.5}}),
    ("codes_out_of_order", {f"{BUDGET}.kind": "ordinal", VALUES: {"9": 9, "5": 5, "1": 1}}),
    ("told_to_silent", {"roles.guest": {}, TELL: "guest", f"{BUDGET}.treatment.public": "the budget"}),
    ("told_to_silent", {"roles.guest": {}, TELL: "guest", ASK: "guest"}),
    ("private_told", {f"{BUDGET}.treatment.public": "the buyer's budget for the mug"}),
    ("private_told", {"roles.buyer.attributes": {"mug budget": "small"}}),
    ("nominal_outcome", {f"{BUDGET}.kind": "nominal"}),
    ("text_on_a_path", {"causal_model.variables.why": TRUST | {"measure": {"question": "Why?", "answer": "text"}}}),
    ("hypothesis_told", {QUESTION: "Given the buyer's budget, did they agree?"}),  # asked of the coder
    ("hypothesis_told", {MEASURE: {"ask": "buyer", "question": "Did you agree on a price for the mug?"}}),
    ("hypothesis_told", {f"{DEAL}.label": "the part of the budget spent",
                         MEASURE: {"ask": "buyer", "question": "What part of your budget did you spend?"}}),
    ("same_question", {MEASURE: {"items": [{"ask": "buyer", "question": "A deal?"},
                                                     {"ask": "seller", "question": "A deal?"}]}}),
    ("cause_asked_late", {f"{VARIABLES}.trust": TRUST, PATHS: ["deal ~ trust", "trust ~ budget"]}),
    ("interaction_without_main", {PATHS: ["deal ~ budget*minimum"]}),
    ("too_few_sessions", {"design": {"assignment": "random_subset", "sessions": 13}}),
    ("always_censored", TALK_ONLY),
    ("low_cap", TALK_ONLY | {"procedure.max_turns": 2}),
    ("replicates_unclustered", {"design.replicates": 3, "analysis": {"errors": "cluster", "cluster": "budget"}}),
    ("few_clusters", {"analysis": {"errors": "cluster", "cluster": "condition"},
                      VALUES: list(range(8))}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "changes"), INNOCENT, ids=[code for code, _ in INNOCENT])
def test_what_only_comes_close_is_not_found(code: str, changes: dict[str, Any]) -> None:
    assert code not in [problem.code for problem in check(changes).problems]


def test_all_findings_come_at_once_the_errors_first() -> None:
    result = check({
        "roles.guest": {}, f"{DEAL}.measure.answer": "text", "design": {"assignment": "random_subset", "sessions": 99},
        "procedure.max_turns": 100,
    })  # fmt: skip
    assert [problem.code for problem in result.errors] == ["too_many_sessions", "text_on_a_path"]
    assert [problem.code for problem in result.warnings] == ["idle_role", "long_session"]
    assert result.problems == (*result.errors, *result.warnings)
    assert not result.ok
    assert result.forecast is None


def test_findings_of_other_rooms_take_their_place() -> None:
    refused, remark = Problem("no_such_law", "there is no such law"), Problem("slow", "slow", severity="warning")
    result = check_study(changed({"roles.guest": {}}), more=(remark, refused))
    assert [problem.code for problem in result.problems] == ["no_such_law", "idle_role", "slow"]
    assert result.forecast is not None


def test_every_finding_is_listed_once() -> None:
    assert len(set(FINDINGS)) == len(FINDINGS)
    assert {finding.__name__ for finding in FINDINGS} == {
        name
        for name, value in vars(findings).items()
        if inspect.isfunction(value) and value.__module__ == findings.__name__ and not name.startswith("_")
    }


def test_checking_a_plan_of_a_trillion_sessions_takes_no_time_worth_noting() -> None:
    variables = {f"x{n}": SOUND["causal_model"]["variables"]["minimum"] | {"label": f"cause {n}"} for n in range(20)}
    variables["deal"] = SOUND["causal_model"]["variables"]["deal"]
    result = check({"causal_model": {"variables": variables, "paths": ["deal ~ x0"]}})
    assert result.forecast is not None
    assert result.forecast.n_sessions == 4**20 > 10**12


def test_the_design_is_told_in_a_sentence() -> None:
    assert check({}).forecast is not None
    told = {
        forecast.design_text(plan_sessions(changed(changes)))
        for changes in (
            {},
            {"design": {"assignment": "random_subset", "sessions": 5, "replicates": 2, "seed": 7}},
            {"design.only": {"budget": [3], "minimum": [6]}},
            {"causal_model.variables.budget": None, MINIMUM: None,
             PATHS: ["deal ~ 1"]},
        )
    }  # fmt: skip
    assert told == {
        "full factorial: budget (4 values) × minimum (4 values) = 16 conditions; 16 sessions",
        "random subset: budget (4 values) × minimum (4 values) = 16 conditions × 2 replicates; "
        "5 sessions, 5 of these 32, seed 7",
        "full factorial: budget (1 value) × minimum (1 value) = 1 condition; 1 session",
        "full factorial: nothing is varied: 1 condition; 1 session",
    }


THREE = {"roles.guest": {}, "procedure.speakers": ["buyer", "seller", "guest"]}
RETIRE = {"by": ["buyer", "seller", "guest"], "meaning": "leave", "effect": ["retire"]}

# Statements and calls of one session, lowest and highest, one question included.
LENGTHS: list[tuple[str, dict[str, Any], tuple[int, int], tuple[int, int]]] = [
    ("an action may end it at once", {"procedure.max_turns": 20}, (1, 20), (2, 21)),
    ("agreement takes two", {"procedure.actions.leave": None, "procedure.max_turns": 20}, (2, 20), (3, 21)),
    ("talk goes on to its length", TALK_ONLY | {"procedure.max_turns": 12}, (12, 12), (13, 13)),
    ("the coordinator may end it at once, asked after each statement",
     TALK_ONLY | {"procedure.stop": ["coordinator"], "procedure.max_turns": 10}, (1, 10), (2, 21)),
    ("the coordinator names each speaker",
     TALK_ONLY | {"procedure.turn_order": "coordinator_before", "procedure.max_turns": 10}, (10, 10), (21, 21)),
    ("all draft and the coordinator chooses",
     TALK_ONLY | THREE | {"procedure.turn_order": "coordinator_after", "procedure.max_turns": 10}, (10, 10), (41, 41)),
    ("whoever retires drafts no more",
     TALK_ONLY | THREE | {"procedure.turn_order": "coordinator_after", "procedure.max_turns": 10,
                          "procedure.actions": {"go": RETIRE}, "procedure.stop": ["all_retired"]},
     (2, 10), (4 + 3 + 1, 41)),
    ("all at once, whole rounds",
     TALK_ONLY | THREE | {"procedure.turn_order": "simultaneous", "procedure.max_turns": 10},
     (9, 9), (10, 10)),
    ("all at once, agreement in the second round",
     THREE | {"procedure.actions.leave": None, "procedure.turn_order": "simultaneous", "procedure.max_turns": 10},
     (6, 9), (7, 10)),
    ("all at once, a verdict a round",
     TALK_ONLY | THREE | {"procedure.turn_order": "simultaneous", "procedure.stop": ["coordinator"],
                          "procedure.max_turns": 9}, (3, 9), (4, 13)),
    ("two of three retire",
     TALK_ONLY | THREE | {"procedure.actions": {"go": RETIRE}, "procedure.stop": ["all_retired"]},
     (2, 20), (3, 21)),
    ("all three retire", TALK_ONLY | THREE | {"procedure.actions": {"go": RETIRE}}, (3, 20), (4, 21)),
    ("the first answer may be enough",
     {MEASURE: {"items": [{"ask": "buyer", "question": "A deal?"}, {"question": "A deal?"}]}}, (1, 20), (2, 22)),
    ("all answers are needed",
     {MEASURE: {"combine": "mean", "items": [{"ask": "buyer", "question": "A deal?"}, {"question": "A deal?"}]}},
     (1, 20), (3, 22)),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "changes", "statements", "calls"), LENGTHS, ids=[length[0] for length in LENGTHS])
def test_statements_and_calls_are_bounded(
    _name: str, changes: dict[str, Any], statements: tuple[int, int], calls: tuple[int, int]
) -> None:
    made = forecast_plan(plan_sessions(changed(changes)))
    assert (made.statements.low, made.statements.high) == statements
    assert (made.calls_per_session.low, made.calls_per_session.high) == calls
    assert (made.calls.low, made.calls.high) == (calls[0] * made.n_sessions, calls[1] * made.n_sessions)


def test_bounds_read_as_numbers() -> None:
    assert str(forecast.Bounds(1200, 8100)) == "1,200 to 8,100"
    assert str(forecast.Bounds(7, 7)) == "7"
