"""What reading an answer gives: a value, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["MissingCode", "Reading", "agreed", "found", "missing", "shortened"]

MissingCode = Literal[
    "empty", "refused", "withheld", "unparseable", "ambiguous", "not_applicable", "unknown", "out_of_range"
]  # fmt: skip

QUOTED_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says: a value, or a missing code with its reason.

    Attributes
    ----------
    value
        The number or the text; None exactly where ``missing`` is set.
    missing
        ``empty`` nothing was said; ``refused`` it would not answer; ``withheld`` the provider's content filter kept the
        answer back; ``unknown`` it said that it does not know;
        ``not_applicable`` there was nothing to measure, such as a price without a deal; ``ambiguous`` it can be
        understood in two ways; ``out_of_range`` it is none of the codes offered, or too large a number;
        ``unparseable`` anything else.
    reason
        Why it is missing, in words, quoting the text (shortened). Empty where there is a value.
    """

    value: float | str | None
    missing: MissingCode | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != (self.missing is not None):
            raise ValueError("a reading has either a value or a missing code")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError("a reading's value is finite")


def found(value: float) -> Reading:
    """Give a number as a reading; negative zero becomes zero."""
    return Reading(float(value) + 0.0)


def missing(code: MissingCode, why: str, text: str) -> Reading:
    """Give a missing value, with the text quoted after the reason."""
    quoted = shortened(text)
    return Reading(None, code, f"{why}: '{quoted}'" if quoted else why)


def shortened(text: str) -> str:
    """Put a text on one line and cut it to the length that a reason quotes."""
    line = " ".join(text[: 4 * QUOTED_LENGTH].split())
    return line if len(line) <= QUOTED_LENGTH else f"{line[: QUOTED_LENGTH - 1]}…"


def agreed(readings: Iterable[Reading], text: str) -> Reading:
    """Take the reading that several parts of one reply have in common; where they differ it is ambiguous."""
    first, *others = readings
    if all((other.value, other.missing) == (first.value, first.missing) for other in others):
        return first
    return missing("ambiguous", "it gives several different answers", text)
