"""Linear recursive path models by maximum likelihood, with the numbers that lavaan's ``sem()`` reports.

An equation that explains a mediator is ordinary least squares with variance RSS/n, because the likelihood of a
recursive model factorises. Outcomes that predict nothing have correlated residuals, as in lavaan: where they
have different causes they are fitted jointly. What the data do not support comes back as an estimate without a
value, or without inference, and says why; only a mistake in the call is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from silicus.concepts.causal_model import Equation
from silicus.concepts.errors import DataError
from silicus.concepts.estimate import INTERCEPT, Estimate, Sample
from silicus.estimators.design_matrix import (
    FloatArray,
    build_design,
    cluster_codes,
    read_numbers,
    select_rows,
)
from silicus.estimators.fitted_model import Errors, FittedModel, fit_model
from silicus.estimators.inference import Setting
from silicus.estimators.path_estimates import coefficient, path_estimates, path_notes, path_samples
from silicus.estimators.standard_errors import parameter_slices

__all__ = ["PathFit", "check_setting", "fit_path_model", "in_causal_order"]


@dataclass(frozen=True, slots=True, eq=False)
class PathFit:
    """A fitted path model: what was found, and the arrays that predictions and checks start from.

    Equations come in the order written, moved only so far that each stands after those that explain its
    causes. ``m`` is the number of equations and ``P`` the number of coefficients, constants included.
    """

    estimates: tuple[Estimate, ...]
    """Paths, constant and residual variance of each equation, residual covariances, mediated effects."""
    samples: tuple[Sample, ...]
    """The rows behind each equation; length m."""
    names: tuple[tuple[str, str], ...]
    """Length P: outcome and treatment of each coefficient, equation by equation, the constant first."""
    coefficients: FloatArray
    """Shape (P,): in units of the outcome per unit of the treatment; NaN where there is no estimate."""
    covariance: FloatArray
    """Shape (P, P): covariance of the coefficients, of the kind asked for; NaN where it is not known."""
    outcomes: tuple[str, ...]
    """Length m: the outcome of each equation."""
    residual_covariance: FloatArray
    """Shape (m, m), n in the denominator: zero where the model has no covariance, NaN without a fit."""
    notes: tuple[str, ...] = ()
    """What concerns the whole analysis."""


def fit_path_model(
    frame: pd.DataFrame,
    equations: Sequence[Equation],
    *,
    errors: Errors = "standard",
    cluster: str | None = None,
    nominal: Mapping[str, Mapping[float, str]] = {},
    confidence_level: float = 0.95,
    exploratory: bool = False,
) -> PathFit:
    """Estimate how causes act on outcomes: every path of a linear model without circles.

    Point estimates maximise the normal likelihood given the exogenous causes, after listwise deletion over
    all columns of the model. Residuals of outcomes that predict nothing (and are explained by something) may
    covary; with ``hc3`` and ``cluster`` each equation is fitted by itself. ``standardized`` is
    ``b * sd(cause) / sd(outcome)`` with the moments that the model implies; for a residual variance it is the
    share unexplained, for a residual covariance the correlation.

    Parameters
    ----------
    frame
        One row a unit; columns of numbers or booleans, named as in the equations.
    equations
        One an outcome, without circles.
    errors
        ``standard``: expected information, n in the denominator, z test (lavaan's default). ``hc3``: robust to
        unequal variance, t test with n - k degrees of freedom. ``cluster``: robust to dependence within
        clusters, t test with G - 1 degrees of freedom for G clusters.
    cluster
        Column that numbers or names the clusters; with ``errors="cluster"`` only.
    nominal
        For each nominal cause the words of its codes. It enters as one 0/1 column a level, named
        ``cause[words]``, compared with the first level that occurs.
    confidence_level
        Coverage of the intervals, between 0 and 1.
    exploratory
        Marks every estimate as not fixed before there were data.

    Returns
    -------
    PathFit
        Estimates (with value None and a reason where the data support none), samples, and arrays.

    Raises
    ------
    DataError
        Where the call is mistaken: no such column, a column without numbers, two equations for one outcome,
        a circle, a code without words, an impossible setting.

    References
    ----------
    Bollen (1989), Structural Equations with Latent Variables, chapter 4.
    Rosseel (2012), Journal of Statistical Software 48(2).
    """
    check_setting(errors, cluster, confidence_level)
    ordered = in_causal_order(equations)
    names = dict.fromkeys(name for e in ordered for name in (e.outcome, *e.causes))
    columns = {name: read_numbers(frame, name) for name in names}
    nominal = {name: levels for name, levels in nominal.items() if name in columns}
    for name, levels in nominal.items():
        _check_levels(name, columns[name], levels)
    clusters = (cluster, cluster_codes(frame, cluster)) if cluster is not None else None
    rows = select_rows(columns, len(frame), clusters)
    design = build_design(columns, rows, ordered, nominal)
    codes = None if clusters is None else np.unique(clusters[1][rows.kept], return_inverse=True)[1].astype(np.int64)
    fitted = fit_model(design, ordered, rows, nominal, errors, codes)
    n_clusters = None if codes is None else int(codes.max(initial=-1)) + 1
    setting = Setting(errors, confidence_level, exploratory, cluster, n_clusters)
    labels, coefficients, covariance = _coefficient_arrays(fitted)
    with np.errstate(all="ignore"):
        spread = np.array([design.scales[fit.outcome] if fit.slopes is not None else np.nan for fit in fitted.fits])
        residual_covariance = spread[:, None] * fitted.residual_covariance * spread
    return PathFit(
        estimates=path_estimates(fitted, setting, rows),
        samples=path_samples(fitted, rows),
        names=labels,
        coefficients=coefficients,
        covariance=covariance,
        outcomes=tuple(equation.outcome for equation in ordered),
        residual_covariance=residual_covariance,
        notes=path_notes(fitted, setting, rows),
    )


def _coefficient_arrays(fitted: FittedModel) -> tuple[tuple[tuple[str, str], ...], FloatArray, FloatArray]:
    """Names, values and covariance of all coefficients in units of the data, NaN where unknown."""
    design = fitted.design
    names: list[tuple[str, str]] = []
    places, values, units = [], [], []
    for equation, fit, where in zip(fitted.equations, fitted.fits, parameter_slices(fitted.fits), strict=True):
        for column in (None, *fit.regressors):
            known = fit.why_not(column) is None
            names.append((equation.outcome, INTERCEPT if column is None else design.labels[column]))
            places.append(where.start + (0 if column is None else 1 + fit.kept.index(column)) if known else -1)
            values.append(coefficient(fitted, fit, column) if known else np.nan)
            units.append(design.unit(fit.outcome, column))
    undetermined = fitted.uncertainty.undetermined
    present = [i for i, place in enumerate(places) if place >= 0 and place not in undetermined]
    chosen = [places[i] for i in present]
    covariance = np.full((len(names), len(names)), np.nan)
    unit = np.array(units)
    with np.errstate(all="ignore"):
        scaled = fitted.uncertainty.covariance[np.ix_(chosen, chosen)]
        covariance[np.ix_(present, present)] = unit[present][:, None] * scaled * unit[present]
        return tuple(names), np.array(values) * unit, covariance


def in_causal_order(equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """The equations as written, moved only so far that each stands after those that explain its causes.

    Raises
    ------
    DataError
        Where there is none, two explain the same outcome, or they run in a circle.
    """
    if not equations:
        raise DataError("there is no equation to estimate", suggestion="Give one such as 'y ~ x1 + x2'.")
    waiting = {equation.outcome: equation for equation in equations}
    if len(waiting) < len(equations):
        outcomes = [equation.outcome for equation in equations]
        twice = next(name for name in outcomes if outcomes.count(name) > 1)
        raise DataError(
            f"two equations explain {twice!r}", suggestion=f"Write all causes of {twice!r} into one equation."
        )
    ordered: list[Equation] = []
    while waiting:
        ready = next((e for e in waiting.values() if not waiting.keys() & set(e.causes)), None)
        if ready is None:
            circle = ", ".join(repr(name) for name in waiting)
            raise DataError(
                f"the paths run in a circle among {circle}", suggestion="Remove a path: causes come before effects."
            )
        ordered.append(waiting.pop(ready.outcome))
    return tuple(ordered)


def check_setting(errors: str, cluster: str | None, confidence_level: float) -> None:
    """Refuse kinds of errors, cluster columns and confidence levels that do not go together.

    Raises
    ------
    DataError
        Where the errors are of no known kind, a cluster column is missing or superfluous, or the level is no share.
    """
    known = get_args(Errors)
    if errors not in known:
        near = difflib.get_close_matches(str(errors), known, n=1)
        advice = f"Did you mean {near[0]!r}? " if near else ""
        raise DataError(
            f"unknown standard errors {errors!r}", suggestion=f"{advice}Expected one of {', '.join(known)}."
        )
    if errors == "cluster" and cluster is None:
        raise DataError(
            "clustered errors need a cluster column",
            suggestion='Name the column that holds the clusters: --cluster NAME, or cluster="NAME" in Python.',
        )
    if errors != "cluster" and cluster is not None:
        raise DataError(
            f"a cluster column {cluster!r} is given, but the errors asked for are {errors!r}",
            suggestion="Ask for 'cluster' errors, or leave the cluster column out.",
        )
    if not 0 < confidence_level < 1:
        raise DataError(
            f"a confidence level lies between 0 and 1, got {confidence_level}", suggestion="Give 0.95 for 95%."
        )


def _check_levels(name: str, codes: FloatArray, levels: Mapping[float, str]) -> None:
    if not levels or len(set(levels.values())) < len(levels):
        raise DataError(f"the levels of {name!r} need different words", suggestion="Name each level once.")
    strange = np.setdiff1d(codes[np.isfinite(codes)], np.array(list(levels), dtype=np.float64))
    if len(strange):
        listed = ", ".join(f"{code:g}" for code in levels)
        raise DataError(
            f"{name!r} holds the code {strange[0]:g}, which is none of its levels",
            suggestion=f"Its levels are {listed}. Name the level, or mark the value as missing.",
        )
