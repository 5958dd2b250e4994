"""Small figures of the outcomes: each readable on a phone, drawn without a display and without a clock."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from silicus.concepts.estimate import EstimateTable
from silicus.concepts.study import Study
from silicus.concepts.variables import Variable
from silicus.reporting import formats, wording
from silicus.reporting.layout import text_width
from silicus.reporting.summaries import GroupMean, Line, analysed, group_means, partial_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["MOST_POINTS", "Chart", "distribution_charts", "how_to_read", "outcome_charts"]

MOST_POINTS = 500
"""Single sessions drawn in one figure; of more, a seeded sample."""

_WIDTH, _HEIGHT = 340.0, 240.0
_FONT = 11.0
_SEED = 1927
_MOST_BARS = 12
_SHARES = "Dots with bars: shares with their confidence intervals (Wilson)."
_MEANS = "Dots with bars: means with their confidence intervals (Student t)."
_BOTH = "Dots with bars: shares (Wilson) or means (Student t) with their confidence intervals."
_POINTS = "Pale points: single sessions, moved apart a little."
_PATH_LINE = "Lines: the fitted paths, all other causes at their means."
_TOTAL_LINE = "Where a cause acts only through others, the line is its total effect."

# Stand for the colours of report.css, which differ by day, by night and on paper.
_COLOURS = {"#010101": "ink", "#020202": "muted", "#030303": "rule", "#040404": "accent", "#050505": "point"}
_INK, _MUTED, _RULE, _ACCENT, _POINT = _COLOURS


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with the words around it.

    Attributes
    ----------
    svg
        Inline drawing, 340 x 240 at natural size.
    title, y_label, x_label
        What is shown; the labels stand outside the drawing, where they can wrap.
    key
        What codes on the horizontal axis mean, as (code, words); empty where the axis says it.
    reading
        How to read it, in sentences that figures of the same kind share.
    notes
        What a reader should know about this one.
    """

    svg: Markup
    title: str
    y_label: str
    x_label: str
    key: tuple[tuple[str, str], ...] = ()
    reading: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Axis:
    """A horizontal axis: where its ticks stand and what they say."""

    at: tuple[float, ...]
    texts: tuple[str, ...]
    low: float
    high: float
    key: tuple[tuple[str, str], ...] = ()


def outcome_charts(study: Study, frame: pd.DataFrame, table: EstimateTable) -> tuple[Chart, ...]:
    """Each outcome by each treatment that can act on it: means, intervals, the fitted line, single sessions.

    Parameters
    ----------
    study
        Tells which treatment can act on which outcome.
    frame
        Shape (sessions tried, columns of the dataset).
    table
        The estimates; without one for a path its figure has no line.
    """
    rows = analysed(frame, study)
    pairs = [
        (outcome, cause)
        for outcome in study.causal_model.measured
        if outcome.kind != "nominal" and outcome.name in rows.columns
        for cause in _causes_of(study, outcome.name)
        if cause.name in rows.columns and not rows[[outcome.name, cause.name]].dropna().empty
    ]
    level = study.analysis.confidence_level
    if not pairs:
        return ()
    with _house_style():
        return tuple(
            _outcome_chart(rows, outcome, cause, _line(rows, table, study, outcome, cause), level, f"chart-{position}")
            for position, (outcome, cause) in enumerate(pairs, start=1)
        )


def _line(rows: pd.DataFrame, table: EstimateTable, study: Study, outcome: Variable, cause: Variable) -> Line | None:
    return None if cause.kind == "nominal" else partial_line(rows, table, study, outcome.name, cause.name)


def distribution_charts(study: Study, frame: pd.DataFrame) -> tuple[Chart, ...]:
    """How often each value of each outcome and mediator occurred among the sessions analysed."""
    rows = analysed(frame, study)
    measured = [v for v in study.causal_model.measured if v.name in rows.columns and rows[v.name].notna().any()]
    if not measured:
        return ()
    with _house_style():
        return tuple(_distribution_chart(rows[variable.name], variable) for variable in measured)


@contextmanager
def _house_style() -> Iterator[None]:
    """The drawing library's own defaults, whatever a user's settings file says: same input, same bytes."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "silicus",
                "path.simplify": False,
                "font.sans-serif": ["DejaVu Sans"],
            }
        )
        yield


def how_to_read(charts: Sequence[Chart]) -> str:
    """What the parts of these figures mean, said once for all of them."""
    used = {sentence for chart in charts for sentence in chart.reading}
    sentences = [s for s in (_SHARES, _MEANS, _POINTS, _PATH_LINE, _TOTAL_LINE) if s in used]
    return " ".join(sentences).replace(f"{_SHARES} {_MEANS}", _BOTH)


def _causes_of(study: Study, outcome: str) -> tuple[Variable, ...]:
    """The treatments from which a path leads to the outcome, at once or through mediators."""
    causes = {equation.outcome: equation.causes for equation in study.causal_model.paths}
    found: dict[str, None] = {}
    waiting = list(causes.get(outcome, ()))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += causes.get(name, ())
    return tuple(variable for variable in study.causal_model.treatments if variable.name in found)


def _outcome_chart(
    rows: pd.DataFrame, outcome: Variable, cause: Variable, line: Line | None, level: float, prefix: str
) -> Chart:
    is_share = wording.is_zero_one(outcome)
    means = group_means(rows, outcome.name, cause.name, is_binary=is_share, level=level)
    axis = _value_axis(cause, [group.value for group in means])
    figure, axes = _figure(axis)
    reading = [_SHARES if is_share else _MEANS]
    notes = []
    if not is_share:
        pairs = rows[[cause.name, outcome.name]].dropna()
        if len(pairs) > MOST_POINTS:
            notes.append(
                f"Points: {MOST_POINTS} of {formats.count(len(pairs))} sessions, drawn at random (seed {_SEED})."
            )
            pairs = pairs.sample(MOST_POINTS, random_state=_SEED)
        reading.append(_POINTS)
        points = (pairs[cause.name].to_numpy(), pairs[outcome.name].to_numpy())
        _draw_points(axes, *points, has_steps=outcome.kind == "ordinal")
    if line is not None:
        ends = (means[0].value, means[-1].value)
        axes.plot(ends, [line.intercept + line.slope * x for x in ends], color=_ACCENT, linewidth=1.4, zorder=2)
        reading.append(_TOTAL_LINE if line.is_total else _PATH_LINE)
    _draw_means(axes, means)
    _finish(axes, axis, is_share=is_share, is_whole=outcome.kind == "ordinal")
    title = f"{wording.heading(outcome.label)}, by {wording.without_article(cause.label)}"
    return Chart(
        svg=_inline(figure, prefix, title, _aloud(means, outcome, cause)),
        title=title,
        y_label=_y_label(outcome),
        x_label=wording.with_unit(wording.heading(cause.label), cause.unit),
        key=axis.key,
        reading=tuple(reading),
        notes=tuple(notes),
    )


def _y_label(outcome: Variable) -> str:
    if wording.is_zero_one(outcome):
        levels = wording.levels_of(outcome)
        return f"Share “{levels[-1].words if levels else 'yes'}”"
    return "Mean" + (f", {outcome.unit}" if outcome.unit else "")


def _aloud(means: Sequence[GroupMean], outcome: Variable, cause: Variable) -> str:
    """The figure's content in words, for a reader who does not see it."""
    shown = formats.percent if wording.is_zero_one(outcome) else formats.number
    parts = (f"{wording.level_words(cause, group.value)}: {shown(group.mean)} of {group.n}" for group in means[:40])
    return "; ".join(parts)


def _distribution_chart(values: pd.Series[Any], variable: Variable) -> Chart:
    known = values.dropna()
    counts = {float(code): int(n) for code, n in known.value_counts().sort_index().items()}  # type: ignore[arg-type]
    if variable.kind in ("binary", "ordinal", "nominal") or len(counts) <= _MOST_BARS:
        figure, axes, axis = _bars(counts, variable)
    else:
        figure, axes, axis = _histogram(known)
    axes.margins(y=0.14)
    axes.set_ylim(bottom=0)
    _finish(axes, axis, is_share=False, is_whole=True)
    n_missing = int(values.isna().sum())
    title = f"{wording.heading(variable.label)}: distribution"
    spoken = "; ".join(f"{wording.level_words(variable, code)}: {n}" for code, n in list(counts.items())[:40])
    return Chart(
        svg=_inline(figure, f"values-{variable.name}", title, spoken),
        title=title,
        y_label="Sessions",
        x_label=wording.with_unit(wording.heading(variable.label), variable.unit),
        key=axis.key,
        notes=(f"{formats.counted(n_missing, 'session')} without a value.",) if n_missing else (),
    )


def _bars(counts: dict[float, int], variable: Variable) -> tuple[Any, Axes, _Axis]:
    """A bar for each value that occurs or could, with its count above it."""
    codes = sorted(counts.keys() | _possible_codes(variable))
    axis = _value_axis(variable, codes, bars=True)
    figure, axes = _figure(axis)
    heights = [counts.get(code, 0) for code in codes]
    step = min((b - a for a, b in pairwise(codes)), default=1.0)
    drawn = axes.bar(codes, heights, width=step * 0.7, color=_POINT, linewidth=0)
    if len(codes) <= _MOST_BARS:
        axes.bar_label(drawn, labels=[formats.count(n) for n in heights], fontsize=_FONT, color=_INK, padding=2)
    return figure, axes, axis


def _possible_codes(variable: Variable) -> set[float]:
    if variable.kind == "binary" and not variable.levels:
        return {0.0, 1.0}
    return {level.code for level in variable.levels} if len(variable.levels) <= _MOST_BARS else set()


def _histogram(known: pd.Series[Any]) -> tuple[Any, Axes, _Axis]:
    import numpy as np

    n_bins = int(min(24, max(6, np.ceil(np.sqrt(known.size)))))
    heights, edges = np.histogram(known.to_numpy(), bins=n_bins)
    axis = _number_axis(float(edges[0]), float(edges[-1]))
    figure, axes = _figure(axis)
    axes.bar(edges[:-1], heights, width=np.diff(edges) * 0.92, align="edge", color=_POINT, linewidth=0)
    return figure, axes, axis


def _number_axis(low: float, high: float) -> _Axis:
    from matplotlib.ticker import MaxNLocator

    pad = (high - low) * 0.04 or max(abs(low) * 0.1, 0.5)
    ticks = [float(t) for t in MaxNLocator(5).tick_values(low, high) if low - pad <= t <= high + pad]
    at, texts = _without_overlap(ticks, [formats.axis_number(t) for t in ticks], low - pad, high + pad)
    return _Axis(at, texts, low - pad, high + pad)


def _value_axis(variable: Variable, codes: Sequence[float], *, bars: bool = False) -> _Axis:
    """Ticks at the values: their words where there is room for all, else codes with a key."""
    low, high = min(codes), max(codes)
    steps = {round(b - a, 9) for a, b in pairwise(codes)}
    pad = (high - low) * 0.08 or max(abs(low) * 0.1, 0.5)
    if bars or len(codes) == 2:
        pad = min(steps, default=1.0) * (0.6 if len(codes) > 2 else 0.5)
    words = [wording.level_words(variable, code) for code in codes]
    has_words = any(words[i] != wording.amount(code, variable.unit) for i, code in enumerate(codes))
    if has_words and len(steps) <= 1:
        room = (_WIDTH - 60) / len(codes)
        if all(text_width(text, _FONT) < room - 6 and _is_plain_latin(text) for text in words):
            half = min(steps, default=1.0) / 2
            return _Axis(tuple(codes), tuple(words), low - half, high + half)
    texts = [formats.axis_number(code) for code in codes]
    at, texts_shown = _without_overlap(codes, texts, low - pad, high + pad)
    key = tuple(zip(texts, words, strict=True)) if has_words else ()
    return _Axis(at, texts_shown, low - pad, high + pad, key)


def _is_plain_latin(text: str) -> bool:
    """True for what the drawing library can measure; other scripts go into the key, which the browser sets."""
    return all(ord(letter) < 0x250 for letter in text)


def _without_overlap(
    at: Sequence[float], texts: Sequence[str], low: float, high: float
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Leave out ticks whose text would touch the one before; the last is kept before its neighbour."""
    scale = (_WIDTH - 60) / (high - low)

    def touch(one: int, other: int) -> bool:
        needed = (text_width(texts[one], _FONT) + text_width(texts[other], _FONT)) / 2 + 3
        return (at[one] - at[other]) * scale < needed

    kept: list[int] = []
    for index in range(len(at)):
        if not kept or not touch(index, kept[-1]):
            kept.append(index)
    last = len(at) - 1
    if kept and kept[-1] != last:
        while len(kept) > 1 and touch(last, kept[-1]):
            kept.pop()
        if not touch(last, kept[-1]):
            kept.append(last)
    return tuple(at[i] for i in kept), tuple(texts[i] for i in kept)


def _figure(axis: _Axis) -> tuple[Any, Axes]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72), facecolor="none")
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8), facecolor="none")
    axes.set_xlim(axis.low, axis.high)
    axes.set_xticks(axis.at)
    axes.set_xticklabels(axis.texts, fontsize=_FONT, color=_INK, parse_math=False)
    axes.tick_params(length=3, color=_MUTED, width=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_MUTED)
    axes.grid(axis="y", color=_RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _draw_points(axes: Axes, x: Any, y: Any, *, has_steps: bool) -> None:
    """Single sessions, moved a little so that equal ones do not hide each other.

    Each is a stroke of hardly any length with round ends: one path for all, a tenth of the size of markers. (The
    drawing library leaves out strokes of no length.)
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    low, high = axes.get_xlim()
    values = np.unique(x)
    spread = min(np.diff(values).min(initial=1.0) * 0.3, (high - low) * 0.05)
    left = x + random.uniform(-spread, spread, size=len(x))
    shown = y + random.uniform(-0.12, 0.12, size=len(y)) if has_steps else y
    nothing = np.full(len(x), np.nan)
    axes.plot(
        np.column_stack([left, left + (high - low) * 1e-4, nothing]).ravel(),
        np.column_stack([shown, shown, nothing]).ravel(),
        color=_POINT, linewidth=3.6, solid_capstyle="round", alpha=0.5, zorder=1,
    )  # fmt: skip


def _draw_means(axes: Axes, means: Sequence[GroupMean]) -> None:
    held = [group for group in means if group.low is not None and group.high is not None]
    axes.vlines(
        [group.value for group in held], [group.low or 0.0 for group in held], [group.high or 0.0 for group in held],
        colors=_INK, linewidth=1.3, zorder=3,
    )  # fmt: skip
    axes.plot(
        [group.value for group in means], [group.mean for group in means],
        linestyle="none", marker="o", markersize=5.5, color=_INK, markeredgewidth=0, zorder=4,
    )  # fmt: skip


def _finish(axes: Axes, axis: _Axis, *, is_share: bool, is_whole: bool = False) -> None:
    """Round vertical ticks, and as much room at the sides as the texts need."""
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_ylim()
    if is_share:
        axes.set_ylim(min(-0.03, low), max(1.03, high))
        ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    else:
        ticks = [float(t) for t in MaxNLocator(5, integer=is_whole).tick_values(low, high) if low <= t <= high]
    texts = [formats.percent(t) if is_share else formats.axis_number(t) for t in ticks]
    axes.set_yticks(ticks)
    axes.set_yticklabels(texts, fontsize=_FONT, color=_INK, parse_math=False)
    axes.tick_params(axis="y", length=0)
    left = max((text_width(text, _FONT) for text in texts), default=0.0) + 10
    behind_last = (axis.high - axis.at[-1]) / (axis.high - axis.low) * (_WIDTH - left)
    right = 4 + max(4.0, text_width(axis.texts[-1], _FONT) / 2 - behind_last)
    axes.set_position((left / _WIDTH, 26 / _HEIGHT, (_WIDTH - left - right) / _WIDTH, (_HEIGHT - 36) / _HEIGHT))


def _inline(figure: Any, prefix: str, title: str, spoken: str) -> Markup:
    """The drawing as inline SVG: the page's colours and font, ids of its own, no address of anything outside."""
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = written.getvalue()
    body = drawing[drawing.index("</metadata>") + len("</metadata>") : drawing.rindex("</svg>")]
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r' (id=")|(url\(#)|xlink:(href="#)', lambda m: _prefixed(m, prefix), body)
    body = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, body)
    body = re.sub(r'<path d="([^"]*)"([^>]*stroke-linecap: round[^>]*)>', _as_dots, body)
    for stand_in, name in _COLOURS.items():
        body = body.replace(stand_in, f"var(--{name})")
    body = re.sub(r"\s*\n\s*", " ", body)
    head = (
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" aria-labelledby="{prefix}-t {prefix}-d">'
        f'<title id="{prefix}-t">{escape(title)}</title><desc id="{prefix}-d">{escape(spoken)}</desc>'
    )
    return Markup(head + body + "</svg>")


def _prefixed(match: re.Match[str], prefix: str) -> str:
    opening = match[1] or match[2] or match[3]
    return f"{' ' if match[1] else ''}{opening}{prefix}-"


def _as_dots(match: re.Match[str]) -> str:
    """The strokes of single sessions, each as a move and a line of no length."""
    dots = re.sub(r"M (\S+) (\S+)\s+L \S+ \S+\s*", r"M\1 \2h0", match[1])
    return f'<path d="{dots}"{match[2]}>'


def _rounded(match: re.Match[str]) -> str:
    """Coordinates to a tenth of a pixel."""
    return re.sub(r"\d+\.\d{2,}", lambda found: f"{float(found[0]):.1f}", match[0])
