"""Estimating the equations that a study fixed before there were data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from silicus.concepts.analysis import Analysis
from silicus.concepts.causal_model import Equation
from silicus.concepts.dataset import Codebook, Dataset
from silicus.concepts.errors import DataError
from silicus.concepts.estimate import EstimateTable, Sample
from silicus.concepts.study import Study, nearest
from silicus.estimators.formula import read_formula
from silicus.estimators.path_model import check_setting, fit_path_model

__all__ = ["estimate_paths", "explore_paths"]


Errors = Literal["standard", "hc3", "cluster"]


def estimate_paths(study: Study, dataset: Dataset) -> EstimateTable:
    """The estimates of a study's own equations, on the sessions that its analysis keeps."""
    return _estimated(study, dataset, study.causal_model.paths, study.analysis, exploratory=False)


def _estimated(
    study: Study, dataset: Dataset, equations: Sequence[Equation], analysis: Analysis, *, exploratory: bool
) -> EstimateTable:
    kept = ("complete", "censored") if analysis.censored == "keep" else ("complete",)
    frame = dataset.frame[dataset.frame["status"].isin(kept)].reset_index(drop=True)
    fit = fit_path_model(
        frame,
        equations,
        errors=analysis.errors,
        cluster=analysis.cluster,
        nominal=_nominal(study),
        confidence_level=analysis.confidence_level,
        exploratory=exploratory,
    )
    estimates = fit.estimates
    if frame.empty and not dataset.frame.empty:
        why = f"no session is left to analyse: {_listed(_left_out(dataset, kept))}"
        estimates = tuple(estimate.model_copy(update={"reason": why}) for estimate in estimates)
    return EstimateTable(
        study=study.fingerprint,
        name=study.name,
        rehearsed=study.seats.rehearsed,
        estimates=estimates,
        samples=tuple(_with_flow(sample, dataset, kept) for sample in fit.samples),
        notes=(*_notes(study, dataset.codebook), *fit.notes),
    )


def _nominal(study: Study) -> dict[str, dict[float, str]]:
    return {
        variable.name: {level.code: level.words for level in variable.treatment.values}
        for variable in study.causal_model.treatments
        if variable.kind == "nominal" and variable.treatment is not None
    }


def _with_flow(sample: Sample, dataset: Dataset, kept: tuple[str, ...]) -> Sample:
    """The sample counted from all sessions tried, with the sessions left out before estimation and why."""
    excluded = _left_out(dataset, kept) | sample.excluded
    return sample.model_copy(update={"rows": len(dataset.frame), "excluded": excluded})


def _left_out(dataset: Dataset, kept: tuple[str, ...]) -> dict[str, int]:
    """The sessions tried that are not analysed, by why."""
    names = {"censored": "censored: ended by the cap", "failed": "failed session"}
    status: Mapping[str, int] = Counter(dataset.frame["status"])
    return {names[name]: count for name, count in sorted(status.items()) if name not in kept}


def _listed(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {why}" for why, count in left_out.items())


def _notes(study: Study, codebook: Codebook) -> tuple[str, ...]:
    notes = []
    if codebook.rehearsed:
        notes.append(
            "Rehearsed: the participants followed stated laws. The numbers show what the study would find; they say "
            "nothing about people or about any language model."
        )
    if codebook.flow.not_held:
        notes.append(f"{codebook.flow.not_held:,} of {codebook.flow.planned:,} planned sessions were not held.")
    if codebook.flow.censored and study.analysis.censored == "keep":
        notes.append(f"{codebook.flow.censored:,} sessions that the cap ended are analysed as if complete.")
    return tuple(notes)


def explore_paths(
    study: Study,
    dataset: Dataset,
    formula: str | None,
    *,
    errors: Errors | None,
    cluster: str | None,
    confidence: float | None,
) -> EstimateTable:
    """Estimates that the study file did not fix: another formula, other errors. Marked as exploratory.

    Parameters
    ----------
    study, dataset
        The study and its data.
    formula
        Equations such as ``deal ~ buyer_budget * seller_minimum``; None takes the study's own.
    errors, cluster, confidence
        As in the study's analysis; None takes the study's own.

    Raises
    ------
    DataError
        Where the formula names what is no variable of the study, or the errors and the cluster do not go together.
    """
    equations = read_formula(formula) if formula is not None else study.causal_model.paths
    known = tuple(variable.name for variable in study.causal_model.variables)
    for equation in equations:
        for name in (equation.outcome, *equation.causes):
            if name not in known:
                raise DataError(
                    f"the study has no variable '{name}'",
                    suggestion=f"{nearest(name, known)} For other columns of the dataset, estimate dataset.parquet.",
                )
    own = study.analysis
    kind, level = errors or own.errors, confidence or own.confidence_level
    if cluster is None and kind == "cluster":
        cluster = own.cluster
    check_setting(kind, cluster, level)
    analysis = Analysis(errors=kind, cluster=cluster, confidence_level=level, censored=own.censored)
    return _estimated(study, dataset, equations, analysis, exploratory=True)
