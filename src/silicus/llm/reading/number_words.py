"""Numbers written in English words: twenty-five, a hundred and two, twelve hundred, two and a half million."""

from __future__ import annotations

import re
from collections.abc import Sequence

from silicus.llm.reading.spelling import bare, fold, listed

__all__ = ["FRACTION_WORDS", "SCALES", "number_from_words", "number_starting", "rounded", "times"]

_UNITS = {
    word: number
    for number, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
} | {"fourty": 40}
_HUNDRED = "hundred"
SCALES: dict[str, float] = {
    "dozen": 12,
    "thousand": 1e3,
    "grand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
"""What a number before it is multiplied by; ``hundred`` stands apart because it also ends a smaller group."""
FRACTION_WORDS = frozenset(
    listed(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fifteenth twentieth thirtieth hundredth thousandth half halves thirds fourths quarter quarters "
        "fifths sixths eighths tenths hundredths"
    )
)
"""After a number, these make it an ordinal (twenty-first) or a fraction (two thirds)."""
_FRACTIONS = {
    ("half",): 0.5, ("a", "half"): 0.5, ("one", "half"): 0.5, ("a", "quarter"): 0.25, ("one", "quarter"): 0.25,
    ("three", "quarters"): 0.75,
}  # fmt: skip
_WORD = re.compile(r"[a-z]+|[^\sa-z-]")

Found = tuple[float, int]
"""A number, and the position after its last word."""


def number_from_words(text: str) -> float | None:
    """Read a number that is written in English words and nothing else, such as "twenty-five" or "minus two".

    Parameters
    ----------
    text
        The words; case, hyphens and "and" do not matter. Fractions are read up to "half" and "quarter".

    Returns
    -------
    float | None
        The number, or None where the text is not one number in words. Digits are not words.
    """
    words = _WORD.findall(bare(fold(text)))
    negative = words[:1] in (["minus"], ["negative"])
    words = words[1:] if negative else words
    if (value := _FRACTIONS.get(tuple(words))) is None:
        starting = number_starting(words, 0)
        if starting is None or starting[1] != len(words):
            return None
        value = starting[0]
    return -value if negative and value else value


def rounded(value: float) -> float:
    """Round to the 15 digits that decimals keep in arithmetic: 1.1 million is 1100000, not 1100000.0000000002."""
    return float(f"{value:.15g}")


def times(value: float, scale: float) -> float:
    """Multiply a number by a whole scale such as a thousand."""
    return value * scale if value.is_integer() or scale == 1 else rounded(value * scale)


def number_starting(words: Sequence[str], start: int) -> Found | None:
    """Read the longest number in words that begins at a position; hyphens must have been taken out.

    Returns
    -------
    tuple[float, int] | None
        The number and the position after its last word, or None where no number begins there.
    """
    total, at, smallest = 0.0, start, float("inf")
    while (group := _group(words, at)) is not None and group[0] < smallest:
        value, after = group
        scale = SCALES.get(_at(words, after))
        if scale is None or scale >= smallest or value == 0:
            return total + value, after
        total, at, smallest = total + times(value, scale), after + 1, scale
        tail = _after_and(words, at)
        if tail is not None and tail[0] < smallest and _at(words, tail[1]) not in SCALES:
            return total + tail[0], tail[1]
    return (total, at) if at > start else None


def _group(words: Sequence[str], at: int) -> Found | None:
    """Read what may stand before a scale: three, a, half a, twenty-one hundred, two and a half, three point five."""
    if _at(words, at) == "half" and _at(words, at + 1) in ("a", "an") and _at(words, at + 2) in SCALES:
        return 0.5, at + 2
    if _at(words, at) in ("a", "an"):
        follower = _at(words, at + 1)
        if follower == _HUNDRED:
            return _hundreds(words, 1, at + 2)
        return (1.0, at + 1) if follower in SCALES else None
    if (small := _below_hundred(words, at)) is None:
        return None
    value, after = small
    if value and _at(words, after) == _HUNDRED:
        return _hundreds(words, value, after + 1)
    return _with_fraction(words, value, after)


def _hundreds(words: Sequence[str], count: float, at: int) -> Found:
    """Read on after "hundred": two hundred [and] five."""
    rest = _after_and(words, at)
    if rest is None and (rest := _below_hundred(words, at)) is not None and _at(words, rest[1]) == _HUNDRED:
        rest = None
    value, after = (count * 100 + rest[0], rest[1]) if rest else (count * 100, at)
    return _with_fraction(words, value, after)


def _after_and(words: Sequence[str], at: int) -> Found | None:
    """Read "and" with a number below a hundred, unless a larger one begins there ("one hundred and two hundred")."""
    if _at(words, at) != "and" or (rest := _below_hundred(words, at + 1)) is None or rest[0] == 0:
        return None
    return None if _at(words, rest[1]) == _HUNDRED else rest


def _below_hundred(words: Sequence[str], at: int) -> Found | None:
    word = _at(words, at)
    if word in _TENS:
        unit = _UNITS.get(_at(words, at + 1), 0)
        return (float(_TENS[word] + unit), at + 2) if 1 <= unit <= 9 else (float(_TENS[word]), at + 1)
    return (float(_UNITS[word]), at + 1) if word in _UNITS else None


def _with_fraction(words: Sequence[str], value: float, at: int) -> Found:
    """Add "and a half", or the digits after "point"."""
    if [_at(words, at + step) for step in range(3)] == ["and", "a", "half"]:
        return value + 0.5, at + 3
    if _at(words, at) != "point":
        return value, at
    end = at + 1
    while _UNITS.get(_at(words, end), 10) < 10:
        end += 1
    digits = "".join(str(_UNITS[word]) for word in words[at + 1 : end])
    return (float(f"{value:.0f}.{digits}"), end) if digits else (value, at)


def _at(words: Sequence[str], position: int) -> str:
    return words[position] if position < len(words) else ""
