"""``import``: a published study becomes a study folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from silicus.interfaces.cli.options import FolderOption, JsonOption
from silicus.interfaces.cli.output import print_json, say, typed

__all__ = ["import_study"]


def import_study(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A causal-model file of the 2024 reference code (JSON).")
    ],
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Make a study folder from a published study; everything that could not be carried over is named.

    [bold]Example[/]

      silicus import mug.json --folder published-mug
    """
    from silicus.execution.folder import create_folder, default_folder_name
    from silicus.studies.importing import import_published

    study, text, notes = import_published(file)
    made = create_folder(folder or default_folder_name(study.name, Path(), study), text)
    if json:
        print_json({"folder": str(made.path), "study": study.fingerprint, "notes": list(notes)})
        return
    say(f"Imported: [bold]{escape(str(made.study))}[/]", whole=True)
    for note in notes:
        say(f"  [yellow]note[/] {escape(note)}")
    path = escape(typed(made.path))
    say(f"Now: silicus check {path} and silicus conduct {path}", whole=True)
