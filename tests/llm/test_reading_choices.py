"""Which option an answer chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.llm.reading import read_answer, read_choice

Options = list[tuple[str, float]]

ATTACHMENT: Options = [
    ("no emotional attachment", 1),
    ("slight emotional attachment", 2),
    ("moderate emotional attachment", 3),
    ("high emotional attachment", 4),
    ("extreme emotional attachment", 5),
]
AGREEMENT: Options = [
    ("strongly disagree", 1),
    ("disagree", 2),
    ("neither agree nor disagree", 3),
    ("agree", 4),
    ("strongly agree", 5),
]
SATISFACTION: Options = [("dissatisfied", 1), ("neutral", 2), ("satisfied", 3)]
HEIGHT: Options = [("low", 0), ("high", 1), ("extremely high", 2)]
VERDICT: Options = [("not guilty", 0), ("guilty", 1)]
YES_NO: Options = [("no", 1), ("yes", 2)]
AGE: Options = [("18-24", 1), ("25-34", 2)]
REVERSED: Options = [("3", 1), ("6", 2)]


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("Moderate emotional attachment", ATTACHMENT, 3),
        ("“Moderate  emotional attachment.”", ATTACHMENT, 3),
        ("moderate-emotional attachment", ATTACHMENT, 3),
        ("moderate", ATTACHMENT, 3),
        ("I feel a high emotional attachment to it", ATTACHMENT, 4),
        ("3", ATTACHMENT, 3),
        ("**3**", ATTACHMENT, 3),
        ("3.", ATTACHMENT, 3),
        ("3.0", ATTACHMENT, 3),
        ("(3)", ATTACHMENT, 3),
        ("3 - moderate", ATTACHMENT, 3),
        ("3 – moderate emotional attachment", ATTACHMENT, 3),
        ("3, since he has owned it for 2 years", ATTACHMENT, 3),
        ("Option 3", ATTACHMENT, 3),
        ("moderate emotional attachment (3)", ATTACHMENT, 3),
        ("(b)", ATTACHMENT, 2),
        ("B.", ATTACHMENT, 2),
        ("b", ATTACHMENT, 2),
        ("option b: slight emotional attachment", ATTACHMENT, 2),
        ("Answer: c", ATTACHMENT, 3),
        ("It might seem high.\nThe answer is 3", ATTACHMENT, 3),
        ("I would rate this a 4.", AGREEMENT, 4),
        ("4 because I like it", AGREEMENT, 4),
        ("agree", AGREEMENT, 4),
        ("Disagree!", AGREEMENT, 2),
        ("I disagree", AGREEMENT, 2),
        ("STRONGLY AGREE", AGREEMENT, 5),
        ("I strongly disagree with this", AGREEMENT, 1),
        ("I neither agree nor disagree.", AGREEMENT, 3),
        ("high", HEIGHT, 1),
        ("It is extremely high.", HEIGHT, 2),
        ("not high but low", HEIGHT, 0),
        ("1", HEIGHT, 1),  # the second option: a number is a code, not a position
        ("dissatisfied", SATISFACTION, 1),
        ("I am satisfied", SATISFACTION, 3),
        ("The defendant is not guilty", VERDICT, 0),
        ("The defendant is guilty.", VERDICT, 1),
        ("Guilty", VERDICT, 1),
        ("1", YES_NO, 1),
        ("Yes, of course", YES_NO, 2),
        ("No, they never did", YES_NO, 1),
        ("18–24", AGE, 1),
        ("I am in the group 25-34", AGE, 2),
        ("6", REVERSED, 2),
        ("6: as said", REVERSED, 2),
        ("3", REVERSED, 1),
        ("A+", [("A", 1), ("A+", 2), ("A-", 3)], 2),
        ("-1", [("low", -1), ("middle", 0), ("high", 1)], -1),
        ("Don’t know", [("agree", 1), ("don't know", 9)], 9),
        ("I don't know.", [("agree", 1), ("don't know", 9)], 9),
    ],
)
def test_an_option_is_recognised(text: str, options: Options, code: float) -> None:
    assert read_choice(text, options).value == code


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("", SATISFACTION, "empty"),
        ("low to high", HEIGHT, "ambiguous"),
        ("between low and high", HEIGHT, "ambiguous"),
        ("agree / disagree", AGREEMENT, "ambiguous"),
        ("3 - high emotional attachment", ATTACHMENT, "ambiguous"),
        ("option c: slight emotional attachment", ATTACHMENT, "ambiguous"),
        ("neutral (3)", SATISFACTION, "ambiguous"),
        ("7: satisfied", SATISFACTION, "ambiguous"),
        ("3-4", AGREEMENT, "ambiguous"),
        ("3 or 4", AGREEMENT, "ambiguous"),
        ("4/5", AGREEMENT, "ambiguous"),
        ("I'm not sure, maybe neutral", SATISFACTION, "ambiguous"),
        ("As an AI I cannot feel, but neutral", SATISFACTION, "ambiguous"),
        ("(0) yes", [("no", 0), ("yes", 1)], "ambiguous"),
        ("same", [("same", 1), ("Same.", 2)], "ambiguous"),
        ("yes and no", YES_NO, "unparseable"),
        ("not satisfied", SATISFACTION, "unparseable"),
        ("I don't agree", AGREEMENT, "unparseable"),
        ("anything rather than satisfied", SATISFACTION, "unparseable"),
        ("very satisfied", SATISFACTION, "unparseable"),
        ("somewhat agree", AGREEMENT, "unparseable"),
        ("emotional attachment", ATTACHMENT, "unparseable"),
        ("no", ATTACHMENT, "unparseable"),
        ("far from satisfied", SATISFACTION, "unparseable"),
        ("I doubt that they are satisfied", SATISFACTION, "unparseable"),
        ("satisfied?", SATISFACTION, "ambiguous"),
        ("A mug", SATISFACTION, "unparseable"),
        ("I have thought about this for 2 minutes", SATISFACTION, "unparseable"),
        ("There is no doubt", YES_NO, "unparseable"),
        ("I am not saying yes", YES_NO, "unparseable"),
        ("unsatisfied", SATISFACTION, "unparseable"),
        ("e", SATISFACTION, "unparseable"),
        ("7", ATTACHMENT, "out_of_range"),
        ("2.5", ATTACHMENT, "out_of_range"),
        ("3", HEIGHT, "out_of_range"),
        ("I don't know", SATISFACTION, "unknown"),
        ("unclear", SATISFACTION, "unknown"),
        ("I can't answer", SATISFACTION, "refused"),
        ("n/a", SATISFACTION, "not_applicable"),
    ],
)
def test_what_chooses_no_single_option_is_missing_with_its_code(text: str, options: Options, code: str) -> None:
    reading = read_choice(text, options)
    assert (reading.value, reading.missing) == (None, code)
    assert reading.reason


@pytest.mark.parametrize(
    ("answer", "code"),
    [("3", 3), ("3.0", 3), ('"3"', 3), ('"moderate emotional attachment"', 3), ('"(b)"', 2), ('["moderate"]', 3)],
)
def test_an_option_in_json(answer: str, code: float) -> None:
    assert read_answer(f'{{"answer": {answer}}}', "choice", ATTACHMENT).value == code


def test_a_number_in_json_is_an_option_in_words_before_it_is_a_code() -> None:
    assert read_answer('{"answer": 6}', "choice", REVERSED).value == 2
    assert read_answer('{"answer": 3}', "choice", REVERSED).value == 1
    assert read_answer('{"answer": 9}', "choice", REVERSED).missing == "out_of_range"


def test_the_codes_are_named_where_a_number_is_none_of_them() -> None:
    assert read_choice("7", HEIGHT).reason == "it is none of the codes 0, 1, 2: '7'"


def test_a_choice_without_options_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="option"):
        read_choice("a", [])
    with pytest.raises(ValueError, match="option"):
        read_answer("a", "choice")


@given(
    options=st.sampled_from([ATTACHMENT, AGREEMENT, SATISFACTION, HEIGHT, VERDICT]),
    form=st.sampled_from(
        [
            "{}",
            "{}.",
            "**{}**",
            "“{}”",
            "I would say {}.",
            "Answer: {}",
            '{{"answer": "{}"}}',
            "My choice: {}\n",
            "({})",
        ]
    ),
    place=st.integers(min_value=0, max_value=4),
    shout=st.booleans(),
)
def test_every_option_is_recognised_in_every_dress(options: Options, form: str, place: int, shout: bool) -> None:
    words, code = options[place % len(options)]
    text = form.format(words.upper() if shout else words)
    assert read_answer(text, "choice", options).value == code


@given(
    options=st.sampled_from([ATTACHMENT, AGREEMENT, SATISFACTION, HEIGHT]),
    places=st.lists(st.integers(min_value=0, max_value=4), min_size=2, max_size=2, unique=True),
    form=st.sampled_from(["{} or {}", "{}, or maybe {}", "between {} and {}", "{}/{}", "First {}. Then {}."]),
)
def test_two_options_never_become_one(options: Options, places: list[int], form: str) -> None:
    first, second = (options[place % len(options)] for place in places)
    reading = read_choice(form.format(first[0], second[0]), options)
    assert reading.missing == "ambiguous" if first != second else reading.value == first[1]
