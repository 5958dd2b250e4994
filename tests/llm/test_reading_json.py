"""JSON objects in any disguise, and answers in them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.llm.reading import AnswerKind, Reading, read_answer, read_object, read_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answer": 12}', {"answer": 12}),
        ('```json\n{"answer": "$1,500"}\n```', {"answer": "$1,500"}),
        ('Sure! Here it is:\n```json\n{\n  "say": "Hello",\n}\n```\nLet me know.', {"say": "Hello"}),
        ("{“answer”: “yes”}", {"answer": "yes"}),
        ("{„answer“: „yes“}", {"answer": "yes"}),
        ("{‘answer’: ‘yes’}", {"answer": "yes"}),
        ("{“answer”: “it’s fine”, “n”: 3}", {"answer": "it’s fine", "n": 3}),
        ("{'answer': 'yes', 'n': None, 'sure': True}", {"answer": "yes", "n": None, "sure": True}),
        ("{answer: yes, n: 3}", {"answer": "yes", "n": 3}),
        ('{"answer": 12, "list": [1, 2,],}', {"answer": 12, "list": [1, 2]}),
        ('{"answer": 12}}', {"answer": 12}),
        ('{{"answer": 12}}', {"answer": 12}),
        ('{"a": "one" "b": "two"}', {"a": "one", "b": "two"}),
        ('{"a": "they said "deal" and left", "b": 1}', {"a": 'they said "deal" and left', "b": 1}),
        ('{"a": "closing } brace", "b": 1,}', {"a": "closing } brace", "b": 1}),
        ('{"why": "note: a, b: c, d: e", "answer": 3,}', {"why": "note: a, b: c, d: e", "answer": 3}),
        ('{"a": "line\\nbreak", "b": "caf\\u00e9",}', {"a": "line\nbreak", "b": "café"}),
        ('{"a": {"b": [1, {"c": 2}]}}', {"a": {"b": [1, {"c": 2}]}}),
        ('[{"answer": 12}]', {"answer": 12}),
        ('{"answer": 12}\n{"answer": 12}', {"answer": 12}),
        ('<think>{"answer": 3}</think>{"answer": 4}', {"answer": 4}),
        ("{}", {}),
        # words that json-repair alone would drop
        ('{"answer": 2 million,}', {"answer": "2 million"}),
        ('{"answer": 10 or 12}', {"answer": "10 or 12"}),
        ('{"answer": 50 000}', {"answer": "50 000"}),
        ('{"answer": $1,500, "why": "x"}', {"answer": "$1,500", "why": "x"}),
        ('{"answer": 12 dollars and 50 cents}', {"answer": "12 dollars and 50 cents"}),
        # broken off: without the field inside which it does
        ('{"answer": "12"', {"answer": "12"}),
        ('{"answer": 12, "rea', {"answer": 12}),
        ('{"answer": 12, "reason": "because they', {"answer": 12}),
        ('{"a": 1, "list": [1, 2', {"a": 1}),
        ('```json\n{"answer": 12\n```', {"answer": 12}),
    ],
)
def test_an_object_is_found(text: str, expected: dict[str, Any]) -> None:
    assert read_object(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain prose",
        "I think {12} is fair",
        "{yes}",
        "{",
        "}{",
        '"answer": 12',
        "[1, 2, 3]",
        "He said: no, never: not for $12.",
        '{"answer": 12',
        '{"answer": "1',
        '{"answer": ',
        '{"answer": ²',
        '{"answer": 10} {"answer": 12}',
        '{"answer": "10", or "12"}',
        '{"answer": 10, "answer": 12,}',
        '{"a":' * 20_000,
        '<think>{"answer": 3}',
    ],
)
def test_what_is_no_single_object_stays_prose(text: str) -> None:
    assert read_object(text) is None


def outcome(reading: Reading) -> float | str | None:
    """The value, or the code of what is missing."""
    return reading.missing if reading.value is None else reading.value


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ('```json\n{"answer": "$1,500"}\n```', "money", 1500),
        ("“answer”: “$1,500”", "money", 1500),
        ("{“answer”: “$1,500”}", "money", 1500),
        ('{"answer": $1,500}', "money", 1500),
        ('{"answer": 1,500}', "money", 1500),
        ('{"answer": 1.500,00 €}', "money", 1500),
        ('{"answer": 2 million}', "money", 2_000_000),
        ('{"answer": 10 or 12}', "money", "ambiguous"),
        ('{"answer": 10-12}', "money", "ambiguous"),
        ('{"answer": "no deal"}', "money", "not_applicable"),
        ('{"answer": null}', "money", "not_applicable"),
        ('{"answer": "n/a"}', "number", "not_applicable"),
        ('{"answer": None}', "number", "not_applicable"),
        ('{"answer": NaN}', "number", "unparseable"),
        ('{"answer": Infinity}', "number", "out_of_range"),
        ('{"answer": 1e999}', "number", "out_of_range"),
        ('{"answer": 1' + "0" * 400 + "}", "number", "out_of_range"),
        ('{"answer": ' + "1" * 5000 + "}", "number", "out_of_range"),
        ('{"answer": true}', "number", "unparseable"),
        ('{"answer": -0.0}', "number", 0),
        ('{"answer": ""}', "number", "empty"),
        ('{"answer": []}', "number", "empty"),
        ('{"answer": ["12"]}', "number", 12),
        ('{"answer": [10, 12]}', "number", "ambiguous"),
        ('{"answer": {"amount": 12}}', "number", "unparseable"),
        ('{"Answer": "12"}', "number", 12),
        ('{"final_answer": 12}', "number", 12),
        ('{"reasoning": "from 20 to 15", "answer": 12}', "number", 12),
        ('I would say 10.\n{"answer": 12}\nThat is 3 less.', "number", 12),
        ('{"price": 12}', "number", "unparseable"),
        ('{"answer": 10} or {"answer": 12}', "number", "ambiguous"),
        ('{"answer": 12} that is {"answer": "twelve"}', "number", 12),
        ('{"answer": 10, "answer": 12}', "number", "ambiguous"),
        ('{"answer": 10, "answer": 12,}', "number", "ambiguous"),
        ('{"answer": "10", or "12"}', "number", "ambiguous"),
        ('{"answer": 12', "number", "unparseable"),
        ('{"answer": "12', "number", "unparseable"),
        ('{"answer": 1,', "number", "unparseable"),
        ('{"answer": ', "number", "empty"),
        ('{"answer": 12, "reason": "bec', "number", 12),
        ('{"answer": "yes", "reason": "They said "deal" twice"}', "yes_no", 1),
        ('{"answer": True}', "yes_no", 1),
        ('{"answer": false}', "yes_no", 0),
        ('{"answer": 1}', "yes_no", 1),
        ('{"answer": 2}', "yes_no", "out_of_range"),
        ('{"answer": "no need to continue"}', "yes_no", 0),
        ('{"answer": "There is no need to continue"}', "yes_no", "unparseable"),
        ('{"answer": "no', "yes_no", "unparseable"),
        ('{"answer": "It was fine."}', "text", "It was fine."),
        ('{"answer": "It was fi', "text", "It was fi"),
        ('{"answer": 12}', "text", "12"),
        ('{"answer": 123456789}', "text", "123456789"),
        ('{"answer": true}', "text", "true"),
        ('{"comment": "no answer here"}', "text", '{"comment": "no answer here"}'),
    ],
)
def test_an_answer_in_json(text: str, answer: AnswerKind, expected: float | str) -> None:
    assert outcome(read_answer(text, answer)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  It was a fair price.\n", "It was a fair price."),
        ("“Curly” quotes – kept…", "“Curly” quotes – kept…"),
        ("<think>hm</think> Fair.", "Fair."),
        ("I can’t help feeling that it was fair.", "I can’t help feeling that it was fair."),
        ("I don't know why, but the price felt fair to me.", "I don't know why, but the price felt fair to me."),
        ("", "empty"),
        (" \u200b ", "empty"),
        ("I'm sorry, but I can't help with that. It would be wrong.", "refused"),
        ("I don't know.", "unknown"),
        ("N/A", "not_applicable"),
    ],
)
def test_free_words_are_kept_as_they_are(text: str, expected: str) -> None:
    assert outcome(read_text(text)) == expected
    assert outcome(read_answer(text, "text")) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
DISGUISES = ["{}", "```json\n{}\n```", "Here you are:\n\n{}\n\nAnything else?", "\ufeff{}", "```\n{}"]


@given(fields=st.dictionaries(st.text(min_size=1, max_size=8).filter(str.isalnum), VALUES, min_size=1, max_size=4),
       disguise=st.sampled_from(DISGUISES), indent=st.sampled_from([None, 2]), ascii_only=st.booleans())  # fmt: skip
def test_valid_json_comes_back_unchanged(
    fields: dict[str, Any], disguise: str, indent: int | None, ascii_only: bool
) -> None:
    text = disguise.replace("{}", json.dumps(fields, indent=indent, ensure_ascii=ascii_only))
    assert read_object(text) == fields


WORDS = st.sampled_from(["fair price", "they said 12", "deal: yes, no", "it's late", "50 000", "a (b) c", "12 or 15"])


@given(
    answer=st.integers(0, 10**6),
    why=WORDS,
    dress=st.sampled_from(
        [
            '{{"answer": {a}, "why": "{w}",}}',
            '{{"answer": "{a}", "why": "{w}"',
            "{{“answer”: {a}, “why”: “{w}”}}",
            "{{'answer': {a}, 'why': \"{w}\"}}",
            "{{answer: {a}, why: \"{w}\"}}",
            '{{"why": "{w}", "answer": ${a:,}}}',
            '{{"why": "{w}", "answer": {a:,} dollars}}',
            '{{"why": "{w}"\n "answer": {a}}}',
        ]
    ),
)  # fmt: skip
def test_a_repaired_object_keeps_every_word_of_its_values(answer: int, why: str, dress: str) -> None:
    text = dress.format(a=answer, w=why)
    fields = read_object(text)
    assert read_answer(text, "money").value == answer
    if fields is not None and dress.endswith("}}"):
        assert fields["why"] == why


@given(
    text=st.sampled_from(
        [
            '{"answer": 54428, "reason": "they agreed"}',
            '{"reason": "from 20 to 15", "answer": 54428}',
            '{"answer": "$54,428", "reason": "they agreed"}',
            '{"answer": 54,428, "reason": "they agreed"}',
            "{“answer”: “54,428 dollars”, “reason”: “they agreed”}",
            "{'answer': '54428', 'reason': 'they agreed'}",
            '```json\n{\n  "answer": 54428,\n  "reason": "they agreed"\n}\n```',
        ]
    ),
    cut=st.integers(0, 60),
)
def test_a_reply_that_breaks_off_never_gives_another_number(text: str, cut: int) -> None:
    for answer in ("money", "number"):
        value = read_answer(text[:cut], answer).value
        assert value in (None, 54428)


@given(text=st.sampled_from(['{"answer": "not guilty", "n": 1}', "{'answer': 'extremely high', 'n': 1}"]),
       cut=st.integers(0, 40))  # fmt: skip
def test_a_reply_that_breaks_off_never_gives_another_option(text: str, cut: int) -> None:
    options = [("guilty", 1), ("not guilty", 2), ("high", 3), ("extremely high", 4), ("extreme", 5)]
    assert read_answer(text[:cut], "choice", options).value in (None, 2, 4)


@given(number=st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_in_json_is_itself_or_missing(number: float) -> None:
    value = read_answer(json.dumps({"answer": number}), "number").value
    assert value == number if math.isfinite(number) else value is None
