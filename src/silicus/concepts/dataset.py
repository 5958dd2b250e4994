"""The table that an analysis starts from, and what its columns mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from silicus.concepts.noun import Noun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CODEBOOK_FORMAT", "Codebook", "Column", "Dataset", "Flow"]

CODEBOOK_FORMAT = 1


class Column(Noun):
    """One column of the dataset."""

    name: str
    """Name of the column."""
    label: str
    """What it holds, for a reader."""
    role: Literal["identifier", "treatment", "outcome", "session", "missing"]
    """What it is for: ``missing`` columns say why an outcome has no value, ``session`` ones how it was held."""
    kind: str
    """Level of measurement, or text."""
    unit: str | None = None
    """Unit of the values."""
    values: dict[str, float] = {}
    """Words and the codes that stand for them."""
    how: str = ""
    """How it was set or measured."""
    n_missing: int = 0
    """Rows without a value."""
    missing: dict[str, int] = {}
    """Number of rows without a value, by reason."""

    @classmethod
    def example(cls) -> Self:
        """The outcome of the mug study."""
        return cls(name="deal", label="whether a deal occurs", role="outcome", kind="binary", how="asked of the coder")


class Flow(Noun):
    """Participant flow: what became of the planned sessions."""

    planned: int
    """Sessions in the plan."""
    complete: int
    """Held to their own end."""
    censored: int
    """Ended by the cap on statements."""
    failed: int
    """Could not be held."""
    irregular: int = 0
    """Sessions with at least one act beyond a limit or without effect."""

    @property
    def not_held(self) -> int:
        """Planned and not yet tried."""
        return self.planned - self.complete - self.censored - self.failed

    @classmethod
    def example(cls) -> Self:
        """The published mug study."""
        return cls(planned=405, complete=405, censored=0, failed=0)


class Codebook(Noun):
    """What ``codebook.json`` holds: every column, and what was excluded and why."""

    format: Literal[1] = 1
    study: str
    """Fingerprint of the study."""
    name: str
    """Name of the study."""
    rehearsed: bool
    """True where the embedded rehearsal model took part."""
    flow: Flow
    """What became of the planned sessions."""
    columns: tuple[Column, ...]
    """The columns in their order."""

    @classmethod
    def example(cls) -> Self:
        """One column."""
        return cls(study="0" * 16, name="mug", rehearsed=True, flow=Flow.example(), columns=(Column.example(),))


@dataclass(frozen=True)
class Dataset:
    """One row a session, with a stable ``session_id``, and the codebook.

    Attributes
    ----------
    frame
        Shape (sessions tried, columns); the columns are the codebook's, in its order.
    codebook
        What the columns mean and what became of the planned sessions.
    """

    frame: pd.DataFrame
    codebook: Codebook
