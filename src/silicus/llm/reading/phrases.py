"""Set phrases by which a reply declines, does not know, or says that there was nothing to measure.

Texts here are folded (see ``spelling``): "can't" is "cannot", "I'm" is "i am". Each gap in a pattern is bounded, so
that a long text costs time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from silicus.llm.reading.result import MissingCode

__all__ = ["DEAL", "NOT_APPLICABLE", "NO_DEAL", "REFUSED", "UNKNOWN", "UNKNOWN_TO_ME", "Phrases", "code_of"]

Phrases = tuple[MissingCode, re.Pattern[str], str]
"""A code, the phrases that call for it, and the reason in words."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


DEAL = r"(?:deals?|agreements?|sales?|trades?|transactions?|settlements?|contracts?|purchases?)"
_AGREE = (
    rf"(?:agree|agreed|settle|settled|reach|reached|strike|struck|make|made|close|closed|conclude|concluded|"
    rf"come to|come to terms|finali[sz]ed?|sell|sold|{DEAL})"
)
_ANSWERING = (
    r"(?:help(?! (?:\w+ing|but|it)\b)|assist|answer|respond|reply|provide|comply|participate|engage|fulfill?|take part|"
    r"predict|role-? ?play|pretend|do (?:that|this|so)|"
    r"give (?:an?|my|you an?|any) (?:opinion|answer|rating|number|estimate))"
)

REFUSED: Phrases = (
    "refused",
    _any_of(
        r"\b(?:as|i am|i am just|i am only) an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model)\b",
        rf"(?:\bi|^sorry,?(?: but)?(?: i)?) (?:cannot|will not|am unable to|am not able to|am not allowed to) "
        rf"(?:\w+ ){{0,3}}?{_ANSWERING}\b",
        r"\bi am not comfortable\b",
        r"\bi (?:must |have to |respectfully ){0,2}(?:decline|refuse) to (?:answer|say|state|comment|respond)\b",
        r"\b(?:prefer|rather) not (?:to )?(?:answer|say|state|comment|respond)\b",
        r"\bi do not have (?:any )?(?:personal |real |human )?(?:opinions?|preferences?|feelings?|beliefs?)\b",
        r"^no comment\b",
    ),
    "it would not answer",
)

UNKNOWN_TO_ME: Phrases = (
    "unknown",
    _any_of(
        r"\bi (?:really |honestly |just |simply )?do not (?:really )?know\b",
        r"\bi am (?:really |honestly )?(?:not (?:really |entirely |quite )?(?:sure|certain)|unsure|uncertain)\b",
        r"\bi have no (?:idea|clue|way of knowing)\b",
        r"\bi cannot (?:really )?(?:tell|say|know|judge|determine|decide|be sure|be certain)\b",
        r"^(?:sorry, )?(?:do not know|not (?:really )?(?:sure|certain)|no (?:idea|clue)|dunno|idk)\b",
    ),
    "it does not know",
)

UNKNOWN: Phrases = (
    "unknown",
    _any_of(
        UNKNOWN_TO_ME[1].pattern,
        r"\b(?:unknown|unclear|unsure|uncertain|undetermined|unspecified|undecided|inconclusive)\b",
        r"\bnot (?:\w+ )?(?:clear|known|stated|specified|mentioned|disclosed|determined|enough information)\b",
        r"\bcannot be (?:\w+ )?(?:determined|known|told|inferred|established|ascertained)\b",
        r"\b(?:insufficient|no) information\b",
        r"\b(?:hard|difficult|impossible) to (?:say|tell|know|determine|judge)\b",
        r"\bdoes not (?:say|state|specify|mention|indicate|contain|include)\b",
    ),
    "it does not know",
)

NO_DEAL: Phrases = (
    "not_applicable",
    _any_of(
        rf"\bno (?:\w+ )?{DEAL}\b",
        r"\bno (?:final |agreed )?(?:price|winner|winning bid)\b",
        rf"\b(?:did|do|does|could|can|would|was|were|has|have|had|is|are) not (?:\w+ ){{0,2}}?{_AGREE}\b",
        rf"\bcannot (?:\w+ ){{0,2}}?{_AGREE}\b",
        rf"\bnever (?:\w+ )?{_AGREE}\b",
        rf"\b(?:fail|fails|failed|unable) to (?:\w+ )?{_AGREE}\b",
        rf"\bwithout (?:\w+ )?(?:{DEAL}|agreeing)\b",
        r"\b(?:walked away|fell through|broke down|unsold)\b",
    ),
    "it says that there was none",
)

NOT_APPLICABLE: Phrases = (
    "not_applicable",
    _any_of(
        r"^\W{0,3}(?:n ?/ ?a|n\.a)\b", r"^\W{0,3}(?:na|null)\W{0,3}$", r"\bnot applicable\b", r"\bdo(?:es)? not apply\b"
    ),
    "it says that this does not apply",
)


def code_of(folded: str, tables: Sequence[Phrases]) -> tuple[MissingCode, str] | None:
    """Find the first table of which a phrase stands in the text: its code and its reason."""
    for code, pattern, why in tables:
        if pattern.search(folded):
            return code, why
    return None
