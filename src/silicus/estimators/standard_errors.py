"""How uncertain the coefficients of a path model are: expected information, HC3 and clustered sandwiches.

All results are in standard deviations of the columns. Parameters are ordered equation by equation: the
constant, then the slopes of the columns that the fit kept; equations without a fit have none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from silicus.estimators.design_matrix import DesignMatrix, FloatArray, IntArray, upper_triangle
from silicus.estimators.least_squares import EquationFit, inverse_root, residual_factors, whitened

__all__ = [
    "Uncertainty",
    "clustered_errors",
    "expected_errors",
    "hc3_errors",
    "implied_factor",
    "parameter_slices",
]

_ALONE = 1e-8
"""A row or cluster with leverage above one less this determines a coefficient by itself."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Covariance of the parameters (P of them) and standard errors of the residual covariances (m equations)."""

    covariance: FloatArray
    """Shape (P, P)."""
    undetermined: dict[int, str]
    """Reasons by parameter, where the data give no standard error of the kind asked for."""
    residual_errors: FloatArray
    """Shape (m, m)."""


def parameter_slices(fits: Sequence[EquationFit]) -> tuple[slice, ...]:
    """Where each equation's parameters stand; empty for an equation without a fit."""
    ends = np.cumsum([0] + [0 if fit.slopes is None else 1 + len(fit.kept) for fit in fits])
    return tuple(slice(int(start), int(end)) for start, end in itertools.pairwise(ends))


def implied_factor(design: DesignMatrix, fits: Sequence[EquationFit], from_sample: Sequence[bool]) -> FloatArray:
    r"""The second moments of all columns as the fitted model implies them, shape (r, C).

    The cross-product of the result is the implied covariance matrix. Exogenous columns have their sample
    moments; each outcome is built from its causes, :math:`y = \sum_j b_j x_j + \psi^{1/2} e`. Covariances
    between outcomes that predict nothing are not filled in.

    Parameters
    ----------
    design
        The columns.
    fits
        In an order in which causes come before what they act on.
    from_sample
        Length m: True for an equation whose outcome keeps its sample moments.
    """
    rows = design.factor.shape[0]
    moments = np.vstack([design.factor, np.zeros((len(fits), design.factor.shape[1]))])
    psi = (residual_factors(design.factor, fits) ** 2).sum(axis=0)
    for number, fit in enumerate(fits):
        if fit.slopes is not None and not from_sample[number]:
            moments[:, fit.outcome] = moments[:, fit.kept] @ fit.slopes
            moments[rows + number, fit.outcome] += np.sqrt(psi[number])
    return moments


def expected_errors(
    design: DesignMatrix, fits: Sequence[EquationFit], blocks: Sequence[Sequence[int]], moments: Sequence[FloatArray]
) -> Uncertainty:
    r"""Standard errors from the expected information, as structural equation software reports by default.

    For one equation :math:`\mathrm{Cov}(\hat b) = \sigma^2 (n \, E[zz'])^{-1}`, with n rather than n - k;
    for several with correlated residuals the inverse of :math:`n \, E[Z' \Psi^{-1} Z]`. A residual
    covariance has the standard error :math:`\sqrt{(\psi_{ii}\psi_{jj} + \psi_{ij}^2) / n}`.

    Parameters
    ----------
    design, fits
        The columns and the fitted equations.
    blocks
        Numbers of the equations whose residuals may covary; every fitted equation is in one block.
    moments
        For each block, a factor of the second moments E[zz'], shape (r, C).
    """
    slices = parameter_slices(fits)
    covariance = np.zeros((slices[-1].stop, slices[-1].stop)) if slices else np.zeros((0, 0))
    left = residual_factors(design.factor, fits)
    psi = left.T @ left
    for block, factor in zip(blocks, moments, strict=True):
        members = [fits[number] for number in block]
        constants = [slices[number].start for number in block]
        slopes = np.concatenate([np.arange(slices[i].start + 1, slices[i].stop) for i in block])
        covariance[np.ix_(constants, constants)] = psi[np.ix_(block, block)] / design.n
        covariance[np.ix_(slopes, slopes)] = _slope_covariance(members, left[:, block], factor) / design.n
    errors = np.sqrt((np.outer(np.diag(psi), np.diag(psi)) + psi**2) / max(design.n, 1))
    return Uncertainty(_at_zero(design, fits, covariance), {}, errors)


def _slope_covariance(members: Sequence[EquationFit], residuals: FloatArray, factor: FloatArray) -> FloatArray:
    if members[0].seemingly_unrelated:
        root = inverse_root(residuals)
        if root is not None:
            inverse = _inverse_upper(whitened(factor, members, root))
            return inverse @ inverse.T
    psi = residuals.T @ residuals
    loadings = [factor[:, fit.kept] @ _inverse_gram(factor[:, fit.kept]) for fit in members]
    return np.block([[psi[i, j] * (a.T @ b) for j, b in enumerate(loadings)] for i, a in enumerate(loadings)])


def _inverse_upper(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(upper_triangle(matrix)), dtype=np.float64)


def _inverse_gram(matrix: FloatArray) -> FloatArray:
    inverse = _inverse_upper(matrix)
    return inverse @ inverse.T


def hc3_errors(design: DesignMatrix, fits: Sequence[EquationFit]) -> Uncertainty:
    r"""Standard errors that hold when the spread of the outcome differs between conditions.

    :math:`\mathrm{Cov}(\hat b) = (X'X)^{-1} X' \mathrm{diag}(e_i^2 / (1 - h_i)^2) X (X'X)^{-1}` for each
    equation, and for coefficients of two equations the same with the product of their weighted residuals. The
    standard error of a residual covariance is that of a mean of products, without assuming normality.

    References
    ----------
    MacKinnon and White (1985), Journal of Econometrics 29, 305-325.
    """
    return _sandwich(design, fits, None)


def clustered_errors(design: DesignMatrix, fits: Sequence[EquationFit], clusters: IntArray) -> Uncertainty:
    r"""Standard errors that hold when units of the same cluster resemble each other.

    The sandwich with scores summed within clusters, times :math:`\frac{G}{G-1} \frac{n-1}{n-k}` (as Stata
    and statsmodels do); between equations the geometric mean of their factors.

    Parameters
    ----------
    design, fits
        The columns and the fitted equations.
    clusters
        Shape (n,): the cluster of each row used, numbered from 0 without gaps.

    References
    ----------
    Cameron and Miller (2015), Journal of Human Resources 50, 317-372.
    """
    return _sandwich(design, fits, clusters)


def _sandwich(design: DesignMatrix, fits: Sequence[EquationFit], clusters: IntArray | None) -> Uncertainty:
    slices = parameter_slices(fits)
    n = design.n
    influences: list[FloatArray] = []
    undetermined: dict[int, str] = {}
    residuals = np.zeros((n, len(fits)))
    weights = np.ones(len(fits))
    for number, fit in enumerate(fits):
        if fit.slopes is None:
            continue
        basis, back = _basis(design, fit)
        if not fit.exact:
            residuals[:, number] = design.values[:, fit.outcome] - design.values[:, fit.kept] @ fit.slopes
        alone, leverage = _alone(basis, clusters)
        weighted = residuals[:, number]
        if clusters is None:
            weighted = np.where(leverage < 1 - _ALONE, weighted / np.maximum(1 - leverage, _ALONE), 0.0)
        else:
            weights[number] = np.sqrt(_small_sample(clusters, n, 1 + len(fit.kept)))
        influence = (basis * (weighted * weights[number] / n)[:, None]) @ back.T
        influences.append(_sums(influence, clusters))
        kind = "row" if clusters is None else "cluster"
        reason = f"one {kind} alone determines this coefficient: its standard error cannot be estimated"
        undetermined |= {slices[number].start + j: reason for j in _reached(design, fit, back @ alone)}
    stacked = np.hstack(influences) if influences else np.zeros((0, 0))
    errors = _product_errors(residuals, weights, clusters)
    return Uncertainty(_at_zero(design, fits, stacked.T @ stacked), undetermined, errors)


def _basis(design: DesignMatrix, fit: EquationFit) -> tuple[FloatArray, FloatArray]:
    """Orthogonal columns (length sqrt(n)) that span an equation's constant and regressors, and the way back."""
    size = 1 + len(fit.kept)
    back = np.eye(size)
    back[1:, 1:] = _inverse_upper(design.factor[:, fit.kept])
    basis = np.ones((design.n, size))
    basis[:, 1:] = design.values[:, fit.kept] @ back[1:, 1:]
    return basis, back


def _alone(basis: FloatArray, clusters: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Directions (size, count) that a single row or cluster determines, and the leverage of each row."""
    n = basis.shape[0]
    leverage = np.einsum("ij,ij->i", basis, basis) / n
    if clusters is None:
        found = [basis[i] / np.linalg.norm(basis[i]) for i in np.flatnonzero(leverage >= 1 - _ALONE)]
    else:
        found = []
        for group in np.flatnonzero(np.bincount(clusters, weights=leverage) >= 1 - _ALONE):
            own = basis[clusters == group]
            sizes, directions = np.linalg.eigh(own.T @ own / n)
            found += list(directions.T[sizes >= 1 - _ALONE])
    return (np.column_stack(found) if found else np.zeros((basis.shape[1], 0))), leverage


def _reached(design: DesignMatrix, fit: EquationFit, directions: FloatArray) -> list[int]:
    """Positions of the equation's parameters (0 is the constant) that any of the directions moves."""
    if not directions.shape[1]:
        return []
    kept = list(fit.kept)
    shares = (design.means[kept] / design.scales[kept])[:, None] * directions[1:]
    constant = directions[0] - shares.sum(axis=0)
    moved = np.vstack([constant / (1 + np.abs(shares).sum(axis=0)), directions[1:]])
    return [int(j) for j in np.flatnonzero((np.abs(moved) > 1e-6 * np.abs(directions).max()).any(axis=1))]


def _small_sample(clusters: IntArray, n: int, k: int) -> float:
    count = int(clusters.max()) + 1
    return count / (count - 1) * (n - 1) / (n - k) if count > 1 else 0.0


def _sums(rows: FloatArray, clusters: IntArray | None) -> FloatArray:
    if clusters is None:
        return rows
    order = np.argsort(clusters, kind="stable")
    starts = np.searchsorted(clusters[order], np.arange(clusters.max() + 1))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0), dtype=np.float64)


def _product_errors(residuals: FloatArray, weights: FloatArray, clusters: IntArray | None) -> FloatArray:
    n, m = residuals.shape
    errors = np.zeros((m, m))
    if not n:
        return errors
    for i in range(m):
        products = residuals[:, [i]] * residuals[:, i:]
        deviations = _sums(products - products.mean(axis=0), clusters)
        errors[i, i:] = np.sqrt(weights[i] * weights[i:]) * np.linalg.norm(deviations, axis=0) / n
        errors[i:, i] = errors[i, i:]
    return errors


def _at_zero(design: DesignMatrix, fits: Sequence[EquationFit], covariance: FloatArray) -> FloatArray:
    """Move each constant from the means of the columns to where the columns are zero."""
    translate = np.eye(covariance.shape[0])
    for fit, where in zip(fits, parameter_slices(fits), strict=True):
        kept = list(fit.kept)
        translate[where.start : where.start + 1, where.start + 1 : where.stop] = (
            -design.means[kept] / design.scales[kept]
        )
    return translate @ covariance @ translate.T
