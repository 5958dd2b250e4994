"""The table of paths and the causal graph for a LaTeX paper."""

from __future__ import annotations

import re

from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.reporting import formats, wording
from silicus.reporting.graph import PathLabel, graph_layout, path_labels
from silicus.reporting.layout import Arrow, Box
from silicus.reporting.tables import EstimateRow, OutcomeBlock, methods_of, table_view

__all__ = ["latex_escaped", "latex_graph", "latex_table"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\char34{}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "–": "--",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "’": "'",
    "‘": "`",
    "€": r"\texteuro{}",
    "£": r"\textsterling{}",
    "²": r"\textsuperscript{2}",
}
_RAISED = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True))
_PT_PER_PX = 0.75
_LONG_LABEL = 20
"""Labels longer than this and four columns of numbers are wider than the text of LaTeX's article class."""


def latex_escaped(text: str) -> str:
    """A text that LaTeX sets as it stands, whatever characters it contains."""
    text = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "\0" + "".join(_RAISED[each] for each in found[0]) + "\1", text)
    escaped = "".join(_SPECIAL.get(letter, letter) for letter in text)
    return escaped.replace("\0", r"\textsuperscript{").replace("\1", "}")


def latex_table(table: EstimateTable, study: Study) -> str:
    r"""The table of paths in ``booktabs`` style: estimate (SE), standardised estimate, p, n.

    The preamble needs ``\usepackage{booktabs}``; other than Latin letters in labels need XeLaTeX or LuaLaTeX.
    """
    view = table_view(table, study)
    marks = {mark for block in view.paths for row in block.rows for mark in row.marks}
    notes = tuple((letter, note) for letter, note in view.notes if letter in marks)
    methods = methods_of(estimate for estimate in table.estimates if estimate.quantity == "path")
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage{textcomp}",
        r"\begin{table}[htbp]",
        r"  \centering",
        rf"  \caption{{{_caption(table, study)}}}",
        rf"  \label{{tab:{study.name.replace('_', '-')}-paths}}",
        rf"  \begin{{tabular}}{{{_first_column(view.paths)}rrrr}}",
        r"    \toprule",
        r"    Cause & Estimate (SE) & Standardised & $p$ & $n$ \\",
        *(line for block in view.paths for line in _block(block)),
        r"    \bottomrule",
        r"  \end{tabular}",
        *_notes(table, notes, methods),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _caption(table: EstimateTable, study: Study) -> str:
    title = latex_escaped((study.title or wording.capitalised(study.scenario.text)).rstrip("."))
    rehearsed = " Rehearsed: the numbers say nothing about people." if table.rehearsed else ""
    return f"{title}: estimated paths.{rehearsed}"


def _first_column(blocks: tuple[OutcomeBlock, ...]) -> str:
    """A column as wide as its labels, or of a share of the page where they are long."""
    longest = max((len(row.label) for block in blocks for row in block.rows), default=0)
    return "l" if longest <= _LONG_LABEL else r"p{.33\linewidth}"


def _block(block: OutcomeBlock) -> list[str]:
    summary = f" \\textit{{({latex_escaped(block.summary)})}}" if block.summary else ""
    heading = rf"\raggedright \textbf{{{latex_escaped(block.heading)}}}{summary}"
    return [
        r"    \midrule",
        rf"    \multicolumn{{5}}{{p{{.95\linewidth}}}}{{{heading}}} \\",
        *(f"    {_row(row)}" for row in block.rows),
    ]


def _row(row: EstimateRow) -> str:
    cells = row.cells
    marks = rf"\textsuperscript{{{','.join(row.marks)}}}" if row.marks else ""
    error = f" ({cells.std_error})" if cells.std_error != formats.MISSING else ""
    label = row.label + (" (exploratory)" if row.is_exploratory else "")
    texts = (f"{cells.estimate}{error}", cells.standardized, cells.p_value, cells.n)
    return " & ".join([rf"\raggedright\quad {latex_escaped(label)}{marks}", *map(latex_escaped, texts)]) + r" \\"


def _notes(table: EstimateTable, notes: tuple[tuple[str, str], ...], methods: tuple[str, ...]) -> list[str]:
    texts = [rf"\textsuperscript{{{letter}}} {latex_escaped(note)}." for letter, note in notes]
    texts += [latex_escaped(sentence) for sentence in (*methods, *table.notes)]
    if not texts:
        return []
    return [r"  \par\medskip", rf"  \parbox{{\linewidth}}{{\footnotesize {' '.join(texts)}}}"]


def latex_graph(table: EstimateTable, study: Study) -> str:
    """The causal graph as a standalone TikZ picture, ``estimate (SE)`` on its arrows.

    Negative paths are dashed, and paths whose test rejects zero are thick. Compile it by itself, or take the
    ``tikzpicture`` into a paper.
    """
    labels = path_labels(table, study)
    layout = graph_layout(study, labels)
    names = {box.name: f"n{position}" for position, box in enumerate(layout.boxes)}
    return (
        "\n".join(
            [
                r"\documentclass[border=6pt]{standalone}",
                r"\usepackage{textcomp}",
                r"\usepackage{tikz}",
                r"\usetikzlibrary{arrows.meta}",
                r"\begin{document}",
                *(["% Rehearsed: the numbers say nothing about people."] if table.rehearsed else []),
                r"\begin{tikzpicture}[x=1pt, y=-1pt, >={Latex[length=5pt]}, font=\footnotesize,",
                r"  cause/.style={draw, rounded corners=4pt, align=center, inner sep=2pt},",
                r"  outcome/.style={cause, line width=1.1pt},",
                r"  joint/.style={draw, circle, inner sep=1pt},",
                r"  clear/.style={line width=1.2pt}, unclear/.style={line width=0.4pt},",
                r"  negative/.style={dashed}, positive/.style={}, unknown/.style={dotted}]",
                *(f"  {_node(box, names[box.name], study)}" for box in layout.boxes),
                *(f"  {_edge(arrow, labels.get(arrow.link.key))}" for arrow in layout.arrows),
                r"\end{tikzpicture}",
                r"\end{document}",
            ]
        )
        + "\n"
    )


def _node(box: Box, name: str, study: Study) -> str:
    place = f"({name}) at ({_pt(box.x)}, {_pt(box.y)})"
    if box.is_joint:
        return rf"\node[joint] {place} {{\ensuremath{{\times}}}};"
    variable = wording.find_variable(study, box.name)
    style = "outcome" if variable is not None and variable.measure is not None else "cause"
    size = f"minimum width={_pt(box.width)}pt, minimum height={_pt(box.height)}pt"
    text = r" \\ ".join(latex_escaped(line) for line in box.lines)
    return rf"\node[{style}, {size}] {place} {{{text}}};"


def _edge(arrow: Arrow, label: PathLabel | None) -> str:
    style = "unclear" if label is None else f"->, {label.sign}, {'clear' if label.is_clear else 'unclear'}"
    route = [
        f"({_pt(arrow.start[0])}, {_pt(arrow.start[1])}) -- {_texts(arrow)}({_pt(arrow.flat[0])}, {_pt(arrow.flat[1])})"
    ]
    x, y = arrow.flat
    for left, right in arrow.bends:
        middle = _pt((x + left[0]) / 2)
        route.append(
            f".. controls ({middle}, {_pt(y)}) and ({middle}, {_pt(left[1])}) .. ({_pt(left[0])}, {_pt(left[1])})"
        )
        if right != left:
            route.append(f"-- ({_pt(right[0])}, {_pt(right[1])})")
        x, y = right
    return rf"\draw[{style}] {' '.join(route)};"


def _texts(arrow: Arrow) -> str:
    """The two texts at the middle of the level stretch."""
    if not arrow.link.above:
        return ""
    above, below = latex_escaped(arrow.link.above), latex_escaped(arrow.link.below)
    shape = "font=\\scriptsize, inner sep=1.5pt"
    return f"node[above, {shape}] {{{above}}} node[below, {shape}] {{{below}}} "


def _pt(pixels: float) -> str:
    return f"{pixels * _PT_PER_PX:.1f}".removesuffix(".0")
