"""Yes and no, as language models write them."""

from __future__ import annotations

import pytest

from silicus.llm.reading import read_yes_no

YES = [
    "Yes.",
    "yes, they did",
    "YES!",
    "Yes — no further talk was needed",
    "Yes, no further talk was needed.",
    "Yes: they agreed",
    "Yes, though the exact price is unclear",
    "yes\nThey agreed on $12.",
    "**Yes**",
    "“Yes”",
    "yep they did",
    "Yeah",
    "Y",
    "Y - they did",
    "1",
    "1.",
    "1 (yes)",
    "true",
    "True.",
    "correct",
    "That is correct.",
    "It is true.",
    "Definitely.",
    "Of course",
    "I think so",
    "I would say yes",
    "Well, yes",
    "Answer: Yes",
    "They had no reason to go on.\n\n**Answer:** Yes",
    "The answer is yes.",
    "<think>no, or perhaps</think>Yes",
    "They agreed on $12",
    "The buyer and the seller agreed on a price of $12.",
    "They reached an agreement.",
    "There was a deal",
    "A deal was reached.",
    "Deal",
]
NO = [
    "No.",
    "No, they never agreed.",
    "No they did not",
    "no deal",
    "No deal was reached.",
    "no explicit agreement was reached",
    "There was no agreement",
    "There’s no deal.",
    "No need to continue",
    "No agreement was ever reached",
    "No deal at $12",
    "Nope",
    "Nah",
    "n",
    "0",
    "0.",
    "0 - no",
    "False",
    "Not really",
    "Not at all.",
    "Not explicitly",
    "Absolutely not",
    "Never",
    "I don't think so",
    "I’d say no.",
    "Answer: No",
    "The answer is no.",
    "They did not agree",
    "They didn’t agree on a price.",
    "The buyer and the seller never agreed on a price",
    "They failed to reach an agreement.",
    "A deal was not reached.",
]


@pytest.mark.parametrize("text", YES)
def test_yes_is_one(text: str) -> None:
    assert read_yes_no(text).value == 1.0


@pytest.mark.parametrize("text", NO)
def test_no_is_zero(text: str) -> None:
    assert read_yes_no(text).value == 0.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("yes and no", "ambiguous"),
        ("Yes/No", "ambiguous"),
        ("yes or no?", "ambiguous"),
        ("yes, no", "ambiguous"),
        ("No, yes they did", "ambiguous"),
        ("Yes. They did. No.", "ambiguous"),
        ("1 - no", "ambiguous"),
        ("maybe", "ambiguous"),
        ("Perhaps they did.", "ambiguous"),
        ("it depends", "ambiguous"),
        ("Probably not", "ambiguous"),
        ("Partially", "ambiguous"),
        ("No, I don't know", "ambiguous"),
        ("Yes. As an AI I cannot answer.", "ambiguous"),
        ("Answer: yes\nAnswer: no", "ambiguous"),
        ("unclear", "unknown"),
        ("I don't know", "unknown"),
        ("No idea", "unknown"),
        ("Not sure", "unknown"),
        ("It cannot be determined from the transcript.", "unknown"),
        ("I can't answer that", "refused"),
        ("As an AI, I do not have opinions.", "refused"),
        ("N/A", "not_applicable"),
        ("not applicable", "not_applicable"),
        ("2", "out_of_range"),
        ("0.5", "out_of_range"),
        ("Yes?", "unparseable"),
        ("There is no need to continue", "unparseable"),
        ("There's no need to continue the negotiation.", "unparseable"),
        ("No further talk was needed", "unparseable"),
        ("No doubt they agreed", "unparseable"),
        ("No big deal, they agreed", "unparseable"),
        ("No contract was necessary because they agreed", "unparseable"),
        ("No sales tax was mentioned", "unparseable"),
        ("No one agreed", "unparseable"),
        ("It is no secret that they agreed", "unparseable"),
        ("The seller said no", "unparseable"),
        ("The buyer said yes", "unparseable"),
        ("They agreed to disagree", "unparseable"),
        ("They did not disagree", "unparseable"),
        ("They did not fail to agree", "unparseable"),
        ("continue", "unparseable"),
        ("oui", "unparseable"),
        ("yesterday", "unparseable"),
        ("Nobody", "unparseable"),
    ],
)
def test_what_is_neither_is_missing_with_its_code(text: str, code: str) -> None:
    reading = read_yes_no(text)
    assert (reading.value, reading.missing) == (None, code)
    assert reading.reason
