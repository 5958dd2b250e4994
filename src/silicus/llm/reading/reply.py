"""Which part of a reply is its answer."""

from __future__ import annotations

import re
from collections.abc import Callable

from silicus.llm.reading.result import Reading, agreed, missing
from silicus.llm.reading.spelling import fold

__all__ = ["read_answers_of", "said_in"]

LONGEST_ANSWER = 20_000
"""Characters. What is longer is no answer to a question that asks for a word or a number."""

_THINKING = re.compile(r"\s*<think(?:ing)?>")
_THOUGHT = re.compile(r"</think(?:ing)?>")

_LABEL = re.compile(r'(?m)^[^\w\n]{0,12}(?:(?:so|my|the),? ){0,2}(?:final )?answer"? ?(?:is\b:?|[:=]) ?')


def said_in(reply: str) -> str:
    """Take off what a reasoning language model thinks aloud before it answers.

    A reply that breaks off while still thinking says nothing. The opening tag may be missing: some chat templates
    write it at the end of the prompt.
    """
    thoughts = list(_THOUGHT.finditer(reply))
    if thoughts:
        return reply[thoughts[-1].end() :]
    return "" if _THINKING.match(reply) else reply


def read_answers_of(reply: str, read: Callable[[str], Reading]) -> Reading:
    """Read the answer of a reply in words, or the one thing that its several answers have in common.

    Parameters
    ----------
    reply
        The reply as it came.
    read
        What reads one answer; it is given the folded text.
    """
    folded = fold(said_in(reply))
    if not folded:
        return missing("empty", "the answer is empty", "")
    answers = _answers_in(folded)
    if any(len(answer) > LONGEST_ANSWER for answer in answers):
        return missing("unparseable", "it is too long to be an answer", reply)
    return agreed([read(answer) for answer in answers], reply)


def _answers_in(folded: str) -> tuple[str, ...]:
    """Find what stands after ``Answer:`` or ``The answer is`` at the start of a line; all of it where nothing does.

    A label's answer is the rest of its line, or all that follows where its line ends there.
    """
    labels = list(_LABEL.finditer(folded))
    ends = [label.start() for label in labels] + [len(folded)]
    answers = [folded[label.end() : end] for label, end in zip(labels, ends[1:], strict=True)]
    parts = [answer.partition("\n")[0].strip() or answer.strip() for answer in answers]
    return tuple(part for part in parts if part) or (folded,)
