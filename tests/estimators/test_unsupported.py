"""What the data do not support comes back as a result with its reason; what the call gets wrong is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from silicus.concepts.errors import DataError
from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate
from silicus.estimators.formula import read_formula
from silicus.estimators.path_model import PathFit, fit_path_model

Change = Callable[[pd.DataFrame], pd.DataFrame]


def base(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["x", "z", "w", "m"])
    frame["m"] += 0.5 * frame["x"]
    frame["y"] = frame["m"] + rng.normal(size=n)
    frame["arm"] = np.arange(n) % 3.0
    return frame


ARMS = {0.0: "none", 1.0: "mild", 2.0: "strong"}


def fit(frame: pd.DataFrame, formula: str, **settings: Any) -> PathFit:
    return fit_path_model(frame, read_formula(formula), **settings)


def find(found: PathFit, outcome: str, treatment: str, quantity: str = "path") -> Estimate:
    (estimate,) = (e for e in found.estimates if (e.outcome, e.treatment, e.quantity) == (outcome, treatment, quantity))
    return estimate


HOPELESS: dict[str, tuple[Change, str]] = {
    "outcome without variance": (lambda d: d.assign(y=3.0), "'y' is 3 in every row used"),
    "outcome never realised": (lambda d: d.assign(y=np.nan), "'y' has no value in any row"),
    "cause never measured": (lambda d: d.assign(x=np.nan), "'x' has no value in any row"),
    "all values infinite": (lambda d: d.assign(x=np.inf), "'x' has no value in any row"),
    "no rows": (lambda d: d[:0], "the table has no rows"),
    "one row": (lambda d: d[:1], "1 row cannot support 3 coefficients"),
    "as many rows as coefficients": (lambda d: d[:3], "3 rows cannot support 3 coefficients"),
    "no complete row": (
        lambda d: d.assign(x=d["x"].where(d.index < 30), y=d["y"].where(d.index >= 30)),
        "no row has a value in every column of the model",
    ),
    "huge values": (lambda d: d.assign(x=d["x"] * 1e305), "'x' are too large or too small to compute with"),
    "tiny values": (lambda d: d.assign(z=d["z"] * 1e-310), "'z' are too large or too small to compute with"),
}


@pytest.mark.parametrize("errors", ["standard", "hc3", "cluster"])
@pytest.mark.parametrize("case", HOPELESS)
def test_an_equation_without_a_fit_says_why(case: str, errors: str) -> None:
    change, reason = HOPELESS[case]
    found = fit(change(base()), "y ~ x + z", errors=errors, cluster="arm" if errors == "cluster" else None)
    assert [e.treatment for e in found.estimates] == ["x", "z", INTERCEPT, RESIDUAL]
    for estimate in found.estimates:
        assert (estimate.value, estimate.std_error, estimate.interval, estimate.p_value) == (None,) * 4
        assert estimate.reason is not None
        assert reason in estimate.reason
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.residual_covariance).all()


@pytest.mark.parametrize("case", ["outcome without variance", "outcome never realised"])
def test_one_lost_outcome_leaves_the_others(case: str) -> None:
    change, _ = HOPELESS[case]
    found = fit(change(base()), "y ~ x + z; m ~ x + w")
    alone = fit(base(), "m ~ x + w")
    one, two = find(found, "m", "x"), find(alone, "m", "x")
    # The same arithmetic beside another column: rounding only.
    assert (one.value, one.std_error) == pytest.approx((two.value, two.std_error), rel=1e-12)
    assert (one.reason, one.method, one.n_units) == (two.reason, two.method, two.n_units)
    assert not [e for e in found.estimates if e.quantity == "residual_covariance"]


def test_samples_count_every_row_once() -> None:
    frame = base()
    frame.loc[0:4, "x"] = np.nan
    frame.loc[3:7, "y"] = np.nan
    frame.loc[9, "y"] = -np.inf
    frame["v"] = np.nan
    found = fit(frame, "y ~ x; v ~ x")
    sample, lost = found.samples
    assert sample.excluded == {"y missing": 5, "y infinite": 1, "x missing": 3}
    assert (sample.rows, sample.used) == (60, 51)
    assert sample.rows == sample.used + sum(sample.excluded.values())
    complete = frame["x"].notna() & np.isfinite(frame["y"])
    assert sample.mean == pytest.approx(frame.loc[complete, "y"].mean())
    assert sample.std_dev == pytest.approx(frame.loc[complete, "y"].std(ddof=0))
    assert (lost.used, lost.excluded, lost.mean) == (0, {"v missing": 60}, None)
    assert "rows left out for an infinite value: 1" in find(found, "y", "x").diagnostics
    assert any("9 of 60 rows are left out" in note for note in found.notes)


def test_listwise_deletion_is_over_the_whole_model() -> None:
    frame = base()
    frame.loc[:9, "w"] = np.nan
    found = fit(frame, "y ~ x; m ~ w")
    assert [sample.used for sample in found.samples] == [50, 50]
    assert find(found, "y", "x").n_units == 50


def test_rows_without_a_cluster_are_left_out_and_counted() -> None:
    frame = base().assign(village=lambda d: (d.index % 20).astype(float).where(d.index > 5).astype(object))
    found = fit(frame, "y ~ x", errors="cluster", cluster="village")
    assert found.samples[0].excluded == {"village (cluster) missing": 6}
    assert find(found, "y", "x").n_clusters == 20


def test_a_cause_without_variance_leaves_the_other_paths() -> None:
    found = fit(base().assign(x=3.0), "y ~ x + z")
    assert "'x' is 3 in every row used" in (find(found, "y", "x").reason or "")
    assert "cannot be told from 'x'" in (find(found, "y", INTERCEPT).reason or "")
    assert find(found, "y", "z").std_error == pytest.approx(find(fit(base(), "y ~ z"), "y", "z").std_error, rel=1e-12)


@pytest.mark.parametrize("errors", ["standard", "hc3", "cluster"])
def test_collinear_causes_are_named_and_the_rest_is_estimated(errors: str) -> None:
    frame = base().assign(w=lambda d: 1e6 * (d["x"] - 2 * d["z"]), group=lambda d: d.index % 20)
    settings = {"errors": errors, "cluster": "group" if errors == "cluster" else None}
    found = fit(frame, "y ~ x + z + w + m", **settings)
    for name in ("x", "z", "w"):
        estimate = find(found, "y", name)
        assert estimate.value is None
        assert estimate.reason == "'x', 'z' and 'w' are perfectly collinear: their paths cannot be told apart"
    reference = fit(frame, "y ~ x + z + m", **settings)
    for name in ("m", INTERCEPT):
        # Any independent set of the collinear causes gives the same: rounding only.
        assert find(found, "y", name).value == pytest.approx(find(reference, "y", name).value, rel=1e-9)
        assert find(found, "y", name).std_error == pytest.approx(find(reference, "y", name).std_error, rel=1e-9)


def test_collinearity_with_the_constant_takes_the_constant_too() -> None:
    found = fit(base().assign(w=lambda d: 3 + 2 * d["x"]), "y ~ x + w + z")
    assert "'x' and 'w', which are perfectly collinear" in (find(found, "y", INTERCEPT).reason or "")
    assert find(found, "y", "z").value is not None


def test_a_cause_that_moves_only_by_rounding_has_no_variance() -> None:
    found = fit(base().assign(x=lambda d: np.where(d.index % 2, 0.3, 0.1 + 0.2)), "y ~ x + z")
    assert "'x' is 0.3 in every row used" in (find(found, "y", "x").reason or "")


def test_columns_that_differ_only_by_rounding_are_collinear() -> None:
    frame = base().assign(x=lambda d: 1e12 + d["x"], w=lambda d: d["x"] / 3 * 3)
    assert (frame["x"] != frame["w"]).any()
    assert "'x' and 'w' are perfectly collinear" in (find(fit(frame, "y ~ x + w"), "y", "x").reason or "")


def test_columns_far_from_zero_keep_their_digits() -> None:
    frame = base().assign(x=lambda d: d.index % 7 - 3.0)
    near, far = fit(frame, "y ~ x + z"), fit(frame.assign(x=frame["x"] + 1e13), "y ~ x + z")
    # These whole numbers are exact at either place, and centring twice leaves nothing of the 1e13.
    assert find(far, "y", "x").value == pytest.approx(find(near, "y", "x").value, rel=1e-11)
    assert find(far, "y", "z").std_error == pytest.approx(find(near, "y", "z").std_error, rel=1e-11)


def test_columns_that_are_nearly_collinear_are_still_told_apart() -> None:
    frame = base(200)
    frame["w"] = frame["x"] + 1e-5 * frame["w"]
    frame["y"] = frame["x"] + 1e4 * (frame["w"] - frame["x"])
    found = fit(frame, "y ~ x + w")
    # Five of sixteen digits are lost to collinearity.
    assert find(found, "y", "w").value == pytest.approx(1e4, rel=1e-9)


def test_causes_that_determine_the_outcome_give_values_without_inference() -> None:
    found = fit(base().assign(y=lambda d: 1 + 2 * d["x"] - d["z"]), "y ~ x + z; m ~ y")
    estimate = find(found, "y", "x")
    # Exact up to rounding.
    assert estimate.value == pytest.approx(2, rel=1e-12)
    assert (estimate.std_error, estimate.interval, estimate.p_value) == (None, None, None)
    assert "determine 'y' exactly" in (estimate.reason or "")
    assert find(found, "y", RESIDUAL, "residual_variance").value == 0
    assert find(found, "m", "y").p_value is not None
    assert "determine 'y' exactly" in (find(found, "m", "x", "total_effect").reason or "")


@pytest.mark.parametrize(("rows", "inference"), [(4, False), (12, False), (13, True)])
def test_inference_needs_ten_residual_degrees_of_freedom(rows: int, inference: bool) -> None:
    for errors in ("standard", "hc3"):
        estimate = find(fit(base(rows), "y ~ x + z", errors=errors), "y", "x")
        assert estimate.value is not None
        assert estimate.std_error is not None
        assert (estimate.interval is not None) == (estimate.p_value is not None) == inference
        assert (estimate.reason is None) == inference
    if not inference:
        assert f"({rows} rows): no interval or p-value is given below 10" in (estimate.reason or "")


def test_an_effect_through_a_lost_equation_says_so() -> None:
    found = fit(base().assign(m=np.nan), "m ~ x; y ~ m + z")
    effect = find(found, "y", "x", "total_effect")
    assert effect.value is None
    assert "the equation of 'm'" in (effect.reason or "")


def test_an_effect_along_a_collinear_path_says_so() -> None:
    found = fit(base().assign(w=lambda d: 2 * d["x"]), "m ~ x + z; y ~ m + x + w")
    for quantity in ("indirect_effect", "total_effect"):
        assert "'x' and 'w' are perfectly collinear" in (find(found, "y", "x", quantity).reason or "")
        assert find(found, "y", "z", quantity).value is not None


def test_products_on_the_way_leave_no_single_effect() -> None:
    moderated = fit(base(), "m ~ x; y ~ m*z + x")
    for quantity in ("indirect_effect", "total_effect"):
        assert "'m:z' acts on 'y'" in (find(moderated, "y", "x", quantity).reason or "")
    assert "sample moments" in find(moderated, "y", "m").diagnostics[0]
    direct_only = fit(base(), "m ~ x; y ~ m + x*z")
    assert find(direct_only, "y", "x", "indirect_effect").value is not None
    assert "'x:z' acts on 'y'" in (find(direct_only, "y", "x", "total_effect").reason or "")
    elsewhere = fit(base(), "m ~ x; y ~ m + w*z")
    assert find(elsewhere, "y", "x", "total_effect").p_value is not None
    only_in_products = fit(base(), "m ~ x:z; y ~ m")
    assert find(only_in_products, "y", "x", "total_effect").value is None


def test_no_mediation_no_effects() -> None:
    assert not [e for e in fit(base(), "y ~ x; m ~ x").estimates if e.quantity.endswith("effect")]


def test_a_product_with_an_outcome_uses_sample_moments() -> None:
    frame = base()
    found = fit(frame, "m ~ x; y ~ m + z + m:z")
    alone = fit(frame, "y ~ m + z + m:z")
    for name in ("m", "z", "m:z"):
        one, two = find(found, "y", name), find(alone, "y", name)
        # The same arithmetic on the same columns, ordered differently.
        assert one.std_error == pytest.approx(two.std_error, rel=1e-10)
        assert one.standardized == pytest.approx(two.standardized, rel=1e-10)


def test_sample_moments_of_one_final_outcome_hold_for_those_fitted_with_it() -> None:
    frame = base().assign(v=lambda d: d["y"] + d["w"] ** 2)
    one, two = fit(frame, "m ~ x; y ~ m + m:z; v ~ m + w"), fit(frame, "m ~ x; v ~ m + w; y ~ m + m:z")
    for outcome, name in (("y", "m"), ("y", "m:z"), ("v", "m"), ("v", "w")):
        # The order in which outcomes are written decides nothing but rounding.
        assert find(one, outcome, name).std_error == pytest.approx(find(two, outcome, name).std_error, rel=1e-9)


# --- nominal causes


def test_a_nominal_cause_is_compared_with_its_first_level() -> None:
    frame = base()
    found = fit(frame, "y ~ arm", nominal={"arm": ARMS})
    means = frame.groupby("arm")["y"].mean()
    # Differences of means, exactly.
    assert find(found, "y", "arm[mild]").value == pytest.approx(means[1.0] - means[0.0], rel=1e-10)
    assert find(found, "y", "arm[strong]").value == pytest.approx(means[2.0] - means[0.0], rel=1e-10)
    assert find(found, "y", "arm[mild]").diagnostics == ("compared with 'none'",)


def test_levels_that_do_not_occur_are_reported() -> None:
    found = fit(base(), "y ~ arm + x", nominal={"arm": {9.0: "absent", **ARMS, 8.0: "gone"}})
    for words in ("absent", "gone"):
        assert find(found, "y", f"arm[{words}]").reason == f"'arm[{words}]': no row used has this level"
    assert find(found, "y", "arm[mild]").diagnostics == ("compared with 'none'",)
    assert find(found, "y", INTERCEPT).value is not None


def test_products_with_a_nominal_cause() -> None:
    frame = base()
    found = fit(frame, "y ~ arm*x", nominal={"arm": ARMS})
    slopes = {arm: np.polyfit(rows["x"], rows["y"], 1)[0] for arm, rows in frame.groupby("arm")}
    # Separate lines for each arm: the same least squares, rounding only.
    assert find(found, "y", "arm[strong]:x").value == pytest.approx(slopes[2.0] - slopes[0.0], rel=1e-9)
    assert find(found, "y", "x").value == pytest.approx(slopes[0.0], rel=1e-9)


def test_effects_of_each_level_of_a_nominal_cause() -> None:
    found = fit(base(), "m ~ arm; y ~ m + arm", nominal={"arm": ARMS})
    path, onward = find(found, "m", "arm[mild]").value, find(found, "y", "m").value
    assert path is not None
    assert onward is not None
    assert find(found, "y", "arm[mild]", "indirect_effect").value == pytest.approx(path * onward, rel=1e-10)


def test_a_nominal_outcome_is_not_a_linear_path() -> None:
    found = fit(base(), "arm ~ x; y ~ arm", nominal={"arm": ARMS})
    assert "nominal" in (find(found, "arm", "x").reason or "")
    assert find(found, "y", "arm[mild]").value is not None
    assert find(found, "y", "x", "total_effect").value is None


# --- remarks


def test_an_outcome_with_two_values_is_remarked_on() -> None:
    frame = base().assign(deal=lambda d: (d["y"] > 0).astype(float))
    assert any("'deal' has two values" in note for note in fit(frame, "deal ~ x").notes)
    assert not fit(frame, "deal ~ x", errors="hc3").notes


def test_complete_separation_is_remarked_on() -> None:
    frame = base().assign(deal=lambda d: d["x"] > 0.2)
    found = fit(frame, "deal ~ x + z")
    assert any("separates the two values" in remark for remark in find(found, "deal", "x").diagnostics)
    assert not find(found, "deal", "z").diagnostics


def test_outcomes_that_repeat_each_other_are_fitted_apart() -> None:
    found = fit(base().assign(copy=lambda d: 2 * d["y"]), "y ~ x; copy ~ x + z")
    assert any("linearly dependent" in remark for remark in find(found, "y", "x").diagnostics)
    assert find(found, "y", "x").value == pytest.approx(find(fit(base(), "y ~ x"), "y", "x").value, rel=1e-12)


def test_a_number_beyond_floating_point_is_withheld() -> None:
    found = fit(base().assign(y=lambda d: d["y"] * 1e200), "y ~ x")
    assert find(found, "y", "x").value is not None
    assert "represented" in (find(found, "y", RESIDUAL, "residual_variance").reason or "")


# --- mistakes in the call


@pytest.mark.parametrize(
    ("formula", "settings", "message", "suggestion"),
    [
        ("y ~ X", {}, "no column 'X'", "Did you mean 'x'?"),
        ("y ~ armm", {}, "no column 'armm'", "Did you mean 'arm'?"),
        ("y ~ text", {}, "'text' does not hold numbers", "nominal cause"),
        ("y ~ when", {}, "'when' does not hold numbers", "nominal cause"),
        ("y ~ x", {"errors": "hc4"}, "unknown standard errors 'hc4'", "Did you mean 'hc3'?"),
        ("y ~ x", {"errors": "cluster"}, "need a cluster column", "Name the column"),
        ("y ~ x", {"cluster": "arm"}, "'arm' is given", "Ask for 'cluster' errors"),
        ("y ~ x", {"errors": "cluster", "cluster": "amr"}, "no column 'amr'", "Did you mean 'arm'?"),
        ("y ~ x", {"confidence_level": 95}, "between 0 and 1, got 95", "0.95"),
        ("y ~ arm", {"nominal": {"arm": {0.0: "none", 1.0: "some"}}}, "the code 2, which is none of its", "0, 1"),
        ("y ~ arm", {"nominal": {"arm": {0.0: "a", 1.0: "a", 2.0: "b"}}}, "need different words", "once"),
    ],
)
def test_a_mistaken_call_is_told_what_to_do(
    formula: str, settings: dict[str, Any], message: str, suggestion: str
) -> None:
    frame = base().assign(text="a", when=pd.Timestamp("2024-01-01"))
    with pytest.raises(DataError) as caught:
        fit(frame, formula, **settings)
    assert message in caught.value.message
    assert suggestion in caught.value.suggestion


def test_a_repeated_column_is_refused_where_it_is_used() -> None:
    frame = pd.concat([base(), base()[["x"]]], axis=1)
    with pytest.raises(DataError, match="2 columns called 'x'"):
        fit(frame, "y ~ x")
    assert find(fit(frame, "y ~ z"), "y", "z").value is not None


def test_no_equations_are_refused() -> None:
    with pytest.raises(DataError, match="no equation"):
        fit_path_model(base(), [])


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int8", "bool", "boolean", "float32", object])
def test_every_kind_of_number_is_read(dtype: Any) -> None:
    frame = base()
    flag = frame["z"] > 0
    expected = find(fit(frame.assign(z=flag.astype(float)), "y ~ z"), "y", "z")
    assert find(fit(frame.assign(z=flag.astype(int).astype(dtype)), "y ~ z"), "y", "z") == expected


def test_missing_values_of_nullable_columns_are_missing() -> None:
    frame = base().assign(z=pd.array([None, *range(59)], dtype="Int64"))
    assert fit(frame, "y ~ z").samples[0].excluded == {"z missing": 1}
