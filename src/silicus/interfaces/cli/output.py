"""How commands speak: tables and prose for people, one JSON object for programs, one place for errors."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
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
    "counted",
    "guarded",
    "print_json",
    "print_paths",
    "print_problems",
    "problem_json",
    "say",
    "table",
    "typed",
]

EXIT_PARTIAL = 1
"""Something asked for was not done."""
EXIT_MISTAKE = 2
"""The command, the study or the data cannot be used as given."""
EXIT_INTERRUPTED = 130
"""The user stopped it."""

console = Console(highlight=False)
_errors = Console(stderr=True, highlight=False)

_MISUSED: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What typer raises for a command line that it cannot read; typer keeps its name to itself."""

_PLAIN = {"−": "-", "–": "-", "—": "-", "×": "x", "…": "...", "\u00a0": " ", "‘": "'", "’": "'", "“": '"', "”": '"'}


def say(markup: str, *, whole: bool = False) -> None:
    """Print prose, broken into lines where it is read on a terminal.

    With ``whole`` it is left in one line there too, so that a path or a command in it can be copied.
    """
    console.print(markup, soft_wrap=whole or not console.is_terminal)


def typed(path: Path) -> str:
    """A path as it is typed into a shell."""
    return shlex.quote(str(path))


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 session``, ``1,200 sessions``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_json(data: Any, status: str = "ok", error: dict[str, Any] | None = None) -> None:
    """The one JSON object of a command that was asked for ``--json``."""
    content = {"status": status, "data": data, "error": error}
    is_unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    sys.stdout.write(json.dumps(content, ensure_ascii=not is_unicode) + "\n")


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
    _write_plainly_where_signs_are_missing()
    try:
        code = app(args=sys.argv[1:] or ["--help"], prog_name="silicus", standalone_mode=False)
        sys.stdout.flush()
    except SilicusError as error:
        _say_error(error)
        raise SystemExit(EXIT_MISTAKE) from None
    except _MISUSED as error:
        _say_error(_misuse(error))
        raise SystemExit(EXIT_MISTAKE) from None
    except BrokenPipeError:  # the reader of our output has left: head, less
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_PARTIAL) from None
    except OSError as error:
        named = f"{error.filename}: " if error.filename is not None else ""
        advice = "Check the path, its permissions, and the room on the disk."
        _say_error(SilicusError(f"{named}{error.strerror or error}", suggestion=advice, code="system"))
        raise SystemExit(EXIT_MISTAKE) from None
    if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C; commands that end so by themselves raise SystemExit
        advice = "Nothing that was finished is lost; the same command goes on from there."
        _say_error(SilicusError("stopped", suggestion=advice, code="interrupted"))
    raise SystemExit(code or 0)


def _misuse(error: Any) -> SilicusError:
    """A command line that could not be read, as an error of ours."""
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "silicus"
    return SilicusError(error.format_message(), suggestion=f"See: {command} --help", code="usage")


def _write_plainly_where_signs_are_missing() -> None:
    """Where standard output has no minus sign or no quotes of print, write those of a typewriter instead of failing."""

    def plain(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end

    codecs.register_error("silicus.plain", plain)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="silicus.plain")


def _say_error(error: SilicusError) -> None:
    if "--json" in sys.argv:
        problems = [problem_json(problem) for problem in error.problems] if isinstance(error, StudyError) else None
        content: dict[str, Any] = {"code": error.code, "message": error.message, "suggestion": error.suggestion}
        print_json(None, "error", content | ({"problems": problems} if problems is not None else {}))
        sys.stdout.flush()
        return
    _errors.print(f"[bold red]Error[/]: {escape(error.message)}", soft_wrap=not _errors.is_terminal)
    if error.suggestion:
        _errors.print(escape(error.suggestion), soft_wrap=True)  # in one line: it may hold a command to copy


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
        say(f"[{colour}]{word}[/] [bold]{problem.code}[/] {place}{escape(problem.where)}")
        say(f"  {escape(problem.message)}. {escape(problem.suggestion)}".rstrip())


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
