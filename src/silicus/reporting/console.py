"""The estimated paths as rows of text, for a terminal to print."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate, EstimateTable
from silicus.concepts.study import Study
from silicus.reporting import formats, wording
from silicus.reporting.layout import text_columns

__all__ = ["PathRow", "paths_table", "paths_text"]


@dataclass(frozen=True, slots=True)
class PathRow:
    """One row: texts only, a dash where there is no number.

    Attributes
    ----------
    outcome, cause
        What is explained, and what acts on it, as a reader calls them.
    estimate, std_error, interval, p_value, standardized, n
        As ``formats.cells`` writes them.
    note
        Why something is missing, and what a careful reader should know; empty where nothing is.
    """

    outcome: str
    cause: str
    estimate: str
    std_error: str
    interval: str
    p_value: str
    standardized: str
    n: str
    note: str


def paths_table(table: EstimateTable, study: Study | None = None, *, constants: bool = False) -> list[PathRow]:
    """The paths of an analysis, one row each, in the order of the table.

    Parameters
    ----------
    table
        The estimates.
    study
        Gives variables their labels; without it they keep their names.
    constants
        Also the constant and the residual variance of each equation.
    """
    with_paths = {e.outcome for e in table.estimates if e.quantity == "path" and e.treatment != INTERCEPT}
    return [
        _row(estimate, table, study)
        for estimate in table.estimates
        if _is_wanted(estimate, constants or estimate.outcome not in with_paths)
    ]


def _is_wanted(estimate: Estimate, constants: bool) -> bool:
    if estimate.treatment in (INTERCEPT, RESIDUAL):
        return constants
    return estimate.quantity == "path"


def _row(estimate: Estimate, table: EstimateTable, study: Study | None) -> PathRow:
    cells = formats.cells(estimate)
    outcome = wording.label_of(study, estimate.outcome)
    notes = (estimate.reason, *estimate.diagnostics, "exploratory" if estimate.exploratory else None)
    return PathRow(
        outcome=wording.heading(outcome) if study is not None else outcome,
        cause=wording.cause_label(study, estimate.treatment, table),
        estimate=cells.estimate,
        std_error=cells.std_error,
        interval=cells.interval,
        p_value=cells.p_value,
        standardized=cells.standardized,
        n=cells.n,
        note="; ".join(note for note in notes if note),
    )


def paths_text(table: EstimateTable, study: Study | None = None) -> str:
    """The paths, constants and residual variances as a table in plain text, with its notes beneath.

    Parameters
    ----------
    table
        The estimates.
    study
        Gives variables their labels; without it they keep their names.
    """
    level = formats.percent(table.estimates[0].confidence_level) if table.estimates else ""
    lines = [("outcome", "cause", "estimate", "SE", f"{level} interval".strip(), "p", "standardised", "n")]
    notes: dict[str, int] = {}
    for row in paths_table(table, study, constants=True):
        *texts, note = astuple(row)
        if note:
            texts[1] += f" [{notes.setdefault(note, len(notes) + 1)}]"
        lines.append(tuple(texts))
    widths = [max(text_columns(line[column]) for line in lines) for column in range(len(lines[0]))]
    written = ["  ".join(_padded(line, widths)).rstrip() for line in lines]
    return "\n".join([*written, *(f"[{number}] {note}" for note, number in notes.items()), *table.notes])


def _padded(texts: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left of their column, numbers to the right."""
    return [
        " " * (width - text_columns(text)) + text if column > 1 else text + " " * (width - text_columns(text))
        for column, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
