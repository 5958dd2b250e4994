"""A published study's file to a study's text."""

from __future__ import annotations

import re
from pathlib import Path

from silicus.causal.published import study_from_published
from silicus.concepts.errors import ImportFileError
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml

__all__ = ["import_published"]


def import_published(file: Path) -> tuple[Study, str, tuple[str, ...]]:
    """The study, its study.yaml, and notes on everything that was not carried over as it stood.

    Raises
    ------
    ImportFileError
        Where the file cannot be read or is not a causal-model file of the 2024 code.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ImportFileError(
            f"'{file}' is not text: byte {error.start} is not UTF-8",
            suggestion="Name the JSON file that the 2024 code wrote.",
        ) from None
    except OSError as error:
        raise ImportFileError(
            f"'{file}' cannot be read: {error.strerror or error}", suggestion="Check the path and its permissions."
        ) from None
    study, notes = study_from_published(text, name=_name(file))
    return study, study_to_yaml(study), notes


def _name(file: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_")[:60]
    return name if name[:1].isalpha() else f"study_{name}".rstrip("_")
