"""Finding every number in a text: digits or words, with sign, scale and unit, and what is doubtful about it.

Numbers that only name something do not count: dates, times, ordinals, "round 2", "GPT-4", "a scale of 1 to 5".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from silicus.llm.reading.number_words import FRACTION_WORDS, SCALES, number_starting, times

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


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """One way of writing digits: which marks group them, which mark begins the decimals, and when that is doubtful."""

    pattern: re.Pattern[str]
    grouping: str = ""
    decimal: str = "."
    doubted: Literal["", "money", "number"] = ""


_SHAPES = (
    _Shape(re.compile(r"\d+")),
    _Shape(re.compile(r"[1-9]\d{0,2}\.\d{3}"), doubted="money"),  # 1.500 euros: one and a half, or fifteen hundred
    _Shape(re.compile(r"\d*\.\d+")),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"), ","),
    _Shape(re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?"), ","),  # 12,34,567 as written in India
    _Shape(re.compile(r"[1-9]\d{0,2}(?:['_]\d{3})+(?:\.\d+)?"), "'_"),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:['_]\d{3})+,\d+"), "'_", ","),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+"), ".", ","),
    _Shape(re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}"), ".", ","),
    _Shape(re.compile(r"\d+,\d{1,2}"), "", ",", doubted="number"),  # 12,5: a decimal comma, or two numbers
)

_SYMBOLS = frozenset("$€£¥₹₩₽₺₪₫₱฿₦¢")
_CODES = frozenset("usd eur gbp chf jpy cny rmb inr rs cad aud nzd sek nok dkk".split())
_MONEY_WORDS = _CODES | frozenset(
    "dollar dollars buck bucks euro euros pound pounds quid yen yuan rupee rupees franc francs peso pesos krona kronor "
    "kroner".split()
)
_WHOSE_DOLLARS = frozenset("us american canadian australian".split())
_CENTS = frozenset("¢ cent cents penny pennies pence".split())
_MEASURES = frozenset("cm mm km kg g lb lbs oz ml ft hr hrs min mins yr yrs".split())
_SCALES_AFTER_DIGITS = {
    **SCALES, "hundred": 1e2, "thousands": 1e3, "millions": 1e6, "billions": 1e9, "k": 1e3, "mn": 1e6, "mln": 1e6,
    "mio": 1e6, "bn": 1e9, "tn": 1e12, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7,
}  # fmt: skip
_SCALES_OF_MONEY = {"m": 1e6, "b": 1e9}

_DIGIT_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten"
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
_LABELS = (
    "round|turn|step|stage|phase|question|item|statement|message|line|page|section|chapter|figure|table|session|"
    "bidder|player|participant|option|lot|case"
)
_NO_UNIT = rf"(?![.,]?\d)(?!-| ?(?:[€£¥%]|hundred|thousand|million|(?:{'|'.join(sorted(_MONEY_WORDS))})\b))"
_LABELLED = re.compile(
    rf"(?<!the )\b(?:{_LABELS})s? (?:number |no\.? ?)?(?:# ?)?(?:\d{{1,3}}|(?:{_DIGIT_WORDS})\b){_NO_UNIT}"
)

# What is written with digits and is not a quantity.
_NAMES = (
    re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2}\.\d{1,2}\.\d{4}\b"),
    re.compile(rf"\b(?:{_MONTH}|may)\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? (?:19|20)\d\d\b)?"),
    re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:(?:{_MONTH})\b(?:,? (?:19|20)\d\d\b)?|may,? (?:19|20)\d\d\b)"),
    re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b(?: ?[ap]\.?m\b)?|\b\d{1,2} ?[ap]\.?m\b"),
    re.compile(r"\b[\d,]{1,12}(?:st|nd|rd|th)\b"),
    re.compile(r"# ?\d{1,9}\b"),
    re.compile(rf"\bscale (?:of|from) (?:\d{{1,4}}|{_DIGIT_WORDS}) ?(?:to|-) ?(?:\d{{1,4}}|{_DIGIT_WORDS})\b"),
    re.compile(rf"\b(?:the|these|those|all|both|other|last) (?:{_DIGIT_WORDS})\b{_NO_UNIT}"),
    _LABELLED,
)

_TOKEN = re.compile(
    r"(?P<numeral>(?:\d+(?:[.,'_]\d+)*|(?<![.\w])\.\d+)(?:e[+-]?\d+(?![\w.]))?)"
    r"|(?P<fraction>[¼½¾⅐-⅞])|(?P<word>[^\W\d_]+)|(?P<mark>\0+|\S|\n)"
)
_NUMBER_LENGTH = 30
_SENTENCE_LENGTH = 80
_SENTENCE_ENDS = frozenset(".!?;\n")

_BOUND_BEFORE = re.compile(
    r"\b(?:(?:more|less|fewer|greater|higher|lower|cheaper|smaller|larger) than|at (?:least|most)|up to|over|under|above|"
    r"below|beyond|exceed(?:s|ed|ing)?)(?: about| around)?$"
)
_BOUND_AFTER = re.compile(r"(?:or|and) (?:more|less|fewer|above|below|higher|lower|over|under|up)\b|\+|plus\b")
_DENIAL = re.compile(
    r"\b(?:not|never|neither|nor|cannot|without|reject\w*|refus\w+|declin\w+|turned down|instead of|rather than)\b|\bno$"
)
_LINKS = frozenset(("-", "to", "or", "and", "/", "through"))
_AFTER_VERB = frozenset("has have had exactly only just about with is was be equals".split())

_SPACED = "its digits could be one number or several"
_FRACTION = "it could be a fraction, a rating or an ordinal"


def quantities_in(folded: str, *, money: bool) -> tuple[Quantity, ...]:
    """Find every number in a folded text, in order.

    Parameters
    ----------
    folded
        The text, as ``spelling.fold`` gives it.
    money
        Whether the question was about money: then "12,50" has a decimal comma, and "1.500" is doubtful.
    """
    tokens = _tokens(folded)
    found: list[Quantity] = []
    at = 0
    while at < len(tokens):
        quantity = _quantity_at(tokens, at, money)
        if quantity is not None:
            found.append(quantity)
        at = at + 1 if quantity is None else quantity.stop
    linked = _linked(tokens, _with_cents_added(tokens, found))
    return tuple(replace(each, doubt=each.doubt or _doubt_around(tokens, each)) for each in linked)


def _tokens(folded: str) -> tuple[_Token, ...]:
    if not _LABELLED.fullmatch(folded.strip(" .")):
        for names in _NAMES:
            folded = names.sub(lambda match: "\0" * len(match[0]), folded)
    return tuple(_Token(match.lastgroup or "", match[0], *match.span()) for match in _TOKEN.finditer(folded))


def _quantity_at(tokens: Sequence[_Token], start: int, money: bool) -> Quantity | None:
    """Read the number that begins at a token, with its sign, currency, scale and unit."""
    at = start
    negative = _is_minus(tokens, at)
    at += negative
    marked = _text(tokens, at) in _SYMBOLS or _text(tokens, at) in _CODES
    if marked:
        at += 2 if _text(tokens, at) == "rs" and _text(tokens, at + 1) == "." else 1
        if _text(tokens, at) == "-" and _glued(tokens, at + 1):
            negative, at = True, at + 1
    first = at
    if (run := _digits_at(tokens, at)) is not None:
        digits, at, spaced = run
        alone = start == 0 and at + (_unit_at(tokens, at)[1]) == len(tokens)
        doubt = _SPACED if spaced and not marked and not alone else ""
        value, at, scale_doubt = _scaled(tokens, at, marked)
        unit, length = _unit_at(tokens, at)
        if unit == "" and not marked and _is_name(tokens, at):
            return None
        number, shape_doubt = _number(digits, money or marked or unit == "money")
        doubt = doubt or scale_doubt or shape_doubt
        result = None if number is None else times(number, value)
    elif (word_run := _words_at(tokens, at)) is not None:
        result, at = word_run
        unit, length = _unit_at(tokens, at)
        doubt = _FRACTION if _text(tokens, at + (_text(tokens, at) == "-")) in FRACTION_WORDS else ""
        if result == 1 and at == first + 1 and not (marked or unit or _counts_as_one(tokens, first)):
            return None
    else:
        return None
    if marked and unit == "":
        unit = "money"
    if result is not None and unit == "cents":
        result /= 100
    return Quantity(-result if negative and result else result, unit, doubt, start, at + length)
