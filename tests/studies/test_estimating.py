"""Estimating a study's own equations, and exploring others."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins import bargaining_content, bargaining_study

import silicus
from silicus.concepts.dataset import Dataset
from silicus.concepts.errors import DataError
from silicus.concepts.study import Study
from silicus.studies.estimating import estimate_paths, explore_paths


def data_of(study: Study, folder: Path) -> Dataset:
    return silicus.tabulate(silicus.run(study, folder=folder))


@pytest.mark.parametrize(
    ("errors", "cluster", "said"),
    [("cluster", None, "need a cluster column"), ("hc3", "condition", "the errors asked for are 'hc3'")],
)
def test_errors_and_cluster_that_do_not_go_together_are_refused(
    tmp_path: Path, errors: str, cluster: str | None, said: str
) -> None:
    study = bargaining_study()
    with pytest.raises(DataError, match=said):
        explore_paths(study, data_of(study, tmp_path), None, errors=errors, cluster=cluster, confidence=None)  # type: ignore[arg-type]


def test_clustered_errors_without_a_column_take_the_studys_own(tmp_path: Path) -> None:
    study = Study.model_validate(bargaining_content(analysis={"errors": "cluster", "cluster": "condition"}))
    data = data_of(study, tmp_path)
    own = estimate_paths(study, data)
    explored = explore_paths(study, data, None, errors="cluster", cluster=None, confidence=None)
    assert [e.std_error for e in explored.estimates] == [e.std_error for e in own.estimates]
    assert {e.cluster for e in explored.estimates} == {"condition"}
    others = explore_paths(study, data, None, errors="standard", cluster=None, confidence=None)
    assert {e.cluster for e in others.estimates} == {None}


def test_a_name_that_is_no_variable_of_the_study_is_refused(tmp_path: Path) -> None:
    study = bargaining_study()
    with pytest.raises(DataError, match="the study has no variable 'n_turns'") as caught:
        explore_paths(study, data_of(study, tmp_path), "n_turns ~ budget", errors=None, cluster=None, confidence=None)
    assert "dataset.parquet" in caught.value.suggestion


def test_where_every_session_is_left_out_the_reason_says_so(tmp_path: Path) -> None:
    procedure = bargaining_content()["procedure"] | {"max_turns": 1}
    study = Study.model_validate(bargaining_content(procedure=procedure))
    found = estimate_paths(study, data_of(study, tmp_path))
    assert {e.reason for e in found.estimates} == {"no session is left to analyse: 9 censored: ended by the cap"}
    assert {e.value for e in found.estimates} == {None}
