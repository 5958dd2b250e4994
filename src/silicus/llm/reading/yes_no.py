"""Reading yes or no out of an answer in plain words."""

from __future__ import annotations

import re

from silicus.llm.reading.phrases import DEAL, NOT_APPLICABLE, REFUSED, UNKNOWN, UNKNOWN_TO_ME, code_of
from silicus.llm.reading.reply import read_answers_of
from silicus.llm.reading.result import Reading, found, missing
from silicus.llm.reading.spelling import bare

__all__ = ["read_yes_no"]

_YES = r"(?:yes|yeah|yep|yup|yea|aye)"
_NO = r"(?:no|nope|nah|nay)"
_CLAUSE_ENDS = r"(?= *(?:[.,;:!()\"\n-]|$))"

# The whole answer, without the punctuation around it.
_WHOLE = {
    **dict.fromkeys(("1", "1.0", "y", "true", "i think so", "i believe so", "i guess so", "deal", "agreed"), 1.0),
    **dict.fromkeys(("0", "0.0", "n", "false", "i do not think so", "i do not believe so", "i think not"), 0.0),
}

_CODED = re.compile(rf"^\W*(?P<code>[01])\b[\s\-=:.,()]{{1,5}}(?P<word>yes|no|true|false){_CLAUSE_ENDS}")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*")

# Answers that say both, or neither. A "no" that only belongs to what follows ("Yes, no further talk") is not meant.
_BOTH = (
    re.compile(rf"\b{_YES} ?(?:and|or|but|/) ?{_NO}\b|\b{_NO} ?(?:and|or|but|/) ?{_YES}\b"),
    re.compile(rf"\b{_YES}\W{{1,5}}(?:(?:and|or|but) )?{_NO}{_CLAUSE_ENDS}"),
    re.compile(rf"\b{_NO}\W{{1,5}}(?:(?:and|or|but) )?{_YES}\b"),
    re.compile(
        r"^\W*(?:maybe|perhaps|possibly|probably|likely|unlikely|both|neither|(?:it |that )?depends|sort of|kind of|"
        r"somewhat|partially|partly|in part|could be|might be|(?:it is )?(?:complicated|debatable|ambiguous|mixed))\b"
    ),
)
_YES_SENTENCE = re.compile(rf"(?:^|[.!\n]) ?{_YES}{_CLAUSE_ENDS}")
_NO_SENTENCE = re.compile(rf"(?:^|[.!\n]) ?{_NO}{_CLAUSE_ENDS}")

_LEAD_IN = r"(?:(?:well|so|oh|ok|okay|hmm|i would (?:say|answer)|i (?:say|think|believe)|it is|that is),? ){1,2}"
_AFFIRMED = r"(?:correct|true|affirmative|definitely|absolutely|certainly|indeed|of course|sure|exactly)"
_DENIED = (
    r"(?:incorrect|false|negative|never|(?:definitely|absolutely|certainly|of course|surely) not|"
    r"not (?:really|at all|yet|quite|explicitly))"
)
_AFTER_NO = (
    r"(?:i|he|she|it|they|we|you|the|there|this|that|these|those|a|an|not|never|neither|nobody|none|actually|because|"
    r"since|as|but|though|although|unfortunately|definitely|absolutely|both|each|need)"
)
_NO_DEAL = (
    rf"(?:explicit |final |clear |formal |mutual )?{DEAL}(?:{_CLAUSE_ENDS}| (?:on|at|between|for|yet|reached|made)\b|"
    r" (?:was|were|is|has been|could be) (?:\w+ly |ever )?(?:reached|made|struck|found|concluded)\b)"
)

# The first words decide, in this order.
_FIRST_WORDS = (
    (re.compile(rf"{_YES}\b(?!\?)"), 1.0),
    (re.compile(rf"(?:{_NO}|n){_CLAUSE_ENDS}"), 0.0),
    (re.compile(rf"y{_CLAUSE_ENDS}"), 1.0),
    (re.compile(rf"no (?:{_AFTER_NO}\b|{_NO_DEAL})"), 0.0),
    (re.compile(rf"nope {_AFTER_NO}\b"), 0.0),
    (re.compile(rf"{_DENIED}{_CLAUSE_ENDS}"), 0.0),
    (re.compile(rf"{_AFFIRMED}{_CLAUSE_ENDS}"), 1.0),
    (re.compile(rf"{_LEAD_IN}(?:{_YES}|{_AFFIRMED}){_CLAUSE_ENDS}"), 1.0),
    (re.compile(rf"{_LEAD_IN}(?:{_NO}|{_DENIED}){_CLAUSE_ENDS}"), 0.0),
)

_WHO = (
    r"(?:they|we|both|both (?:parties|sides)|the (?:two )?(?:parties|sides)|"
    r"the (?:buyer|seller) and (?:the )?(?:buyer|seller))"
)
_ADVERB = r"(?:explicitly |clearly |ultimately |finally |eventually |actually |mutually |both )?"
_ON = (
    r"(?: (?:on|to|at|for)(?: (?:a|the)(?: (?:final|sale))? (?:price|deal)(?: (?:of|for) (?:the|a) \w+)?(?: of| at)?)?"
    r"(?: ?[$€£]? ?\d[\d.,]{0,20}(?: ?(?:dollars?|euros?|pounds?|usd|eur))?)?)?"
)
_A_DEAL = rf"(?:a |an )(?:\w+ )?{DEAL}"

# Whole answers that are one plain statement. Each has its opposite, so that neither outcome goes missing more often.
_STATEMENTS = (
    (re.compile(rf"there (?:was|is) {_A_DEAL}(?: reached| made)?{_ON}"), 1.0),
    (re.compile(rf"there (?:was|is) no (?:\w+ )?{DEAL}(?: reached| made)?{_ON}"), 0.0),
    (re.compile(rf"{_A_DEAL} was (?:reached|made|struck){_ON}"), 1.0),
    (re.compile(rf"{_A_DEAL} was not (?:reached|made|struck){_ON}"), 0.0),
    (re.compile(rf"{_WHO} {_ADVERB}(?:agreed|did agree|(?:reached|made|struck|came to) {_A_DEAL}){_ON}"), 1.0),
    (
        re.compile(
            rf"{_WHO} (?:did not|could not|never|were unable to|failed to) {_ADVERB}"
            rf"(?:agreed?|(?:reach|make|strike|come to|reached|made|struck|came to) {_A_DEAL}){_ON}"
        ),
        0.0,
    ),
)


def read_yes_no(text: str) -> Reading:
    """Read yes as 1 and no as 0.

    The first words decide: "Yes — no further talk was needed" is yes. A "no" that belongs to a noun is an answer only
    where it leads and denies a deal or a need ("No deal", "No need to continue"); "There is no need to continue" and
    "No doubt they agreed" are unparseable. Of sentences without a yes or no, only plain whole ones are read: "There was
    no agreement", "They agreed on $12", and each one's opposite; that takes it that the question asks for an agreement.
    "Yes and no" and "maybe" are ambiguous, "unclear" is ``unknown``, a number other than 1 and 0 is ``out_of_range``.

    Parameters
    ----------
    text
        The answer. What a language model thinks aloud between ``<think>`` tags is left out; where a line begins with
        ``Answer:``, only that line counts.

    Returns
    -------
    Reading
        1.0, 0.0, or a missing code with its reason.
    """
    return read_answers_of(text, lambda part: _read_part(part, text))


def _read_part(part: str, text: str) -> Reading:
    words = bare(part)
    if words in _WHOLE:
        return found(_WHOLE[words])
    if _NUMBER.fullmatch(words):
        return missing("out_of_range", "it is neither 1 nor 0", text)
    if (said := code_of(part, (NOT_APPLICABLE,))) is not None:
        return missing(*said, text)
    if (coded := _CODED.match(part)) is not None:
        agree = (coded["code"] == "1") == (coded["word"] in ("yes", "true"))
        return found(float(coded["code"])) if agree else missing("ambiguous", "its number and its word differ", text)
    if any(pattern.search(part) for pattern in _BOTH) or (_YES_SENTENCE.search(part) and _NO_SENTENCE.search(part)):
        return missing("ambiguous", "it says neither only yes nor only no", text)
    if (value := _first_words(part)) is not None:
        if code_of(part, (REFUSED, UNKNOWN_TO_ME)) is not None:
            return missing("ambiguous", "it answers and yet says that it cannot", text)
        return found(value)
    if (said := code_of(part, (REFUSED, UNKNOWN))) is not None:
        return missing(*said, text)
    for pattern, meaning in _STATEMENTS:
        if pattern.fullmatch(words):
            return found(meaning)
    return missing("unparseable", "it says neither yes nor no", text)


def _first_words(part: str) -> float | None:
    start = re.match(r"\W*", part)
    words = part[start.end() :] if start else part
    for pattern, meaning in _FIRST_WORDS:
        if pattern.match(words):
            return meaning
    return None
