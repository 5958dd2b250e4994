"""A path model fitted in standard deviations, before its results are put into words and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from silicus.concepts.causal_model import Equation
from silicus.estimators.design_matrix import DesignMatrix, FloatArray, IntArray, Levels, Rows
from silicus.estimators.least_squares import (
    EquationFit,
    fit_equation,
    fit_seemingly_unrelated,
    residual_factors,
    same_regressors,
)
from silicus.estimators.standard_errors import (
    Uncertainty,
    clustered_errors,
    expected_errors,
    hc3_errors,
    implied_factor,
)

__all__ = ["Errors", "FittedModel", "fit_model"]

Errors = Literal["standard", "hc3", "cluster"]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Fitted equations with their uncertainty; sequences have one entry an equation (m of them)."""

    design: DesignMatrix
    """The columns over the rows used."""
    equations: tuple[Equation, ...]
    """Each after those that explain its causes."""
    fits: tuple[EquationFit, ...]
    """Slopes in standard deviations of the columns, or why there are none."""
    moments: tuple[FloatArray, ...]
    """For each equation a factor, shape (r, C), of the second moments that it rests on: implied or sample."""
    sinks: tuple[int, ...]
    """Numbers of the equations whose residuals may covary."""
    residual_covariance: FloatArray
    """Shape (m, m), in standard deviations; zero where the model has no covariance."""
    uncertainty: Uncertainty
    """Covariance of the coefficients, of the kind asked for."""
    remarks: tuple[tuple[str, ...], ...]
    """What a careful reader should know about each equation."""


def fit_model(
    design: DesignMatrix, equations: tuple[Equation, ...], rows: Rows, nominal: Levels, errors: Errors,
    clusters: IntArray | None,
) -> FittedModel:  # fmt: skip
    """Fit every equation and its uncertainty.

    Parameters
    ----------
    design, rows
        The columns, and how the rows were chosen.
    equations
        In causal order.
    nominal
        Words of the codes of nominal variables: none of them can be an outcome.
    errors, clusters
        Kind of standard error; for clustered ones the cluster of each row used, numbered from 0 without gaps.
    """
    fits = [
        fit_equation(design, number, reason=_hopeless(equation, rows, nominal, design))
        for number, equation in enumerate(equations)
    ]
    causes = {name for equation in equations for name in equation.causes}
    sinks = [
        number for number, (equation, fit) in enumerate(zip(equations, fits, strict=True))
        if equation.outcome not in causes and equation.terms and fit.slopes is not None and not fit.exact
    ]  # fmt: skip
    from_sample, remarks = _moments_used(design, equations, fits, rows)
    if errors == "standard" and not same_regressors([fits[i] for i in sinks]):
        joint, remark = fit_seemingly_unrelated(design, [fits[i] for i in sinks])
        for number, fit in zip(sinks, joint, strict=True):
            fits[number] = fit
            remarks[number] += (remark,) if remark else ()
    implied = implied_factor(design, fits, from_sample)
    block_sample = [from_sample[i] or (i in sinks and any(from_sample[j] for j in sinks)) for i in range(len(fits))]
    moments = tuple(design.factor if sample else implied for sample in block_sample)
    if errors == "standard":
        singles = [[i] for i, fit in enumerate(fits) if fit.slopes is not None and i not in sinks]
        blocks = [*singles, *([sinks] if sinks else [])]
        uncertainty = expected_errors(design, fits, blocks, [moments[block[0]] for block in blocks])
    elif clusters is None:
        uncertainty = hc3_errors(design, fits)
    else:
        uncertainty = clustered_errors(design, fits, clusters)
    left = residual_factors(design.factor, fits)
    free = np.eye(len(fits), dtype=np.bool_)
    free[np.ix_(sinks, sinks)] = True
    psi = np.where(free, left.T @ left, 0.0)
    return FittedModel(design, equations, tuple(fits), moments, tuple(sinks), psi, uncertainty, tuple(remarks))


def _hopeless(equation: Equation, rows: Rows, nominal: Levels, design: DesignMatrix) -> str | None:
    """Why an equation cannot be estimated, as far as that shows before fitting."""
    empty = [name for name in (equation.outcome, *equation.causes) if name in rows.empty]
    if not len(rows.kept):
        return "the table has no rows"
    if empty:
        return f"{empty[0]!r} has no value in any row"
    if not design.n:
        return "no row has a value in every column of the model"
    if equation.outcome in nominal:
        return f"{equation.outcome!r} is nominal: a linear path needs an outcome in numbers"
    return None


def _moments_used(
    design: DesignMatrix, equations: Sequence[Equation], fits: Sequence[EquationFit], rows: Rows
) -> tuple[list[bool], list[tuple[str, ...]]]:
    """Which equations rest on sample moments instead of implied ones, and remarks on each equation."""
    numbers = {equation.outcome: number for number, equation in enumerate(equations)}
    from_sample: list[bool] = []
    remarks: list[tuple[str, ...]] = []
    for fit in fits:
        own: list[str] = [f"rows left out for an infinite value: {rows.infinite}"] if rows.infinite else []
        formed: list[str] = []
        derived = fit.slopes is None
        for column in fit.regressors:
            label = design.labels[column]
            for name in set(design.variables[column]) & numbers.keys():
                if label == name:
                    derived |= from_sample[numbers[name]]
                else:
                    formed.append(label)
        if formed:
            derived = True
            own.append(
                f"{', '.join(dict.fromkeys(formed))}: formed from an outcome of the model, so standard errors and "
                "standardized values of this equation use sample moments"
            )
        from_sample.append(derived)
        remarks.append(tuple(own))
    return from_sample, remarks
