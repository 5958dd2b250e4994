"""The Python face: ``import silicus`` and the verbs of the one path as functions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from stand_ins import bargaining_study

import silicus
from silicus.concepts.errors import DataError, FolderError, ScenarioError, StudyError

SMALL = bargaining_study()


@pytest.fixture
def run(tmp_path: Path) -> silicus.Run:
    """Nine sessions held in a folder."""
    return silicus.run(SMALL, folder=tmp_path / "mine")


def test_everything_offered_is_there_and_documented() -> None:
    assert dir(silicus) == sorted(silicus.__all__)
    for name in silicus.__all__:
        assert getattr(silicus, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'conducct'"):
        silicus.conducct  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'scipy', 'matplotlib', 'pyarrow', 'pydantic', 'rich', 'typer', 'asyncio'}"
    code = f"import silicus, sys; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "[]\n"


def test_from_one_sentence_to_a_report(tmp_path: Path) -> None:
    study = silicus.draft("two people bargaining over a mug")
    assert silicus.check(study).ok
    run = silicus.run(study, folder=tmp_path / "mug", sessions=40, seed=3)
    assert run.tally is not None
    assert run.tally.whole
    assert (run.study.design.sessions, run.study.design.seed) == (40, 3)
    found = silicus.estimate(run)
    assert "Buyer's budget" in found.summary()
    assert str(found) == found.summary()
    frame = found.to_frame()
    assert list(frame["treatment"][frame["quantity"] == "path"]) == [
        row.treatment for row in found.estimates if row.quantity == "path"
    ]
    dataset = silicus.tabulate(run)
    assert dataset.frame.shape[0] == dataset.codebook.flow.complete == 40
    report = silicus.report(run)
    assert report == tmp_path / "mug" / "report.html"
    assert report.stat().st_size > 10_000
    written = json.loads((tmp_path / "mug" / "estimates.json").read_text())
    assert [row["value"] for row in written["estimates"]] == [row.value for row in found.estimates]


def test_a_run_can_be_named_by_its_folder_later(run: silicus.Run) -> None:
    for named in (run, run.folder.path, str(run.folder.path)):
        assert silicus.tabulate(named).frame.shape[0] == 9
        assert silicus.estimate(named).table.study == SMALL.fingerprint


def test_running_again_holds_nothing_again(run: silicus.Run) -> None:
    again = silicus.run(run.folder.path)
    assert again.tally is not None
    assert (again.tally.progress.before, again.tally.progress.complete) == (9, 0)


def test_another_formula_is_exploratory(run: silicus.Run) -> None:
    found = silicus.estimate(run, "deal ~ budget")
    assert {row.treatment for row in found.estimates if row.quantity == "path"} == {"(intercept)", "budget"}
    assert all(row.exploratory for row in found.estimates)
    with pytest.raises(DataError, match="no variable 'price'"):
        silicus.estimate(run, "price ~ budget")


def test_a_table_is_estimated_by_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 4, 6, 5, 7, 8, 9, 11, 10, 12], "x": range(12)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    values = {
        next(row.value for row in silicus.estimate(data, "y ~ x").estimates if row.treatment == "x")
        for data in (frame, tmp_path / "t.csv", str(tmp_path / "t.csv"))
    }
    assert len(values) == 1
    with pytest.raises(DataError, match="needs a formula") as refused:
        silicus.estimate(frame)
    assert "formula=" in refused.value.suggestion


def test_a_study_is_saved_with_comments_and_loaded_as_it_was(tmp_path: Path) -> None:
    file = silicus.save(SMALL, tmp_path / "mine")
    assert file == tmp_path / "mine" / "study.yaml"
    assert "# Who takes part." in file.read_text()
    assert silicus.load(file) == silicus.load(tmp_path / "mine") == SMALL
    with pytest.raises(FolderError, match="two studies in one folder"):
        silicus.save(silicus.draft("mug"), tmp_path / "mine")


def test_a_study_that_cannot_be_run_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="the full factorial has 9"):
        silicus.run(SMALL, folder=tmp_path / "mine", sessions=10)
    with pytest.raises(StudyError, match="finite"):
        silicus.run(SMALL, folder=tmp_path / "mine", effects={"budget": float("nan")})
    with pytest.raises(ScenarioError):
        silicus.run("a family arguing whether or not to get a dog", folder=tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_every_error_is_one_of_silicus(tmp_path: Path) -> None:
    for wrong in (
        lambda: silicus.load(tmp_path / "nothing.yaml"),
        lambda: silicus.tabulate(tmp_path),
        lambda: silicus.report(tmp_path / "nowhere"),
        lambda: silicus.draft("mugg"),
        lambda: silicus.estimate(tmp_path / "nothing.csv", "y ~ x"),
    ):
        with pytest.raises(silicus.SilicusError) as refused:
            wrong()
        assert refused.value.message
        assert refused.value.suggestion


def test_the_folder_is_named_after_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert silicus.run(SMALL).folder.path.resolve() == tmp_path / "small_mug"
    assert silicus.run(SMALL, seed=2).folder.path.resolve() == tmp_path / "small_mug-2"
    assert silicus.run(SMALL).folder.path.resolve() == tmp_path / "small_mug"


async def test_it_works_where_a_loop_is_running_already_as_in_a_notebook(tmp_path: Path) -> None:
    run = silicus.run(SMALL, folder=tmp_path / "mine")
    assert silicus.tabulate(run).frame.shape[0] == 9


def test_a_run_and_findings_show_themselves_shortly(run: silicus.Run) -> None:
    assert repr(run) == f"Run({str(run.folder.path)!r}: 9 of 9 sessions held)"
    findings = silicus.estimate(run, errors="hc3")
    assert findings._repr_html_().startswith("<pre>")
    assert all(estimate.exploratory for estimate in findings.estimates)
