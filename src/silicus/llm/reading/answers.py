"""The one door to reading an answer: a bare one, or the ``answer`` of a JSON object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from silicus.llm.reading.choices import read_choice, read_code
from silicus.llm.reading.json_text import FoundObject, breaks_off_early, objects_in
from silicus.llm.reading.numbers import read_finite, read_money, read_number
from silicus.llm.reading.phrases import NOT_APPLICABLE, REFUSED, UNKNOWN_TO_ME, code_of
from silicus.llm.reading.reply import said_in
from silicus.llm.reading.result import Reading, agreed, found, missing
from silicus.llm.reading.spelling import fold
from silicus.llm.reading.yes_no import read_yes_no

__all__ = ["AnswerKind", "read_answer", "read_text"]

AnswerKind = Literal["yes_no", "money", "number", "choice", "text"]
Options = Sequence[tuple[str, float]]

_ANSWER = ("answer", "final answer")

SHORT = 100
"""Characters up to which an answer is likely to come again."""


def read_answer(text: str, answer: AnswerKind, options: Options = ()) -> Reading:
    r"""Read an answer of a given kind, bare or as the ``answer`` of a JSON object.

    The object may be fenced, curly-quoted, among prose, slightly broken or broken off after its answer. Where there is
    one, only its ``answer`` counts; several that answer differently are ambiguous; one that breaks off inside its
    answer has none; ``null`` is ``not_applicable``.

    Parameters
    ----------
    text
        What the language model wrote.
    answer
        What counts as an answer.
    options
        For a choice: words and code of each option, in the order shown.

    Returns
    -------
    Reading
        The value, or a missing code with its reason; never a guess.

    Raises
    ------
    ValueError
        For a choice without options.

    Examples
    --------
    >>> read_answer('```json\n{"answer": "$1,500",}\n```', "money").value
    1500.0
    >>> read_answer("between $10 and $12", "money").missing
    'ambiguous'
    """
    if len(text) > SHORT:
        return _read(text, answer, tuple(options))
    return _read_short(text, answer, tuple(options))


@lru_cache(maxsize=4096)
def _read_short(text: str, answer: AnswerKind, options: tuple[tuple[str, float], ...]) -> Reading:
    """The same for the answers that a survey brings by the thousand."""
    return _read(text, answer, options)


def _read(text: str, answer: AnswerKind, options: Options) -> Reading:
    if answer == "choice" and not options:
        raise ValueError("a choice needs at least one option")
    said = said_in(text)
    objects = objects_in(said)
    readings = [_read_object(each, answer, options, text) for each in objects if _has_answer(each)]
    if readings:
        return agreed(readings, text)
    if objects and answer != "text":
        return missing("unparseable", "the JSON object has no 'answer'", said)
    if answer != "text" and breaks_off_early(said):
        return missing("unparseable", "it breaks off before its answer", said)
    return _read_words(said, answer, options)


def read_text(text: str) -> Reading:
    """Read an answer in free words: the text itself, without white space around it.

    It is missing where it is empty, refuses in its first sentence, or consists of "I don't know" or "n/a".

    Parameters
    ----------
    text
        The answer. What a language model thinks aloud between ``<think>`` tags is left out.

    Returns
    -------
    Reading
        The text, or a missing code with its reason.
    """
    words = said_in(text).strip()
    folded = fold(words)
    if not folded:
        return missing("empty", "the answer is empty", "")
    first = folded.partition("\n")[0].partition(". ")[0]
    said = code_of(first, (REFUSED,))
    if said is None and len(folded.split()) <= 5:
        said = code_of(folded, (NOT_APPLICABLE, UNKNOWN_TO_ME))
    return Reading(words) if said is None else missing(*said, text)


def _read_words(text: str, answer: AnswerKind, options: Options) -> Reading:
    match answer:
        case "yes_no":
            return read_yes_no(text)
        case "money":
            return read_money(text)
        case "number":
            return read_number(text)
        case "choice":
            return read_choice(text, options)
        case "text":
            return read_text(text)


def _answers(fields: dict[str, Any]) -> list[Any]:
    return [value for key, value in fields.items() if key.casefold().strip().replace("_", " ") in _ANSWER]


def _has_answer(each: FoundObject) -> bool:
    return bool(_answers(each.fields) or _answers(each.cut))


def _read_object(each: FoundObject, answer: AnswerKind, options: Options, text: str) -> Reading:
    if (cut := _answers(each.cut)) and not _answers(each.fields):
        if answer == "text" or cut == [""]:
            return _read_value(cut[0], answer, options, text)
        return missing("unparseable", "it breaks off inside its answer", text)
    return agreed([_read_value(value, answer, options, text) for value in _answers(each.fields)], text)


def _read_value(value: Any, answer: AnswerKind, options: Options, text: str) -> Reading:
    """Read the value that a JSON object gives as its answer."""
    match value:
        case None:
            return missing("not_applicable", "the answer is null", text)
        case str():
            return _read_words(value, answer, options)
        case bool():
            return _read_truth(value, answer, options, text)
        case int() | float():
            return _read_numeral(value, answer, options, text)
        case [only]:
            return _read_value(only, answer, options, text)
        case []:
            return missing("empty", "the answer is an empty list", text)
        case list():
            return missing("ambiguous", "it gives several answers", text)
        case _:
            return missing("unparseable", "the answer is an object, not a value", text)


def _read_truth(value: bool, answer: AnswerKind, options: Options, text: str) -> Reading:
    if answer == "yes_no":
        return found(value)
    if answer in ("money", "number"):
        return missing("unparseable", "the answer is true or false, not a number", text)
    return _read_words(str(value).lower(), answer, options)


def _read_numeral(value: float, answer: AnswerKind, options: Options, text: str) -> Reading:
    finite = read_finite(value)
    if finite.value is None or answer in ("money", "number"):
        return finite
    if answer == "yes_no":
        return finite if value in (0, 1) else missing("out_of_range", "it is neither 1 nor 0", text)
    if answer == "choice":
        return _read_numbered_choice(value, options)
    return Reading(f"{value:g}" if math.isclose(value, float(f"{value:g}")) else str(value))


def _read_numbered_choice(value: float, options: Options) -> Reading:
    """Read a number that chooses: an option that is that number in words comes before the code."""
    words = str(int(value)) if float(value).is_integer() else str(value)
    if any(option.strip() == words for option, _ in options):
        return read_choice(words, options)
    return read_code(value, options)
