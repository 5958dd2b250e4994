"""The causal graph with its estimates, as a drawing that reads on paper, in the dark and aloud."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from silicus.concepts.estimate import Estimate, EstimateTable
from silicus.concepts.study import Study
from silicus.reporting import formats, wording
from silicus.reporting.anchors import anchors_of
from silicus.reporting.layout import LINE, Arrow, Box, Layout, Link, arrange, links_of

__all__ = ["PathLabel", "causal_graph", "graph_layout", "path_labels"]

_MOST_CONTRASTS = 4
_HEAD = 8.0


@dataclass(frozen=True, slots=True)
class PathLabel:
    """What the drawing says of one arrow.

    Attributes
    ----------
    link
        The connection with its two texts.
    sign
        ``positive``, ``negative`` or ``unknown``; the last also where several contrasts are summed up.
    is_clear
        True where the confidence level's test rejects zero.
    sentence
        The same, read aloud.
    anchor
        The row of the table of paths; empty where the arrow stands for none or several.
    """

    link: Link
    sign: str
    is_clear: bool
    sentence: str
    anchor: str = ""


def path_labels(table: EstimateTable, study: Study) -> dict[str, PathLabel]:
    """What stands on each arrow of the graph, by the link's key."""
    anchors = anchors_of(table)
    labels: dict[str, PathLabel] = {}
    for link in links_of(study.causal_model):
        if not link.key:
            continue
        names = set(link.source.split(":"))
        found = [
            (index, estimate)
            for index, estimate in enumerate(table.estimates)
            if estimate.quantity == "path"
            and estimate.outcome == link.target
            and {factor.name for factor in wording.factors_of(estimate.treatment)} == names
        ]
        whole = _ends(study, link)
        if not found or len(found) > _MOST_CONTRASTS:
            labels[link.key] = _summary(link, whole, len(found))
            continue
        for index, estimate in found:
            key = link.key if len(found) == 1 else f"{link.key}#{index}"
            level = _level(estimate) if len(found) > 1 or "[" in estimate.treatment else ""
            labels[key] = _label(link, key, estimate, level, whole, anchors[index])
    return labels


def _ends(study: Study, link: Link) -> str:
    causes = " by ".join(wording.label_of(study, name) for name in link.source.split(":"))
    return f"{causes} to {wording.label_of(study, link.target)}"


def _summary(link: Link, whole: str, n_contrasts: int) -> PathLabel:
    texts = (f"{n_contrasts} contrasts", "see the table") if n_contrasts else ("not", "estimated")
    named = Link(link.source, link.target, *texts, key=link.key)
    return PathLabel(named, "unknown", False, f"{whole}: {' '.join(texts)}")


def _level(estimate: Estimate) -> str:
    words = " × ".join(factor.level for factor in wording.factors_of(estimate.treatment) if factor.level is not None)
    return words if len(words) <= 16 else words[:15].rstrip() + "…"


def _label(link: Link, key: str, estimate: Estimate, level: str, whole: str, anchor: str) -> PathLabel:
    cells = formats.cells(estimate)
    error = f"({cells.std_error})" if estimate.std_error is not None else "(no SE)"
    above, below = (cells.estimate, error) if estimate.value is not None else ("not", "estimated")
    if level:
        above, below = (f"{above} {below}", level)
    alpha = 1 - estimate.confidence_level
    is_clear = estimate.value is not None and estimate.p_value is not None and estimate.p_value < alpha
    sign = "unknown" if not estimate.value else "positive" if estimate.value > 0 else "negative"
    p = f", {formats.p_phrase(estimate.p_value)}" if estimate.p_value is not None else ""
    text = f"{cells.estimate} {error}{p}" if estimate.value is not None else f"not estimated, {estimate.reason}"
    sentence = f"{whole}{f', {level}' if level else ''}: {text}"
    return PathLabel(Link(link.source, link.target, above, below, key=key), sign, is_clear, sentence, anchor)


def graph_layout(study: Study, labels: dict[str, PathLabel]) -> Layout:
    """Where the variables and arrows of a study's graph are drawn."""
    bare = [link for link in links_of(study.causal_model) if not link.key]
    connected = {name for equation in study.causal_model.paths for name in (equation.outcome, *equation.causes)}
    texts = {
        variable.name: wording.heading(variable.label)
        for variable in study.causal_model.variables
        if variable.name in connected or variable.measure is not None
    }
    return arrange([*bare, *(label.link for label in labels.values())], texts)


def causal_graph(table: EstimateTable, study: Study) -> Markup:
    """Draw the causal model with ``estimate (SE)`` on its arrows, as inline SVG.

    Colour and dashes both tell the sign, the weight of a line tells whether zero is rejected. An interaction
    is a small joint that its causes lead to. Residual covariances are left out. Colours and fonts are those of
    ``report.css``.
    """
    labels = path_labels(table, study)
    layout = graph_layout(study, labels)
    sentences = ". ".join(label.sentence for label in labels.values()) or "No paths"
    parts = [
        Markup('<svg class="graph" role="img" aria-labelledby="graph-title graph-desc" viewBox="0 0 {} {}" '
               'style="--natural: {}px"><title id="graph-title">Causal graph with estimates</title>'
               '<desc id="graph-desc">{}.</desc>').format(
            _px(layout.width), _px(layout.height), _px(layout.width), sentences
        ),
        *(_arrow(arrow, labels.get(arrow.link.key)) for arrow in layout.arrows),
        *(_box(box, study) for box in layout.boxes),
        Markup("</svg>"),
    ]  # fmt: skip
    return Markup("").join(parts)


def _arrow(arrow: Arrow, label: PathLabel | None) -> Markup:
    line = Markup('<path class="line" d="{}"/>').format(_route(arrow, 0.0 if label is None else _HEAD - 1))
    if label is None:
        return Markup('<g class="arrow into-joint">{}</g>').format(line)
    x, y = arrow.bends[-1][1]
    head = Markup('<path class="head" d="M{} {}l{} -4.5v9z"/>').format(_px(x), _px(y), _px(-_HEAD))
    middle = (arrow.start[0] + arrow.flat[0]) / 2
    text = Markup('<text x="{0}" y="{1}">{2}</text><text class="error" x="{0}" y="{3}">{4}</text>').format(
        _px(middle), _px(arrow.start[1] - 5), label.link.above, _px(arrow.start[1] + 14), label.link.below
    )
    if label.anchor:
        text = Markup('<a href="#{}">{}</a>').format(label.anchor, text)
    weight = "clear" if label.is_clear else "unclear"
    return Markup('<g class="arrow {} {}">{}{}<g class="label">{}<title>{}</title></g></g>').format(
        label.sign, weight, line, head, text, label.sentence
    )


def _route(arrow: Arrow, shorten: float) -> str:
    """A level stretch with the texts, then a bend to each further stretch, the last ending level at the target."""
    x, y = arrow.flat
    steps = [f"M{_px(arrow.start[0])} {_px(arrow.start[1])}H{_px(x)}"]
    for index, (left, right) in enumerate(arrow.bends):
        is_last = index == len(arrow.bends) - 1
        end = left[0] - (shorten if is_last else 0.0)
        middle = (x + end) / 2
        steps.append(f"C{_px(middle)} {_px(y)} {_px(middle)} {_px(left[1])} {_px(end)} {_px(left[1])}")
        if not is_last:
            steps.append(f"H{_px(right[0])}")
        x, y = right
    return "".join(steps)


def _box(box: Box, study: Study) -> Markup:
    if box.is_joint:
        return Markup('<g class="joint"><circle cx="{0}" cy="{1}" r="11"/><text x="{0}" y="{2}">×</text></g>').format(
            _px(box.x), _px(box.y), _px(box.y + 5)
        )
    variable = wording.find_variable(study, box.name)
    kind = "cause" if variable is None or variable.treatment is not None else "outcome"
    first = box.y - (len(box.lines) - 1) * LINE / 2 + 4.5
    lines = Markup("").join(
        Markup('<tspan x="{}" y="{}">{}</tspan>').format(_px(box.x), _px(first + index * LINE), line)
        for index, line in enumerate(box.lines)
    )
    full = Markup("<title>{}</title>").format(variable.label) if variable is not None else Markup("")
    return Markup(
        '<g class="{}">{}<rect x="{}" y="{}" width="{}" height="{}" rx="7"/><text>{}</text></g>'
    ).format(
        kind, full, _px(box.x - box.width / 2), _px(box.y - box.height / 2), _px(box.width), _px(box.height), lines
    )  # fmt: skip


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
