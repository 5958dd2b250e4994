"""One linear equation, and several with correlated residuals, fitted on centred and scaled columns.

Everything here works on the small ``factor`` of a design matrix, whose columns have length 1 and whose
products are correlations; slopes are therefore in standard deviations until they are translated back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from silicus.estimators.design_matrix import DesignMatrix, FloatArray, upper_triangle

__all__ = [
    "EquationFit",
    "fit_equation",
    "fit_seemingly_unrelated",
    "inverse_root",
    "residual_factors",
    "same_regressors",
    "whitened",
]

RANK_TOLERANCE = 1e-7
"""A column is collinear where less than this share of its length lies outside the others (as in R's ``lm``)."""
_ROUNDING_MARGIN = 16.0
_SUPPORT = 1e-6
_SHIFT = 1e-9
_SUR_TOLERANCE = 1e-12
_SUR_ITERATIONS = 5000
_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True)
class EquationFit:
    """The fit of one equation in standard deviations of its columns, or why there is none."""

    outcome: int
    """Column of the outcome."""
    regressors: tuple[int, ...]
    """Columns on the right, in the order written."""
    kept: tuple[int, ...] = ()
    """A largest independent set of the regressors: the columns that the fit used."""
    slopes: FloatArray | None = None
    """Shape (len(kept),): standard deviations of the outcome per standard deviation of the column."""
    unidentified: dict[int | None, str] | None = None
    """Reasons by column (None is the constant) for coefficients that the data cannot tell apart."""
    exact: bool = False
    """True where the causes leave no residual beyond rounding."""
    reason: str | None = None
    """Why the equation could not be fitted; None where it was."""
    df: int = 0
    """Rows less coefficients."""
    seemingly_unrelated: bool = False
    """True where the slopes come from the joint fit of several equations."""

    def why_not(self, column: int | None) -> str | None:
        """Why the coefficient of that column (None is the constant) has no value; None where it has one."""
        return self.reason or (self.unidentified or {}).get(column)


def fit_equation(design: DesignMatrix, number: int, *, reason: str | None = None) -> EquationFit:
    """Ordinary least squares of one equation, with what cannot be estimated named instead of raised.

    Where regressors are collinear a largest independent set is fitted; coefficients that do not depend on
    the choice of that set are estimated, the others get a reason.
    """
    outcome, regressors = design.outcomes[number], design.regressors[number]
    label = design.labels[outcome]
    coefficients = 1 + len(regressors)
    oversized = [design.labels[c] for c in (outcome, *regressors) if not np.isfinite(design.means[c])]
    if reason is None and oversized:
        reason = f"the values of {oversized[0]!r} are too large or too small to compute with"
    if reason is None and design.n <= coefficients:
        reason = f"{_count(design.n, 'row')} cannot support {_count(coefficients, 'coefficient')}"
    if reason is None and design.constant[outcome]:
        reason = f"{label!r} is {design.means[outcome]:.6g} in every row used: there is no variance to explain"
    if reason is not None:
        return EquationFit(outcome, regressors, reason=reason)
    kept, unidentified = _independent_columns(design, regressors)
    target = design.factor[:, outcome]
    slopes: FloatArray = np.zeros(0)
    if kept:
        slopes = np.linalg.lstsq(design.factor[:, kept], target, rcond=None)[0].astype(np.float64)
    residual = target - design.factor[:, kept] @ slopes
    limit = max(RANK_TOLERANCE, _ROUNDING_MARGIN * float(design.noise[outcome]))
    return EquationFit(
        outcome,
        regressors,
        kept=kept,
        slopes=slopes,
        unidentified=unidentified,
        exact=bool(np.linalg.norm(residual) <= limit),
        df=design.n - 1 - len(kept),
    )


def residual_factors(factor: FloatArray, fits: Sequence[EquationFit]) -> FloatArray:
    """What the slopes leave of each outcome, shape (rows of the factor, number of fits).

    The cross-product of the result is the matrix of residual variances and covariances (n in the
    denominator, outcomes in standard deviations); columns of exact or unfitted equations are zero.
    """
    left = np.zeros((factor.shape[0], len(fits)))
    for number, fit in enumerate(fits):
        if fit.slopes is not None and not fit.exact:
            left[:, number] = factor[:, fit.outcome] - factor[:, fit.kept] @ fit.slopes
    return left


def fit_seemingly_unrelated(design: DesignMatrix, fits: Sequence[EquationFit]) -> tuple[list[EquationFit], str | None]:
    r"""Maximum likelihood of equations whose residuals are correlated with each other.

    Feasible generalised least squares is iterated until the slopes stand still, with residual covariances
    divided by n: :math:`\hat\beta = (Z'(\hat\Psi^{-1} \otimes I)Z)^{-1} Z'(\hat\Psi^{-1} \otimes I)y`,
    which converges to the maximum of the likelihood.

    Parameters
    ----------
    design
        The columns.
    fits
        Least squares of each equation, the starting point; none exact, none without slopes.

    Returns
    -------
    fits, remark
        The joint fits, or the least-squares ones and a remark where the likelihood has no maximum.

    References
    ----------
    Zellner (1962), Journal of the American Statistical Association 57, 348-368.
    Oberhofer and Kmenta (1974), Econometrica 42, 579-590.
    """
    columns = sorted({c for fit in fits for c in (*fit.kept, fit.outcome)})
    factor = np.zeros((min(len(columns), design.factor.shape[0]), design.factor.shape[1]))
    factor[:, columns] = upper_triangle(design.factor[:, columns])
    slopes = np.concatenate([fit.slopes for fit in fits if fit.slopes is not None])
    ends = np.cumsum([len(fit.kept) for fit in fits])[:-1]
    names = " and ".join(repr(design.labels[fit.outcome]) for fit in fits)
    targets = factor[:, [fit.outcome for fit in fits]]
    current = list(fits)
    for _ in range(_SUR_ITERATIONS):
        root = inverse_root(residual_factors(factor, current))
        if root is None:
            return list(fits), f"the residuals of {names} are linearly dependent; each equation was fitted by itself"
        weighted = (targets @ root.T).T.ravel()
        update = np.linalg.lstsq(whitened(factor, fits, root), weighted, rcond=None)[0]
        moved = float(np.max(np.abs(update - slopes), initial=0.0))
        slopes = update
        current = [replace(fit, slopes=part) for fit, part in zip(fits, np.split(slopes, ends), strict=True)]
        if moved <= _SUR_TOLERANCE * max(1.0, float(np.abs(slopes).max(initial=0.0))):
            return [replace(fit, seemingly_unrelated=True) for fit in current], None
    return list(fits), f"the joint fit of {names} did not converge; each equation was fitted by itself"


def inverse_root(residuals: FloatArray) -> FloatArray | None:
    """A matrix W with ``W.T @ W`` the inverse of ``residuals.T @ residuals``; None where that is singular."""
    lengths = np.linalg.norm(residuals, axis=0)
    upper = upper_triangle(residuals / lengths)
    if upper.shape[0] < upper.shape[1] or np.abs(np.diag(upper)).min() < _SINGULAR:
        return None
    return np.asarray(np.linalg.inv(upper * lengths).T, dtype=np.float64)


def whitened(factor: FloatArray, fits: Sequence[EquationFit], root: FloatArray) -> FloatArray:
    """The stacked regressors of several equations after the residuals are made uncorrelated.

    Shape (number of fits * rows of the factor, total number of slopes); its cross-product is the
    information about the slopes, per row of the data.
    """
    return np.hstack([np.kron(root[:, [number]], factor[:, fit.kept]) for number, fit in enumerate(fits)])


def same_regressors(fits: Sequence[EquationFit]) -> bool:
    """Whether all equations have the same columns on the right: joint and separate fits then agree."""
    return len({frozenset(fit.kept) for fit in fits}) <= 1


def _independent_columns(
    design: DesignMatrix, regressors: tuple[int, ...]
) -> tuple[tuple[int, ...], dict[int | None, str]]:
    """Columns to fit, first come first kept, and reasons for the coefficients they leave undetermined."""
    unidentified: dict[int | None, str] = {}
    kept = [c for c in regressors if not design.constant[c]]
    for c in regressors:
        if design.constant[c]:
            unidentified[c] = _unvarying(design, c)
            if design.means[c]:
                unidentified[None] = f"the constant cannot be told from {design.labels[c]!r}, which never varies"
    dropped = []
    while kept:
        diagonal = np.abs(np.diag(upper_triangle(design.factor[:, kept])))
        tolerances = np.maximum(RANK_TOLERANCE, _ROUNDING_MARGIN * design.noise[kept])[: len(diagonal)]
        short = np.flatnonzero(diagonal <= tolerances)
        if not len(short):
            break
        dropped.append(kept.pop(int(short[0])))
    for c in dropped:
        unidentified |= {key: why for key, why in _entangled(design, kept, c).items() if key not in unidentified}
    return tuple(kept), unidentified


def _unvarying(design: DesignMatrix, column: int) -> str:
    label, variables = design.labels[column], design.variables[column]
    if variables[0] in design.references and variables != (label,) and len(variables) == 1:
        return f"{label!r}: no row used has this level"
    return f"{label!r} is {design.means[column]:.6g} in every row used: there is no variation to learn from"


def _entangled(design: DesignMatrix, kept: Sequence[int], dropped: int) -> dict[int | None, str]:
    """Reasons for all coefficients that trade off against one collinear column."""
    weights = np.linalg.lstsq(design.factor[:, kept], design.factor[:, dropped], rcond=None)[0]
    involved = [c for c, weight in zip(kept, weights, strict=True) if abs(weight) > _SUPPORT] + [dropped]
    direction = np.append(-weights[np.abs(weights) > _SUPPORT], 1.0)
    shares = direction * design.means[involved] / design.scales[involved]
    with_constant = abs(shares.sum()) > _SHIFT * np.abs(shares).sum()
    names = [repr(design.labels[c]) for c in involved]
    listed = ", ".join(names[:-1]) + " and " + names[-1]
    reason = f"{listed} are perfectly collinear: their paths cannot be told apart"
    reasons: dict[int | None, str] = dict.fromkeys(involved, reason)
    if with_constant:
        reasons[None] = f"the constant depends on the paths of {listed}, which are perfectly collinear"
    return reasons


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
