"""Path models against brute force, statsmodels, known laws and invariants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate
from silicus.estimators.formula import read_formula
from silicus.estimators.path_model import PathFit, fit_path_model

Array = npt.NDArray[np.float64]


def simulated(seed: int, n: int = 60) -> pd.DataFrame:
    """x and w act on m, m and z on two outcomes whose residuals are correlated; 15 clusters of 4."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["x", "z", "w"])
    frame["m"] = 0.5 * frame["x"] - 0.3 * frame["w"] + rng.normal(size=n)
    shared = rng.normal(size=n)
    frame["y"] = 1 + 0.8 * frame["m"] + shared + 0.5 * rng.normal(size=n)
    frame["v"] = 0.4 * frame["z"] + shared + 0.5 * rng.normal(size=n)
    frame["group"] = np.arange(n) % 15
    return frame


def fit(frame: pd.DataFrame, formula: str, **settings: Any) -> PathFit:
    return fit_path_model(frame, read_formula(formula), **settings)


def find(found: PathFit, outcome: str, treatment: str, quantity: str = "path") -> Estimate:
    (estimate,) = (e for e in found.estimates if (e.outcome, e.treatment, e.quantity) == (outcome, treatment, quantity))
    return estimate


def numbers(found: PathFit) -> Array:
    """Values, standard errors and standardized values of all estimates, NaN for None."""
    return np.array([(e.value, e.std_error, e.standardized) for e in found.estimates], dtype=np.float64)


# --- the maximum of the likelihood, by brute force


def test_the_likelihood_has_no_higher_point() -> None:
    frame = simulated(3, n=40)
    found = fit(frame, "m ~ x; y ~ m + z; v ~ z")
    m, y, v, x, z = (frame[name].to_numpy() for name in ("m", "y", "v", "x", "z"))

    def minus_log_likelihood(p: Array) -> float:
        residuals = np.column_stack([m - p[0] - p[1] * x, y - p[2] - p[3] * m - p[4] * z, v - p[5] - p[6] * z])
        root = np.array([[np.exp(p[7]), 0, 0], [0, np.exp(p[8]), 0], [0, p[9], np.exp(p[10])]])
        white = np.linalg.solve(root, residuals.T)
        return float(0.5 * (white**2).sum() + len(m) * np.log(np.diag(root)).sum())

    psi = np.linalg.cholesky(found.residual_covariance)
    ours = np.concatenate([found.coefficients, [np.log(psi[0, 0]), np.log(psi[1, 1]), psi[2, 1], np.log(psi[2, 2])]])
    searched = minimize(minus_log_likelihood, np.zeros(11), method="BFGS", options={"gtol": 1e-7})
    # BFGS stops at a gradient of 1e-7; near the top the likelihood is flat to the square of that.
    assert minus_log_likelihood(ours) <= searched.fun + 1e-9
    # The search itself is accurate to about the root of double precision.
    assert ours == pytest.approx(searched.x, abs=1e-5)


def test_outcomes_with_the_same_causes_are_ordinary_least_squares() -> None:
    frame = simulated(1)
    together, apart = fit(frame, "y ~ m + z; v ~ m + z"), fit(frame, "y ~ m + z")
    # The same arithmetic in another order: rounding only.
    np.testing.assert_allclose(together.coefficients[:3], apart.coefficients, rtol=1e-12)
    np.testing.assert_allclose(together.covariance[:3, :3], apart.covariance, rtol=1e-10)
    assert together.residual_covariance[0, 1] != 0


def test_outcomes_with_different_causes_help_each_other() -> None:
    frame = simulated(1)
    together, apart = fit(frame, "y ~ m; v ~ z"), fit(frame, "v ~ z")
    joint, alone = find(together, "v", "z"), find(apart, "v", "z")
    assert joint.std_error is not None
    assert alone.std_error is not None
    assert joint.std_error < 0.8 * alone.std_error
    assert "fitted jointly" in joint.method
    assert "fitted jointly" not in alone.method


# --- robust standard errors


@pytest.mark.parametrize("errors", ["hc3", "cluster"])
def test_robust_errors_equal_statsmodels(errors: str) -> None:
    frame = simulated(5)
    frame["y"] *= 1 + frame["x"] ** 2
    formula = "y ~ x + m + x:m"
    cluster = "group" if errors == "cluster" else None
    found = fit(frame, formula, errors=errors, cluster=cluster)
    options: dict[str, Any] = {"cov_type": "HC3"}
    if errors == "cluster":
        options = {"cov_type": "cluster", "cov_kwds": {"groups": frame["group"]}}
    reference = smf.ols(formula, frame).fit(use_t=True, **options)
    for name in reference.params.index:
        estimate = find(found, "y", INTERCEPT if name == "Intercept" else name)
        # Both solve the same least-squares problem in double precision.
        assert estimate.value == pytest.approx(reference.params[name], rel=1e-9)
        assert estimate.std_error == pytest.approx(reference.bse[name], rel=1e-9)
        assert estimate.p_value == pytest.approx(reference.pvalues[name], rel=1e-7)
        assert estimate.interval == pytest.approx(tuple(reference.conf_int().loc[name]), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("errors", ["hc3", "cluster"])
def test_robust_error_of_an_indirect_effect_sums_influences_over_both_equations(errors: str) -> None:
    frame = simulated(8)
    found = fit(frame, "m ~ x; y ~ m + x", errors=errors, cluster="group" if errors == "cluster" else None)

    def influence(outcome: str, causes: list[str], which: int) -> tuple[float, Array]:
        X = np.column_stack([np.ones(len(frame)), frame[causes]])
        bread = np.linalg.inv(X.T @ X)
        b = bread @ X.T @ frame[outcome].to_numpy()
        e = frame[outcome].to_numpy() - X @ b
        n, k = X.shape
        if errors == "hc3":
            e = e / (1 - np.einsum("ij,jk,ik->i", X, bread, X))
            return b[which], (X * e[:, None] @ bread)[:, which]
        summed = pd.DataFrame(X * e[:, None] @ bread).groupby(frame["group"]).sum().to_numpy()
        return b[which], summed[:, which] * np.sqrt(15 / 14 * (n - 1) / (n - k))

    a, change_a = influence("m", ["x"], 1)
    b, change_b = influence("y", ["m", "x"], 1)
    estimate = find(found, "y", "x", "indirect_effect")
    # Plain normal equations against a QR decomposition on 60 well-conditioned rows.
    assert estimate.value == pytest.approx(a * b, rel=1e-9)
    assert estimate.std_error == pytest.approx(np.linalg.norm(a * change_b + b * change_a), rel=1e-9)
    assert "delta method" in estimate.method


def test_robust_errors_of_final_outcomes_are_per_equation() -> None:
    frame = simulated(2)
    found = fit(frame, "y ~ m; v ~ z", errors="hc3")
    assert find(found, "v", "z").value == pytest.approx(find(fit(frame, "v ~ z"), "v", "z").value, rel=1e-12)
    assert find(found, "v", "z").method.startswith("ordinary least squares; HC3")
    covariance = find(found, "y", "v", "residual_covariance")
    products = (frame["y"] - smf.ols("y ~ m", frame).fit().fittedvalues) * (
        frame["v"] - smf.ols("v ~ z", frame).fit().fittedvalues
    )
    assert covariance.value == pytest.approx(products.mean(), rel=1e-9)
    assert covariance.std_error == pytest.approx(products.std(ddof=0) / np.sqrt(len(frame)), rel=1e-9)


def test_clustered_error_of_a_residual_covariance_sums_within_clusters() -> None:
    frame = simulated(2)
    found = fit(frame, "y ~ m + z; v ~ z", errors="cluster", cluster="group")
    left = [smf.ols(formula, frame).fit().resid for formula in ("y ~ m + z", "v ~ z")]
    n, factors = len(frame), [np.sqrt(15 / 14 * 59 / (60 - k)) for k in (3, 2)]
    for i, j, treatment, quantity in ((0, 0, RESIDUAL, "residual_variance"), (0, 1, "v", "residual_covariance")):
        products = left[i] * left[j]
        sums = (products - products.mean()).groupby(frame["group"]).sum()
        expected = np.linalg.norm(sums) * np.sqrt(factors[i] * factors[j]) / n
        # Rounding only.
        assert find(found, "y", treatment, quantity).std_error == pytest.approx(expected, rel=1e-9)


def test_a_row_that_alone_determines_a_path_has_no_hc3_error() -> None:
    frame = simulated(2).assign(k=lambda d: (d.index == 5).astype(float))
    found = fit(frame, "m ~ k + w; y ~ x + k + m", errors="hc3")
    alone, others = find(found, "y", "k"), find(found, "y", "x")
    assert alone.value is not None
    assert alone.std_error is None
    assert alone.reason is not None
    assert "one row alone" in alone.reason
    # Without that row, the other paths are what they were, and so are their errors.
    without = fit(frame.drop(index=5), "y ~ x + m", errors="hc3")
    assert others.std_error == pytest.approx(find(without, "y", "x").std_error, rel=1e-9)
    assert find(found, "y", "k", "total_effect").std_error is None
    assert np.isnan(found.covariance[found.names.index(("y", "k"))]).all()


def test_a_cluster_that_alone_determines_a_path_has_no_clustered_error() -> None:
    frame = simulated(2).assign(k=lambda d: (d["group"] == 3).astype(float))
    found = fit(frame, "y ~ x + k", errors="cluster", cluster="group")
    assert "one cluster alone" in (find(found, "y", "k").reason or "")
    assert find(found, "y", "x").p_value is not None


@pytest.mark.parametrize(
    ("count", "inference", "warned"), [(1, False, False), (9, False, False), (10, True, True), (30, True, False)]
)
def test_few_clusters_give_a_value_without_inference(count: int, inference: bool, warned: bool) -> None:
    frame = simulated(2).assign(group=lambda d: d.index % count)
    found = fit(frame, "y ~ x", errors="cluster", cluster="group")
    estimate = find(found, "y", "x")
    assert all((e.std_error is None) == (count == 1) and e.value is not None for e in found.estimates)
    assert (estimate.interval is not None) == (estimate.p_value is not None) == inference
    assert bool(estimate.reason) != inference
    assert any("clusters" in remark for remark in estimate.diagnostics) == warned
    assert (estimate.cluster, estimate.n_clusters) == ("group", count)


# --- recovery of known laws


def test_recovers_a_mediated_law_and_covers_it() -> None:
    truth = {
        ("m", "x", "path"): 0.5,
        ("y", "m", "path"): 0.8,
        ("y", "x", "indirect_effect"): 0.4,
        ("v", "z", "path"): 0.4,
    }
    seeds = 400
    values = np.zeros((seeds, len(truth)))
    covered = np.zeros((seeds, len(truth)))
    for seed in range(seeds):
        found = fit(simulated(seed, n=100), "m ~ x + w; y ~ m; v ~ z")
        for j, (key, true) in enumerate(truth.items()):
            estimate = find(found, *key)
            assert estimate.interval is not None
            values[seed, j] = estimate.value
            covered[seed, j] = estimate.interval[0] <= true <= estimate.interval[1]
    bias = values.mean(axis=0) - list(truth.values())
    # The mean of 400 estimates is off by more than 4 of its standard errors once in 16,000.
    assert (np.abs(bias) < 4 * values.std(axis=0) / np.sqrt(seeds)).all()
    # Coverage of .95 has a standard error of .011 over 400 seeds; n in the denominator costs another point.
    assert (np.abs(covered.mean(axis=0) - 0.95) < 0.035).all()


@pytest.mark.parametrize("errors", ["hc3", "cluster"])
def test_robust_intervals_cover_where_standard_ones_do_not(errors: str) -> None:
    covered = {"standard": 0, errors: 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(40), 5)
        x = rng.normal(size=40)[group] if errors == "cluster" else rng.normal(size=200)
        noise = rng.normal(size=200) + rng.normal(size=40)[group] if errors == "cluster" else x * rng.normal(size=200)
        frame = pd.DataFrame({"x": x, "y": 0.3 * x + noise, "group": group})
        for kind in covered:
            estimate = find(fit(frame, "y ~ x", errors=kind, cluster="group" if kind == "cluster" else None), "y", "x")
            assert estimate.interval is not None
            covered[kind] += estimate.interval[0] <= 0.3 <= estimate.interval[1]
    # .95 has a standard error of .013 over 300 seeds; sandwiches run a point or two low at this size.
    assert 0.91 < covered[errors] / 300 < 0.98
    assert covered["standard"] / 300 < 0.85


# --- invariants

MODEL = "m ~ x + w; y ~ m + x; v ~ z + w"


@given(seed=st.integers(0, 50), order=st.integers(0, 1000), errors=st.sampled_from(["standard", "hc3", "cluster"]))
def test_the_order_of_rows_does_not_matter(seed: int, order: int, errors: str) -> None:
    frame = simulated(seed)
    settings = {"errors": errors, "cluster": "group" if errors == "cluster" else None}
    shuffled = frame.sample(frac=1, random_state=order)
    # Sums in another order: rounding, magnified by the iteration of the joint fit.
    np.testing.assert_allclose(
        numbers(fit(shuffled, MODEL, **settings)), numbers(fit(frame, MODEL, **settings)), rtol=1e-8, atol=1e-10
    )


@given(
    seed=st.integers(0, 50),
    exponents=st.tuples(*[st.integers(-9, 9)] * 3),
    errors=st.sampled_from(["standard", "hc3", "cluster"]),
)
def test_units_change_the_numbers_only_by_their_factor(seed: int, exponents: tuple[int, int, int], errors: str) -> None:
    frame = simulated(seed)
    factors = dict(zip(("x", "m", "y"), (10.0**e for e in exponents), strict=True))
    scaled = frame.assign(**{name: frame[name] * factor for name, factor in factors.items()})
    settings = {"errors": errors, "cluster": "group" if errors == "cluster" else None}
    before, after = fit(frame, MODEL, **settings), fit(scaled, MODEL, **settings)
    for one, two in zip(before.estimates, after.estimates, strict=True):
        up, down = factors.get(one.outcome, 1.0), factors.get(one.treatment, 1.0)
        unit = {"residual_variance": up * up, "residual_covariance": up * down}.get(one.quantity, up / down)
        assert one.value is not None
        assert one.std_error is not None
        # The joint fit stops at 1e-12 of a standard deviation; standard errors are the natural scale of values.
        assert two.value == pytest.approx(one.value * unit, rel=1e-8, abs=1e-8 * one.std_error * unit)
        assert two.std_error == pytest.approx(one.std_error * unit, rel=1e-8)
        assert two.p_value == pytest.approx(one.p_value, rel=1e-6, abs=1e-12)
        if one.standardized is not None:
            assert two.standardized == pytest.approx(one.standardized, rel=1e-8, abs=1e-10)


@given(seed=st.integers(0, 50), shift=st.floats(-1e6, 1e6))
def test_shifting_a_cause_moves_only_the_constant(seed: int, shift: float) -> None:
    frame = simulated(seed)
    before, after = fit(frame, "y ~ x + m"), fit(frame.assign(x=frame["x"] + shift), "y ~ x + m")
    for treatment in ("x", "m"):
        one, two = find(before, "y", treatment), find(after, "y", treatment)
        # A shift of a million leaves ten of sixteen digits of a column with a standard deviation of one.
        assert one.std_error is not None
        assert two.value == pytest.approx(one.value, abs=1e-8 * one.std_error + 1e-9)
        assert two.std_error == pytest.approx(one.std_error, rel=1e-8)
    constant, slope = find(before, "y", INTERCEPT).value, find(before, "y", "x").value
    assert constant is not None
    assert slope is not None
    assert find(after, "y", INTERCEPT).value == pytest.approx(constant - slope * shift, rel=1e-8, abs=1e-6)


@given(seed=st.integers(0, 30))
def test_total_is_direct_plus_indirect(seed: int) -> None:
    found = fit(simulated(seed), "m ~ x + w; y ~ m + x")
    direct, indirect = find(found, "y", "x").value, find(found, "y", "x", "indirect_effect").value
    total = find(found, "y", "x", "total_effect").value
    assert direct is not None
    assert indirect is not None
    # Rounding only; and in a model with every path the total effect is the slope without the mediator.
    assert total == pytest.approx(direct + indirect, rel=1e-10, abs=1e-12)
    reduced = find(fit(simulated(seed), "y ~ x + w"), "y", "x").value
    full = find(fit(simulated(seed), "m ~ x + w; y ~ m + x + w"), "y", "x", "total_effect").value
    assert full == pytest.approx(reduced, rel=1e-9, abs=1e-10)


# --- what the arrays hold


@pytest.mark.parametrize("errors", ["standard", "hc3", "cluster"])
def test_arrays_agree_with_the_estimates(errors: str) -> None:
    found = fit(simulated(4), MODEL, errors=errors, cluster="group" if errors == "cluster" else None)
    for place, (outcome, treatment) in enumerate(found.names):
        estimate = find(found, outcome, treatment)
        assert estimate.value == pytest.approx(found.coefficients[place])
        assert estimate.std_error == pytest.approx(np.sqrt(found.covariance[place, place]))
    for place, outcome in enumerate(found.outcomes):
        variance = find(found, outcome, RESIDUAL, "residual_variance").value
        assert variance == pytest.approx(found.residual_covariance[place, place])
    np.testing.assert_allclose(found.covariance, found.covariance.T)
    assert found.outcomes == ("m", "y", "v")
    assert found.residual_covariance[0, 1] == 0
    assert found.residual_covariance[1, 2] != 0


def test_equations_follow_those_that_explain_their_causes() -> None:
    found = fit_path_model(simulated(1), [read_formula("y ~ m")[0], read_formula("m ~ x")[0]])
    assert found.outcomes == ("m", "y")
    assert find(found, "y", "x", "indirect_effect").value is not None
