"""``tabulate``, ``estimate`` and ``report``: from what happened to what it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from silicus.concepts.errors import DataError
from silicus.interfaces.cli.options import JsonOption, StudyFolderArgument
from silicus.interfaces.cli.output import counted, print_json, print_paths, say, typed

if TYPE_CHECKING:
    from silicus.concepts.estimate import EstimateTable

__all__ = ["estimate", "report", "tabulate"]

Errors = Literal["standard", "hc3", "cluster"]


def tabulate(folder: StudyFolderArgument, json: JsonOption = False) -> None:
    """Write the dataset (dataset.parquet) and its codebook (codebook.json) of a study folder.

    [bold]Example[/]

      silicus tabulate my-mug
    """
    from silicus.execution.folder import open_folder
    from silicus.studies.one_path import tabulate_study

    study_folder = open_folder(folder)
    dataset = tabulate_study(study_folder)
    flow = dataset.codebook.flow
    if json:
        print_json({"dataset": str(study_folder.dataset), "codebook": dataset.codebook.model_dump(mode="json")})
        return
    rows, columns = dataset.frame.shape
    shape = f"{counted(rows, 'row')}, {counted(columns, 'column')}"
    say(f"{shape}: {escape(str(study_folder.dataset))}", whole=True)
    say(f"{flow.complete:,} complete, {flow.censored:,} censored, {flow.failed:,} failed, {flow.not_held:,} not held")
    for column in dataset.codebook.columns:
        for reason, count in column.missing.items():
            say(f"{escape(column.name)}: {count:,} missing ({escape(reason)})")


def estimate(
    named: Annotated[Path, typer.Argument(metavar="STUDY_OR_TABLE", help="A study folder, or a CSV or parquet file.")],
    formula: Annotated[
        str | None, typer.Option("--formula", help="Equations, such as 'y ~ x1 + x2', several separated by ';'.")
    ] = None,
    errors: Annotated[Errors | None, typer.Option("--errors", help="Kind of standard errors.")] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", help="Column that clustered errors cluster on.")] = None,
    confidence: Annotated[
        float | None, typer.Option("--confidence", min=0.5, max=0.999, help="Coverage of the intervals.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Estimate the paths of a study, or of any table by a formula.

    Without a formula a study's own equations are estimated and written to estimates.json. With one, the estimates are
    exploratory: printed, marked as such, and not written into the folder.

    [bold]Examples[/]

      silicus estimate my-mug

      silicus estimate my-mug --formula "deal ~ buyer_budget * seller_minimum"

      silicus estimate rows.csv --formula "y ~ x1 + x2 + x3" --json
    """
    from silicus.execution.folder import STUDY_FILE

    if cluster is not None and errors is None:
        errors = "cluster"
    if named.is_dir() or named.name == STUDY_FILE:
        found = _of_folder(named, formula, errors, cluster, confidence)
    elif formula is not None:
        found = _of_table(named, formula, errors, cluster, confidence)
    else:
        raise DataError(
            f"'{named}' is not a study folder, and a table needs a formula",
            suggestion=f'Say what to estimate: silicus estimate {typed(named)} --formula "y ~ x1 + x2".',
            code="no_formula",
        )
    if json:
        print_json(found.model_dump(mode="json"))
        return
    print_paths(found, constants=True)
    for note in found.notes:
        say(escape(note))


def _of_folder(
    named: Path, formula: str | None, errors: Errors | None, cluster: str | None, confidence: float | None
) -> EstimateTable:
    from silicus.execution.folder import open_folder
    from silicus.studies.estimating import explore_paths
    from silicus.studies.one_path import estimate_study, frozen_study, tabulate_study

    folder = open_folder(named)
    if formula is None and errors is None and confidence is None:
        return estimate_study(folder)
    study = frozen_study(folder)
    return explore_paths(study, tabulate_study(folder), formula, errors=errors, cluster=cluster, confidence=confidence)


def _of_table(
    named: Path, formula: str, errors: Errors | None, cluster: str | None, confidence: float | None
) -> EstimateTable:
    from silicus.estimators.formula import estimate_table
    from silicus.estimators.tables import read_table

    return estimate_table(
        read_table(named),
        formula,
        name=named.name,
        errors=errors or "standard",
        cluster=cluster,
        confidence_level=confidence or 0.95,
    )


def report(folder: StudyFolderArgument, json: JsonOption = False) -> None:
    """Write the report (report.html) and the LaTeX table and graph (paths.tex, graph.tex) of a study folder.

    [bold]Example[/]

      silicus report my-mug
    """
    from silicus.execution.folder import open_folder
    from silicus.studies.one_path import report_study

    study_folder = open_folder(folder)
    path = report_study(study_folder)
    if json:
        print_json({"report": str(path), "table": str(study_folder.paths_table), "graph": str(study_folder.graph)})
        return
    say(f"Report: [bold]{escape(str(path))}[/]", whole=True)
    say(f"LaTeX: {escape(str(study_folder.paths_table))}, {escape(str(study_folder.graph))}", whole=True)
