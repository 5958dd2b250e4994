"""Where the parts of a causal graph are drawn: layers from causes to outcomes, nothing on top of anything else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise

from silicus.concepts.causal_model import CausalModel

__all__ = ["Arrow", "Box", "Layout", "Link", "Point", "arrange", "links_of", "text_columns", "text_width", "wrapped"]

Point = tuple[float, float]

FONT = 13.0
LINE = 16.0
BOX_WIDTH = 132.0
JOINT_WIDTH = 24.0
PORT = 40.0
GAP = 18.0
BEND = 52.0
MARGIN = 6.0
_DUMMY_HEIGHT = 14.0
_SWEEPS = 8
_MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Link:
    """One connection to draw.

    Attributes
    ----------
    source, target
        Names of variables, or of joints such as ``a:b``.
    above, below
        Texts that stand above and below the line; empty for a line into a joint.
    key
        Names the link in whatever the drawing knows about it.
    """

    source: str
    target: str
    above: str = ""
    below: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A variable, or the joint of an interaction, where it is drawn: centre, width, height."""

    name: str
    lines: tuple[str, ...]
    layer: int
    x: float
    y: float
    width: float
    height: float
    is_joint: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A link where it is drawn.

    Attributes
    ----------
    start
        Where it leaves its source.
    flat
        End of the level stretch that carries the texts.
    bends
        Level stretches further on, each as (left end, right end); the last is its arrival, of no length.
    """

    link: Link
    start: Point
    flat: Point
    bends: tuple[tuple[Point, Point], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing of this width and height, in pixels at natural size."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass(slots=True)
class _Slot:
    """A place in a layer: a box, or what a longer arrow needs to pass."""

    name: str
    layer: int
    height: float
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    y: float = 0.0


def text_width(text: str, font: float = FONT) -> float:
    """A cautious guess of a text's width in pixels: wide scripts count double, capitals a little more."""
    return sum(_letter_width(letter) for letter in text) * font


def text_columns(text: str) -> int:
    """How many columns a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
        for letter in text
    )


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in ("W", "F"):
        return 1.05
    if letter in "il.,:;'’|!()[] ":
        return 0.34
    return 0.74 if letter.isupper() or letter in "mwMW%" else 0.57


def wrapped(text: str, width: float, font: float = FONT, most_lines: int = _MOST_LINES) -> tuple[str, ...]:
    """Break a text into lines that fit; words too long are split, and what is too much ends in an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _pieces(word, width, font):
            longer = f"{line} {piece}" if line else piece
            if line and text_width(longer, font) > width:
                lines.append(line)
                line = piece
            else:
                line = longer
    lines.append(line)
    if len(lines) > most_lines:
        lines = [*lines[: most_lines - 1], lines[most_lines - 1][:-1].rstrip() + "…"]
    return tuple(lines)


def _pieces(word: str, width: float, font: float) -> Iterable[str]:
    piece = ""
    for letter in word:
        if piece and text_width(piece + letter, font) > width:
            yield piece
            piece = ""
        piece += letter
    yield piece


def links_of(model: CausalModel) -> tuple[Link, ...]:
    """The connections of a causal model; an interaction goes through a joint that its causes lead to."""
    links: dict[tuple[str, str], Link] = {}
    for equation in model.paths:
        for term in equation.terms:
            name = ":".join(term)
            if len(term) > 1:
                links |= {(cause, name): Link(cause, name) for cause in term}
            links[name, equation.outcome] = Link(name, equation.outcome, key=f"{equation.outcome}~{name}")
    return tuple(links.values())


def arrange(links: Sequence[Link], labels: dict[str, str]) -> Layout:
    """Place variables in layers by the longest path that leads to them, causes on the left.

    Parameters
    ----------
    links
        The connections; they contain no circle.
    labels
        Name of every variable -> its label. A name with a link and no label is a joint. Variables without a
        link stand among the causes.
    """
    texts = {name: wrapped(label, BOX_WIDTH - 18) for name, label in labels.items()}
    layers = _layers(links, labels)
    slots = _slots(links, layers, texts)
    columns = _ordered_columns(slots)
    _spread(columns, slots)
    lefts, widths, flats = _columns_across(links, layers, len(columns), labels)
    boxes = {
        name: Box(
            name=name, lines=texts.get(name, ()), layer=layers[name], x=lefts[layers[name]] + widths[layers[name]] / 2,
            y=slots[name].y, width=BOX_WIDTH if name in labels else JOINT_WIDTH, height=_box_height(name, links, texts),
            is_joint=name not in labels,
        )
        for name in layers
    }  # fmt: skip
    arrows = _arrows(links, boxes, slots, lefts, widths, flats)
    bottom = max((slot.y + slot.height / 2 for slot in slots.values()), default=0.0)
    width = lefts[-1] + widths[-1] if lefts else 0.0
    return Layout(width + MARGIN, bottom + MARGIN, tuple(boxes.values()), arrows)


def _layers(links: Sequence[Link], labels: dict[str, str]) -> dict[str, int]:
    before: dict[str, list[str]] = {name: [] for name in labels}
    for link in links:
        before.setdefault(link.source, [])
        before.setdefault(link.target, []).append(link.source)
    layers: dict[str, int] = {}
    for name in TopologicalSorter(before).static_order():
        layers[name] = 1 + max((layers[source] for source in before[name]), default=-1)
    return {name: layers[name] for name in before}


def _box_height(name: str, links: Sequence[Link], texts: dict[str, tuple[str, ...]]) -> float:
    leaving = sum(1 for link in links if link.source == name)
    arriving = sum(1 for link in links if link.target == name)
    if name not in texts:
        return max(JOINT_WIDTH, PORT * leaving)
    labelled = sum(1 for link in links if link.source == name and link.above)
    ports = PORT * labelled + 10.0 * (leaving - labelled)
    return max(LINE * len(texts[name]) + 16, ports if leaving > 1 else 0.0, 14.0 * arriving + 8)


def _slots(links: Sequence[Link], layers: dict[str, int], texts: dict[str, tuple[str, ...]]) -> dict[str, _Slot]:
    slots = {name: _Slot(name, layer, _box_height(name, links, texts)) for name, layer in layers.items()}
    for index, link in enumerate(links):
        previous = link.source
        for layer in range(layers[link.source] + 1, layers[link.target]):
            name = _dummy(index, layer)
            slots[name] = _Slot(name, layer, _DUMMY_HEIGHT)
            _connect(slots, previous, name)
            previous = name
        _connect(slots, previous, link.target)
    return slots


def _dummy(index: int, layer: int) -> str:
    return f"\0{index}\0{layer}"


def _connect(slots: dict[str, _Slot], left: str, right: str) -> None:
    slots[left].after.append(right)
    slots[right].before.append(left)


def _ordered_columns(slots: dict[str, _Slot]) -> list[list[_Slot]]:
    """Order each layer so that few lines cross: repeatedly by the mean place of the neighbours."""
    columns: list[list[_Slot]] = [[] for _ in range(1 + max((slot.layer for slot in slots.values()), default=-1))]
    for slot in slots.values():
        columns[slot.layer].append(slot)
    for sweep in range(_SWEEPS):
        is_forward = sweep % 2 == 0
        for column in columns if is_forward else columns[::-1]:
            place = {slot.name: index for other in columns for index, slot in enumerate(other)}
            means = {
                slot.name: _mean(
                    [place[name] for name in (slot.before if is_forward else slot.after)], place[slot.name]
                )
                for slot in column
            }
            column.sort(key=lambda slot: means[slot.name])
    return columns


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(columns: Sequence[list[_Slot]], slots: dict[str, _Slot]) -> None:
    """Give every slot its height on the page: near its neighbours, none upon another."""
    for column in columns:
        top = 0.0
        for slot in column:
            slot.y = top + slot.height / 2
            top += slot.height + GAP
    for sweep in range(_SWEEPS):
        for column in columns[1:] if sweep % 2 == 0 else columns[-2::-1]:
            names = [slot.before if sweep % 2 == 0 else slot.after for slot in column]
            wishes = [_mean([slots[name].y for name in near], slot.y) for slot, near in zip(column, names, strict=True)]
            for slot, y in zip(column, _apart(wishes, [slot.height for slot in column]), strict=True):
                slot.y = y
    top = min((slot.y - slot.height / 2 for slot in slots.values()), default=0.0)
    for slot in slots.values():
        slot.y += MARGIN - top


def _apart(wishes: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The places nearest to those wished for (least squares) that keep the order and the gaps.

    Subtracting each slot's least distance from the first turns this into isotonic regression, solved by
    pooling adjacent violators.
    """
    offsets = [0.0]
    for upper, lower in pairwise(heights):
        offsets.append(offsets[-1] + (upper + lower) / 2 + GAP)
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=False):
        total, size = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            earlier, members = pools.pop()
            total, size = total + earlier, size + members
        pools.append((total, size))
    flat = [total / size for total, size in pools for _ in range(size)]
    return [place + offset for place, offset in zip(flat, offsets, strict=False)]


def _columns_across(
    links: Sequence[Link], layers: dict[str, int], n_columns: int, labels: dict[str, str]
) -> tuple[list[float], list[float], list[float]]:
    """Left edge and width of each column, and the length of the level stretch behind it that carries texts."""
    widths = [
        max((BOX_WIDTH if name in labels else JOINT_WIDTH) for name, layer in layers.items() if layer == column)
        for column in range(n_columns)
    ]
    flats = [
        max(
            (max(text_width(link.above, FONT), text_width(link.below, FONT)) + 14
             for link in links if layers[link.source] == column and link.above),
            default=10.0,
        )
        for column in range(n_columns)
    ]  # fmt: skip
    lefts = [MARGIN]
    for column in range(1, n_columns):
        lefts.append(lefts[-1] + widths[column - 1] + flats[column - 1] + BEND)
    return lefts, widths, flats


def _arrows(
    links: Sequence[Link], boxes: dict[str, Box], slots: dict[str, _Slot],
    lefts: Sequence[float], widths: Sequence[float], flats: Sequence[float],
) -> tuple[Arrow, ...]:  # fmt: skip
    first = {i: _via(i, link, boxes)[0] for i, link in enumerate(links)}
    last = {i: _via(i, link, boxes)[-1] for i, link in enumerate(links)}
    leave = _ports(links, boxes, slots, {i: first[i] for i in first}, leaving=True)
    arrive = _ports(links, boxes, slots, {i: last[i] for i in last}, leaving=False)
    arrows = []
    for index, link in enumerate(links):
        source, target = boxes[link.source], boxes[link.target]
        start = (source.x + source.width / 2, leave[index])
        flat = (lefts[source.layer] + widths[source.layer] + flats[source.layer], leave[index])
        bends = [
            ((lefts[layer] - 4, slots[_dummy(index, layer)].y), (lefts[layer] + widths[layer] + flats[layer],
              slots[_dummy(index, layer)].y))
            for layer in range(source.layer + 1, target.layer)
        ]  # fmt: skip
        end = (target.x - target.width / 2, arrive[index])
        arrows.append(Arrow(link, start, flat, (*bends, (end, end))))
    return tuple(arrows)


def _via(index: int, link: Link, boxes: dict[str, Box]) -> tuple[str, str]:
    """The slots that an arrow meets first after its source and last before its target."""
    source, target = boxes[link.source].layer, boxes[link.target].layer
    if target - source == 1:
        return link.target, link.source
    return _dummy(index, source + 1), _dummy(index, target - 1)


def _ports(
    links: Sequence[Link], boxes: dict[str, Box], slots: dict[str, _Slot], towards: dict[int, str], *, leaving: bool
) -> dict[int, float]:
    """Where on its box each arrow starts (or ends): in the order of where it goes, spread over the side."""
    heights: dict[int, float] = {}
    for name, box in boxes.items():
        mine = [i for i, link in enumerate(links) if (link.source if leaving else link.target) == name]
        mine.sort(key=lambda i: (slots[towards[i]].y, i))
        if box.is_joint and not leaving:
            heights |= dict.fromkeys(mine, box.y)
            continue
        room = [PORT if leaving and links[i].above else 10.0 if leaving else 14.0 for i in mine]
        top = box.y - sum(room) / 2
        for i, height in zip(mine, room, strict=True):
            heights[i] = top + height / 2
            top += height
    return heights
