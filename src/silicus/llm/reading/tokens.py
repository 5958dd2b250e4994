"""Cutting a text into numerals, words and marks, with digits that only name something taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from silicus.llm.reading.spelling import listed

__all__ = ["CURRENCY_CODES", "CURRENCY_WORDS", "Token", "is_glued", "text_at", "tokens_of"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a folded text.

    Attributes
    ----------
    kind
        ``"numeral"`` (digits with their marks), ``"fraction"`` (such as ½), ``"word"``, or ``"mark"``.
    text
        What is written.
    start, end
        Where, in characters of the folded text.
    """

    kind: str
    text: str
    start: int
    end: int


CURRENCY_CODES = frozenset(listed("usd eur gbp chf jpy cny rmb inr rs cad aud nzd sek nok dkk"))
"""Words that stand before or after an amount."""
CURRENCY_WORDS = CURRENCY_CODES | frozenset(
    listed(
        "dollar dollars buck bucks euro euros pound pounds quid yen yuan rupee rupees franc francs peso pesos "
        "krona kronor kroner"
    )
)
"""Words that stand after an amount."""

_DIGIT_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten"
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
_LABELS = (
    "round|turn|step|stage|phase|question|item|statement|message|line|page|section|chapter|figure|table|session|"
    "bidder|player|participant|option|lot|case"
)
_NO_UNIT = rf"(?![.,]?\d)(?!-| ?(?:[€£¥%]|hundred|thousand|million|(?:{'|'.join(sorted(CURRENCY_WORDS))})\b))"
_LABELLED = re.compile(
    rf"(?<!the )\b(?:{_LABELS})s? (?:number |no\.? ?)?(?:# ?)?(?:\d{{1,3}}|(?:{_DIGIT_WORDS})\b){_NO_UNIT}"
    rf"|\b(?:in|since|by|year) (?:19|20)\d\d\b{_NO_UNIT}"
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


def tokens_of(folded: str) -> tuple[Token, ...]:
    """Cut a folded text into tokens; what only names something, such as "round 2" or a date, becomes one mark.

    Where a name is the whole text it stays: "Round 2" answers "in which round?".
    """
    if not _LABELLED.fullmatch(folded.strip(" .")):
        for names in _NAMES:
            folded = names.sub(lambda match: "\0" * len(match[0]), folded)
    return tuple(Token(match.lastgroup or "", match[0], *match.span()) for match in _TOKEN.finditer(folded))


def text_at(tokens: Sequence[Token], at: int) -> str:
    """Give the text of a token, or nothing outside of the text."""
    return tokens[at].text if 0 <= at < len(tokens) else ""


def is_glued(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token follows the one before it without a space."""
    return 0 < at < len(tokens) and tokens[at - 1].end == tokens[at].start
