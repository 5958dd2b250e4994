"""What the numbers do not show: the limits that follow from this design, these data and this estimator."""

from __future__ import annotations

from silicus.concepts.dataset import Dataset
from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.reporting import formats, wording

__all__ = ["limits"]

_FEW_ROWS = 30
_FEW_ROWS_A_TERM = 10
_RARE = 0.05
_MUCH = 0.02


def limits(study: Study, dataset: Dataset, table: EstimateTable) -> tuple[str, ...]:
    """Every limit that applies, the gravest first; none that does not."""
    return (
        *_who(study, table),
        *_what_is_missing(study, dataset, table),
        *_how_many_rows(study, table),
        *_errors(study, table),
        *_scales(study, table),
        *_structure(study, table),
    )


def _who(study: Study, table: EstimateTable) -> list[str]:
    if table.rehearsed:
        return [
            "The participants were programs with effects built in. The numbers show what the design and the estimator "
            "can recover; they are no evidence about people or about any language model."
        ]
    if study.mode == "machine_behaviour":
        return ["The results hold for the language models named under provenance, in the versions served on that day."]
    return [
        "Sessions of one language model are not people. The standard errors describe how much its sessions vary, "
        "not how much people would, and do not shrink towards the truth about people as sessions are added."
    ]


def _what_is_missing(study: Study, dataset: Dataset, table: EstimateTable) -> list[str]:
    flow = dataset.codebook.flow
    held = flow.complete + flow.censored
    found = []
    if held == 0:
        found.append("No session was held to its end, so there is nothing to analyse yet.")
    if flow.censored and held:
        share = formats.percent(flow.censored / held)
        fate = (
            "They were kept, and their outcomes may not be final."
            if study.analysis.censored == "keep"
            else "They were left out, which selects sessions by how they went and can bias every path."
        )
        found.append(f"The cap ended {formats.counted(flow.censored, 'session')} ({share} of those held). {fate}")
    gone = flow.failed + flow.not_held
    if gone and held:
        share = formats.percent(gone / flow.planned)
        found.append(
            f"{formats.counted(gone, 'planned session')} ({share}) were not held or failed; if that depends on the "
            "condition, the assignment is no longer balanced."
        )
    for sample in table.samples:
        missing = {reason: n for reason, n in sample.excluded.items() if not wording.is_of_the_flow(reason)}
        if sample.rows and sum(missing.values()) / sample.rows > _MUCH:
            reasons = wording.joined(
                f"{wording.exclusion(study, reason)}: {formats.count(n)}" for reason, n in missing.items()
            )
            label = wording.label_of(study, sample.outcome)
            found.append(f"For {label}, rows were left out because of what was said or answered ({reasons}).")
    if flow.irregular:
        found.append(
            f"{formats.counted(flow.irregular, 'session')} had an act against the rules; they are analysed as assigned."
        )
    return found


def _how_many_rows(study: Study, table: EstimateTable) -> list[str]:
    found = []
    for equation in study.causal_model.paths:
        sample = next((s for s in table.samples if s.outcome == equation.outcome), None)
        n_terms = len(equation.terms) + 1
        if sample is not None and 0 < sample.used < max(_FEW_ROWS, _FEW_ROWS_A_TERM * n_terms):
            found.append(
                f"Only {formats.counted(sample.used, 'row')} for {formats.count(n_terms)} coefficients of "
                f"{wording.label_of(study, equation.outcome)}: tests made for large samples are too sure of themselves."
            )
    n_tests = sum(
        1 for e in table.estimates if e.quantity == "path" and e.p_value is not None and e.treatment[:1] != "("
    )
    if n_tests > 1:
        alpha = 1 - study.analysis.confidence_level
        found.append(
            f"{n_tests} paths were tested at the {formats.percent(alpha)} level without adjustment: if none of them "
            f"existed, {formats.plain(round(n_tests * alpha, 2))} would be expected to look clear by chance."
        )
    return found


def _errors(study: Study, table: EstimateTable) -> list[str]:
    if not any(estimate.std_error is not None for estimate in table.estimates):
        return []
    analysis = study.analysis
    if analysis.errors == "cluster":
        clusters = {e.n_clusters for e in table.estimates if e.n_clusters is not None}
        few = f" There are {min(clusters)} clusters; with few of them the errors are too small." if clusters else ""
        return [f"Standard errors cluster on {wording.spaced(analysis.cluster or '')}.{few}"]
    found = []
    if analysis.errors == "standard":
        found.append(
            "Standard errors come from maximum likelihood with z tests: they suppose residuals of equal variance and "
            "many rows."
        )
    if study.design.replicates > 1:
        found.append(
            f"Each condition was run {formats.count(study.design.replicates)} times, and these replicates were taken "
            "as independent. Where sessions of one condition resemble each other beyond the model, errors that "
            "cluster on the condition are larger."
        )
    return found


def _scales(study: Study, table: EstimateTable) -> list[str]:
    found: list[str] = []
    if all(estimate.value is None for estimate in table.estimates):
        return found
    outcomes = {equation.outcome for equation in study.causal_model.paths}
    binary = [v.label for v in study.causal_model.measured if v.kind == "binary" and v.name in outcomes]
    if binary:
        found.append(
            f"A straight line was fitted to a yes-or-no outcome ({wording.joined(binary)}): its slopes are average "
            "differences in probability, and predictions can leave the range from 0 to 1."
        )
    for variable in study.causal_model.measured:
        if variable.kind in ("ordinal", "nominal") and variable.name in outcomes:
            found.append(f"The codes of {variable.label} were analysed as numbers, as if its steps were equal.")
    ordinal = [v.label for v in study.causal_model.treatments if v.kind == "ordinal"]
    if ordinal:
        found.append(f"The steps of {wording.joined(ordinal)} enter as equally far apart.")
    for sample in table.samples:
        if (
            wording.is_zero_one(wording.find_variable(study, sample.outcome))
            and sample.mean is not None
            and not _RARE <= sample.mean <= 1 - _RARE
        ):
            label = wording.label_of(study, sample.outcome)
            found.append(
                f"On {label} almost all sessions agree ({formats.percent(sample.mean)} yes): little can be learnt."
            )
    return found


def _structure(study: Study, table: EstimateTable) -> list[str]:
    measured = {variable.name for variable in study.causal_model.measured}
    mediators = [name for name in measured if any(name in e.causes for e in study.causal_model.paths)]
    found = []
    if mediators:
        labels = wording.joined(sorted(wording.label_of(study, name) for name in mediators))
        found.append(
            f"Nobody assigned {labels}. Paths from it, and the split into direct and indirect effects, hold only if "
            "nothing else moves both it and what it leads to."
        )
    if any(estimate.exploratory for estimate in table.estimates):
        found.append("Estimates marked exploratory were not fixed in the study file before there were data.")
    return found
