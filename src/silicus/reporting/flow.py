"""What became of the planned sessions, and which acts broke the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silicus.concepts.dataset import Dataset
from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.concepts.transcript import Transcript
from silicus.reporting import wording

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Analysed", "Compliance", "FlowSteps", "compliance", "flow_steps"]


@dataclass(frozen=True, slots=True)
class Analysed:
    """The rows behind one outcome, or without a label behind all: how many, and (number, reason) of those left out."""

    label: str
    used: int
    left_out: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """Participant flow from plan to analysis; all are numbers of sessions."""

    planned: int
    not_held: int
    failed: int
    held: int
    complete: int
    censored: int
    analysed: tuple[Analysed, ...]
    keeps_censored: bool


@dataclass(frozen=True, slots=True)
class Compliance:
    """Acts beyond a limit or without effect.

    Attributes
    ----------
    sessions, held, acts
        Sessions with at least one, sessions held, and the number of such acts over all sessions (None where the
        dataset does not count them).
    by_treatment
        (condition in words, irregular sessions, sessions) for each value of a treatment that sets a limit.
    kinds
        (what was wrong, how often) in the transcripts shown.
    """

    sessions: int
    held: int
    acts: int | None
    by_treatment: tuple[tuple[str, int, int], ...]
    kinds: tuple[tuple[str, int], ...]


def flow_steps(dataset: Dataset, table: EstimateTable, study: Study) -> FlowSteps:
    """The participant flow, from the codebook's counts and the analysis's samples."""
    flow = dataset.codebook.flow
    return FlowSteps(
        planned=flow.planned,
        not_held=flow.not_held,
        failed=flow.failed,
        held=flow.complete + flow.censored,
        complete=flow.complete,
        censored=flow.censored,
        analysed=_alike(
            Analysed(
                wording.heading(wording.label_of(study, sample.outcome)),
                sample.used,
                tuple(
                    (n, wording.exclusion(study, reason))
                    for reason, n in sample.excluded.items()
                    if not wording.is_of_the_flow(reason)
                ),
            )
            for sample in table.samples
        ),
        keeps_censored=study.analysis.censored == "keep",
    )


def _alike(parts: Iterable[Analysed]) -> tuple[Analysed, ...]:
    """One step without a label where all outcomes rest on as many rows, left out for the same reasons."""
    found = tuple(parts)
    if len({(part.used, part.left_out) for part in found}) == 1:
        return (Analysed("", found[0].used, found[0].left_out),)
    return found


def compliance(dataset: Dataset, study: Study, examples: Iterable[Transcript]) -> Compliance:
    """How often participants broke the rules they were given; such sessions stay in the analysis."""
    flow = dataset.codebook.flow
    frame = dataset.frame
    counted = frame["n_irregular"].fillna(0) if "n_irregular" in frame.columns else None
    by_treatment: list[tuple[str, int, int]] = []
    if counted is not None and (counted > 0).any():
        for variable in study.causal_model.treatments:
            if variable.treatment is not None and variable.treatment.limit and variable.name in frame.columns:
                for code, group in counted.groupby(frame[variable.name]):
                    words = wording.level_words(variable, float(code))
                    by_treatment.append((f"{wording.heading(variable.label)}: {words}", _above_zero(group), len(group)))
    kinds = Counter(wrong for transcript in examples for turn in transcript.turns for wrong in turn.irregular)
    return Compliance(
        sessions=_above_zero(counted) if counted is not None else flow.irregular,
        held=flow.complete + flow.censored,
        acts=int(counted.sum()) if counted is not None else None,
        by_treatment=tuple(by_treatment),
        kinds=tuple(kinds.most_common()),
    )


def _above_zero(counts: pd.Series[float]) -> int:
    return int((counts > 0).sum())
