"""A formula on any table: reading it, and reading the columns it names."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from silicus.concepts.errors import DataError
from silicus.concepts.estimate import INTERCEPT, Estimate, EstimateTable
from silicus.estimators.formula import MOST_LEVELS, estimate_table, read_formula


def table(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["x1", "x2", "y"])
    frame["y"] += frame["x1"]
    frame["arm"] = np.array(["treated", "control", "placebo"])[np.arange(n) % 3]
    frame["heard"] = np.where(np.arange(n) % 2 == 0, " Yes", "no")
    frame["place"] = [f"village {i % 12}" for i in range(n)]
    return frame


def find(found: EstimateTable, outcome: str, treatment: str) -> Estimate:
    (estimate,) = (e for e in found.estimates if (e.outcome, e.treatment, e.quantity) == (outcome, treatment, "path"))
    return estimate


def written(formula: str) -> list[str]:
    return [str(equation) for equation in read_formula(formula)]


def test_equations_are_separated_by_semicolons_and_lines() -> None:
    assert written("m ~ x ; y ~ m + x\n\n v~1;") == ["m ~ x", "y ~ m + x", "v ~ 1"]


def test_a_star_means_both_and_their_product() -> None:
    assert written("y ~ a*b + c") == ["y ~ a + b + a:b + c"]


def test_equations_are_put_into_causal_order() -> None:
    assert written("y ~ m; w ~ y; m ~ x") == ["m ~ x", "y ~ m", "w ~ y"]


@pytest.mark.parametrize(
    ("formula", "message", "suggestion"),
    [
        ("", "empty", "y ~ x1 + x2"),
        (" ; \n", "empty", "y ~ x1 + x2"),
        ("y", "got 'y'", "the outcome, '~', and its causes"),
        ("y ~ x1 +", "an empty term", "Join causes with '+'"),
        ("y ~ x1 - 1", "'x1 - 1'", "every equation has a constant"),
        ("y ~ 0 + x1", "'0'", "every equation has a constant"),
        ("y ~ log(x1)", "'log(x1)'", "a column of its own"),
        ("y ~~ x1", "got 'y ~~ x1'", "residual covariances"),
        ("ab := a ~ b", "expected one equation", "indirect effects"),
        ("y ~ x; y ~ z", "two equations explain 'y'", "one equation"),
        ("m ~ y; y ~ m", "in a circle among 'm', 'y'", "Remove a path"),
        ("y ~ y", "both sides", "Join causes"),
    ],
)
def test_a_bad_formula_is_told_what_to_do(formula: str, message: str, suggestion: str) -> None:
    with pytest.raises(DataError) as caught:
        read_formula(formula)
    assert message in caught.value.message
    assert suggestion in caught.value.suggestion


def test_a_table_without_a_study_is_exploratory() -> None:
    found = estimate_table(table(), "y ~ x1 + x2", name="rows.csv")
    assert (found.study, found.name, found.rehearsed) == (None, "rows.csv", False)
    assert all(estimate.exploratory for estimate in found.estimates)
    assert found.samples[0].used == 40
    assert EstimateTable.model_validate(json.loads(found.model_dump_json())) == found


def test_the_confidence_level_and_the_errors_are_passed_on() -> None:
    found = estimate_table(table(), "y ~ x1", errors="cluster", cluster="place", confidence_level=0.8)
    estimate = find(found, "y", "x1")
    assert (estimate.cluster, estimate.n_clusters, estimate.confidence_level) == ("place", 12, 0.8)


def test_a_cluster_column_may_be_a_cause_too() -> None:
    found = estimate_table(table(200), "y ~ x1 + place", errors="cluster", cluster="place")
    assert find(found, "y", "x1").n_clusters == 12


def test_words_of_a_cause_become_levels_against_the_first_in_the_alphabet() -> None:
    frame = table()
    found = estimate_table(frame, "y ~ arm")
    means = frame.groupby("arm")["y"].mean()
    # A difference of means, rounding only.
    assert find(found, "y", "arm[treated]").value == pytest.approx(means["treated"] - means["control"], rel=1e-10)
    assert [e.treatment for e in found.estimates[:3]] == ["arm[placebo]", "arm[treated]", INTERCEPT]
    assert any("each level but 'control'" in note for note in found.notes)


def test_categories_keep_their_order() -> None:
    frame = table()
    frame["arm"] = pd.Categorical(frame["arm"], categories=["placebo", "treated", "control", "never"])
    assert [e.treatment for e in estimate_table(frame, "y ~ arm").estimates[:2]] == ["arm[treated]", "arm[control]"]


@pytest.mark.parametrize("kind", ["text", "object", "bool", "missing"])
def test_yes_and_no_count_as_one_and_zero(kind: str) -> None:
    frame = table()
    truth = frame["heard"] == " Yes"
    columns = {
        "text": frame["heard"],
        "object": truth.astype(object),
        "bool": truth,
        "missing": truth.astype(object).where(frame.index > 0, None),
    }
    found = estimate_table(frame.assign(heard=columns[kind]), "y ~ heard; heard ~ x1")
    rows = frame["y"][frame.index > 0] if kind == "missing" else frame["y"]
    halves = rows.groupby(truth).mean()
    assert find(found, "y", "heard").value == pytest.approx(halves[True] - halves[False], rel=1e-10)
    assert find(found, "heard", "x1").value is not None


def test_numbers_written_as_text_are_numbers() -> None:
    frame = table()
    words = frame["x1"].map(lambda number: f" {number!r} ").where(frame.index > 1, "")
    found = estimate_table(frame.assign(x1=words), "y ~ x1")
    assert found.samples[0].excluded == {"x1 missing": 2}
    expected = estimate_table(frame[2:], "y ~ x1")
    assert find(found, "y", "x1").value == pytest.approx(find(expected, "y", "x1").value, rel=1e-12)


@pytest.mark.parametrize(
    ("column", "formula", "message"),
    [
        ("arm", "arm ~ x1", "the outcome 'arm' is in words ('treated', 'control', 'placebo')"),
        ("x2", "y ~ x2", "column 'x2' mixes numbers with text: '1,500' in row 3"),
        ("x2", "x2 ~ y", "column 'x2' mixes numbers with text: '1,500' in row 3"),
        ("id", "y ~ id", f"column 'id' holds {MOST_LEVELS + 10} different texts"),
        ("when", "y ~ when", "column 'when' holds neither numbers nor words"),
        ("wave", "y ~ wave", "column 'wave' does not hold numbers"),
    ],
)
def test_columns_that_are_no_numbers_are_refused(column: str, formula: str, message: str) -> None:
    frame = table(MOST_LEVELS + 10)
    frame["x2"] = frame["x2"].astype(object).where(frame.index != 2, "1,500")
    frame["id"] = [f"person {i}" for i in range(len(frame))]
    frame["when"] = pd.Timestamp("2024-01-01")
    frame["wave"] = 1 + 2j
    with pytest.raises(DataError) as caught:
        estimate_table(frame, formula)
    assert caught.value.message.startswith(message)
    assert caught.value.suggestion
    assert column in formula


@pytest.mark.parametrize(("name", "guess"), [("X1", "'x1'"), ("plaec", "'place'"), ("buyer_budget", "'buyer budget'")])
def test_an_unknown_column_gets_the_nearest_spelling(name: str, guess: str) -> None:
    frame = table().assign(**{"buyer budget": 1.0})
    with pytest.raises(DataError) as caught:
        estimate_table(frame, f"y ~ {name}")
    assert caught.value.message == f"the table has no column {name!r}"
    assert f"Did you mean {guess}?" in caught.value.suggestion


def test_a_column_of_nothing_is_a_result() -> None:
    found = estimate_table(table().assign(x1=None), "y ~ x1")
    assert find(found, "y", "x1").reason == "'x1' has no value in any row"
