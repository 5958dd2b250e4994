"""How a number is written: the one place that decides on digits, separators, signs and dashes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from silicus.concepts.estimate import Estimate

__all__ = [
    "MISSING",
    "Cells",
    "axis_number",
    "cells",
    "count",
    "counted",
    "decimals",
    "number",
    "p_phrase",
    "p_value",
    "percent",
    "plain",
    "standardized",
]

MISSING = "–"
"""Stands where there is no number; a note says why."""

_MINUS = "−"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_DECIMALS = 8
_HUGE = 1e12


def decimals(scale: float | None) -> int:
    """How many decimals suit numbers of this size: two, and more where two significant digits need them.

    Parameters
    ----------
    scale
        The number itself, or the standard error that says how precisely it is known.
    """
    size = abs(scale or 0.0)
    if size == 0 or not math.isfinite(size):
        return 2
    if size >= 1e6:
        return 0
    return max(2, 1 - math.floor(math.log10(size)))


def number(value: float | None, places: int | None = None) -> str:
    """A number for a reader: ``54,428.57``, ``0.037``, ``−0.49``; powers of ten where digits would not help.

    Parameters
    ----------
    value
        The number; None gives the dash.
    places
        Decimals; by default those that suit the number's own size.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    places = decimals(value) if places is None else places
    if abs(value) >= _HUGE or (value != 0 and places > _MOST_DECIMALS):
        return _power_of_ten(value)
    text = f"{abs(value):,.{min(places, _MOST_DECIMALS)}f}"
    return _MINUS + text if value < 0 and any(digit in "123456789" for digit in text) else text


def plain(value: float | None) -> str:
    """A value as it was set or counted, without decimals that it does not need: ``6``, ``2.5``, ``1,200``."""
    if value is None or not math.isfinite(value):
        return MISSING
    if abs(value) >= _HUGE or 0 < abs(value) < 1e-6:
        return _power_of_ten(value)
    text = f"{abs(value):,.6f}".rstrip("0").rstrip(".")
    return _MINUS + text if value < 0 else text


def count(value: int) -> str:
    """A count: ``13,232``."""
    return f"{value:,}"


def counted(value: int, singular: str, plural: str = "") -> str:
    """A count with its noun: ``1 session``, ``405 sessions``."""
    return f"{count(value)} {singular if value == 1 else plural or singular + 's'}"


def p_value(p: float | None) -> str:
    """A p-value without its leading zero: ``.012``, ``< .001``, ``> .999``."""
    if p is None or not math.isfinite(p):
        return MISSING
    if p < 0.001:
        return "< .001"
    return "> .999" if p > 0.999 else f"{p:.3f}".removeprefix("0")


def p_phrase(p: float) -> str:
    """A p-value in a sentence: ``p = .012``, ``p < .001``."""
    text = p_value(p)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def percent(share: float | None) -> str:
    """A share in per cent: ``50%``, ``12.3%``, ``< 0.1%``."""
    if share is None or not math.isfinite(share):
        return MISSING
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{share * 100:.1f}".removesuffix(".0") + "%"


def standardized(value: float | None) -> str:
    """A standardised coefficient, with two decimals: ``0.51``, ``−0.07``."""
    return number(value, 2)


def axis_number(value: float) -> str:
    """A tick of an axis, short: ``20``, ``0.25``, ``54,000``, ``1.5 M``."""
    for size, letter in ((1e9, " bn"), (1e6, " M")):
        if size <= abs(value) < _HUGE:
            return plain(round(value / size, 3)) + letter
    return plain(float(f"{value:.6g}"))


@dataclass(frozen=True, slots=True)
class Cells:
    """One estimate as a row of a table shows it, all in the same number of decimals.

    Attributes
    ----------
    estimate, std_error, interval, p_value, standardized, n
        Texts; a dash where there is no number.
    """

    estimate: str
    std_error: str
    interval: str
    p_value: str
    standardized: str
    n: str


def cells(estimate: Estimate, factor: float = 1.0) -> Cells:
    """Write an estimate, its standard error and its interval with the decimals that its precision supports.

    Parameters
    ----------
    estimate
        The estimate.
    factor
        Multiplies estimate, standard error and interval: 100 turns proportions into percentage points, with the
        same digits; -1 turns a fall into a size.
    """
    places = max(0, _places(estimate) - round(math.log10(abs(factor))))
    if estimate.value is not None and abs(estimate.value * factor) >= _HUGE:
        places = _MOST_DECIMALS + 1
    low, high = sorted(end * factor for end in estimate.interval) if estimate.interval is not None else (None, None)
    return Cells(
        estimate=number(None if estimate.value is None else estimate.value * factor, places),
        std_error=_precision(estimate.std_error, abs(factor), places),
        interval=MISSING if low is None else f"{number(low, places)} to {number(high, places)}",
        p_value=p_value(estimate.p_value),
        standardized=standardized(estimate.standardized),
        n=count(estimate.n_units),
    )


def _places(estimate: Estimate) -> int:
    """Decimals by the standard error, but never far beyond those of the value: errors can be zero up to rounding."""
    by_value = decimals(estimate.value)
    if not estimate.std_error:
        return by_value
    return min(decimals(estimate.std_error), max(by_value, 2) + 3)


def _precision(std_error: float | None, factor: float, places: int) -> str:
    if std_error is None:
        return MISSING
    text = number(std_error * factor, places)
    is_shown = any(digit in "123456789" for digit in text)
    return text if is_shown or std_error == 0 or places > _MOST_DECIMALS else f"< {10**-places:.{places}f}"


def _power_of_ten(value: float) -> str:
    mantissa, exponent = f"{abs(value):.2e}".split("e")
    sign = _MINUS if value < 0 else ""
    return f"{sign}{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
