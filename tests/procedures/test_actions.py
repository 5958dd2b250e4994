"""What a role does beside speaking: read, and held against what it was told."""

from __future__ import annotations

import pytest

from silicus.concepts.procedure import ActionSpec
from silicus.concepts.roles import Persona, ToldValue
from silicus.concepts.transcript import Action
from silicus.procedures.actions import broken_limits, read_statement

OFFER = ActionSpec(name="offer", by=("buyer",), meaning="offer", value="money", effect=("propose",))
ACCEPT = ActionSpec(name="accept", by=("buyer",), meaning="accept", effect=("agree",))
DECIDE = ActionSpec(name="decide", by=("buyer",), meaning="decide", value="choice", options=("hire", "reject"))
RULE = ActionSpec(name="rule", by=("buyer",), meaning="rule", value="yes_no")
SPECS = (OFFER, ACCEPT, DECIDE, RULE)


@pytest.mark.parametrize(
    ("raw", "words", "action"),
    [
        ('{"say": "I offer 12.", "action": "offer", "value": 12}', "I offer 12.", Action(name="offer", value=12)),
        ('{"say": "Odd.", "action": "offer", "value": 12.345}', "Odd.", Action(name="offer", value=12.345)),
        ('```json\n{"say": "Hm.", "action": "offer", "value": "$1,500"}\n```', "Hm.", Action(name="offer", value=1500)),
        ("{“say”: “Fine.”, “action”: “accept”, “value”: null}", "Fine.", Action(name="accept")),
        ('{"say": "Hello.", "action": "none", "value": null}', "Hello.", None),
        ('{"say": "Hello."}', "Hello.", None),
        ('{"say": "In.", "action": "Decide", "value": "Hire"}', "In.", Action(name="decide", value="hire")),
        ('{"say": "So.", "action": "rule", "value": "No."}', "So.", Action(name="rule", value="no")),
        ('{"say": "So.", "action": "rule", "value": true}', "So.", Action(name="rule", value="yes")),
    ],
)
def test_statements_are_read(raw: str, words: str, action: Action | None) -> None:
    statement = read_statement(raw, SPECS)
    assert (statement.words, statement.action, statement.irregular) == (words, action, ())


@pytest.mark.parametrize(
    ("raw", "words", "said_why"),
    [
        ("I offer 12 dollars.", "I offer 12 dollars.", "not the JSON object"),
        ('{"say": "Ha.", "action": "steal", "value": 1}', "Ha.", "'steal' is not one of its actions"),
        ('{"say": "Ha.", "action": "offer", "value": null}', "Ha.", "none was given"),
        ('{"say": "Ha.", "action": "offer", "value": "10 or 12"}', "Ha.", "without a readable value"),
        ('{"say": "Ha.", "action": "offer", "value": 1e999}', "Ha.", "without a readable value"),
        ('{"say": "Ha.", "action": "offer", "value": ' + "9" * 400 + "}", "Ha.", "without a readable value"),
        ('{"say": "Ha.", "action": "decide", "value": "maybe"}', "Ha.", "without a readable value"),
    ],
)
def test_what_cannot_be_read_is_no_action_and_is_said(raw: str, words: str, said_why: str) -> None:
    statement = read_statement(raw, SPECS)
    assert statement.words == words
    assert statement.action is None
    assert said_why in statement.irregular[0]


def test_who_cannot_act_is_taken_at_its_words() -> None:
    assert read_statement("Good morning.", ()).words == "Good morning."
    assert read_statement('{"say": "Good morning."}', ()).words == "Good morning."


def test_amounts_beyond_a_limit_are_found() -> None:
    buyer = Persona(
        name="buyer",
        told=(ToldValue(variable="b", phrase="your budget", words="6 dollars", code=6, limit="at_most"),),
    )
    assert broken_limits(buyer, "offer", 18) == ("offer at 18 is above your budget (6 dollars)",)
    assert broken_limits(buyer, "offer", 6) == ()
    assert broken_limits(buyer, "decide", "hire") == ()
