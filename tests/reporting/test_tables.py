"""The tables of estimates and their notes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from silicus.concepts.estimate import EstimateTable
from silicus.reporting.material import ReportMaterial
from silicus.reporting.tables import Notes, r_squared, table_view


def test_explained_variance_is_that_of_the_fitted_plane(mug: ReportMaterial) -> None:
    rows = mug.dataset.frame[mug.dataset.frame["status"] == "complete"]
    x = np.column_stack([np.ones(len(rows)), rows[["buyer_budget", "seller_minimum", "seller_attachment"]]])
    y = rows["deal"].to_numpy(dtype=float)
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    assert r_squared(mug.table, mug.table.samples[0]) == pytest.approx(fitted.var() / y.var(), rel=1e-9)


def test_without_spread_there_is_no_explained_variance(mug: ReportMaterial) -> None:
    flat = mug.table.samples[0].model_copy(update={"std_dev": 0.0})
    assert r_squared(mug.table, flat) is None
    assert r_squared(EstimateTable(study=None, rehearsed=True, estimates=()), mug.table.samples[0]) is None


def test_paths_and_other_quantities_have_their_own_tables(bail: ReportMaterial) -> None:
    view = table_view(bail.table, bail.study)
    assert [(block.heading, len(block.rows)) for block in view.paths] == [
        ("Defendant's remorse, as the prosecutor sees it", 3), ("Bail set (dollars)", 4),
        ("Whether the defence says that it will appeal", 3),
    ]  # fmt: skip
    assert "R² = " in view.paths[0].summary
    labels = {row.label for block in view.others for row in block.rows}
    assert {"Constant", "Residual variance", "Total effect: Defendant's previous convictions"} <= labels


def test_every_way_of_estimating_is_told_once(mug: ReportMaterial, kit: SimpleNamespace) -> None:
    clustered = tuple(
        e.model_copy(update={"method": "least squares", "cluster": "condition", "n_clusters": 81})
        for e in mug.table.estimates
    )
    assert table_view(mug.table, mug.study).methods == (f"{kit.METHOD[0].upper()}{kit.METHOD[1:]}.",)
    assert table_view(mug.table.model_copy(update={"estimates": clustered}), mug.study).methods == (
        "Least squares; clustered on condition (81 clusters).",
    )


def test_notes_have_a_letter_each_and_never_run_out() -> None:
    notes = Notes()
    assert [notes.mark(text) for text in ("one", "two", "one")] == ["a", "b", "a"]
    for number in range(30):
        notes.mark(str(number))
    assert notes.letters["28"] == "ee"
    assert len(set(notes.letters.values())) == len(notes.letters)
