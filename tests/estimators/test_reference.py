"""Every figure that lavaan and sandwich gave for the tables in ``reference/`` (see its README)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate
from silicus.estimators.formula import read_formula
from silicus.estimators.path_model import PathFit, fit_path_model
from silicus.estimators.tables import read_table

REFERENCE = Path(__file__).parent / "reference"

FORMULAS = {
    "five_rows": "y ~ x1 + x2 + x3",
    "mug": "deal ~ budget + minimum + attachment",
    "mug_two_outcomes": "deal ~ budget + minimum + attachment; turns ~ budget + minimum + attachment",
    "mug_90_percent": "turns ~ budget",
    "mug_mediated": "deal ~ budget + minimum + attachment; turns ~ deal + attachment",
    "interaction": "turns ~ budget * attachment + minimum",
    "interaction_before_mediator": "deal ~ budget * minimum; turns ~ deal + attachment",
    "unequal_causes": "y1 ~ x + z; y2 ~ z + w",
    "three_outcomes": "y1 ~ x + z; y2 ~ z + w; y3 ~ x + m1",
    "overidentified": "m1 ~ x; y1 ~ m1 + z",
    "two_mediators": "m1 ~ x; m2 ~ x + m1; y1 ~ x + m1 + m2",
    "mediated_unequal": "m1 ~ x; m2 ~ m1 + z; y1 ~ m2 + z; y2 ~ m1 + w; y3 ~ x",
    "separate_equations": "m1 ~ x; y1 ~ m1; y2 ~ w",
    "constant_only_beside": "y1 ~ x; y2 ~ 1",
    "listwise": "m1 ~ x; y1 ~ m1 + z; y2 ~ x + w",
    "nominal": "trust ~ arm + age",
    "mug_hc3": "deal ~ budget + minimum + attachment",
    "mug_cluster": "deal ~ budget + minimum + attachment",
    "interaction_hc3": "turns ~ budget + attachment + budget:attachment",
    "villages": "trust ~ age + arm",
    "scales_hc3": "spending ~ year + debt + share",
    "scales_standard": "spending ~ year + debt + share",
}
EFFECTS = {
    "budget.indirect": ("turns", "budget", "indirect_effect"),
    "minimum.indirect": ("turns", "minimum", "indirect_effect"),
    "x.indirect": ("y1", "x", "indirect_effect"),
    "x.total": ("y1", "x", "total_effect"),
    "m1.indirect": ("y1", "m1", "indirect_effect"),
    "m1.total": ("y1", "m1", "total_effect"),
    "x.on.y1": ("y1", "x", "total_effect"),
    "x.on.y2": ("y2", "x", "indirect_effect"),
}
NAMES = {"friendly": "arm[friendly]", "hostile": "arm[hostile]", "(Intercept)": INTERCEPT}
ARMS = {0.0: "control", 1.0: "friendly", 2.0: "hostile"}
FEW_DF = {"five_rows"}

# lavaan searches; where it stops, the likelihood is flat to double precision and an estimate within a hundred
# thousandth of its standard error from the maximum. `test_path_model` holds ours to the maximum itself.
LAVAAN_TOLERANCE = 1e-5
# Both sides solve the same equations in double precision, on columns whose sizes differ by up to 15 orders.
SANDWICH_TOLERANCE = 1e-9


@cache
def stored(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REFERENCE / file).read_text())
    return content


def fitted(case: str, table: str, **settings: Any) -> PathFit:
    frame = read_table(REFERENCE / f"{table}.csv")
    if "arm" in frame:
        codes = {words: code for code, words in ARMS.items()}
        frame = frame.assign(arm=frame["arm"].map(codes).astype(float))
    return fit_path_model(frame, read_formula(FORMULAS[case]), nominal={"arm": ARMS}, **settings)


def by_key(fit: PathFit) -> dict[tuple[str, str, str], Estimate]:
    return {(e.outcome, e.treatment, e.quantity): e for e in fit.estimates}


def lavaan_key(row: dict[str, Any], found: dict[tuple[str, str, str], Estimate]) -> tuple[str, str, str]:
    left, right = row["lhs"], NAMES.get(row["rhs"], row["rhs"])
    if row["op"] == ":=":
        return EFFECTS[left]
    if row["op"] == "~":
        return left, right, "path"
    if row["op"] == "~1":
        return left, INTERCEPT, "path"
    if left == right:
        return left, RESIDUAL, "residual_variance"
    key = (left, right, "residual_covariance")
    return key if key in found else (right, left, "residual_covariance")


def close(value: float | None, expected: float, scale: float, tolerance: float) -> None:
    assert value is not None
    assert abs(value - expected) <= tolerance * scale


@pytest.mark.parametrize("case", sorted(stored("lavaan.json")))
def test_every_figure_of_lavaan(case: str) -> None:
    reference = stored("lavaan.json")[case]
    found = by_key(fitted(case, reference["table"], confidence_level=reference["level"]))
    keys = [lavaan_key(row, found) for row in reference["estimates"]]
    for key, row in zip(keys, reference["estimates"], strict=True):
        estimate, error = found[key], row["se"]
        assert estimate.n_units == reference["n"]
        close(estimate.value, row["est"], error, LAVAAN_TOLERANCE)
        close(estimate.std_error, error, error, LAVAAN_TOLERANCE)
        if row["op"] in ("~", "~~", ":="):
            # std.all is a ratio of estimates: its error is theirs, in units of the value itself.
            close(estimate.standardized, row["std.all"], max(1.0, abs(row["std.all"])), LAVAAN_TOLERANCE)
        if case in FEW_DF:
            continue
        close(estimate.p_value, row["pvalue"], 1.0, LAVAAN_TOLERANCE)
        assert estimate.interval is not None
        close(estimate.interval[0], row["ci.lower"], error, LAVAAN_TOLERANCE)
        close(estimate.interval[1], row["ci.upper"], error, LAVAAN_TOLERANCE)
    ours = {key for key in found if key[2] not in ("indirect_effect", "total_effect")}
    assert ours == {key for key in keys if key[2] not in ("indirect_effect", "total_effect")}


@pytest.mark.parametrize("case", sorted(stored("sandwich.json")))
def test_every_figure_of_sandwich_and_lm(case: str) -> None:
    reference = stored("sandwich.json")[case]
    standard = reference["errors"] == "standard"
    fit = fitted(case, reference["table"], errors=reference["errors"], cluster=reference["cluster"])
    found = by_key(fit)
    for row in reference["estimates"]:
        treatment = (
            row["treatment"].replace("arm", "arm[") + "]" if row["treatment"].startswith("arm") else row["treatment"]
        )
        estimate, error = found[row["outcome"], NAMES.get(treatment, treatment), "path"], row["se"]
        assert estimate.n_units == reference["n"]
        close(estimate.value, row["est"], error, SANDWICH_TOLERANCE)
        close(estimate.std_error, error, error, SANDWICH_TOLERANCE)
        if not standard:
            close(estimate.p_value, row["pvalue"], 1.0, SANDWICH_TOLERANCE)
            assert estimate.interval is not None
            close(estimate.interval[0], row["low"], error, SANDWICH_TOLERANCE)
            close(estimate.interval[1], row["high"], error, SANDWICH_TOLERANCE)
            assert f"{reference['df']} degrees of freedom" in estimate.method


def test_the_figures_printed_for_the_five_row_case() -> None:
    found = by_key(fitted("five_rows", "five_rows"))
    printed = {
        "x1": (".1242315", ".0029145"),
        "x2": (".0507950", ".0021549"),
        "x3": ("-.0446258", ".0050701"),
        INTERCEPT: ("-1.9042824", ".0773977"),
    }
    for treatment, (value, error) in printed.items():
        estimate = found["y", treatment, "path"]
        assert f"{estimate.value:.7f}".replace("0.", ".") == value
        assert f"{estimate.std_error:.7f}".replace("0.", ".") == error
    residual = found["y", RESIDUAL, "residual_variance"]
    assert f"{residual.value:.6e} {residual.std_error:.6e}" == "1.907992e-04 1.206720e-04"


def test_second_highest_value_on_the_auction_grid() -> None:
    values = range(50, 351, 50)
    grid = pd.DataFrame([(a, b, c, sorted((a, b, c))[1]) for a in values for b in values for c in values])
    grid.columns = pd.Index(["a", "b", "c", "price"])
    fit = fit_path_model(grid, read_formula("price ~ a + b + c"))
    found = by_key(fit)
    for bidder in "abc":
        estimate = found["price", bidder, "path"]
        # 20/49 is exact; the rest are printed to so many digits.
        assert estimate.value == pytest.approx(20 / 49, abs=1e-12)
        assert estimate.standardized == pytest.approx(0.5132, abs=5e-5)
    assert found["price", INTERCEPT, "path"].value == pytest.approx(-44.898, abs=5e-4)
    residual = found["price", RESIDUAL, "residual_variance"]
    assert residual.standardized is not None
    assert residual.value is not None
    assert 1 - residual.standardized == pytest.approx(0.78999, abs=5e-6)
    assert residual.value**0.5 == pytest.approx(36.450, abs=5e-4)
    assert fit.samples[0].mean == pytest.approx(200)
