"""``show``, ``library`` and ``laws``: what there is to look at."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from silicus.interfaces.cli.options import JsonOption, StudyFolderArgument
from silicus.interfaces.cli.output import console, print_json, say, table

__all__ = ["laws", "library", "show"]


def show(
    folder: StudyFolderArgument,
    session_id: Annotated[str | None, typer.Argument(metavar="SESSION_ID", help="As in the dataset.")] = None,
    prompts: Annotated[bool, typer.Option("--prompts", metavar="", help="Also every request as it was sent.")] = False,
    json: JsonOption = False,
) -> None:
    """Print the transcript of a session, or list the sessions held.

    [bold]Examples[/]

      silicus show my-mug

      silicus show my-mug "buyer_budget=10,seller_minimum=7,seller_attachment=3,replicate=1"
    """
    from silicus.execution.folder import open_folder
    from silicus.interfaces.cli.transcripts import print_call, print_transcript
    from silicus.studies.one_path import opened_archive

    with opened_archive(open_folder(folder)) as archive:
        if session_id is None:
            statuses = archive.finished()
            if json:
                print_json(statuses)
                return
            for name, status in statuses.items():
                console.print(f"{escape(name)}  [dim]{status}[/]", soft_wrap=True)
            return
        transcript = archive.transcript(session_id)
        calls = archive.calls(session_id) if prompts else ()
    if json:
        requests = [{"ordinal": c.draw.ordinal, "request": c.request, "text": c.completion.text} for c in calls]
        print_json(transcript.model_dump(mode="json") | ({"calls": requests} if prompts else {}))
        return
    print_transcript(transcript)
    for call in calls:
        print_call(call)


def library(json: JsonOption = False) -> None:
    """The built-in studies; 'silicus conduct mug' runs one.

    [bold]Example[/]

      silicus library
    """
    from silicus.studies.library_studies import library_entries

    entries = library_entries()
    if json:
        print_json(
            [{"name": e.name, "title": e.title, "scenario": e.scenario, "sessions": e.sessions} for e in entries]
        )
        return
    shown = table("name", "sessions", "scenario", right=(1,))
    for entry in entries:
        shown.add_row(f"[bold]{entry.name}[/]", f"{entry.sessions:,}", escape(entry.scenario))
    console.print(shown)


def laws(
    named: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A study whose laws and numbers to show; by default all laws.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The laws that the embedded rehearsal participants follow, and their numbers.

    [bold]Examples[/]

      silicus laws mug

      silicus conduct mug --law noise=2 --folder noisy-mug
    """
    from silicus.concepts.causal_model import CausalModel
    from silicus.llm.rehearsal.provider import LAWS, laws_in, numbers_of
    from silicus.studies.choosing import Settings, choose

    if named is None:
        model = CausalModel.example()
        found = [("", law, numbers_of(law, {}, model)) for law in LAWS.values()]
    else:
        study = choose(named, Settings()).study
        model = study.causal_model
        found = list(laws_in(study))
    if json:
        print_json(
            [{"who": who, "law": law.name, "statement": law.statement, "numbers": nums} for who, law, nums in found]
        )
        return
    for who, law, numbers in found:
        say(f"[bold]rehearsal:{law.name}[/]{escape(f' ({who})' if who else '')}")
        say(escape(law.statement))
        meanings = law.parameters(model)
        shown = table("parameter", "value", "meaning", right=(1,))
        for name, number in numbers.items():
            shown.add_row(escape(name), f"{number:g}", escape(meanings[name].meaning))
        console.print(shown)
        console.print()
