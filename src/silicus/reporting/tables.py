"""The tables of estimates as the report shows them, with their notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from silicus.concepts.estimate import INTERCEPT, RESIDUAL, Estimate, EstimateTable, Sample
from silicus.concepts.study import Study
from silicus.reporting import formats, wording
from silicus.reporting.anchors import anchors_of

__all__ = ["EstimateRow", "Notes", "OutcomeBlock", "TableView", "methods_of", "r_squared", "table_view"]


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """One estimate: where it can be found, what it is of, its texts, the marks of its notes."""

    anchor: str
    label: str
    cells: formats.Cells
    marks: tuple[str, ...]
    is_exploratory: bool


@dataclass(frozen=True, slots=True)
class OutcomeBlock:
    """The rows of one outcome under its heading."""

    heading: str
    summary: str
    rows: tuple[EstimateRow, ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """The table of paths, the other quantities, the notes to both, and how they were estimated."""

    paths: tuple[OutcomeBlock, ...]
    others: tuple[OutcomeBlock, ...]
    notes: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]


class Notes:
    """Gives each different remark one letter, in the order of appearance."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def mark(self, remark: str) -> str:
        """The letter of a remark."""
        return self.letters.setdefault(remark, _letter(len(self.letters)))


def _letter(position: int) -> str:
    rounds, letter = divmod(position, 26)
    return chr(ord("a") + letter) * (rounds + 1)


def r_squared(table: EstimateTable, sample: Sample) -> float | None:
    """Share of an outcome's variance that its causes explain: 1 - residual variance / variance (both over n)."""
    for estimate in table.estimates:
        if (
            estimate.quantity == "residual_variance"
            and estimate.outcome == sample.outcome
            and estimate.value is not None
        ):
            return 1 - estimate.value / sample.std_dev**2 if sample.std_dev else None
    return None


def table_view(table: EstimateTable, study: Study) -> TableView:
    """Sort the estimates into the table of paths and the rest, and collect the notes beneath."""
    notes = Notes()
    anchors = anchors_of(table)
    paths: dict[str, list[EstimateRow]] = {}
    others: dict[str, list[EstimateRow]] = {}
    for anchor, estimate in zip(anchors, table.estimates, strict=True):
        is_path = estimate.quantity == "path" and estimate.treatment not in (INTERCEPT, RESIDUAL)
        remarks = ([estimate.reason] if estimate.reason else []) + list(estimate.diagnostics)
        label = wording.cause_label(study, estimate.treatment, table) if is_path else _other_label(study, estimate)
        row = EstimateRow(
            anchor,
            label,
            formats.cells(estimate),
            tuple(notes.mark(remark) for remark in remarks),
            estimate.exploratory,
        )
        (paths if is_path else others).setdefault(estimate.outcome, []).append(row)
    return TableView(
        paths=tuple(_block(table, study, outcome, rows) for outcome, rows in paths.items()),
        others=tuple(
            OutcomeBlock(wording.heading(wording.label_of(study, outcome)), "", tuple(rows))
            for outcome, rows in others.items()
        ),
        notes=tuple((letter, remark) for remark, letter in notes.letters.items()),
        methods=methods_of(table.estimates),
    )


def _other_label(study: Study, estimate: Estimate) -> str:
    if estimate.quantity == "residual_covariance":
        return f"Residual covariance with {wording.label_of(study, estimate.treatment)}"
    label = wording.cause_label(study, estimate.treatment)
    kinds = {"total_effect": "Total effect", "indirect_effect": "Indirect effect"}
    kind = kinds.get(estimate.quantity)
    return f"{kind}: {wording.without_article(label)}" if kind else label


def _block(table: EstimateTable, study: Study, outcome: str, rows: list[EstimateRow]) -> OutcomeBlock:
    variable = wording.find_variable(study, outcome)
    label = wording.heading(wording.label_of(study, outcome))
    sample = next((each for each in table.samples if each.outcome == outcome), None)
    facts = []
    if sample is not None:
        facts.append(f"n = {formats.count(sample.used)}")
        if sample.mean is not None:
            facts.append(f"mean {formats.number(sample.mean)}")
        if sample.std_dev is not None:
            facts.append(f"SD {formats.number(sample.std_dev)}")
        explained = r_squared(table, sample)
        if explained is not None:
            facts.append(f"R² = {formats.number(explained, 2)}")
    return OutcomeBlock(
        wording.with_unit(label, variable.unit if variable is not None else None), ", ".join(facts), tuple(rows)
    )


def methods_of(estimates: Iterable[Estimate]) -> tuple[str, ...]:
    """Each different way of estimating, in a sentence."""
    sentences = []
    for estimate in estimates:
        text = wording.capitalised(estimate.method.rstrip("."))
        if estimate.cluster is not None:
            n = f" ({formats.counted(estimate.n_clusters, 'cluster')})" if estimate.n_clusters is not None else ""
            text += f"; clustered on {wording.spaced(estimate.cluster)}{n}"
        sentences.append(f"{text}.")
    return tuple(dict.fromkeys(sentences))
