"""How commands speak: tables and prose for people, one JSON object for programs, one place for errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from silicus.concepts.errors import Problem, SilicusError, StudyError

if TYPE_CHECKING:
    from silicus.concepts.estimate import EstimateTable
    from silicus.concepts.study import Study

__all__ = [
    "EXIT_INTERRUPTED",
    "EXIT_MISTAKE",
    "EXIT_PARTIAL",
    "console",
    "guarded",
    "print_json",
    "print_paths",
    "print_problems",
    "problem_json",
    "table",
]

EXIT_PARTIAL = 1
"""Something asked for was not done."""
EXIT_MISTAKE = 2
"""The command, the study or the data cannot be used as given."""
EXIT_INTERRUPTED = 130
"""The user stopped it."""

console = Console(highlight=False, soft_wrap=False)
_errors = Console(stderr=True, highlight=False)


def print_json(data: Any, status: str = "ok", error: dict[str, Any] | None = None) -> None:
    """The one JSON object of a command that was asked for ``--json``."""
    sys.stdout.write(json.dumps({"status": status, "data": data, "error": error}, ensure_ascii=False) + "\n")


def problem_json(problem: Problem) -> dict[str, Any]:
    """A finding as JSON-able content."""
    return {
        "code": problem.code,
        "severity": problem.severity,
        "where": problem.where,
        "line": problem.line,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def guarded(app: Callable[..., Any]) -> None:
    """Run the app; what a user can mend is said in a few lines, never as a traceback."""
    try:
        app()
    except SilicusError as error:
        _say_error(error)
        raise SystemExit(EXIT_MISTAKE) from None
    except KeyboardInterrupt:
        _errors.print("\nStopped. Nothing that was finished is lost; the same command goes on from there.")
        raise SystemExit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has left: head, less
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_PARTIAL) from None


def _say_error(error: SilicusError) -> None:
    if "--json" in sys.argv:
        problems = [problem_json(problem) for problem in error.problems] if isinstance(error, StudyError) else None
        content: dict[str, Any] = {"code": error.code, "message": error.message, "suggestion": error.suggestion}
        print_json(None, "error", content | ({"problems": problems} if problems is not None else {}))
        return
    _errors.print(f"[bold red]Error[/]: {escape(error.message)}")
    if error.suggestion:
        _errors.print(escape(error.suggestion))


def table(*headers: str, right: Sequence[int] = ()) -> Table:
    """A plain table; ``right`` are the columns of numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for position, header in enumerate(headers):
        is_number = position in right
        made.add_column(header, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return made


def print_problems(problems: Iterable[Problem]) -> None:
    """Findings, each with its place, code and advice."""
    for problem in problems:
        colour, word = ("red", "error") if problem.severity == "error" else ("yellow", "warning")
        place = f"line {problem.line}, " if problem.line is not None else ""
        console.print(f"[{colour}]{word}[/] [bold]{problem.code}[/] {place}{escape(problem.where)}")
        console.print(f"  {escape(problem.message)}. {escape(problem.suggestion)}".rstrip())


def print_paths(estimates: EstimateTable, study: Study | None = None, *, constants: bool = False) -> None:
    """A table of estimated paths for each outcome, with the reasons of what is missing as notes beneath."""
    from silicus.reporting.console import paths_table

    rows = paths_table(estimates, study, constants=constants)
    level = f"{estimates.estimates[0].confidence_level:.0%} interval" if estimates.estimates else "interval"
    notes: dict[str, int] = {}
    for outcome in dict.fromkeys(row.outcome for row in rows):
        shown = table(outcome, "estimate", "SE", level, "p", "stand.", "n", right=(1, 2, 3, 4, 5, 6))
        for row in rows:
            if row.outcome == outcome:
                mark = f"\u00a0[{notes.setdefault(row.note, len(notes) + 1)}]" if row.note else ""
                cells = (row.estimate, row.std_error, row.interval, row.p_value, row.standardized, row.n)
                shown.add_row(escape(row.cause + mark), *map(escape, cells))
        console.print(shown)
    for note, number in notes.items():
        console.print(escape(f"[{number}] {note}"), style="dim")
