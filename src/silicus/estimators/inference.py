"""From a number and its standard error to an estimate: interval, p-value, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from silicus.concepts.estimate import Estimate, Quantity
from silicus.estimators.fitted_model import Errors

__all__ = ["CLUSTERS_FOR_INFERENCE", "DF_FOR_INFERENCE", "FEW_CLUSTERS", "Finding", "Setting"]

DF_FOR_INFERENCE = 10
"""With fewer residual degrees of freedom a value and its standard error are given, but no interval or p-value."""
CLUSTERS_FOR_INFERENCE = 10
"""With fewer clusters a value and its clustered standard error are given, but no interval or p-value.

In simulations with 20 units a cluster and a cause that differs only between clusters, 95% intervals covered 83 to
94% at 8 clusters, 88 to 94% at 10, 92 to 94% at 20 and 93 to 95% at 30 (lower for a skewed cause, higher for a
treatment given to half of the clusters).
"""
FEW_CLUSTERS = 30
"""With fewer clusters than this the intervals carry a warning."""

_EXTREME = "the number is too large or too small to be represented"


@dataclass(frozen=True, slots=True)
class Finding:
    """One quantity as computed, in standard deviations of its columns."""

    outcome: str
    treatment: str
    quantity: Quantity
    n_units: int
    df: int = 0
    """Rows less coefficients, the least of the equations involved."""
    value: float | None = None
    std_error: float | None = None
    unit: float = 1.0
    """What ``value`` and ``std_error`` are multiplied by to be in units of the data."""
    standardized: float | None = None
    reason: str | None = None
    """Why the value, or the standard error, is missing."""
    joint: bool = False
    """True where several equations were fitted together."""
    delta: bool = False
    """True where the standard error comes from the delta method."""
    diagnostics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What all estimates of one analysis have in common."""

    errors: Errors
    confidence_level: float
    exploratory: bool
    cluster: str | None = None
    n_clusters: int | None = None

    def estimate(self, finding: Finding) -> Estimate:
        """Word one finding, with inference only where the data are enough for it."""
        value, error = _in_units(finding.value, finding.unit), _in_units(finding.std_error, finding.unit)
        reason = finding.reason
        if finding.value is not None and value is None:
            reason = _EXTREME
        if value is None or (self.n_clusters is not None and self.n_clusters < 2):
            error = None
        reason = reason or self._withheld(finding)
        interval: tuple[float, float] | None = None
        p_value: float | None = None
        if reason is None and finding.value is not None and finding.std_error and error:
            interval, p_value = self._test(finding.value, finding.std_error, finding.unit, finding.df)
        if reason is None and interval is None:
            error, reason = None, _EXTREME
        return Estimate(
            outcome=finding.outcome,
            treatment=finding.treatment,
            quantity=finding.quantity,
            value=value,
            std_error=error,
            interval=interval,
            p_value=p_value,
            standardized=None if value is None else _in_units(finding.standardized, 1.0),
            n_units=finding.n_units,
            cluster=self.cluster,
            n_clusters=self.n_clusters,
            confidence_level=self.confidence_level,
            method=self._method(finding),
            exploratory=self.exploratory,
            reason=reason,
            diagnostics=finding.diagnostics + self._warnings(),
        )

    def _withheld(self, finding: Finding) -> str | None:
        if finding.df < DF_FOR_INFERENCE:
            freedom = "1 residual degree" if finding.df == 1 else f"{finding.df} residual degrees"
            return (
                f"{freedom} of freedom ({finding.n_units} rows): "
                f"no interval or p-value is given below {DF_FOR_INFERENCE}"
            )
        if self.n_clusters is not None and self.n_clusters < CLUSTERS_FOR_INFERENCE:
            count = "1 cluster" if self.n_clusters == 1 else f"{self.n_clusters} clusters"
            return f"{count}: no interval or p-value is given below {CLUSTERS_FOR_INFERENCE}"
        return None

    def _warnings(self) -> tuple[str, ...]:
        if self.n_clusters is not None and CLUSTERS_FOR_INFERENCE <= self.n_clusters < FEW_CLUSTERS:
            return (f"only {self.n_clusters} clusters: the interval is likely to be too narrow",)
        return ()

    def _reference_df(self, df: int) -> int | None:
        """Degrees of freedom of the t distribution; None for the normal."""
        if self.n_clusters is not None:
            return self.n_clusters - 1
        return df if self.errors == "hc3" else None

    def _test(
        self, value: float, error: float, unit: float, df: int
    ) -> tuple[tuple[float, float] | None, float | None]:
        reference = self._reference_df(df)
        ratio, upper = -abs(value / error), 0.5 + self.confidence_level / 2
        if reference is None:
            reach, p_value = float(ndtri(upper)), 2 * float(ndtr(ratio))
        else:
            reach, p_value = float(stdtrit(reference, upper)), 2 * float(stdtr(reference, ratio))
        low, high = _in_units(value - reach * error, unit), _in_units(value + reach * error, unit)
        return (None, None) if low is None or high is None else ((low, high), p_value)

    def _method(self, finding: Finding) -> str:
        words = {
            "standard": "maximum likelihood; standard errors from expected information",
            "hc3": "ordinary least squares; HC3 standard errors",
            "cluster": f"ordinary least squares; standard errors clustered on {self.cluster} with the factor "
            "G/(G-1) (n-1)/(n-k)",
        }[self.errors]
        reference = self._reference_df(finding.df)
        joint = ["outcomes fitted jointly"] if finding.joint else []
        delta = ["delta method"] if finding.delta else []
        test = "z test" if reference is None else f"t test, {max(reference, 0)} degrees of freedom"
        return "; ".join([words, *joint, *delta, test])


def _in_units(number: float | None, unit: float) -> float | None:
    if number is None:
        return None
    product = float(number) * unit
    return product if math.isfinite(product) else None
