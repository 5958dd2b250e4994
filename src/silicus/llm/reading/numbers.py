"""Reading a number or an amount of money out of an answer in plain words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from silicus.llm.reading.number_words import number_from_words
from silicus.llm.reading.phrases import DEAL, NO_DEAL, NOT_APPLICABLE, REFUSED, UNKNOWN, code_of
from silicus.llm.reading.quantities import Quantity, quantities_in
from silicus.llm.reading.reply import read_answers_of
from silicus.llm.reading.result import Reading, found, missing
from silicus.llm.reading.spelling import bare

__all__ = ["read_finite", "read_money", "read_number"]

_TOO_LARGE = "the number is too large"

_COUNTED_NONE = frozenset(("none", "none at all", "nothing", "nothing at all", "nil", "nought", "naught"))
_ENDLESS = frozenset(("inf", "infinity", "infinite", "unlimited", "∞"))
_NO_DEAL_FIRST = re.compile(
    rf"^\W*(?:there (?:was|is) )?no (?:explicit )?{DEAL}(?: was)?(?: reached| made| struck)? *(?:[.,;:!-]|\n|$)"
)


def read_number(text: str) -> Reading:
    """Read the one number that an answer names, in digits or in English words.

    "none", "nothing" and "nil" count as 0; "no deal" does not: it is ``not_applicable``. "45%" is 45. A point begins
    decimals and a comma groups thousands, unless the digits can only be meant the other way ("1.500,00"); "12,5" is
    ambiguous. "1/2", "4/5" and "7 out of 10" are ambiguous; "½" is 0.5. Several different numbers, a bound ("at least
    5"), a share ("half of 5"), a difference ("5 less"), a denied number and a question are ambiguous; the same number
    twice is one number. Dates, times, ordinals and numbers that name something ("round 2") do not count.

    Parameters
    ----------
    text
        The answer. What a language model thinks aloud between ``<think>`` tags is left out; where a line begins with
        ``Answer:``, only that line counts.

    Returns
    -------
    Reading
        A finite number, or a missing code with its reason.
    """
    return read_answers_of(text, lambda part: _read_part(part, text, money=False))


def read_money(text: str) -> Reading:
    """Read the one amount of money that an answer names; 50 cents are 0.5.

    Amounts with a currency come before plain numbers: "In round 2 they agreed on $12" is 12. The currency itself is
    neither checked nor converted. A plain number that may count something else ("after 5 rounds") is ambiguous.
    "12,50" has a decimal comma here; "$1.500" is ambiguous. "none" and "no deal" are
    ``not_applicable``. "nothing" and "nil" are ambiguous: they can mean a price of 0, or no price; "zero" and "$0"
    are 0. For the rest see :func:`read_number`.

    Parameters
    ----------
    text
        The answer.

    Returns
    -------
    Reading
        A finite amount in whole units of the currency, or a missing code with its reason.
    """
    return read_answers_of(text, lambda part: _read_part(part, text, money=True))


def read_finite(number: float) -> Reading:
    """Read a number that is a number already, as JSON carries it; it must be finite."""
    try:
        value = float(number)
    except OverflowError:
        return missing("out_of_range", _TOO_LARGE, f"{str(number)[:20]}…")
    if math.isnan(value):
        return missing("unparseable", "it is not a number", str(number))
    return missing("out_of_range", _TOO_LARGE, str(number)) if math.isinf(value) else found(value)


def _read_part(part: str, text: str, *, money: bool) -> Reading:
    words = bare(part)
    if words in _COUNTED_NONE:
        return _none_at_all(words, text, money=money)
    if words.lstrip("+-") in _ENDLESS:
        return missing("out_of_range", _TOO_LARGE, text)
    if (value := number_from_words(words)) is not None:
        return found(value)
    if _NO_DEAL_FIRST.match(part):
        return missing(NO_DEAL[0], NO_DEAL[2], text)
    said = code_of(part, (REFUSED, NOT_APPLICABLE, NO_DEAL, UNKNOWN))
    named = _named(quantities_in(part, money=money), text, money=money)
    if said is None:
        return named or missing("unparseable", "it names no amount" if money else "it names no number", text)
    code, why = said
    return missing(code, why, text) if named is None else missing("ambiguous", f"{why}, and yet names a number", text)


def _none_at_all(words: str, text: str, *, money: bool) -> Reading:
    if not money:
        return found(0)
    if words.startswith("none"):
        return missing("not_applicable", "it says that there was none", text)
    return missing("ambiguous", "it could mean an amount of zero, or that there was none", text)


def _named(quantities: Sequence[Quantity], text: str, *, money: bool) -> Reading | None:
    """Choose the number that counts; None where there is none at all."""
    if money:
        marked = [quantity for quantity in quantities if quantity.unit == "money"]
        quantities = marked or [quantity for quantity in quantities if quantity.unit == ""]
    if not quantities:
        return None
    if len({quantity.value for quantity in quantities}) > 1:
        return missing("ambiguous", f"it names several different {'amounts' if money else 'numbers'}", text)
    value = quantities[0].value
    if value is None or all(quantity.doubt for quantity in quantities):
        return missing("ambiguous", quantities[0].doubt, text)
    return read_finite(value)
