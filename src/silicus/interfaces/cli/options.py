"""Options that several commands share."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from silicus.concepts.errors import SilicusError

__all__ = [
    "CoderOption",
    "EffectOption",
    "FolderOption",
    "JsonOption",
    "LawOption",
    "ParticipantOption",
    "ReplicatesOption",
    "SeedOption",
    "SessionsOption",
    "StudyFolderArgument",
    "numbers_by_name",
]

FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", "-f", metavar="FOLDER", help="Folder to work in; by default one named after the study."),
]
JsonOption = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object instead of text.")]
SessionsOption = Annotated[
    int | None,
    typer.Option("--sessions", "-n", min=1, metavar="NUMBER", help="Draw this many sessions at random."),
]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, metavar="NUMBER", help="Seed of everything random.")]
ReplicatesOption = Annotated[
    int | None, typer.Option("--replicates", min=1, metavar="NUMBER", help="Sessions of each condition.")
]
ParticipantOption = Annotated[
    str | None, typer.Option("--participant", metavar="PROVIDER:MODEL", help="Language model of the participants.")
]
CoderOption = Annotated[
    str | None, typer.Option("--coder", metavar="PROVIDER:MODEL", help="Language model of the coder.")
]
EffectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--effect",
        metavar="CAUSE=NUMBER",
        help="Rehearse this known effect (general law): buyer_budget=0.04, or 'deal ~ buyer_budget=0.04'. Repeatable.",
    ),
]
LawOption = Annotated[
    list[str] | None,
    typer.Option(
        "--law", metavar="NAME=NUMBER", help="Set a number of the rehearsal's law; see 'silicus laws'. Repeatable."
    ),
]
StudyFolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="A study folder.")]


def numbers_by_name(given: list[str] | None, option: str) -> dict[str, float]:
    """``["noise=2"]`` as ``{"noise": 2.0}``.

    Raises
    ------
    SilicusError
        Where an entry is not a name, an equals sign and a number.
    """
    numbers: dict[str, float] = {}
    for entry in given or ():
        name, equals, number = entry.rpartition("=")
        try:
            numbers[name.strip()] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name.strip() or not isfinite(numbers[name.strip()]):
            raise SilicusError(
                f"{option} takes a name and a number, got '{entry}'",
                suggestion=f"Write it like {option} name=0.5.",
                code="bad_option",
            )
    return numbers
