"""Group means, their intervals, and fitted lines."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from silicus.reporting.summaries import analysed, group_means, partial_line, wilson


def test_wilson_interval_as_published() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29
    for successes, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                    (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)  # printed to four digits


def test_the_interval_of_a_mean_is_that_of_students_t() -> None:
    rows = pd.DataFrame({"y": [1.0, 2.0, 3.0, 9.0, np.nan], "x": [0, 0, 0, 1, 1]})
    low_group, high_group = group_means(rows, "y", "x", is_binary=False, level=0.95)
    half = 4.302652729749464 * 1 / np.sqrt(3)  # t(.975; 2), standard deviation 1
    assert (low_group.mean, low_group.n) == (2.0, 3)
    assert (low_group.low, low_group.high) == pytest.approx((2 - half, 2 + half), abs=1e-9)
    assert (high_group.mean, high_group.low, high_group.high, high_group.n) == (9.0, None, None, 1)


def test_censored_rows_are_analysed_only_where_the_study_keeps_them(kit: SimpleNamespace) -> None:
    frame = pd.DataFrame({"status": ["complete", "censored", "failed"]})
    assert list(analysed(frame, kit.study(kit.MUG))["status"]) == ["complete"]
    keeping = kit.study(kit.MUG, analysis={"censored": "keep"})
    assert list(analysed(frame, keeping)["status"]) == ["complete", "censored"]


def test_the_line_is_the_fitted_plane_at_the_means_of_the_others(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    frame = kit.frame(study, 150)
    table = kit.table(study, frame)
    rows = analysed(frame, study)
    line = partial_line(rows, table, study, "bail", "convictions")
    assert line is not None
    value = {e.treatment: e.value for e in table.estimates if e.outcome == "bail" and e.quantity == "path"}
    mean = rows.mean(numeric_only=True)
    for x in (0.0, 12.0):
        expected = (
            value["(intercept)"] + value["convictions"] * x + value["cases"] * mean["cases"]
            + value["remorse"] * mean["remorse"] + value["convictions:cases"] * x * mean["cases"]
        )  # fmt: skip
        assert line.intercept + line.slope * x == pytest.approx(expected, rel=1e-9)


def test_least_squares_lines_pass_through_the_means(kit: SimpleNamespace) -> None:
    study = kit.study(kit.MUG)
    frame = kit.frame(study, 120)
    rows = analysed(frame, study)
    line = partial_line(rows, kit.table(study, frame), study, "deal", "buyer_budget")
    assert line is not None
    assert line.intercept + line.slope * rows["buyer_budget"].mean() == pytest.approx(rows["deal"].mean(), abs=1e-9)


def test_a_cause_that_acts_through_others_gets_its_total_effect(kit: SimpleNamespace) -> None:
    material = kit.bail()
    rows = analysed(material.dataset.frame, material.study)
    line = partial_line(rows, material.table, material.study, "appeal", "convictions")
    assert line is not None
    assert (line.slope, line.is_total) == (0.001, True)
    assert partial_line(rows, material.table, material.study, "appeal", "cases") is None
