"""``silicus``: the verbs of the one path, in its order."""

from __future__ import annotations

import typer

from silicus.interfaces.cli import conducting, estimating, importing, looking, models, planning
from silicus.interfaces.cli.output import guarded

__all__ = ["app", "run"]

EPILOG = (
    "Start with: silicus conduct mug. A study is a folder with a study.yaml in it. conduct, draft, check and laws also "
    "take the file, the name of a built-in study, or a sentence that means one; the other verbs take the folder."
)

app = typer.Typer(
    help="A laboratory for automated social science: from one sentence to an experiment, its estimates and its report.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"silicus {version('silicus')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", metavar="", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    del version  # the callback has done it


app.command("conduct")(conducting.conduct)
app.command("draft")(planning.draft)
app.command("check")(planning.check)
app.command("run")(conducting.run)
app.command("tabulate")(estimating.tabulate)
app.command("estimate")(estimating.estimate)
app.command("report")(estimating.report)
app.command("show")(looking.show)
app.command("library")(looking.library)
app.command("laws")(looking.laws)
app.command("models")(models.models)
app.command("import")(importing.import_study)


def run() -> None:
    """Run the command line: exit code 0 only where everything asked for was done."""
    guarded(app)
