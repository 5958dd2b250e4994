"""The results of a fitted path model as nouns: estimates, samples, notes."""

from __future__ import annotations

from typing import Any

import numpy as np

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate, Sample
from silicus.estimators.design_matrix import Rows
from silicus.estimators.effects import mediated_effects
from silicus.estimators.fitted_model import FittedModel
from silicus.estimators.inference import Finding, Setting
from silicus.estimators.least_squares import EquationFit
from silicus.estimators.standard_errors import parameter_slices

__all__ = ["coefficient", "path_estimates", "path_notes", "path_samples"]

_EXACT = "the causes determine {outcome!r} exactly: there is no residual to judge uncertainty by"


def path_estimates(fitted: FittedModel, setting: Setting, rows: Rows) -> tuple[Estimate, ...]:
    """Paths, constant and residual variance of each equation, then residual covariances and mediated effects."""
    findings: list[Finding] = []
    for number in range(len(fitted.fits)):
        findings += [*_coefficients(fitted, number, rows), _residual_variance(fitted, number, rows)]
    findings += _residual_covariances(fitted) + _mediated(fitted, rows)
    return tuple(setting.estimate(finding) for finding in findings)


def coefficient(fitted: FittedModel, fit: EquationFit, column: int | None) -> float:
    """One coefficient of a fitted equation in standard deviations; of the outcome only, for the constant (None)."""
    slopes = fit.slopes if fit.slopes is not None else np.zeros(0)
    if column is not None:
        return float(slopes[fit.kept.index(column)])
    design, kept = fitted.design, list(fit.kept)
    center = design.means[fit.outcome] / design.scales[fit.outcome]
    return float(center - slopes @ (design.means[kept] / design.scales[kept]))


def _used(fitted: FittedModel, number: int, rows: Rows) -> int:
    equation = fitted.equations[number]
    return 0 if rows.empty & {equation.outcome, *equation.causes} else fitted.design.n


def _common(fitted: FittedModel, number: int, rows: Rows) -> dict[str, Any]:
    fit = fitted.fits[number]
    return {
        "outcome": fitted.equations[number].outcome,
        "n_units": _used(fitted, number, rows),
        "df": fit.df,
        "joint": fit.seemingly_unrelated,
    }


def _coefficients(fitted: FittedModel, number: int, rows: Rows) -> list[Finding]:
    design, fit, moments = fitted.design, fitted.fits[number], fitted.moments[number]
    start = parameter_slices(fitted.fits)[number].start
    variances = np.diag(fitted.uncertainty.covariance)
    common = _common(fitted, number, rows) | {"quantity": "path"}
    findings: list[Finding] = []
    for column in (*fit.regressors, None):
        label = INTERCEPT if column is None else design.labels[column]
        remarks = fitted.remarks[number] + _remarks(fitted, fit, column)
        if (why := fit.why_not(column)) is not None:
            findings.append(Finding(treatment=label, reason=why, diagnostics=remarks, **common))
            continue
        place = start + (0 if column is None else 1 + fit.kept.index(column))
        reason = _EXACT.format(outcome=common["outcome"]) if fit.exact else fitted.uncertainty.undetermined.get(place)
        value = coefficient(fitted, fit, column)
        standardized = None
        if column is not None:
            sizes = np.linalg.norm(moments[:, [fit.outcome, column]], axis=0)
            standardized = value * float(sizes[1] / sizes[0])
        error = None if reason else float(np.sqrt(max(variances[place], 0.0)))
        findings.append(
            Finding(
                treatment=label,
                value=value,
                std_error=error,
                unit=design.unit(fit.outcome, column),
                standardized=standardized,
                reason=reason,
                diagnostics=remarks,
                **common,
            )
        )
    return findings


def _remarks(fitted: FittedModel, fit: EquationFit, column: int | None) -> tuple[str, ...]:
    """What concerns one path: what a dummy is compared with, and whether the cause alone separates the outcome."""
    if column is None or fit.slopes is None:
        return ()
    design = fitted.design
    references = [design.references[name] for name in design.variables[column] if name in design.references]
    remarks = [f"compared with {' and '.join(repr(words) for words in references)}"] if references else []
    outcome, cause = design.values[:, fit.outcome], design.values[:, column]
    high = outcome > 0
    if _two_valued(outcome) and not design.constant[column]:
        above, below = cause[high], cause[~high]
        if above.min() > below.max() or above.max() < below.min():
            label, name = design.labels[column], design.labels[fit.outcome]
            remarks.append(f"{label!r} separates the two values of {name!r} completely: a straight line fits badly")
    return tuple(remarks)


def _two_valued(values: np.typing.NDArray[np.float64]) -> bool:
    return bool(((values == values.min()) | (values == values.max())).all())


def _residual_variance(fitted: FittedModel, number: int, rows: Rows) -> Finding:
    fit, spread = fitted.fits[number], float(fitted.design.scales[fitted.fits[number].outcome])
    common = _common(fitted, number, rows) | {"treatment": RESIDUAL, "quantity": "residual_variance"}
    if fit.reason is not None:
        return Finding(reason=fit.reason, diagnostics=fitted.remarks[number], **common)
    psi = float(fitted.residual_covariance[number, number])
    total = float(np.linalg.norm(fitted.moments[number][:, fit.outcome])) ** 2
    reason = _EXACT.format(outcome=common["outcome"]) if fit.exact else None
    return Finding(
        value=psi, std_error=None if reason else float(fitted.uncertainty.residual_errors[number, number]),
        unit=spread * spread, standardized=psi / total, reason=reason, diagnostics=fitted.remarks[number], **common,
    )  # fmt: skip


def _residual_covariances(fitted: FittedModel) -> list[Finding]:
    findings: list[Finding] = []
    psi, scales = fitted.residual_covariance, fitted.design.scales
    for place, i in enumerate(fitted.sinks):
        for j in fitted.sinks[place + 1 :]:
            one, two = fitted.fits[i], fitted.fits[j]
            findings.append(
                Finding(
                    outcome=fitted.equations[i].outcome,
                    treatment=fitted.equations[j].outcome,
                    quantity="residual_covariance",
                    n_units=fitted.design.n,
                    df=min(one.df, two.df),
                    value=float(psi[i, j]),
                    std_error=float(fitted.uncertainty.residual_errors[i, j]),
                    unit=float(scales[one.outcome]) * float(scales[two.outcome]),
                    standardized=float(psi[i, j] / np.sqrt(psi[i, i] * psi[j, j])),
                    joint=one.seemingly_unrelated,
                    diagnostics=tuple(dict.fromkeys(fitted.remarks[i] + fitted.remarks[j])),
                )
            )
    return findings


def _mediated(fitted: FittedModel, rows: Rows) -> list[Finding]:
    design, findings = fitted.design, []
    for effect in mediated_effects(design, fitted.equations, fitted.fits, fitted.uncertainty):
        fits = [fitted.fits[number] for number in effect.through]
        own = fitted.fits[effect.outcome]
        exact = [design.labels[fit.outcome] for fit in fits if fit.exact]
        reason = effect.reason or (_EXACT.format(outcome=exact[0]) if exact else None)
        unit, standardized = 1.0, None
        if effect.column is not None and effect.value is not None:
            unit = design.unit(own.outcome, effect.column)
            sizes = np.linalg.norm(fitted.moments[effect.outcome][:, [own.outcome, effect.column]], axis=0)
            standardized = effect.value * float(sizes[1] / sizes[0])
        findings.append(
            Finding(
                outcome=fitted.equations[effect.outcome].outcome,
                treatment=effect.cause,
                quantity=effect.quantity,
                n_units=min(_used(fitted, number, rows) for number in effect.through),
                df=min(fit.df for fit in fits),
                value=effect.value,
                std_error=None if exact else effect.std_error,
                unit=unit,
                standardized=standardized,
                reason=reason,
                joint=own.seemingly_unrelated,
                delta=True,
                diagnostics=tuple(dict.fromkeys(r for number in effect.through for r in fitted.remarks[number])),
            )
        )
    return findings


def path_samples(fitted: FittedModel, rows: Rows) -> tuple[Sample, ...]:
    """The rows behind each equation."""
    samples: list[Sample] = []
    for number, (equation, fit) in enumerate(zip(fitted.equations, fitted.fits, strict=True)):
        used, total = _used(fitted, number, rows), len(rows.kept)
        lacking = [name for name in (equation.outcome, *equation.causes) if name in rows.empty]
        excluded = {f"{lacking[0]} missing": total} if lacking and total else rows.excluded
        mean, spread = float(fitted.design.means[fit.outcome]), float(fitted.design.scales[fit.outcome])
        known = used > 0 and np.isfinite(mean) and np.isfinite(spread)
        samples.append(
            Sample(
                outcome=equation.outcome,
                rows=total,
                used=used,
                excluded=excluded,
                mean=mean if known else None,
                std_dev=(0.0 if fitted.design.constant[fit.outcome] else spread) if known else None,
            )
        )
    return tuple(samples)


def path_notes(fitted: FittedModel, setting: Setting, rows: Rows) -> tuple[str, ...]:
    """Remarks on the whole analysis: rows left out, and outcomes with two values."""
    total, used = len(rows.kept), fitted.design.n
    notes = (
        [f"{total - used} of {total} rows are left out of every equation (listwise deletion)"] if used < total else []
    )
    for equation, fit in zip(fitted.equations, fitted.fits, strict=True):
        binary = fit.slopes is not None and _two_valued(fitted.design.values[:, fit.outcome])
        if binary and setting.errors == "standard":
            notes.append(
                f"{equation.outcome!r} has two values: its paths are differences in probability, and standard errors "
                "assume a spread that does not depend on the causes ('hc3' does not)"
            )
    return tuple(notes)
