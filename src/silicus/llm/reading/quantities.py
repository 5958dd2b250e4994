"""Finding every number in a text: digits or words, with sign, scale and unit, and what is doubtful about it.

Numbers that only name something do not count: dates, times, ordinals, "round 2", "a scale of 1 to 5". Numbers that
may mean something else than the amount asked for carry a doubt: "GPT-4", "at least 5", "not 5", "5 less", "5?".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from silicus.llm.reading.digits import number_of
from silicus.llm.reading.doubts import HALF_OF, doubt_around
from silicus.llm.reading.number_words import FRACTION_WORDS, SCALES, number_starting, rounded, times
from silicus.llm.reading.spelling import listed
from silicus.llm.reading.tokens import CURRENCY_CODES, CURRENCY_WORDS, Token, is_glued, text_at, tokens_of

__all__ = ["Quantity", "quantities_in"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text.

    Attributes
    ----------
    value
        The number, cents as parts of a whole; None where its digits cannot be understood.
    unit
        ``"money"``, ``"cents"`` (only until they are added up), ``"%"``, or nothing.
    doubt
        Why it cannot be taken as it stands, in words; empty where it can.
    start, stop
        The tokens that it covers.
    """

    value: float | None
    unit: Literal["", "money", "cents", "%"]
    doubt: str
    start: int
    stop: int


_SYMBOLS = frozenset("$€£¥₹₩₽₺₪₫₱฿₦")
_WHOSE_DOLLARS = frozenset(listed("us american canadian australian"))
_CENTS = frozenset(listed("¢ cent cents penny pennies pence"))
_MEASURES = frozenset(listed("cm mm km kg g lb lbs oz ml ft hr hrs min mins yr yrs"))
_SCALES_AFTER_DIGITS = {
    **SCALES, "hundred": 1e2, "thousands": 1e3, "millions": 1e6, "billions": 1e9, "k": 1e3, "mn": 1e6, "mln": 1e6,
    "mio": 1e6, "bn": 1e9, "tn": 1e12, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7,
}  # fmt: skip
_SCALES_OF_MONEY = {"m": 1e6, "b": 1e9}

MOST_NUMBERS = 200
_NUMBER_LENGTH = 30

_LINKS = frozenset(((), *((link,) for link in listed("- to or and / , through x × + plus minus times"))))
_BEFORE_ONE = frozenset(listed("has have had exactly only just about with is was be equals"))
_HALF = ["and", "a", "half"]

_MANY = "it is one of a great many numbers"
_NAME = "its digits are part of a name or have an unknown unit"
_SPACED = "its digits could be one number or several"
_FRACTION = "it could be a fraction, a rating, a date or an ordinal"
_LETTER = "a letter after the number could be a scale or a unit"


@dataclass(frozen=True, slots=True)
class _Run:
    """The number itself: its value, the token after it, and what is doubtful."""

    value: float | None
    stop: int
    doubt: str = ""


def quantities_in(folded: str, *, money: bool) -> tuple[Quantity, ...]:
    """Find every number in a folded text, in order; of more than 200, the first ones, none of which can be relied on.

    Parameters
    ----------
    folded
        The text, as ``spelling.fold`` gives it.
    money
        Whether the question was about money: then "12,50" has a decimal comma, and "1.500" is doubtful.
    """
    tokens = tokens_of(folded)
    found: list[Quantity] = []
    at = 0
    while at < len(tokens) and len(found) <= MOST_NUMBERS:
        quantity = _quantity_at(tokens, at, money)
        if quantity is not None:
            found.append(quantity)
        at = at + 1 if quantity is None else quantity.stop
    if len(found) > MOST_NUMBERS:
        return tuple(replace(each, doubt=_MANY) for each in found)
    linked = _linked(tokens, _with_cents_added(tokens, found))
    return tuple(replace(each, doubt=each.doubt or _doubt(tokens, each, money)) for each in linked)


def _doubt(tokens: Sequence[Token], quantity: Quantity, money: bool) -> str:
    return doubt_around(tokens, quantity.start, quantity.stop, as_money=money and not quantity.unit)


def _quantity_at(tokens: Sequence[Token], start: int, money: bool) -> Quantity | None:
    """Read the number that begins at a token, with its sign, currency, scale and unit."""
    negative, marked, first = _before_digits(tokens, start)
    run = _digits_at(tokens, first, marked, money) or _words_at(tokens, first, marked)
    if run is None:
        return None
    unit, stop = _unit_at(tokens, run.stop)
    if not unit and text_at(tokens, first - 1) == "¢" and is_glued(tokens, first):
        unit = "cents"
    value = run.value
    if value is not None:
        value = (-value if negative else value) / (100 if unit == "cents" else 1)
    return Quantity(value, "money" if marked and not unit else unit, run.doubt, start, stop)


def _before_digits(tokens: Sequence[Token], start: int) -> tuple[bool, bool, int]:
    """Read a sign and a currency: whether each is there, and the token after them."""
    negative, at = _sign_at(tokens, start)
    marked = text_at(tokens, at) in _SYMBOLS or text_at(tokens, at) in CURRENCY_CODES
    if marked:
        at += 2 if text_at(tokens, at) == "rs" and text_at(tokens, at + 1) == "." else 1
        if not negative and text_at(tokens, at) == "-" and is_glued(tokens, at + 1):
            negative, at = True, at + 1
    return negative, marked, at


def _sign_at(tokens: Sequence[Token], at: int) -> tuple[bool, int]:
    """Read a minus: one that touches what follows it and nothing before it but an opening mark, or the word."""
    if text_at(tokens, at) in ("minus", "negative"):
        return True, at + 1
    if text_at(tokens, at) != "-" or not is_glued(tokens, at + 1):
        return False, at
    free = not is_glued(tokens, at) or tokens[at - 1].text in '(["=:\n'
    return (True, at + 1) if free else (False, at)


def _digits_at(tokens: Sequence[Token], at: int, marked: bool, money: bool) -> _Run | None:
    """Read a number that begins with a digit or with a fraction such as ½."""
    if at >= len(tokens) or tokens[at].kind not in ("numeral", "fraction"):
        return None
    if not marked and is_glued(tokens, at) and tokens[at - 1].kind == "word":
        return None
    digits, stop, spaced = _joined(tokens, at)
    added = 0.0
    if stop < len(tokens) and tokens[stop].kind == "fraction":
        added, stop = unicodedata.numeric(tokens[stop].text), stop + 1
    scale, stop, doubt = _scale_at(tokens, stop, marked)
    if [text_at(tokens, stop + step) for step in range(3)] == _HALF:
        added, stop, doubt = added + 0.5, stop + 3, doubt or (HALF_OF if scale != 1 or added else "")
    unit, end = _unit_at(tokens, stop)
    number, misshapen = number_of(digits, money=money or marked or unit in ("money", "cents"))
    doubt = doubt or misshapen
    if spaced and not (marked or (at == 0 and end == len(tokens))):
        doubt = doubt or _SPACED
    if not unit and _is_name(tokens, at, stop):
        doubt = doubt or _NAME
    return _Run(None if number is None else times(number + added, scale), stop, doubt)


def _joined(tokens: Sequence[Token], at: int) -> tuple[str, int, bool]:
    """Join groups of three digits that spaces part: the digits, the token after them, and whether that is doubtful.

    A group such as 000 or 050 cannot be a number of its own; a group such as 500 can.
    """
    if tokens[at].kind == "fraction":
        return "0", at, False
    groups, stop = [tokens[at].text], at + 1
    if re.fullmatch(r"[1-9]\d{0,2}", groups[0]):
        while (
            stop < len(tokens)
            and tokens[stop].start == tokens[stop - 1].end + 1
            and re.fullmatch(r"\d{3}(?:[.,]\d{1,2})?", tokens[stop].text)
            and groups[-1].isdigit()
        ):
            groups.append(tokens[stop].text)
            stop += 1
    return "_".join(groups), stop, len(groups) > 1 and not any(group[0] == "0" for group in groups)


def _scale_at(tokens: Sequence[Token], at: int, marked: bool) -> tuple[float, int, str]:
    """Read thousand, k, million and so on: the scale, the token after it, and what is doubtful."""
    scale = 1.0
    while True:
        hyphen = text_at(tokens, at) == "-" and is_glued(tokens, at) and is_glued(tokens, at + 1)
        word = text_at(tokens, at + hyphen)
        if word in _SCALES_AFTER_DIGITS:
            scale, at = scale * _SCALES_AFTER_DIGITS[word], at + hyphen + 1
        elif word in _SCALES_OF_MONEY and scale == 1:
            if marked or _unit_at(tokens, at + 1)[0] == "money":
                return _SCALES_OF_MONEY[word], at + 1, ""
            return 1.0, at + 1, _LETTER
        else:
            return scale, at, ""


def _unit_at(tokens: Sequence[Token], at: int) -> tuple[Literal["", "money", "cents", "%"], int]:
    """Read what a number counts, where it is a currency, cents or percent, and the token after it."""
    hyphen = text_at(tokens, at) == "-" and is_glued(tokens, at) and is_glued(tokens, at + 1)
    here = at + hyphen
    word, after = text_at(tokens, here), text_at(tokens, here + 1)
    if word in ("%", "percent") or (word, after) == ("per", "cent"):
        return "%", here + (2 if word == "per" else 1)
    if word in _WHOSE_DOLLARS and (after in CURRENCY_WORDS or after == "$"):
        return "money", here + 2
    if word in _CENTS or (word == "p" and is_glued(tokens, here)):
        return "cents", here + 1
    begins_next = is_glued(tokens, here + 1) and tokens[here + 1].kind == "numeral"
    if (word in CURRENCY_WORDS or word in _SYMBOLS) and not begins_next:
        return "money", here + 1
    return "", at


def _is_name(tokens: Sequence[Token], at: int, stop: int) -> bool:
    """Whether letters hang on to the digits from before (GPT-4) or from behind (12ab)."""
    behind = is_glued(tokens, stop) and tokens[stop].kind == "word" and tokens[stop].text not in _MEASURES
    before = is_glued(tokens, at) and text_at(tokens, at - 1) == "-" and is_glued(tokens, at - 1)
    return behind or (before and tokens[at - 2].kind == "word")


def _words_at(tokens: Sequence[Token], at: int, marked: bool) -> _Run | None:
    """Read a number in words; a lone "one" only where it counts something ("no one", "one of them" do not)."""
    words, places = [], []
    for place in range(at, min(at + _NUMBER_LENGTH, len(tokens))):
        if tokens[place].kind == "word":
            words.append(tokens[place].text)
            places.append(place)
        elif not (words and tokens[place].text == "-" and is_glued(tokens, place) and is_glued(tokens, place + 1)):
            break
    if (number := number_starting(words, 0)) is None:
        return None
    value, length = number
    stop = places[length - 1] + 1
    counts = marked or _unit_at(tokens, stop)[0] or number_starting(words, 1) or _counts(tokens, at)
    if words[:length] == ["one"] and not counts:
        return None
    if words[length : length + 3] == _HALF:
        return _Run(value, stop, HALF_OF)
    return _Run(value, stop, _FRACTION if words[length : length + 1] and words[length] in FRACTION_WORDS else "")


def _counts(tokens: Sequence[Token], at: int) -> bool:
    """Whether the "one" at a token counts: "has one conviction", "the number is one."."""
    follower = tokens[at + 1] if at + 1 < len(tokens) else None
    if text_at(tokens, at - 1) not in _BEFORE_ONE:
        return False
    if text_at(tokens, at - 1) in ("is", "was"):
        return follower is None or follower.kind == "mark"
    return follower is None or follower.text not in ("of", "another", "who", "that")


def _gap(tokens: Sequence[Token], first: Quantity, second: Quantity) -> tuple[str, ...]:
    """Give the tokens between two numbers, as far as a link between them can reach."""
    return tuple(token.text for token in tokens[first.stop : min(second.start, first.stop + 2)])


def _with_cents_added(tokens: Sequence[Token], found: Sequence[Quantity]) -> list[Quantity]:
    """Add cents to the dollars just before them, and make cents that stand alone an amount of money."""
    merged: list[Quantity] = []
    for each in found:
        last = merged[-1] if merged else None
        if each.unit != "cents":
            merged.append(each)
        elif last is not None and (total := _with_cents(tokens, last, each)) is not None:
            merged[-1] = replace(last, value=total, stop=each.stop)
        else:
            merged.append(replace(each, unit="money"))
    return merged


def _with_cents(tokens: Sequence[Token], dollars: Quantity, cents: Quantity) -> float | None:
    """Add up "12 dollars and 50 cents"; None where the two do not belong together."""
    if dollars.unit != "money" or cents.doubt or _gap(tokens, dollars, cents) not in ((), ("and",), (",",)):
        return None
    if dollars.value is None or not dollars.value.is_integer() or cents.value is None or not 0 <= cents.value < 1:
        return None
    return rounded(dollars.value + math.copysign(cents.value, dollars.value))


def _linked(tokens: Sequence[Token], found: list[Quantity]) -> list[Quantity]:
    """Let a unit count for both numbers of a pair ("$10-12", "10 or 12 dollars"), and doubt digits such as 1/2."""
    linked = list(found)
    pairs = [(i, i + 1) for i in range(len(linked) - 1)]
    for i, j in pairs + pairs[::-1]:
        first, second = linked[i], linked[j]
        gap = _gap(tokens, first, second)
        if gap not in _LINKS:
            continue
        if gap == ("/",):
            linked[i] = replace(first, doubt=first.doubt or _FRACTION)
            linked[j] = replace(second, doubt=second.doubt or _FRACTION)
        if {first.unit, second.unit} == {"", "money"}:
            linked[i] = replace(linked[i], unit="money")
            linked[j] = replace(linked[j], unit="money")
    return linked
