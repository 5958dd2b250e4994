"""``conduct`` and ``run``: sessions are held here, with live progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from silicus.interfaces.cli.options import (
    CoderOption,
    EffectOption,
    FolderOption,
    JsonOption,
    LawOption,
    ParticipantOption,
    ReplicatesOption,
    SeedOption,
    SessionsOption,
    StudyFolderArgument,
    numbers_by_name,
)
from silicus.interfaces.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_PARTIAL,
    console,
    counted,
    print_json,
    print_paths,
    say,
    typed,
)
from silicus.interfaces.cli.spending import (
    BudgetOption,
    CanaryOption,
    MaxCallsOption,
    MaxTokensOption,
    ReplayOption,
    YesOption,
    ask_before_spending,
)

if TYPE_CHECKING:
    from silicus.concepts.study import Study
    from silicus.execution.event_loop import Progress, Tally
    from silicus.execution.folder import StudyFolder
    from silicus.studies.one_path import Conducted

__all__ = ["conduct", "run"]


def conduct(
    named: Annotated[
        str, typer.Argument(metavar="SCENARIO_OR_STUDY", help="A sentence, a built-in study, a study file or folder.")
    ],
    folder: FolderOption = None,
    sessions: SessionsOption = None,
    seed: SeedOption = None,
    replicates: ReplicatesOption = None,
    participant: ParticipantOption = None,
    coder: CoderOption = None,
    effect: EffectOption = None,
    law: LawOption = None,
    budget: BudgetOption = None,
    max_tokens: MaxTokensOption = None,
    max_calls: MaxCallsOption = None,
    replay: ReplayOption = None,
    canary: CanaryOption = True,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """The whole path: from a sentence or a study to sessions, estimates and a report.

    [bold]Examples[/]

      silicus conduct "two people bargaining over a mug"

      silicus conduct mug --sessions 60 --seed 3 --folder my-mug

      silicus conduct mug --effect buyer_budget=0.04 --folder known-effect

      silicus conduct my-mug          [dim]goes on where it stopped[/]

      silicus conduct mug --participant ollama:qwen3:8b --coder ollama:qwen3:8b --sessions 20 --folder mug-qwen

      silicus conduct mug --participant openai:gpt-5-mini --coder openai:gpt-5-mini --budget 5 --folder mug-gpt
    """
    from silicus.execution.folder import create_folder
    from silicus.studies.choosing import Settings, choose
    from silicus.studies.one_path import RunOptions, require_ready
    from silicus.studies.one_path import conduct as conduct_folder

    settings = Settings(
        sessions=sessions,
        seed=seed,
        replicates=replicates,
        participant=participant,
        coder=coder,
        law=numbers_by_name(law, "--law"),
        effects=numbers_by_name(effect, "--effect"),
    )
    choice = choose(named, settings)
    found = require_ready(choice.study, choice.source)
    options = RunOptions(money=budget, tokens=max_tokens, calls=max_calls, replay=replay, canary=canary)
    place = choice.folder_for(folder, Path())
    ask_before_spending(choice.study, options, place, yes=yes, silent=json)
    study_folder = create_folder(place, choice.text, choice.pictures)
    with _progress(json, lambda: _announce(choice.study, study_folder, len(found.warnings))) as on_progress:
        done = conduct_folder(study_folder, options, on_progress=on_progress)
    if json:
        print_json(_conducted_json(done), "ok" if done.tally.whole else "partial")
    else:
        _tell(done)
    _exit_truthfully(done.tally)


def run(
    folder: StudyFolderArgument,
    budget: BudgetOption = None,
    max_tokens: MaxTokensOption = None,
    max_calls: MaxCallsOption = None,
    replay: ReplayOption = None,
    canary: CanaryOption = True,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Run the planned sessions of a study folder; run it again to resume.

    Sessions that were held are not held again, and answered calls are not repeated.

    [bold]Example[/]

      silicus run my-mug
    """
    from silicus.execution.folder import open_folder, read_study
    from silicus.studies.one_path import RunOptions, run_study

    study_folder = open_folder(folder)
    options = RunOptions(money=budget, tokens=max_tokens, calls=max_calls, replay=replay, canary=canary)
    ask_before_spending(read_study(study_folder), options, study_folder.path, yes=yes, silent=json)
    with _progress(json) as on_progress:
        tally = run_study(study_folder, options, on_progress=on_progress)
    if json:
        print_json(_tally_json(study_folder, tally), "ok" if tally.whole else "partial")
    else:
        _tell_tally(study_folder, tally, "run")
        if not tally.interrupted:
            say(f"To analyse them: silicus report {escape(typed(study_folder.path))}", whole=True)
    _exit_truthfully(tally)


def _announce(study: Study, folder: StudyFolder, warnings: int) -> None:
    from silicus.designs.forecast import design_text
    from silicus.designs.plan import plan_sessions

    say(f"[bold]{escape(study.scenario.text)}[/]")
    say(escape(design_text(plan_sessions(study))))
    if study.seats.rehearsed:
        say("[yellow]Rehearsed[/]: the participants follow stated laws; nothing here is about people.")
    if warnings:
        say(f"[yellow]{counted(warnings, 'warning')}[/]: silicus check {escape(typed(folder.path))}", whole=True)
    say(f"Folder: {escape(str(folder.path))}\n", whole=True)


@contextmanager
def _progress(silent: bool, announce: Callable[[], None] = lambda: None) -> Iterator[Callable[[Progress], None]]:
    """A live bar with time left on a terminal; a few lines elsewhere; nothing with ``--json``.

    It begins, after the announcement, with the first news: of a study that is refused nothing is shown.
    """
    if silent:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("sessions"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    bar = Bar(*columns, console=console, transient=False)
    task = bar.add_task("sessions", total=None, detail="")

    def show(progress: Progress) -> None:
        if not bar.live.is_started:
            announce()
            bar.start()
        bar.update(task, total=progress.planned, completed=progress.done, detail=_detail(progress))

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


def _detail(progress: Progress) -> str:
    parts = [f"{progress.before} held before"] if progress.before else []
    parts += [f"{progress.censored} censored"] if progress.censored else []
    parts += [f"{progress.failed} failed"] if progress.failed else []
    parts += ["stopping"] if progress.stopping else []
    return ", ".join(parts)


def _exit_truthfully(tally: Tally) -> None:
    if tally.interrupted:
        raise SystemExit(EXIT_INTERRUPTED)
    if not tally.whole:
        raise SystemExit(EXIT_PARTIAL)


def _tell_tally(folder: StudyFolder, tally: Tally, verb: str) -> None:
    progress = tally.progress
    held = progress.complete + progress.censored
    again = f"silicus {verb} {escape(typed(folder.path))}"
    if tally.interrupted or tally.halted:
        left = progress.planned - progress.done
        say(f"\n{escape(tally.halted)}" if tally.halted else "")
        say(f"Stopped with {left:,} of {counted(progress.planned, 'session')} left; all that were held are kept.")
        say(f"Go on with: {again}", whole=True)
        return
    if held or progress.failed:
        say(f"{counted(held, 'session')} held in {tally.seconds:.1f} s.")
    else:
        say(f"{counted(progress.planned, 'session')} held before; none was repeated.")
    if progress.censored:
        say(f"[yellow]{counted(progress.censored, 'session')} ended by the cap[/]: counted as censored.")
    for session_id, reason in tally.failures:
        say(f"[red]failed[/] {escape(session_id)}: {escape(reason)}")
    unnamed = progress.failed - len(tally.failures)
    if unnamed:
        say(f"[red]failed[/] and {unnamed:,} more")
    if progress.failed:
        say(f"[red]{counted(progress.failed, 'session')} failed.[/] Try again: {again}", whole=True)


def _tell(done: Conducted) -> None:
    _tell_tally(done.folder, done.tally, "conduct")
    if done.table is None or done.dataset is None:
        return
    flow = done.dataset.codebook.flow
    console.print()
    print_paths(done.table, done.study)
    console.print()
    if flow.irregular:
        irregular = counted(flow.irregular, "session")
        say(f"{irregular} with something irregular in it, such as an offer beyond a limit: see the report.")
    if done.table.rehearsed:
        say("[yellow]Rehearsed[/]: this is what the study would find if people followed the stated laws.")
    say(f"Report: [bold]{escape(str(done.report))}[/]", whole=True)


def _tally_json(folder: StudyFolder, tally: Tally) -> dict[str, Any]:
    progress = tally.progress
    return {
        "folder": str(folder.path),
        "planned": progress.planned,
        "held_before": progress.before,
        "complete": progress.complete,
        "censored": progress.censored,
        "failed": progress.failed,
        "interrupted": tally.interrupted,
        "halted": tally.halted or None,
        "failures": [{"session_id": session_id, "reason": reason} for session_id, reason in tally.failures],
    }


def _conducted_json(done: Conducted) -> dict[str, Any]:
    return {
        **_tally_json(done.folder, done.tally),
        "study": done.study.fingerprint,
        "rehearsed": done.study.seats.rehearsed,
        "report": str(done.report) if done.report is not None else None,
        "estimates": done.table.model_dump(mode="json")["estimates"] if done.table is not None else None,
    }
