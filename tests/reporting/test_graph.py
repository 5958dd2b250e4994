"""Where the causal graph's parts are drawn, and the drawing."""

from __future__ import annotations

import html
import itertools
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.concepts.study import Study
from silicus.reporting import formats
from silicus.reporting.graph import causal_graph, graph_layout, path_labels
from silicus.reporting.layout import FONT, Arrow, Box, Layout, Link, arrange, links_of, text_width, wrapped
from silicus.reporting.material import ReportMaterial

Rectangle = tuple[float, float, float, float]


def box_area(box: Box) -> Rectangle:
    return box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2


def text_areas(arrow: Arrow) -> list[Rectangle]:
    middle, y = (arrow.start[0] + arrow.flat[0]) / 2, arrow.start[1]
    areas = []
    for text, top, bottom in ((arrow.link.above, y - 16, y - 3), (arrow.link.below, y + 3, y + 16)):
        if text:
            half = text_width(text, FONT) / 2
            areas.append((middle - half, top, middle + half, bottom))
    return areas


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def line_pieces(arrow: Arrow) -> list[Rectangle]:
    """Boxes around short pieces of the line: level stretches and sampled bends."""
    points = [arrow.start, arrow.flat]
    x, y = arrow.flat
    for left, right in arrow.bends:
        middle = (x + left[0]) / 2
        for step in range(1, 21):
            t = step / 20
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            xs, ys = (x, middle, middle, left[0]), (y, y, left[1], left[1])
            points.append((sum(w * v for w, v in zip(weights, xs, strict=True)),
                           sum(w * v for w, v in zip(weights, ys, strict=True))))  # fmt: skip
        points.append(right)
        x, y = right
    return [(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])) for a, b in itertools.pairwise(points)]


def collisions(layout: Layout) -> list[str]:
    """Everything that lies on something else: boxes, texts, and lines under texts."""
    found = []
    boxes = [(box.name, box_area(box)) for box in layout.boxes]
    texts = [(arrow.link, area) for arrow in layout.arrows for area in text_areas(arrow)]
    for (a, one), (b, other) in itertools.combinations(boxes, 2):
        found += [f"box {a} on box {b}"] if overlap(one, other) else []
    for (one_link, one), (other_link, other) in itertools.combinations(texts, 2):
        found += [f"text of {one_link} on text of {other_link}"] if overlap(one, other) else []
    for link, area in texts:
        found += [f"text of {link} on box {name}" for name, other in boxes if overlap(area, other)]
        for arrow in layout.arrows:
            found += [f"line of {arrow.link} under text of {link}" for p in line_pieces(arrow) if overlap(area, p)]
        if min(area[:2]) < 0 or area[2] > layout.width or area[3] > layout.height:
            found.append(f"text of {link} leaves the drawing")
    return found


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Link], dict[str, str]]:
    """Acyclic graphs with up to 8 causes, mediators, several outcomes and an interaction."""
    n_causes, n_inner = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    names = [f"x{i}" for i in range(n_causes)] + [f"y{i}" for i in range(n_inner)]
    number = st.sampled_from(["0.037", "−1,153.06", "54,428.57", "not"])
    links = []
    for position in range(n_causes, len(names)):
        for source in draw(st.sets(st.sampled_from(names[:position]), min_size=1)):
            links.append(Link(source, names[position], draw(number), "(603.33)", key=f"{source}>{position}"))
    if n_causes > 1 and draw(st.booleans()):
        links += [
            Link("x0", "x0:x1"),
            Link("x1", "x0:x1"),
            Link("x0:x1", names[-1], draw(number), "(0.1)", key="joint"),
        ]
    words = st.text(st.sampled_from("aW 文é"), max_size=60)
    return sorted(links, key=lambda link: link.key), {name: draw(words) for name in names}


@given(graphs())
def test_no_text_lies_on_anything_and_no_box_on_another(graph: tuple[list[Link], dict[str, str]]) -> None:
    assert collisions(arrange(*graph)) == []


@given(graphs())
def test_every_arrow_leads_rightwards_from_box_to_box(graph: tuple[list[Link], dict[str, str]]) -> None:
    links, labels = graph
    layout = arrange(links, labels)
    boxes = {box.name: box for box in layout.boxes}
    assert {link.key for link in links} == {arrow.link.key for arrow in layout.arrows}
    for arrow in layout.arrows:
        source, target = boxes[arrow.link.source], boxes[arrow.link.target]
        assert source.layer < target.layer
        assert arrow.start[0] == pytest.approx(source.x + source.width / 2)
        assert abs(arrow.start[1] - source.y) <= source.height / 2
        end = arrow.bends[-1][1]
        assert end[0] == pytest.approx(target.x - target.width / 2)
        assert abs(end[1] - target.y) <= target.height / 2


def test_a_mediator_stands_between_cause_and_outcome(bail: ReportMaterial) -> None:
    layout = graph_layout(bail.study, path_labels(bail.table, bail.study))
    layers = {box.name: box.layer for box in layout.boxes}
    assert layers["convictions"] < layers["remorse"] < layers["bail"] < layers["appeal"]
    assert [box.name for box in layout.boxes if box.is_joint] == ["convictions:cases"]
    assert collisions(layout) == []


@pytest.mark.parametrize("width", [40.0, 122.0])
@pytest.mark.parametrize(
    "text", ["", "a", "Donaudampfschifffahrtsgesellschaft", "one two " * 40, "杯子的情感依恋程度非常强烈"]
)
def test_lines_fit_and_lose_no_letter_before_the_limit(text: str, width: float) -> None:
    lines = wrapped(text, width, most_lines=10_000)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(text_width(line) <= width for line in lines)
    cut = wrapped(text, width, most_lines=2)
    assert len(cut) <= 2
    assert (len(cut) < len(lines)) == cut[-1].endswith("…")


def test_an_interaction_goes_through_a_joint(bail: ReportMaterial) -> None:
    ends = [(link.source, link.target) for link in links_of(bail.study.causal_model)]
    assert ("convictions", "convictions:cases") in ends
    assert ("cases", "convictions:cases") in ends
    assert ("convictions:cases", "bail") in ends


def drawing(material: ReportMaterial) -> ElementTree.Element:
    return ElementTree.fromstring(
        re.sub(r"&(?!amp;|lt;|gt;|quot;|#)", "&amp;", causal_graph(material.table, material.study))
    )


def test_the_drawing_shows_every_estimate_with_sign_clarity_and_a_way_to_its_row(bail: ReportMaterial) -> None:
    groups = {}
    for group in drawing(bail).iter("g"):
        title = group.find("g/title")
        if title is not None:
            groups[title.text] = group
    for index, estimate in enumerate(bail.table.estimates, start=1):
        if estimate.quantity != "path" or estimate.treatment == "(intercept)":
            continue
        cells = formats.cells(estimate)
        (group,) = [g for text, g in groups.items() if f": {cells.estimate} ({cells.std_error})" in (text or "")]
        assert ("positive" if (estimate.value or 0) > 0 else "negative") in group.attrib["class"]
        assert ("unclear" in group.attrib["class"]) == ((estimate.p_value or 0) >= 0.05)
        assert [a.attrib["href"] for a in group.iter("a")] == [f"#estimate-{index}"]


def test_the_drawing_can_be_read_aloud(mug: ReportMaterial) -> None:
    svg = drawing(mug)
    assert svg.attrib["role"] == "img"
    names = svg.attrib["aria-labelledby"].split()
    described = {element.attrib["id"]: element.text or "" for element in svg if "id" in element.attrib}
    assert names == list(described)
    cells = formats.cells(mug.table.estimates[1])
    assert (
        f"the buyer's budget to whether a deal occurs for the mug: {cells.estimate} ({cells.std_error})"
        in (described["graph-desc"])
    )


def test_what_was_not_estimated_is_said(kit: SimpleNamespace) -> None:
    study: Study = kit.study(kit.MUG)
    table = kit.table(study, kit.frame(study, 60)).model_copy(update={"estimates": ()})
    labels = path_labels(table, study)
    assert {(label.link.above, label.link.below, label.sign) for label in labels.values()} == {
        ("not", "estimated", "unknown")
    }


def test_many_contrasts_are_summed_up(kit: SimpleNamespace) -> None:
    study: Study = kit.study(kit.BAIL)
    levels = [kit.estimate("appeal", f"plea[level {i}]", 0.1, 0.05, 100) for i in range(7)]
    table = kit.bail().table.model_copy(update={"estimates": tuple(levels)})
    label = path_labels(table, study)["appeal~plea"]
    assert (label.link.above, label.link.below, label.anchor) == ("7 contrasts", "see the table", "")


def test_labels_are_text_and_never_markup(kit: SimpleNamespace) -> None:
    variables = {**kit.MUG["causal_model"]["variables"]}
    variables["buyer_budget"] = {**variables["buyer_budget"], "label": "<script>x</script> & co"}
    study = kit.study(kit.MUG, causal_model={**kit.MUG["causal_model"], "variables": variables})
    svg = causal_graph(kit.table(study, kit.frame(study, 60)), study)
    assert "<script" not in svg
    assert "<script>x" in html.unescape(str(svg))
