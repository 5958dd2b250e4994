"""The small figures."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from silicus.reporting.figures import MOST_POINTS, distribution_charts, how_to_read, outcome_charts
from silicus.reporting.material import ReportMaterial


def points_in(svg: str) -> int:
    return sum(path.count("h0") for path in re.findall(r'<path d="([^"]*)"', svg))


def test_there_is_a_figure_for_every_outcome_and_treatment_that_can_act_on_it(bail: ReportMaterial) -> None:
    charts = outcome_charts(bail.study, bail.dataset.frame, bail.table)
    assert [chart.title for chart in charts] == [
        "Defendant's remorse, as the prosecutor sees it, by defendant's previous convictions",
        "Defendant's remorse, as the prosecutor sees it, by plea",
        "Bail set, by defendant's previous convictions",
        "Bail set, by judge's cases heard that day",
        "Bail set, by plea",
        "Whether the defence says that it will appeal, by defendant's previous convictions",
        "Whether the defence says that it will appeal, by judge's cases heard that day",
        "Whether the defence says that it will appeal, by plea",
    ]
    shown = how_to_read(charts)
    assert "shares (Wilson) or means (Student t)" in shown
    assert "total effect" in shown


def test_a_binary_outcome_is_shown_as_shares_and_others_with_their_sessions(bail: ReportMaterial) -> None:
    charts = {chart.title: chart for chart in outcome_charts(bail.study, bail.dataset.frame, bail.table)}
    share = charts["Whether the defence says that it will appeal, by plea"]
    assert share.y_label == "Share “yes”"
    assert ">100%<" in share.svg
    assert points_in(share.svg) == 0
    amounts = charts["Bail set, by plea"]
    n = int((bail.dataset.frame["status"] == "complete").sum())
    assert points_in(amounts.svg) == n


def test_of_many_sessions_a_sample_is_drawn_and_that_is_said(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    frame = kit.frame(study, 3000)
    chart = outcome_charts(study, frame, kit.table(study, frame))[2]
    assert points_in(chart.svg) == MOST_POINTS
    assert any(f"Points: {MOST_POINTS} of 2," in note and "at random" in note for note in chart.notes)
    assert len(chart.svg) < 30_000


def test_words_that_do_not_fit_the_axis_stand_in_a_key(mug: ReportMaterial) -> None:
    chart = outcome_charts(mug.study, mug.dataset.frame, mug.table)[2]
    assert chart.key[2] == ("3", "moderate emotional attachment")
    assert ">3<" in chart.svg
    assert "moderate" not in re.sub(r"<desc.*?</desc>", "", chart.svg)


def test_the_figure_is_described_for_those_who_do_not_see_it(mug: ReportMaterial) -> None:
    chart = outcome_charts(mug.study, mug.dataset.frame, mug.table)[0]
    frame = mug.dataset.frame
    rows = frame[(frame["status"] == "complete") & (frame["buyer_budget"] == 25)]
    assert f"25 dollars: {rows['deal'].mean() * 100:.1f}".removesuffix(".0") in chart.svg


@pytest.mark.parametrize("name", ["mug", "bail"])
def test_figures_take_the_page_s_colours_and_ask_for_nothing_outside(name: str, request: pytest.FixtureRequest) -> None:
    material: ReportMaterial = request.getfixturevalue(name)
    charts = (*outcome_charts(material.study, material.dataset.frame, material.table),
              *distribution_charts(material.study, material.dataset.frame))  # fmt: skip
    for chart in charts:
        assert "http" not in chart.svg
        assert not re.search(r"#[0-9a-f]{6}\b", chart.svg), "a colour that does not follow the page's"
        assert "var(--ink)" in chart.svg
    ids = re.findall(r' id="([^"]*)"', " ".join(chart.svg for chart in charts))
    assert len(ids) == len(set(ids))


def test_settings_of_the_user_change_nothing(mug: ReportMaterial) -> None:
    import matplotlib

    plain = outcome_charts(mug.study, mug.dataset.frame, mug.table)
    with matplotlib.rc_context(
        {"font.size": 40, "xtick.major.pad": 20, "axes.linewidth": 5, "axes.facecolor": "red", "svg.fonttype": "path"}
    ):
        assert outcome_charts(mug.study, mug.dataset.frame, mug.table) == plain
        assert matplotlib.rcParams["font.size"] == 40


def test_distributions_count_the_analysed_sessions(mug: ReportMaterial) -> None:
    (chart,) = distribution_charts(mug.study, mug.dataset.frame)
    frame = mug.dataset.frame[mug.dataset.frame["status"] == "complete"]
    yes = int(frame["deal"].sum())
    assert f">{yes}<" in chart.svg
    assert f">{len(frame) - yes}<" in chart.svg


def test_what_is_missing_from_a_distribution_is_said(mug: ReportMaterial) -> None:
    frame = mug.dataset.frame.copy()
    frame.loc[frame.index[frame["status"] == "complete"][:7], "deal"] = np.nan
    (chart,) = distribution_charts(mug.study, frame)
    assert chart.notes == ("7 sessions without a value.",)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_or_no_rows_are_no_fault(kit: SimpleNamespace, rows: int) -> None:
    study = kit.study(kit.BAIL)
    frame = kit.frame(study, 30)
    table = kit.table(study, frame)
    some = frame[frame["status"] == "complete"].head(rows)
    assert bool(outcome_charts(study, some, table)) == bool(rows)
    assert bool(distribution_charts(study, some)) == bool(rows)


@pytest.mark.parametrize("value", [5.0, 0.0, -1e15, 3e-9])
def test_an_outcome_that_never_varies_is_drawn(kit: SimpleNamespace, value: float) -> None:
    study = kit.study(kit.BAIL)
    frame = kit.frame(study, 40)
    table = kit.table(study, frame)
    frame["bail"] = value
    assert outcome_charts(study, frame, table)
    assert distribution_charts(study, frame)


def test_huge_numbers_have_short_ticks(kit: SimpleNamespace) -> None:
    study = kit.study(kit.BAIL)
    frame = kit.frame(study, 200)
    table = kit.table(study, frame)
    frame["bail"] *= 1e9
    chart = outcome_charts(study, frame, table)[2]
    assert "× 10¹³" in chart.svg


def test_a_nominal_outcome_is_counted_and_never_averaged(kit: SimpleNamespace) -> None:
    variables = {**kit.BAIL["causal_model"]["variables"]}
    variables["remorse"] = {**variables["remorse"], "kind": "nominal"}
    study = kit.study(kit.BAIL, causal_model={**kit.BAIL["causal_model"], "variables": variables})
    frame = kit.frame(study, 60)
    titles = [chart.title for chart in outcome_charts(study, frame, kit.table(study, frame))]
    assert not any(title.startswith("Defendant's remorse") for title in titles)
    assert distribution_charts(study, frame)[0].title == "Defendant's remorse, as the prosecutor sees it: distribution"
