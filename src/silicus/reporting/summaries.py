"""What a figure shows: means by treatment value with their intervals, and the fitted line of the path model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from silicus.concepts.estimate import INTERCEPT, Estimate, EstimateTable
from silicus.concepts.study import Study
from silicus.reporting import wording

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GroupMean", "Line", "analysed", "effect_of", "group_means", "partial_line", "wilson"]


@dataclass(frozen=True, slots=True)
class GroupMean:
    """Mean of the outcome at one value of a treatment.

    Attributes
    ----------
    value
        The treatment's code.
    mean, low, high
        Mean and its confidence interval; ``low`` and ``high`` are None where one row allows none.
    n
        Rows.
    """

    value: float
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted line: ``intercept + slope * x``. ``is_total`` where the slope is a total effect."""

    intercept: float
    slope: float
    is_total: bool = False


def analysed(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows that the analysis starts from: sessions that ended by themselves, and censored ones if kept."""
    if "status" not in frame.columns:
        return frame
    kept = ["complete", "censored"] if study.analysis.censored == "keep" else ["complete"]
    return frame[frame["status"].isin(kept)]


def wilson(successes: float, n: int, confidence_level: float = 0.95) -> tuple[float, float]:
    r"""Interval of a proportion that behaves near 0 and 1 and in small groups.

    .. math:: \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212.
    """
    z = NormalDist().inv_cdf(0.5 + confidence_level / 2)
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    bottom = 1 + z * z / n
    return max(0.0, (middle - half) / bottom), min(1.0, (middle + half) / bottom)


def group_means(
    rows: pd.DataFrame, outcome: str, cause: str, *, is_binary: bool, level: float
) -> tuple[GroupMean, ...]:
    """Mean of an outcome at each value of a treatment, by code: Wilson intervals for 0/1, t intervals otherwise.

    Parameters
    ----------
    rows
        Shape (rows analysed, columns of the dataset).
    outcome, cause
        Columns.
    is_binary
        Whether the outcome is 0/1.
    level
        Confidence level.
    """
    from scipy.special import stdtrit

    groups = []
    for value, group in rows[[outcome, cause]].dropna().groupby(cause)[outcome]:
        n, mean = int(group.size), float(group.mean())
        low: float | None = None
        high: float | None = None
        if is_binary:
            low, high = wilson(float(group.sum()), n, level)
        elif n > 1:
            half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(group.std(ddof=1)) / math.sqrt(n)
            low, high = mean - half, mean + half
        groups.append(GroupMean(float(value), mean, low, high, n))  # type: ignore[arg-type]
    return tuple(groups)


def effect_of(table: EstimateTable, outcome: str, cause: str, quantity: str = "path") -> Estimate | None:
    """The estimate of a cause's own path to an outcome, or of another quantity, where it has a value."""
    for estimate in table.estimates:
        wanted = (estimate.outcome, estimate.treatment, estimate.quantity) == (outcome, cause, quantity)
        if wanted and estimate.value is not None and not estimate.exploratory:
            return estimate
    return None


def partial_line(rows: pd.DataFrame, table: EstimateTable, study: Study, outcome: str, cause: str) -> Line | None:
    """The path model's prediction along one cause, all other causes at their means over the rows.

    A cause that acts only through others gets its total effect, through the two means. None where nothing was
    estimated.
    """
    terms = [e for e in table.estimates if e.outcome == outcome and e.quantity == "path" and not e.exploratory]
    if effect_of(table, outcome, cause) is None or any(term.value is None for term in terms):
        return _total_line(rows, table, outcome, cause)
    names = {factor.name for term in terms for factor in wording.factors_of(term.treatment)} - {INTERCEPT}
    used = rows.dropna(subset=[name for name in (outcome, *names) if name in rows.columns])
    if used.empty:
        return None
    slope, rest = 0.0, 0.0
    constant: float | None = None
    for term in terms:
        value = term.value or 0.0
        if term.treatment == INTERCEPT:
            constant = value
            continue
        factors = wording.factors_of(term.treatment)
        product = math.prod(_mean_of(used, study, factor) for factor in factors if factor.name != cause)
        if any(factor.name == cause for factor in factors):
            slope += value * product
        else:
            rest += value * product
    if constant is None:
        return Line(float(used[outcome].mean()) - slope * float(used[cause].mean()), slope)
    return Line(constant + rest, slope)


def _total_line(rows: pd.DataFrame, table: EstimateTable, outcome: str, cause: str) -> Line | None:
    total = effect_of(table, outcome, cause, "total_effect")
    used = rows[[outcome, cause]].dropna()
    if total is None or total.value is None or used.empty:
        return None
    return Line(float(used[outcome].mean()) - total.value * float(used[cause].mean()), total.value, is_total=True)


def _mean_of(rows: pd.DataFrame, study: Study, factor: wording.Factor) -> float:
    if factor.level is None:
        return float(rows[factor.name].mean())
    variable = wording.find_variable(study, factor.name)
    levels: Sequence[float] = [
        level.code for level in (wording.levels_of(variable) if variable else ()) if level.words == factor.level
    ]
    return float(rows[factor.name].isin(levels).mean())
