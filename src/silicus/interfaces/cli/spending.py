"""What a run may spend: the options, the forecast, and the question before money is spent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from silicus.concepts.errors import SilicusError
from silicus.interfaces.cli.output import EXIT_INTERRUPTED, EXIT_PARTIAL, say

if TYPE_CHECKING:
    from silicus.concepts.study import Study
    from silicus.studies.one_path import RunOptions

__all__ = [
    "BudgetOption",
    "CanaryOption",
    "MaxCallsOption",
    "MaxTokensOption",
    "ReplayOption",
    "YesOption",
    "ask_before_spending",
]

ASK_ABOVE_DOLLARS = 1.0
"""What a study may cost at most without anybody being asked."""

BudgetOption = Annotated[
    float | None, typer.Option("--budget", metavar="DOLLARS", min=0, help="Stop before the study has cost this much.")
]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", min=0, help="Stop before the study has taken this many tokens.")
]
MaxCallsOption = Annotated[
    int | None, typer.Option("--max-calls", min=0, help="Stop before the study has taken this many calls.")
]
ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FOLDER", help="Answer every call from this study folder; nothing is sent."),
]
CanaryOption = Annotated[
    bool,
    typer.Option("--canary/--no-canary", help="Ask models a few fixed things before and after: did they change?"),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")]


def ask_before_spending(study: Study, options: RunOptions, folder: Path, *, yes: bool, silent: bool) -> None:
    """Say what is left of the study would take, and ask where that is more than a little and nothing limits it.

    Raises
    ------
    SilicusError
        Where nobody can be asked.
    """
    from silicus.concepts.seats import REHEARSAL
    from silicus.execution.folder import StudyFolder
    from silicus.llm.adapters import known_price
    from silicus.studies.cost import forecast_cost
    from silicus.studies.one_path import sessions_left

    if options.replay is not None or all(seat.provider == REHEARSAL for seat in study.seats.by_place.values()):
        return
    left = sessions_left(StudyFolder(folder), study)
    if not left:
        return
    forecast = forecast_cost(study, known_price, sessions=left)
    if not silent:
        say(f"Forecast: {escape(str(forecast))}.")
    limited = any(limit is not None for limit in (options.money, options.tokens, options.calls))
    little = forecast.dollars is not None and forecast.dollars[1] <= ASK_ABOVE_DOLLARS
    if yes or limited or little:
        return
    if silent or not sys.stdin.isatty():
        raise SilicusError(
            f"nobody can be asked whether to spend what the study would take: {forecast}",
            suggestion="Say --yes, or set a limit: --budget DOLLARS, --max-tokens N, --max-calls N.",
            code="needs_consent",
        )
    try:
        agreed = typer.confirm("Go on?")
    except typer.Abort:  # Ctrl-C or Ctrl-D
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if not agreed:
        say("Nothing was run.")
        raise typer.Exit(EXIT_PARTIAL)
