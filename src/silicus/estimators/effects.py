"""What a cause does to an outcome through mediators, and in all, with delta-method standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from silicus.concepts.causal_model import Equation
from silicus.estimators.design_matrix import DesignMatrix, FloatArray
from silicus.estimators.least_squares import EquationFit
from silicus.estimators.standard_errors import Uncertainty, parameter_slices

__all__ = ["Effect", "mediated_effects"]

_Quantity = Literal["indirect_effect", "total_effect"]

_NEGLIGIBLE = 1e-12
"""Derivatives below this are rounding."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One indirect or total effect, in standard deviations of the columns (n in the denominator)."""

    outcome: int
    """Number of the outcome's equation."""
    cause: str
    """Label of the cause: a variable, or one level of a nominal one."""
    column: int | None
    """Column of the cause; None where it enters only in products."""
    quantity: _Quantity
    value: float | None
    std_error: float | None
    through: tuple[int, ...]
    """Numbers of the equations between the cause and the outcome, the outcome's own included."""
    reason: str | None
    """Why the value or the standard error is missing."""


def mediated_effects(
    design: DesignMatrix, equations: Sequence[Equation], fits: Sequence[EquationFit], uncertainty: Uncertainty
) -> tuple[Effect, ...]:
    r"""Indirect and total effects of every cause that reaches an outcome through another variable.

    With B the slopes of all columns on all columns, total effects are :math:`(I - B)^{-1} - I` and indirect
    effects that less B. The derivative of a total effect by a slope is the effect of what lies before it
    times the effect of what lies after it; the standard error follows from the joint covariance of the slopes.

    Parameters
    ----------
    design, equations, fits, uncertainty
        As fitted, equations in an order in which causes come before what they act on.

    References
    ----------
    Sobel (1982), Sociological Methodology 13, 290-312. Bollen (1987), Sociological Methodology 17, 37-69.
    """
    direct = {equation.outcome: set(equation.causes) for equation in equations}
    if not any(causes & direct.keys() for causes in direct.values()):
        return ()
    network = _Network(design, equations, fits, uncertainty, _descendants(direct), _total_matrix(design, fits))
    causes = dict.fromkeys(name for equation in equations for name in equation.causes)
    return tuple(
        effect
        for number, equation in enumerate(equations)
        for cause in causes
        if network.below[cause] & direct[equation.outcome]
        for effect in _effects_of(network, cause, number)
    )


@dataclass(frozen=True, slots=True)
class _Network:
    """The fitted equations with what follows from them as a whole."""

    design: DesignMatrix
    equations: Sequence[Equation]
    fits: Sequence[EquationFit]
    uncertainty: Uncertainty
    below: Mapping[str, frozenset[str]]
    """For each variable, everything that it acts on, directly or not."""
    total: FloatArray
    """Shape (C, C): the total effect of the second column on the first; 1 on the diagonal."""

    def between(self, cause: str, outcome: str) -> tuple[int, ...]:
        """Numbers of the equations on the ways from a cause to an outcome, the outcome's own included."""
        return tuple(
            number
            for number, equation in enumerate(self.equations)
            if equation.outcome in self.below[cause]
            and (equation.outcome == outcome or outcome in self.below[equation.outcome])
        )


def _descendants(direct: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    names = set(direct).union(*direct.values())
    children = {name: {outcome for outcome, causes in direct.items() if name in causes} for name in names}

    @cache
    def below(name: str) -> frozenset[str]:
        return frozenset(children[name]).union(*(below(child) for child in children[name]))

    return {name: below(name) for name in names}


def _total_matrix(design: DesignMatrix, fits: Sequence[EquationFit]) -> FloatArray:
    slopes = np.zeros((len(design.labels), len(design.labels)))
    for fit in fits:
        if fit.slopes is not None:
            slopes[fit.outcome, list(fit.kept)] = fit.slopes
    return np.asarray(np.linalg.inv(np.eye(len(slopes)) - slopes), dtype=np.float64)


def _effects_of(network: _Network, cause: str, number: int) -> list[Effect]:
    outcome = network.equations[number].outcome
    between = network.between(cause, outcome)
    entered: list[int | None] = [
        column for column in network.design.main_columns[cause] if any(column in fit.regressors for fit in network.fits)
    ]
    quantities: tuple[_Quantity, ...] = ("indirect_effect", "total_effect")
    found: list[Effect] = []
    for column in entered or [None]:
        label = cause if column is None else network.design.labels[column]
        for quantity in quantities:
            reason = _moderated(network, cause, outcome, quantity, between) or _unfitted(network, cause, between)
            value: float | None = None
            error: float | None = None
            if reason is None and column is not None:
                value, error, reason = _delta(network, column, number, quantity)
            found.append(Effect(number, label, column, quantity, value, error, between, reason))
    return found


def _moderated(network: _Network, cause: str, outcome: str, quantity: _Quantity, between: Sequence[int]) -> str | None:
    """Why the effect is not one number: a product on the way makes it depend on another variable."""
    for equation in (network.equations[number] for number in between):
        moving = set(network.below[cause])
        if quantity == "total_effect" or equation.outcome != outcome:
            moving.add(cause)
        for term in equation.terms:
            if len(term) > 1 and moving & set(term):
                name = ":".join(term)
                return f"{name!r} acts on {equation.outcome!r}: the effect of {cause!r} is not one number"
    return None


def _unfitted(network: _Network, cause: str, between: Sequence[int]) -> str | None:
    """Why an effect cannot be computed: an equation on the way has no fit, or a slope on the way no value."""
    on_the_way = network.below[cause] | {cause}
    design = network.design
    for fit in (network.fits[number] for number in between):
        for column in (fit.outcome, *fit.regressors):
            why = fit.why_not(column)
            if why and (column == fit.outcome or on_the_way & set(design.variables[column])):
                return f"the equation of {design.labels[fit.outcome]!r} lacks a path on the way: {why}"
    return None


def _delta(network: _Network, column: int, number: int, quantity: _Quantity) -> tuple[float, float | None, str | None]:
    outcome = network.fits[number].outcome
    total, covariance = network.total, network.uncertainty.covariance
    gradient = np.zeros(covariance.shape[0])
    own = 0.0
    for fit, where in zip(network.fits, parameter_slices(network.fits), strict=True):
        for place, source in enumerate(fit.kept, start=where.start + 1):
            gradient[place] = total[outcome, fit.outcome] * total[source, column]
            if quantity == "indirect_effect" and fit.outcome == outcome and source == column and fit.slopes is not None:
                own = float(fit.slopes[place - where.start - 1])
                gradient[place] -= 1.0
    value = float(total[outcome, column]) - own
    for place, why in network.uncertainty.undetermined.items():
        if abs(gradient[place]) > _NEGLIGIBLE:
            return value, None, why
    return value, float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0))), None
