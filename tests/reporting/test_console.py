"""The paths as rows of text."""

from __future__ import annotations

from silicus.concepts.estimate import EstimateTable
from silicus.reporting import formats
from silicus.reporting.console import paths_table, paths_text
from silicus.reporting.material import ReportMaterial


def test_every_path_is_a_row_with_its_formatted_numbers(mug: ReportMaterial) -> None:
    rows = paths_table(mug.table, mug.study)
    paths = [e for e in mug.table.estimates if e.quantity == "path" and e.treatment != "(intercept)"]
    assert [row.cause for row in rows] == [
        "Buyer's budget (dollars)", "Seller's minimum price (dollars)", "Seller's emotional attachment to the mug",
    ]  # fmt: skip
    for row, estimate in zip(rows, paths, strict=True):
        cells = formats.cells(estimate)
        assert row.outcome == "Whether a deal occurs for the mug"
        assert (row.estimate, row.std_error, row.interval) == (cells.estimate, cells.std_error, cells.interval)
        assert (row.p_value, row.standardized, row.n) == (cells.p_value, cells.standardized, cells.n)


def test_constants_are_rows_on_request(mug: ReportMaterial) -> None:
    causes = [row.cause for row in paths_table(mug.table, mug.study, constants=True)]
    assert causes[0] == "Constant"
    assert causes[-1] == "Residual variance"


def test_without_a_study_names_stay_names(mug: ReportMaterial) -> None:
    assert next((row.outcome, row.cause) for row in paths_table(mug.table)) == ("deal", "buyer_budget")


def test_a_missing_estimate_is_a_dash_with_its_reason(mug: ReportMaterial) -> None:
    gone = mug.table.estimates[1].model_copy(
        update={"value": None, "std_error": None, "interval": None, "p_value": None, "reason": "it never varied"}
    )
    (row,) = paths_table(EstimateTable(study=None, rehearsed=False, estimates=(gone,)))
    assert (row.estimate, row.std_error, row.p_value, row.note) == ("–", "–", "–", "it never varied")


def test_the_text_is_a_table_with_aligned_numbers_and_numbered_notes(mug: ReportMaterial) -> None:
    first = mug.table.estimates[1].model_copy(update={"diagnostics": ("heed this",)})
    table = mug.table.model_copy(update={"estimates": (first, *mug.table.estimates[2:]), "notes": ("about all of it",)})
    text = paths_text(table, mug.study)
    lines = text.splitlines()
    assert "95% interval" in lines[0]
    assert "Buyer's budget (dollars) [1]" in lines[1]
    assert lines[-2:] == ["[1] heed this", "about all of it"]
    ends = {line.index(formats.cells(e).estimate) + len(formats.cells(e).estimate)
            for line, e in zip(lines[1:4], table.estimates[:3], strict=True)}  # fmt: skip
    assert len(ends) == 1


def test_an_empty_analysis_has_no_rows() -> None:
    table = EstimateTable(study=None, rehearsed=False, estimates=())
    assert paths_table(table) == []
    assert paths_text(table).splitlines() == ["outcome  cause  estimate  SE  interval  p  standardised  n"]
