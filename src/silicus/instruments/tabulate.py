"""From transcripts to the dataset: one row a session, every column described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from silicus.concepts.dataset import Codebook, Column, Dataset, Flow
from silicus.concepts.session import condition_of
from silicus.concepts.study import Study
from silicus.concepts.transcript import Response, Transcript
from silicus.concepts.variables import Variable, number_words
from silicus.participants.templates import the_role

__all__ = ["SESSION_COLUMNS", "combined", "tabulate"]

SESSION_COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "session_id": ("identifier", "the session; names its own condition and leads to its transcript", "text"),
    "condition": ("identifier", "the condition; the same for all its replicates", "text"),
    "replicate": ("identifier", "which repetition of the condition", "count"),
    "status": ("session", "complete, censored (ended by the cap) or failed", "text"),
    "ended_by": ("session", "what ended the session", "text"),
    "n_turns": ("session", "statements made", "count"),
    "n_irregular": ("session", "statements with something irregular, such as an offer beyond the budget", "count"),
}
"""The columns that every dataset has: role, label, kind."""


def combined(variable: Variable, responses: Sequence[Response]) -> tuple[float | str | None, str]:
    """The value of a measured variable from its answers, or None and why there is none.

    ``first`` takes the first answer that is not missing; the other ways to combine need every answer.
    """
    if variable.measure is None or not responses:
        return None, "not_asked"
    how = variable.measure.combine
    missing = [response.missing or "missing" for response in responses if response.value is None]
    if how == "first":
        value = next((response.value for response in responses if response.value is not None), None)
        return (value, "") if value is not None else (None, missing[0])
    if missing or len(responses) < len(variable.measure.questions):
        return None, missing[0] if missing else "not_asked"
    numbers = [float(response.value) for response in responses if response.value is not None]
    totals = {"sum": sum(numbers), "mean": sum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers)}
    return totals[how], ""


def tabulate(study: Study, planned: int, order: Iterable[str], transcripts: Iterable[Transcript]) -> Dataset:
    """One row for every session that was tried.

    Parameters
    ----------
    study
        The study as frozen.
    planned
        Number of planned sessions.
    order
        Session ids in the order of the plan; rows follow it, so that the dataset is the same however the sessions
        were run.
    transcripts
        The sessions tried, in any order; read one at a time.
    """
    import pandas as pd

    rows = {transcript.session_id: _row(study, transcript) for transcript in transcripts}
    ordered = [rows[session_id] for session_id in order if session_id in rows]
    frame = pd.DataFrame(ordered, columns=_column_names(study))
    numeric = [variable.name for variable in study.causal_model.variables if variable.answer != "text"]
    frame = frame.astype(dict.fromkeys(numeric, "float64"))
    frame = frame.astype(dict.fromkeys(("replicate", "n_turns", "n_irregular"), "int64"))
    codebook = Codebook(
        study=study.fingerprint,
        name=study.name,
        rehearsed=study.seats.rehearsed,
        flow=_flow(planned, ordered),
        columns=_columns(study, ordered),
    )
    return Dataset(frame, codebook)


def _missing_name(variable: Variable) -> str:
    return f"{variable.name}_missing"


def _column_names(study: Study) -> list[str]:
    model = study.causal_model
    measured = [name for variable in model.measured for name in (variable.name, _missing_name(variable))]
    return [*SESSION_COLUMNS, *(variable.name for variable in model.treatments), *measured]


def _row(study: Study, transcript: Transcript) -> dict[str, Any]:
    row: dict[str, Any] = {
        "session_id": transcript.session_id,
        "condition": condition_of(transcript.session_id),
        "replicate": transcript.replicate,
        "status": transcript.status,
        "ended_by": transcript.ended_by,
        "n_turns": len(transcript.turns),
        "n_irregular": sum(bool(turn.irregular) for turn in transcript.turns),
        **transcript.condition,
    }
    for variable in study.causal_model.measured:
        responses = [response for response in transcript.responses if response.variable == variable.name]
        value, missing = combined(variable, responses)
        row[variable.name] = value
        row[_missing_name(variable)] = "session_failed" if transcript.status == "failed" else missing
    return row


def _flow(planned: int, rows: Sequence[Mapping[str, Any]]) -> Flow:
    status = Counter(row["status"] for row in rows)
    irregular = sum(row["n_irregular"] > 0 for row in rows)
    return Flow(
        planned=planned,
        complete=status["complete"],
        censored=status["censored"],
        failed=status["failed"],
        irregular=irregular,
    )


def _columns(study: Study, rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    columns = [
        Column.model_validate({"name": name, "role": role, "label": label, "kind": kind})
        for name, (role, label, kind) in SESSION_COLUMNS.items()
    ]
    columns += [_treatment_column(study, variable) for variable in study.causal_model.treatments]
    for variable in study.causal_model.measured:
        why = Counter(row[_missing_name(variable)] for row in rows if row[variable.name] is None)
        columns += [
            _outcome_column(variable, dict(why)),
            Column(
                name=_missing_name(variable), role="missing", kind="text", label=f"why {variable.name} has no value"
            ),
        ]
    return tuple(columns)


def _treatment_column(study: Study, variable: Variable) -> Column:
    treatment = variable.treatment
    if treatment is None:
        raise TypeError(f"{variable.name} is not a treatment")
    told = ", ".join(study.told_roles(variable.name))
    known = f"; known to all as '{treatment.public}'" if treatment.public else "; private"
    words = {level.words: level.code for level in treatment.values if level.words != number_words(level.code)}
    return Column(
        name=variable.name, label=variable.label, role="treatment", kind=variable.kind, unit=variable.unit,
        values=words, how=f"assigned by design; told to {told} as '{treatment.phrase}'{known}",
    )  # fmt: skip


def _outcome_column(variable: Variable, why: dict[str, int]) -> Column:
    measure = variable.measure
    if measure is None:
        raise TypeError(f"{variable.name} is not measured")
    asked = [f"{the_role(item.ask)} was asked: {item.question}" for item in measure.questions]
    how = asked[0] if len(asked) == 1 else f"{measure.combine} of " + "; ".join(asked)
    values = {level.words: level.code for level in variable.levels}
    if variable.answer == "yes_no":
        values = {"no": 0.0, "yes": 1.0}
    return Column(
        name=variable.name, label=variable.label, role="outcome", kind=variable.kind, unit=variable.unit,
        values=values, how=how, n_missing=sum(why.values()), missing=why,
    )  # fmt: skip
