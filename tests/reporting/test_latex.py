"""The table and the graph for a paper."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from silicus.reporting import formats
from silicus.reporting.latex import latex_escaped, latex_graph, latex_table
from silicus.reporting.material import ReportMaterial
from silicus.reporting.tables import table_view


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("100% of $5 & #1_a", r"100\% of \$5 \& \#1\_a"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a^b~c", r"a\textasciicircum{}b\textasciitilde{}c"),
        ("< > −1 × 2", r"\textless{} \textgreater{} \ensuremath{-}1 \ensuremath{\times} 2"),
        ("“so”", "``so''"),
        ("2.50 × 10⁻¹¹", r"2.50 \ensuremath{\times} 10\textsuperscript{-11}"),
    ],
)
def test_any_text_is_set_as_it_stands(text: str, latex: str) -> None:
    assert latex_escaped(text) == latex


def test_the_table_holds_every_path(mug: ReportMaterial) -> None:
    text = latex_table(mug.table, mug.study)
    for estimate in mug.table.estimates:
        if estimate.quantity == "path" and estimate.treatment != "(intercept)":
            cells = formats.cells(estimate)
            row = " & ".join(
                latex_escaped(each) for each in (f"{cells.estimate} ({cells.std_error})", cells.standardized,
                                                 cells.p_value, cells.n)
            )  # fmt: skip
            assert f"& {row} \\\\" in text
    assert r"\toprule" in text
    assert r"\bottomrule" in text
    assert "Rehearsed" in text


def test_the_table_marks_what_is_missing(mug: ReportMaterial) -> None:
    gone = mug.table.estimates[1].model_copy(
        update={"value": None, "std_error": None, "interval": None, "p_value": None, "standardized": None,
                "reason": "100% of rows agree"}
    )  # fmt: skip
    text = latex_table(mug.table.model_copy(update={"estimates": (gone,)}), mug.study)
    assert r"(dollars)\textsuperscript{a} & -- & -- & -- &" in text
    assert r"\textsuperscript{a} 100\% of rows agree." in text


def test_the_table_has_no_note_on_what_it_does_not_show(mug: ReportMaterial, kit: SimpleNamespace) -> None:
    total = kit.estimate("deal", "buyer_budget", 0.04, 0.004, 405).model_copy(
        update={"quantity": "total_effect", "reason": "the effect is not one number", "method": "the delta method"}
    )
    latex = latex_table(mug.table.model_copy(update={"estimates": (*mug.table.estimates, total)}), mug.study)
    assert latex == latex_table(mug.table, mug.study)
    assert "not one number" in str(table_view(mug.table.model_copy(update={"estimates": (total,)}), mug.study).notes)


def test_long_labels_wrap_in_a_column_of_their_own_width(mug: ReportMaterial, kit: SimpleNamespace) -> None:
    """A table of one-line labels of 40 letters is wider than the page."""
    assert r"\begin{tabular}{p{.33\linewidth}rrrr}" in latex_table(mug.table, mug.study)
    short = kit.estimate("deal", "dose", 0.04, 0.004, 405)
    assert r"\begin{tabular}{lrrrr}" in latex_table(mug.table.model_copy(update={"estimates": (short,)}), mug.study)


def test_labels_cannot_break_out_of_the_table(kit: SimpleNamespace) -> None:
    variables = {**kit.MUG["causal_model"]["variables"]}
    variables["buyer_budget"] = {**variables["buyer_budget"], "label": r"\end{table} & 50% \\ of $x_1$"}
    study = kit.study(kit.MUG, causal_model={**kit.MUG["causal_model"], "variables": variables})
    table = kit.table(study, kit.frame(study, 60))
    for text in (latex_table(table, study), latex_graph(table, study)):
        assert r"\textbackslash{}end\{table\} \&" in text
        assert not re.search(r"(?<!\\)[%&] 50", text)


@pytest.mark.parametrize("name", ["mug", "bail"])
def test_braces_and_environments_are_balanced(name: str, request: pytest.FixtureRequest) -> None:
    material: ReportMaterial = request.getfixturevalue(name)
    for text in (latex_table(material.table, material.study), latex_graph(material.table, material.study)):
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)[::-1]


def test_the_graph_has_every_estimate_and_tells_sign_and_clarity(bail: ReportMaterial) -> None:
    text = latex_graph(bail.table, bail.study)
    assert text.startswith(r"\documentclass[border=6pt]{standalone}")
    for estimate in bail.table.estimates:
        if estimate.quantity == "path" and estimate.treatment != "(intercept)":
            cells = formats.cells(estimate)
            sign = "positive" if (estimate.value or 0) > 0 else "negative"
            (line,) = [li for li in text.splitlines() if f"{{{latex_escaped(cells.estimate)}" in li and "draw" in li]
            assert f"->, {sign}, {'clear' if (estimate.p_value or 0) < 0.05 else 'unclear'}" in line
            assert latex_escaped(cells.std_error) in line
    assert text.count(r"\node[joint]") == 1
