"""What variables, units and effects are called."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from silicus.reporting import wording
from silicus.reporting.wording import Factor


@pytest.mark.parametrize(
    ("treatment", "factors"),
    [
        ("a", (Factor("a"),)),
        ("a:b", (Factor("a"), Factor("b"))),
        ("party[Left]", (Factor("party", "Left"),)),
        ("party[Left: far]:budget", (Factor("party", "Left: far"), Factor("budget"))),
        ("party[no [answer]]", (Factor("party", "no [answer]"),)),
    ],
)
def test_a_treatment_is_read_into_its_factors(treatment: str, factors: tuple[Factor, ...]) -> None:
    assert wording.factors_of(treatment) == factors


@pytest.mark.parametrize(
    ("unit", "one"),
    [
        ("dollars", "dollar"), ("cm", "cm"), ("cases per day", "case per day"), ("$", "dollar"), ("series", "series"),
        ("ponies", "pony"), ("boxes", "box"), ("class", "class"), (None, "unit"), ("US dollars", "US dollar"),
    ],
)  # fmt: skip
def test_one_of_a_unit(unit: str | None, one: str) -> None:
    assert wording.singular(unit) == one


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12, "dollars", "12 dollars"), (1, "dollars", "1 dollar"), (9.5, "dollars", "9.50 dollars"),
        (9.5, "$", "$9.50"), (-3, "$", "−$3"), (170, "cm", "170 cm"), (2.5, None, "2.5"),
    ],
)  # fmt: skip
def test_an_amount_has_its_unit(value: float, unit: str | None, text: str) -> None:
    assert wording.amount(value, unit) == text


def test_causes_are_called_by_their_labels(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    table = kit.bail().table
    assert wording.cause_label(study, "cases", table) == "Judge's cases heard that day (cases per day)"
    assert wording.cause_label(study, "convictions", table) == "Defendant's previous convictions"  # names its unit
    assert wording.cause_label(study, "plea[no contest]", table) == "Plea: no contest rather than not guilty"
    assert wording.cause_label(study, "convictions:cases") == (
        "Defendant's previous convictions × judge's cases heard that day"
    )
    assert wording.cause_label(study, "(intercept)") == "Constant"
    assert wording.cause_label(None, "x1:x2[a]") == "x1 × x2: a"


def test_a_value_is_told_in_its_words(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG)
    assert wording.level_words(study.causal_model.variable("seller_attachment"), 3.0) == "moderate emotional attachment"
    assert wording.level_words(study.causal_model.variable("buyer_budget"), 10.0) == "10 dollars"
    assert wording.level_words(study.causal_model.variable("deal"), 1.0) == "yes"


def test_numbers_that_stand_for_other_numbers_keep_their_words(kit: SimpleNamespace) -> None:
    variables = {**kit.MUG["causal_model"]["variables"]}
    variables["buyer_budget"] = {
        **variables["buyer_budget"], "treatment": {"tell": "buyer", "phrase": "it", "values": {"100": 1, "200": 2}},
    }  # fmt: skip
    study = kit.study(kit.MUG, causal_model={**kit.MUG["causal_model"], "variables": variables})
    assert wording.level_words(study.causal_model.variable("buyer_budget"), 2.0) == "200"


def test_lists_and_reasons() -> None:
    assert wording.joined(["a", "b", "c"]) == "a, b and c"
    assert wording.joined(["a"], "or") == "a"
    assert wording.joined([]) == ""


def test_why_rows_were_left_out_names_the_variable(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    assert wording.exclusion(study, "bail missing") == "no value for the bail set"
    assert wording.exclusion(study, "not_held") == "not held"
