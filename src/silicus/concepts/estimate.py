"""What an analysis finds: one estimate a quantity, as ``estimates.json`` holds them."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import model_validator

from silicus.concepts.noun import Noun

__all__ = ["ESTIMATES_FORMAT", "INTERCEPT", "RESIDUAL", "Estimate", "EstimateTable", "Quantity", "Sample"]

ESTIMATES_FORMAT = 1
INTERCEPT = "(intercept)"
RESIDUAL = "(residual)"

Quantity = Literal["path", "indirect_effect", "total_effect", "residual_variance", "residual_covariance"]


class Estimate(Noun):
    """One estimated quantity with everything needed to judge it."""

    outcome: str
    """Name of the outcome variable."""
    treatment: str
    """Name of the cause; ``a:b`` for an interaction, ``name[words]`` for one level of a nominal cause,
    ``(intercept)`` for the constant, ``(residual)`` for a residual variance, the other outcome for a
    residual covariance."""
    quantity: Quantity
    """Which estimand: a path of the causal model, an indirect or total effect, a residual variance."""
    value: float | None
    """The estimate, in units of the outcome per unit of the treatment; None where the data support none."""
    std_error: float | None = None
    """Standard error, in the unit of ``value``."""
    interval: tuple[float, float] | None = None
    """Lower and upper end of the confidence interval."""
    p_value: float | None = None
    """Two-sided, of the hypothesis that the quantity is zero."""
    standardized: float | None = None
    """The estimate in standard deviations of the outcome per standard deviation of the treatment."""
    n_units: int
    """Number of units (rows) the estimate rests on."""
    cluster: str | None = None
    """What the standard error clusters on; None where units are taken as independent."""
    n_clusters: int | None = None
    """Number of clusters, where clustered."""
    confidence_level: float = 0.95
    """Coverage that ``interval`` aims at."""
    method: str
    """Estimator and standard error, in words."""
    exploratory: bool = False
    """True where the estimand was not fixed in the study file before there were data."""
    reason: str | None = None
    """Why ``value``, or the inference about it, is missing."""
    diagnostics: tuple[str, ...] = ()
    """What a careful reader should know about this number."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value needs a reason")
        for number in (self.value, self.std_error, self.p_value, self.standardized, *(self.interval or ())):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"an estimate holds finite numbers or none, got {number}")
        return self

    @classmethod
    def example(cls) -> Self:
        """The buyer's budget in the published mug study."""
        return cls(
            outcome="deal", treatment="buyer_budget", quantity="path", value=0.037, std_error=0.003,
            interval=(0.031, 0.043), p_value=0.0, standardized=0.51, n_units=405,
            method="maximum likelihood; standard errors from expected information",
        )  # fmt: skip


class Sample(Noun):
    """How many units entered the analysis of one outcome, and why the others did not."""

    outcome: str
    """The outcome of the equation."""
    rows: int
    """Rows in the table."""
    used: int
    """Rows that the equation was estimated on."""
    excluded: dict[str, int] = {}
    """Number of rows left out, by reason."""
    mean: float | None = None
    """Mean of the outcome over the rows used."""
    std_dev: float | None = None
    """Standard deviation of the outcome over the rows used (n in the denominator)."""

    @classmethod
    def example(cls) -> Self:
        """The published mug study."""
        return cls(outcome="deal", rows=405, used=405, mean=0.5, std_dev=0.5)


class EstimateTable(Noun):
    """All estimates of one analysis: the content of ``estimates.json``."""

    format: Literal[1] = 1
    study: str | None
    """Fingerprint of the study; None for a table that came without one."""
    name: str | None = None
    """Name of the study, or of the file that was analysed."""
    rehearsed: bool
    """True where the data came from the embedded rehearsal model: the numbers say nothing about people."""
    estimates: tuple[Estimate, ...]
    samples: tuple[Sample, ...] = ()
    """The rows behind each equation, and what was excluded and why."""
    notes: tuple[str, ...] = ()
    """What concerns the whole analysis."""

    @classmethod
    def example(cls) -> Self:
        """One path of the mug study."""
        return cls(
            study="0000000000000000", name="mug", rehearsed=True, estimates=(Estimate.example(),),
            samples=(Sample.example(),),
        )  # fmt: skip
