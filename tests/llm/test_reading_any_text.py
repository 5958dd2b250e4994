"""What holds for every text: no exception, a value or a code, and soon."""

from __future__ import annotations

import math
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.llm.reading import (
    AnswerKind,
    MissingCode,
    Reading,
    number_from_words,
    read_answer,
    read_choice,
    read_money,
    read_number,
    read_object,
    read_text,
    read_yes_no,
)

OPTIONS = [("low", 0.0), ("high", 1.0), ("extremely high", 2.0), ("yes", 3.0), ("no", 4.0), ("7", 8.0)]
KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)

FRAGMENTS = [
    "yes", "no", "not", "high", "extremely", "low", "$", "€", "12", "1,500", "1.500", ".5", "½", "k", "m", " million",
    "-", "−", "–", "—", "/", "%", "(", ")", "b)", "one", "a", "hundred", "and", "a half", "twenty", "twenty-one",
    "between", "or", "to", "deal", "did not agree", "I don't know", "As an AI", "n/a", "null", "nan", "inf", "1e999",
    "answer", "Answer:", "The answer is", "<think>", "</think>", "{", "}", "[", "]", ":", ",", '"', "'", "“", "”", "‘",
    "’", "```json\n", "```", '{"answer": ', '"answer"', "\\", "\\u12", "\n", "\0", "\t", "\u00a0", "\u200b", "１", "²",
    "\ud800", "round 2", "March 3", "3rd", "12:30", "#4", "...", "?", ".", "!", "*", "_", "`",
    "cents", "dollars", "usd",
]  # fmt: skip
PIECES = st.lists(st.sampled_from(FRAGMENTS), max_size=14)
ANY_TEXT = st.one_of(st.text(max_size=60), PIECES.map("".join), PIECES.map(" ".join))


def check(reading: Reading, text: str) -> None:
    assert (reading.value is None) == (reading.missing is not None)
    assert bool(reading.reason) == (reading.missing is not None)
    assert "\n" not in reading.reason
    if reading.missing is not None:
        assert reading.missing in get_args(MissingCode)
    if isinstance(reading.value, str):
        assert reading.value.strip() == reading.value != ""
    elif reading.value is not None:
        assert math.isfinite(reading.value), text


@given(text=ANY_TEXT)
def test_any_text_gives_a_value_or_a_code(text: str) -> None:
    for kind in KINDS:
        check(read_answer(text, kind, OPTIONS), text)
    for reading in (read_number(text), read_money(text), read_text(text)):
        check(reading, text)
    assert read_yes_no(text).value in (0.0, 1.0, None)
    assert read_choice(text, OPTIONS).value in (*(code for _, code in OPTIONS), None)
    assert isinstance(read_object(text), dict | None)
    words = number_from_words(text)
    assert words is None or math.isfinite(words)


@given(text=ANY_TEXT)
def test_an_answer_does_not_depend_on_markup_and_space_around_it(text: str) -> None:
    for kind in ("yes_no", "money", "number", "choice"):
        bare = read_answer(text, kind, OPTIONS)
        padded = read_answer(f"\n  {text}  \n", kind, OPTIONS)
        assert (padded.value, padded.missing) == (bare.value, bare.missing)


def test_a_reading_has_either_a_value_or_a_code() -> None:
    with pytest.raises(ValueError, match="either"):
        Reading(None)
    with pytest.raises(ValueError, match="either"):
        Reading(1.0, "unknown", "x")
    with pytest.raises(ValueError, match="finite"):
        Reading(math.inf)


UNITS = ["a ", "1 ", "1/", "one hundred and ", "{", '{"a":', '{"a": 1} ', "“", '\\"', "(", ":a", " ", "\n", "not high ",
         "did not ", "round 1 "]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begun = time.process_time()
    for kind in KINDS:
        check(read_answer(text[:19_000], kind, OPTIONS), unit)
    check(read_answer(text, "money"), unit)
    check(read_answer(f'{{"answer": {text}', "money"), unit)
    assert time.process_time() - begun < 20  # a second or two; anything quadratic takes minutes


def test_what_is_very_long_is_no_answer_in_words() -> None:
    talk = "They talked about it at length. " * 1000
    assert read_money(f"$12. {talk}").missing == "unparseable"
    assert read_answer(f'{{"reason": "{talk}", "answer": 12}}', "money").value == 12
    assert read_answer(f"{talk}\nAnswer: 12", "money").value == 12
