"""The one path as functions over a study folder: each step leaves its file, and the files agree with one another."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from stand_in_providers import stop, watched
from stand_ins import bargaining_content, bargaining_study

from silicus.concepts.dataset import Codebook
from silicus.concepts.errors import FolderError, StudyError
from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml
from silicus.execution.folder import StudyFolder, create_folder, open_folder
from silicus.studies.one_path import (
    check,
    conduct,
    estimate_study,
    example_sessions,
    frozen_study,
    opened_archive,
    report_study,
    require_ready,
    run_study,
    tabulate_study,
)

SMALL = bargaining_study(design={"replicates": 3})
TEXTS = (".yaml", ".json", ".html", ".tex")


def folder_of(study: Study, path: Path) -> StudyFolder:
    return create_folder(path, study_to_yaml(study))


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    """A study folder in which nothing was run."""
    return folder_of(SMALL, tmp_path / "mine")


def files(folder: StudyFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def test_each_step_leaves_its_file(folder: StudyFolder) -> None:
    assert files(folder) == {"study.yaml", "study.schema.json"}
    assert run_study(folder).whole
    assert files(folder) == {"study.yaml", "study.schema.json", "archive.sqlite"}
    dataset = tabulate_study(folder)
    assert files(folder) >= {"dataset.parquet", "codebook.json"}
    table = estimate_study(folder)
    assert files(folder) >= {"estimates.json"}
    report_study(folder)
    assert files(folder) >= {"report.html", "paths.tex", "graph.tex"}
    pd.testing.assert_frame_equal(pd.read_parquet(folder.dataset), dataset.frame)
    assert Codebook.model_validate_json(folder.codebook.read_text()) == dataset.codebook
    assert EstimateTable.model_validate_json(folder.estimates.read_text()) == table
    assert table.study == dataset.codebook.study == SMALL.fingerprint
    assert table.rehearsed
    assert dataset.codebook.rehearsed


def test_every_file_made_of_rehearsed_sessions_says_so(folder: StudyFolder) -> None:
    conduct(folder)
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.path.glob("*.*") if path.suffix in TEXTS}
    assert set(texts) == {
        *("study.yaml", "study.schema.json", "codebook.json", "estimates.json", "report.html"),
        *("paths.tex", "graph.tex"),
    }
    for name, text in texts.items():
        assert "rehears" in text.lower(), name
    assert pd.read_parquet(folder.dataset).attrs == {
        "study": SMALL.fingerprint, "name": "small_mug", "rehearsed": True,
    }  # fmt: skip


def test_the_whole_path_is_the_same_as_its_steps(folder: StudyFolder, tmp_path: Path) -> None:
    done = conduct(folder)
    steps = folder_of(SMALL, tmp_path / "steps")
    run_study(steps)
    tabulate_study(steps)
    estimate_study(steps)
    for name in ("dataset.parquet", "codebook.json", "estimates.json"):
        assert (folder.path / name).read_bytes() == (steps.path / name).read_bytes()
    assert done.report == folder.report
    assert done.dataset is not None
    assert done.table is not None


def test_the_same_seed_gives_the_same_data_and_another_seed_others(folder: StudyFolder, tmp_path: Path) -> None:
    other = folder_of(bargaining_study(design={"replicates": 3, "seed": 2}), tmp_path / "other")
    for each in (folder, other):
        run_study(each)
        tabulate_study(each)
    assert folder.dataset.read_bytes() != other.dataset.read_bytes()


def test_the_report_shows_numbers_of_the_estimates_and_transcripts_of_the_archive(folder: StudyFolder) -> None:
    conduct(folder)
    html = folder.report.read_text(encoding="utf-8")
    (slope,) = [
        row["value"]
        for row in json.loads(folder.estimates.read_text())["estimates"]
        if row["treatment"] == "budget" and row["quantity"] == "path"
    ]
    assert f"{slope:.3f}" in html
    shown = example_sessions(SMALL, pd.read_parquet(folder.dataset))
    with opened_archive(folder, SMALL) as archive:
        for name in shown:
            assert name in html
            assert archive.transcript(name).turns[0].words in html


def test_up_to_three_example_sessions_lowest_middle_and_highest_never_one_twice() -> None:
    frame = pd.DataFrame({"session_id": list("abcde"), "status": ["complete"] * 5, "deal": [1.0, 0, 1, 0, 0]})
    assert example_sessions(SMALL, frame) == ("b", "e", "c")
    assert example_sessions(SMALL, frame[:1]) == ("a",)
    assert example_sessions(SMALL, frame[:0]) == ()
    assert example_sessions(SMALL, frame.assign(status="failed")) == ()
    assert len(example_sessions(SMALL, frame.assign(deal=float("nan")))) == 3


def test_an_interrupted_conduct_analyses_nothing(
    folder: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = folder_of(bargaining_study(design={"replicates": 12}), tmp_path / "many")
    watched(monkeypatch, events={10: stop})
    done = conduct(many)
    assert done.tally.interrupted
    assert (done.dataset, done.table, done.report) == (None, None, None)
    assert files(many) == {"study.yaml", "study.schema.json", "archive.sqlite"}
    # What was held so far can be looked at, and says that it is not all.
    flow = tabulate_study(many).codebook.flow
    assert flow.not_held == 108 - flow.complete > 0
    assert "planned sessions were not held" in " ".join(estimate_study(many).notes)
    assert files(folder) == {"study.yaml", "study.schema.json"}


def test_nothing_is_analysed_before_a_session_was_run(folder: StudyFolder) -> None:
    for step in (tabulate_study, estimate_study, report_study, frozen_study):
        with pytest.raises(FolderError, match="has been run") as refused:
            step(folder)
        assert "silicus run" in refused.value.suggestion
    assert files(folder) == {"study.yaml", "study.schema.json"}


def test_an_edited_study_is_neither_run_nor_analysed(folder: StudyFolder) -> None:
    run_study(folder)
    folder.study.write_text(study_to_yaml(bargaining_study(design={"replicates": 4})))
    for step in (run_study, tabulate_study, estimate_study, report_study, frozen_study):
        with pytest.raises(FolderError, match=r"design\.replicates: 3 -> 4"):
            step(folder)


def test_a_check_names_what_no_provider_or_law_can_do() -> None:
    content = bargaining_content(seats={"participant": "rehearsal:auction", "coder": "nobody:knows"})
    study = Study.model_validate(content)
    found = check(study)
    assert not found.ok
    places = {problem.where for problem in found.errors}
    assert places >= {"seats.participant", "seats.coder"}
    with pytest.raises(StudyError) as refused:
        require_ready(study, "mine.yaml")
    assert refused.value.problems == found.errors
    assert "mine.yaml" in refused.value.message
    assert require_ready(SMALL, "mine.yaml").ok


def test_a_study_that_is_not_ready_is_not_frozen(tmp_path: Path) -> None:
    content = bargaining_content(seats={"participant": "rehearsal:auction"})
    folder = folder_of(Study.model_validate(content), tmp_path / "mine")
    with pytest.raises(StudyError, match="auction law needs"):
        run_study(folder)
    assert files(folder) == {"study.yaml", "study.schema.json"}


def test_what_a_study_was_frozen_as_comes_from_its_archive(folder: StudyFolder) -> None:
    run_study(folder)
    folder.study.write_text("# another comment\n" + folder.study.read_text())
    assert frozen_study(open_folder(folder.path)) == SMALL


def test_the_ledger_counts_every_call(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = watched(monkeypatch)
    run_study(folder)
    with opened_archive(folder, SMALL) as archive:
        ledger = archive.ledger()
    assert ledger.total.calls == provider.calls
    assert {(row.llm, row.seat) for row in ledger.rows} == {
        ("rehearsal:bargaining", "participant"), ("rehearsal", "coder"),
    }  # fmt: skip
    assert ledger.total.cost == 0
