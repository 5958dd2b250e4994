"""The one path: plan, run, tabulate, estimate, report, each from a study folder to a file in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from silicus.concepts.dataset import Dataset
from silicus.concepts.errors import FolderError, Problem, ProviderError, StudyError
from silicus.concepts.estimate import EstimateTable
from silicus.concepts.seats import REHEARSAL, Seat
from silicus.concepts.study import Study
from silicus.designs.check import CheckResult, check_study
from silicus.designs.plan import plan_sessions
from silicus.execution.archive import Archive
from silicus.execution.event_loop import CONCURRENCY, Progress, Tally, recall_of, run_sessions
from silicus.execution.folder import StudyFolder, open_archive, open_folder, read_study, write_atomic
from silicus.llm.adapters import extra_of, in_flight, known_price, picture_problems, provider_problems, providers_for
from silicus.llm.budget import Budget, Spent
from silicus.llm.canary import CANARY, drifts
from silicus.llm.prompt import Provider
from silicus.llm.rehearsal.provider import rehearsal_problems
from silicus.llm.replay import ReplayProvider
from silicus.participants.knowledge import roles_shown_pictures

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Conducted",
    "RunOptions",
    "check",
    "conduct",
    "estimate_study",
    "example_sessions",
    "frozen_study",
    "opened_archive",
    "report_study",
    "require_ready",
    "run_study",
    "sessions_left",
    "tabulate_study",
]


def check(study: Study, folder: Path | None = None) -> CheckResult:
    """Everything found about a study before a language model is asked, the rehearsal's laws included.

    Where the study lives in a folder with data, also whether it is still the study that they were collected under.
    """
    seats = study.seats
    own = {seat.name for seat in seats.roles}
    shown = {f"seats.roles.{role}" if role in own else "seats.participant" for role in roles_shown_pictures(study)}
    return check_study(
        study,
        more=(
            *provider_problems(seats.by_place),
            *picture_problems({place: seat for place, seat in seats.by_place.items() if place in shown}),
            *rehearsal_problems(study),
            *_edited_since(study, folder),
        ),
    )


def _edited_since(study: Study, folder: Path | None) -> tuple[Problem, ...]:
    """A finding where the folder's sessions were held under another study than this."""
    if folder is None or not StudyFolder(folder).archive.exists():
        return ()
    try:
        open_archive(StudyFolder(folder), study, write=False).close()
    except FolderError as error:
        return (Problem(error.code, error.message, error.suggestion),)
    return ()


def require_ready(study: Study, source: str) -> CheckResult:
    """Refuse a study that a check finds an error in, before anything is written or frozen; returns what was found.

    Raises
    ------
    StudyError
        With every error found.
    """
    found = check(study)
    if found.errors:
        raise StudyError(found.errors, source=source)
    return found


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made; no part of the study.

    Attributes
    ----------
    money, tokens, calls
        What all runs in the folder together may spend: US dollars, tokens, calls; None where there is no limit.
    replay
        A study folder whose archive answers every call; nothing is sent then.
    canary
        Whether models are asked a few fixed things before and after, which shows whether they changed.
    """

    money: float | None = None
    tokens: int | None = None
    calls: int | None = None
    replay: Path | None = None
    canary: bool = True

    def budget(self, archive: Archive) -> Budget | None:
        """The limits, less what was spent in the folder before; None where there are none."""
        if self.money is None and self.tokens is None and self.calls is None:
            return None
        total = archive.ledger().total
        spent = Spent(total.cost or 0.0, total.tokens_in + total.tokens_out, total.calls)
        return Budget(self.money, self.tokens, self.calls, spent)


def run_study(
    folder: StudyFolder,
    options: RunOptions = RunOptions(),
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Tally:
    """Run what is planned and not yet held. The first run freezes the study.

    Raises
    ------
    StudyError
        Where a check finds an error; nothing is frozen then.
    FolderError
        Where the study was edited after it was frozen.
    """
    study = read_study(folder)
    require_ready(study, str(folder.study))
    seats = tuple(study.seats.by_place.values())
    if options.replay is not None:
        return _replay(folder, study, options.replay, on_progress)
    _require_prices(options, seats)
    providers_for(seats)  # refuses what is not set up before anything is frozen
    _thaw(folder, study)
    with open_archive(folder, study, write=True) as archive:
        return run_sessions(
            plan_sessions(study),
            archive,
            providers_for(seats, options.budget(archive)),
            on_progress=on_progress,
            concurrency=in_flight(seats, CONCURRENCY),
            canary=tuple(seat for seat in seats if seat.provider != REHEARSAL) if options.canary else (),
        )


def sessions_left(folder: StudyFolder, study: Study) -> int:
    """How many planned sessions a run would hold; those that failed are held again."""
    plan = plan_sessions(study)
    if not folder.archive.is_file():
        return plan.n_sessions
    with Archive.open(folder.archive, readonly=True) as archive:
        if archive.study_fingerprint != study.fingerprint:
            return plan.n_sessions
        return plan.n_sessions - sum(status != "failed" for status in archive.finished().values())


def _thaw(folder: StudyFolder, study: Study) -> None:
    """Let an edited study go where no session was begun: a model's name that was mistyped freezes nothing."""
    if not folder.archive.is_file():
        return
    with Archive.open(folder.archive) as archive:
        is_edited = archive.study_fingerprint != study.fingerprint
        is_begun = bool(archive.finished() or archive.unfinished() - {CANARY})
    if is_edited and not is_begun:
        folder.archive.unlink()


def _replay(folder: StudyFolder, study: Study, source: Path, on_progress: Callable[[Progress], None]) -> Tally:
    """Hold every session again from the calls of another folder's archive."""
    seats = study.seats.by_place.values()
    providers: dict[str, Provider] = {seat.provider: ReplayProvider(extra_of(seat.provider)) for seat in seats}
    with opened_archive(open_folder(source)) as recorded, open_archive(folder, study, write=True) as archive:
        return run_sessions(
            plan_sessions(study), archive, providers, on_progress=on_progress, recall=recall_of(recorded, replay=True)
        )


def _require_prices(options: RunOptions, seats: Iterable[Seat]) -> None:
    """A budget of money needs prices: refuse to guess one."""
    unpriced = sorted({seat.llm for seat in seats if known_price(seat.llm) is None})
    if options.money is not None and unpriced:
        raise ProviderError(
            f"a budget of money cannot be kept: the price of {', '.join(unpriced)} is not known",
            suggestion="Give the price in silicus.toml ([endpoints.NAME.prices]), or limit tokens or calls instead.",
            code="unknown_price",
        )


def frozen_study(folder: StudyFolder) -> Study:
    """The study that the folder's sessions were held under; FolderError where none was held or it was edited."""
    study = read_study(folder)
    with opened_archive(folder, study):
        return study


def opened_archive(folder: StudyFolder, study: Study | None = None) -> Archive:
    """The archive of a folder for reading; FolderError where nothing was run or the study was edited since."""
    study = study if study is not None else read_study(folder)
    return open_archive(folder, study, write=False)


def tabulate_study(folder: StudyFolder) -> Dataset:
    """Write dataset.parquet and codebook.json from the archive."""
    from io import BytesIO

    from silicus.instruments.tabulate import tabulate

    study = read_study(folder)
    plan = plan_sessions(study)
    with opened_archive(folder, study) as archive:
        dataset = tabulate(study, len(plan), plan.session_ids(), archive.transcripts())
    buffer = BytesIO()
    marked = dataset.frame.copy(deep=False)  # the file's metadata say whose it is and whether it was rehearsed
    marked.attrs.update(dataset.codebook.model_dump(include={"study", "name", "rehearsed"}))
    marked.to_parquet(buffer, index=False)
    write_atomic(folder.dataset, buffer.getvalue())
    write_atomic(folder.codebook, dataset.codebook.model_dump_json(indent=2) + "\n")
    return dataset


def estimate_study(folder: StudyFolder, dataset: Dataset | None = None) -> EstimateTable:
    """Estimate the study's paths from its dataset and write estimates.json."""
    from silicus.studies.estimating import estimate_paths

    study = frozen_study(folder)
    dataset = dataset if dataset is not None else tabulate_study(folder)
    table = estimate_paths(study, dataset)
    write_atomic(folder.estimates, table.model_dump_json(indent=2) + "\n")
    return table


def report_study(folder: StudyFolder, dataset: Dataset | None = None, table: EstimateTable | None = None) -> Path:
    """Write report.html, paths.tex and graph.tex."""
    from silicus.reporting.latex import latex_graph, latex_table
    from silicus.reporting.material import ReportMaterial
    from silicus.reporting.report import render_report
    from silicus.studies.provenance import law_lines, provenance_of

    study = frozen_study(folder)
    dataset = dataset if dataset is not None else tabulate_study(folder)
    table = table if table is not None else estimate_study(folder, dataset)
    with opened_archive(folder, study) as archive:
        examples = tuple(archive.transcript(name) for name in example_sessions(study, dataset.frame))
        drift = tuple(map(str, drifts(archive.calls(CANARY))))
        provenance = provenance_of(study, archive.ledger(), law_lines(study), archive.faults(), drift)
    material = ReportMaterial(
        study=study,
        study_text=folder.study.read_text(encoding="utf-8"),
        dataset=dataset,
        table=table,
        examples=examples,
        provenance=provenance,
    )
    write_atomic(folder.report, render_report(material))
    write_atomic(folder.paths_table, latex_table(table, study))
    write_atomic(folder.graph, latex_graph(table, study))
    return folder.report


def example_sessions(study: Study, frame: pd.DataFrame) -> tuple[str, ...]:
    """Up to three sessions to show: with the lowest, the middle and the highest first outcome, none twice.

    Complete sessions with an outcome come first; where there are none, whatever was held is shown.
    """
    held = frame[frame["status"] != "failed"]
    measured = [variable.name for variable in study.causal_model.measured if variable.answer != "text"][:1]
    analysed = held[(held["status"] == "complete") & held[measured].notna().all(axis=1)]
    ranked = (held if analysed.empty else analysed).sort_values([*measured, "session_id"], kind="stable")
    if ranked.empty:
        return ()
    names = list(ranked["session_id"])
    places = dict.fromkeys((0, len(names) // 2, len(names) - 1))
    return tuple(dict.fromkeys(names[place] for place in places))


@dataclass(frozen=True, slots=True)
class Conducted:
    """A study conducted: its folder and what came out.

    ``dataset``, ``table`` and ``report`` are None where the run was interrupted, or halted before any session was held.
    """

    folder: StudyFolder
    study: Study
    tally: Tally
    dataset: Dataset | None = None
    table: EstimateTable | None = None
    report: Path | None = None


def conduct(
    folder: StudyFolder,
    options: RunOptions = RunOptions(),
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Conducted:
    """The whole path for a study folder: run what is missing, tabulate, estimate, report."""
    tally = run_study(folder, options, on_progress=on_progress)
    study = read_study(folder)
    if tally.interrupted or (tally.halted and not tally.progress.done):
        return Conducted(folder, study, tally)
    dataset = tabulate_study(folder)
    table = estimate_study(folder, dataset)
    report = report_study(folder, dataset, table)
    return Conducted(folder, study, tally, dataset, table, report)
