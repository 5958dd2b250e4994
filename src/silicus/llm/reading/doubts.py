"""What the words around a number make of it: a bound, a share, a difference, a denial, a question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from silicus.llm.reading.spelling import listed
from silicus.llm.reading.tokens import Token

__all__ = ["HALF_OF", "doubt_around"]

HALF_OF = "it is unclear what the half is a half of"
"""What is doubtful about "5 million and a half"."""

_SENTENCE_LENGTH = 80
_SENTENCE_ENDS = frozenset(".!?;\n")

# What the words just before or after a number, or earlier in its sentence, make of it.
_DOUBTS_BEFORE = tuple(
    (re.compile(pattern), doubt)
    for pattern, doubt in (
        (
            r"\b(?:(?:more|less|fewer|greater|higher|lower|cheaper|smaller|larger) than(?: or equal to)?|"
            r"at (?:least|most)|up to|over|under|above|below|beyond|exceed(?:s|ed|ing)?)(?: about| around)?$",
            "it names a bound",
        ),
        (
            r"(?:\b(?:half|third|quarter|twice|double|triple|percent|times)|%)(?: of)?(?: the)?$",
            "it names a share of it",
        ),
        (r"\bby(?: about| around| another)?$", "it names a difference"),
        (r"(?<![-=] )[<>≥≤](?: =)?$", "it names a bound"),
        (r"\b(?:dollar|buck)$", "it could be only the cents"),
        (
            r"\b(?:not|never|neither|nor|cannot|without|reject\w*|refus\w+|declin\w+|turned down|instead of|"
            r"rather than)\b|\bno$",
            "it is denied",
        ),
    )
)
_BOUND_AFTER = re.compile(r"(?:or|and) (?:more|less|fewer|above|below|higher|lower|over|under|up)\b|\+")
_FRACTION_AFTER = re.compile(r"(?:- )?and (?:- )?(?:an?|one|two|three) (?:- )?(?:half|halves|quarters?|thirds?)\b")
_DIFFERENCE_AFTER = re.compile(r"(?:more|less|off|above|below|lower|higher|cheaper)\b")
_NOT_COUNTED = frozenset(
    listed(
        "for in and or as at on by to from is was if but because since after before when while which that then so "
        "even flat exactly each per total final plus including with should would could will may might can sounds "
        "seems works it they he she i we the this"
    )
)


def doubt_around(tokens: Sequence[Token], start: int, stop: int, *, as_money: bool) -> str:
    """Say what the rest of its sentence does to a number: bounds it, denies it, counts with it, asks it.

    Parameters
    ----------
    tokens
        The text.
    start, stop
        The tokens that the number covers.
    as_money
        Whether it would be taken for an amount of money although no currency stands with it.

    Returns
    -------
    str
        The doubt in words, or nothing.
    """
    before: list[str] = []
    for token in reversed(tokens[max(0, start - _SENTENCE_LENGTH) : start]):
        if token.text in _SENTENCE_ENDS:
            break
        before.append(token.text)
    said_before = " ".join(reversed(before))
    said_after = " ".join(token.text for token in tokens[stop : stop + 6])
    for pattern, doubt in _DOUBTS_BEFORE:
        if pattern.search(said_before):
            return doubt
    if _BOUND_AFTER.match(said_after):
        return "it names a bound"
    if _FRACTION_AFTER.match(said_after):
        return HALF_OF
    if _DIFFERENCE_AFTER.match(said_after):
        return "it names a difference"
    counted = tokens[stop : stop + 1]
    if as_money and counted and counted[0].kind == "word" and counted[0].text not in _NOT_COUNTED:
        return "it may count something other than money"
    rest = tokens[stop : stop + _SENTENCE_LENGTH]
    ending = next((token.text for token in rest if token.text in _SENTENCE_ENDS), "")
    return "it is a question" if ending == "?" else ""
