"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from silicus.concepts.dataset import Dataset
from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.concepts.transcript import Transcript

__all__ = ["Law", "Provenance", "ReportMaterial"]

Law = str | Mapping[str, Any]
"""A rehearsal law in words, or its parts by name: ``name``, ``description``, and parameters with their values."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the numbers came about, for somebody who wants to make them again.

    Attributes
    ----------
    silicus_version, python_version, platform
        What it ran on.
    date
        When the report was made, as it shall be shown.
    study_fingerprint
        Hash of the study as frozen before the first session.
    calls, tokens_in, tokens_out, seconds
        What all sessions took together.
    llms
        Seat (or ``participant: role``) -> name of the language model that sat there.
    cost_text
        The cost, in words.
    tokens_cached, tokens_reasoning
        How many of the tokens sent a prefix cache paid for, and how many of those received were reasoning.
    faults
        Kind of fault -> how many requests met it; each was tried again, or its session failed.
    drift
        What the canary shows about each language model.
    laws
        The rehearsal's laws; empty where nothing was rehearsed.
    libraries
        Library -> version.
    """

    silicus_version: str
    python_version: str
    platform: str
    date: str
    study_fingerprint: str
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    llms: Mapping[str, str] = field(default_factory=dict)
    cost_text: str = ""
    laws: tuple[Law, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    drift: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportMaterial:
    """Everything that a report shows; nothing in it is chosen or computed from elsewhere.

    Attributes
    ----------
    study
        The study.
    study_text
        Its ``study.yaml``, as frozen.
    dataset
        Shape (sessions tried, columns), with its codebook.
    table
        The estimates.
    examples
        The transcripts to show, about three.
    provenance
        Versions, language models, usage, laws.
    """

    study: Study
    study_text: str
    dataset: Dataset
    table: EstimateTable
    examples: tuple[Transcript, ...]
    provenance: Provenance
