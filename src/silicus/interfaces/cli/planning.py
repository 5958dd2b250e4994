"""``draft`` and ``check``: before a session is held."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from silicus.interfaces.cli.options import (
    FolderOption,
    JsonOption,
    ReplicatesOption,
    SeedOption,
    SessionsOption,
)
from silicus.interfaces.cli.output import (
    EXIT_MISTAKE,
    console,
    counted,
    print_json,
    print_problems,
    problem_json,
    say,
    table,
    typed,
)

__all__ = ["check", "draft"]


def draft(
    named: Annotated[str, typer.Argument(metavar="SCENARIO", help="A sentence, or the name of a built-in study.")],
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Write a commented study.yaml to edit; nothing is run.

    The embedded model drafts only what the built-in library holds; no other scientist is seated in this version.

    [bold]Example[/]

      silicus draft "two people bargaining over a mug" --folder mine
    """
    from silicus.execution.folder import create_folder
    from silicus.studies.choosing import Settings, choose

    choice = choose(named, Settings())
    made = create_folder(choice.folder_for(folder, Path()), choice.text, choice.pictures)
    if json:
        print_json({"folder": str(made.path), "study": str(made.study), "fingerprint": choice.study.fingerprint})
        return
    path = escape(typed(made.path))
    say(f"Drafted: [bold]{escape(str(made.study))}[/]", whole=True)
    say(f"Edit it, then: silicus check {path} and silicus conduct {path}", whole=True)


def check(
    named: Annotated[
        str, typer.Argument(metavar="STUDY", help="A study folder or file, a built-in study, or a sentence.")
    ],
    sessions: SessionsOption = None,
    seed: SeedOption = None,
    replicates: ReplicatesOption = None,
    json: JsonOption = False,
) -> None:
    """Validate a study, print its design and what it takes, and list every problem; no model is contacted.

    [bold]Examples[/]

      silicus check my-mug

      silicus check mug --sessions 60 --replicates 2
    """
    from silicus.studies.choosing import Settings, choose
    from silicus.studies.one_path import check as check_found

    choice = choose(named, Settings(sessions=sessions, seed=seed, replicates=replicates))
    study = choice.study
    found = check_found(study, choice.folder)
    forecast = found.forecast
    if json:
        data = {
            "study": study.fingerprint,
            "design": forecast.design if forecast else None,
            "conditions": forecast.n_conditions if forecast else None,
            "sessions": forecast.n_sessions if forecast else None,
            "calls": [forecast.calls.low, forecast.calls.high] if forecast else None,
            "problems": [problem_json(problem) for problem in found.problems],
        }
        print_json(data, "ok" if found.ok else "error", None if found.ok else _first_error(found.errors))
    else:
        say(f"[bold]{escape(study.name)}[/]: {escape(study.scenario.text)}")
        if forecast is not None:
            say(escape(forecast.design))
            factors = table("factor", "values")
            for factor in forecast.factors:
                factors.add_row(factor.name, escape(", ".join(level.words for level in factor.levels)))
            console.print(factors)
            sessions_planned = counted(forecast.n_sessions, "session")
            say(f"{sessions_planned}, {forecast.calls_per_session} calls each, {forecast.calls} in all")
        print_problems(found.problems)
        if found.ok:
            say("[green]Nothing keeps it from running.[/]")
    if not found.ok:
        raise SystemExit(EXIT_MISTAKE)


def _first_error(errors: tuple[object, ...]) -> dict[str, str]:
    return {
        "code": "invalid_study",
        "message": f"{len(errors)} of the problems keep the study from running",
        "suggestion": "Mend those with severity 'error'.",
    }
