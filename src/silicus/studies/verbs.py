"""The verbs of the command line as functions: what ``import silicus`` offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from silicus.concepts.dataset import Dataset
from silicus.concepts.estimate import Estimate, EstimateTable
from silicus.concepts.study import Study
from silicus.designs.check import CheckResult
from silicus.execution.event_loop import Tally
from silicus.execution.folder import StudyFolder, create_folder, open_folder, read_study
from silicus.studies import one_path
from silicus.studies.choosing import Settings, choose

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Findings", "Run", "check", "draft", "estimate", "load", "report", "run", "save", "tabulate"]


@dataclass(frozen=True, slots=True)
class Run:
    """A study folder in which sessions were held.

    Attributes
    ----------
    folder
        Where everything lies.
    study
        The study as frozen.
    tally
        How the run ended: sessions held, censored, failed; None where the folder was only opened.
    """

    folder: StudyFolder
    study: Study
    tally: Tally | None = None

    def __repr__(self) -> str:
        if self.tally is None:
            return f"Run({str(self.folder.path)!r})"
        held = self.tally.progress.before + self.tally.progress.complete + self.tally.progress.censored
        return f"Run({str(self.folder.path)!r}: {held:,} of {self.tally.progress.planned:,} sessions held)"


@dataclass(frozen=True, slots=True)
class Findings:
    """What an analysis found."""

    table: EstimateTable
    study: Study | None = None

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every estimate, in the order of the equations."""
        return self.table.estimates

    def summary(self) -> str:
        """The paths as a table of text, printed by the caller; constants and residual variances included."""
        from silicus.reporting.console import paths_text

        return paths_text(self.table, self.study)

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate; columns as the fields of ``Estimate``."""
        import pandas as pd

        return pd.DataFrame([estimate.model_dump() for estimate in self.table.estimates])

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>"


def draft(scenario: str) -> Study:
    """A study for a scenario: one sentence, or the name of a built-in study.

    In this version the scientist is the built-in library.

    Raises
    ------
    ScenarioError
        Where no built-in study is meant.
    """
    return choose(scenario, Settings()).study


def load(path: str | Path) -> Study:
    """The study in a study.yaml, or in the folder that holds one."""
    return choose(str(path), Settings()).study


def save(study: Study, folder: str | Path) -> Path:
    """Write a study into a new folder as a commented study.yaml; returns the file."""
    choice = choose(study, Settings())
    return create_folder(Path(folder), choice.text, choice.pictures).study


def check(study: Study) -> CheckResult:
    """Every problem of a study, and what it would take; contacts no language model."""
    return one_path.check(study)


def run(
    study: Study | str | Path,
    *,
    folder: str | Path | None = None,
    sessions: int | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    participant: str | None = None,
    coder: str | None = None,
    effects: Mapping[str, float] | None = None,
    law: Mapping[str, float] | None = None,
    budget: float | None = None,
    max_tokens: int | None = None,
    max_calls: int | None = None,
    replay: str | Path | None = None,
    canary: bool = True,
) -> Run:
    """Run a study's sessions in a folder; run it again to resume.

    Parameters
    ----------
    study
        A study, a path, the name of a built-in study, or a sentence that means one.
    folder
        Where to work; by default a new folder named after the study.
    sessions, seed, replicates, participant, coder, effects, law
        Changes to the study, as on the command line.
    budget, max_tokens, max_calls
        Stop before the study has cost this many US dollars, tokens or calls; nothing is asked before spending.
    replay
        A study folder that answers every call; nothing is sent.
    canary
        Whether models are asked a few fixed things before and after.

    Returns
    -------
    Run
        ``run.tally`` says how it ended; ``run.tally.whole`` is True where everything planned was held.
    """
    settings = Settings(sessions, seed, replicates, participant, coder, law or {}, effects or {})
    choice = choose(study if isinstance(study, Study) else str(study), settings)
    one_path.require_ready(choice.study, choice.source)
    wanted = Path(folder) if folder is not None else None
    made = create_folder(choice.folder_for(wanted, Path.cwd()), choice.text, choice.pictures)
    source = Path(replay) if replay is not None else None
    options = one_path.RunOptions(budget, max_tokens, max_calls, source, canary)
    tally = one_path.run_study(made, options)
    return Run(made, choice.study, tally)


def _opened(run: Run | str | Path) -> Run:
    if isinstance(run, Run):
        return run
    folder = open_folder(Path(run))
    return Run(folder, read_study(folder))


def tabulate(run: Run | str | Path) -> Dataset:
    """The dataset and codebook of a run or a study folder, also written into the folder."""
    return one_path.tabulate_study(_opened(run).folder)


def estimate(
    data: Run | str | Path | pd.DataFrame,
    formula: str | None = None,
    *,
    errors: Literal["standard", "hc3", "cluster"] | None = None,
    cluster: str | None = None,
    confidence: float | None = None,
) -> Findings:
    """Estimate a study's own paths, or a formula on any table.

    Parameters
    ----------
    data
        A run, a study folder, a CSV or parquet file, or a data frame.
    formula
        Equations such as ``"y ~ x1 + x2"``; needed for a table, exploratory for a study.
    errors, cluster, confidence
        Kind of standard errors, the column that clustered ones cluster on, coverage of the intervals; by default the
        study's own, or standard errors and 95%. What the study file did not fix is exploratory.

    Raises
    ------
    DataError
        Where the table or the formula cannot be estimated as asked.
    """
    if isinstance(data, Run):
        return _of_run(data, formula, errors, cluster, confidence)
    if isinstance(data, str | Path) and Path(data).is_dir():
        return _of_run(_opened(data), formula, errors, cluster, confidence)
    from silicus.concepts.errors import DataError
    from silicus.estimators.formula import estimate_table
    from silicus.estimators.tables import read_table

    if formula is None:
        raise DataError("a table needs a formula", suggestion='Say what to estimate: formula="y ~ x1 + x2".')
    return Findings(
        estimate_table(
            read_table(Path(data)) if isinstance(data, str | Path) else data,
            formula,
            name=Path(data).name if isinstance(data, str | Path) else None,
            errors=errors or ("cluster" if cluster is not None else "standard"),
            cluster=cluster,
            confidence_level=confidence or 0.95,
        )
    )


def _of_run(
    run: Run,
    formula: str | None,
    errors: Literal["standard", "hc3", "cluster"] | None,
    cluster: str | None,
    confidence: float | None,
) -> Findings:
    if formula is None and errors is None and cluster is None and confidence is None:
        return Findings(one_path.estimate_study(run.folder), run.study)
    from silicus.studies.estimating import explore_paths

    dataset = one_path.tabulate_study(run.folder)
    kind = errors or ("cluster" if cluster is not None else None)
    table = explore_paths(run.study, dataset, formula, errors=kind, cluster=cluster, confidence=confidence)
    return Findings(table, run.study)


def report(run: Run | str | Path) -> Path:
    """Write the report of a run or a study folder; returns report.html."""
    return one_path.report_study(_opened(run).folder)
