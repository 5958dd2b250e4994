"""A participant in a session: a persona, the language model that moves it, and what it remembers.

What a participant sees is exactly: its own attributes, what is public, and the turns it heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from silicus.concepts.procedure import ActionSpec, Conversation
from silicus.concepts.roles import Persona, ToldValue
from silicus.concepts.seats import Seat
from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.llm.cue import Cue
from silicus.llm.prompt import Message, Prompt, Sampling
from silicus.participants.templates import render, statement_line, the_role

__all__ = ["Participant", "cast_participants", "public_facts", "statement_schema"]


def public_facts(persona: Persona, cast: Sequence[Persona]) -> tuple[tuple[str, str], ...]:
    """What a persona knows about the others: pairs of what a fact is called and the fact in words."""
    facts: dict[str, str] = {}
    own = {value.variable for value in persona.told}
    for other in cast:
        if other.name == persona.name:
            continue
        for attribute in other.attributes:
            if attribute.public:
                facts[f"{the_role(other.name)}'s {attribute.name}"] = str(attribute.value)
        for value in other.told:
            if value.public_phrase is not None and value.variable not in own:
                facts[value.public_phrase] = value.public_words or value.words
    return tuple(facts.items())


def _who_knows(value: ToldValue, persona: Persona, cast: Sequence[Persona]) -> str:
    """Who else knows a value that a persona was told, as it is told that."""
    if value.public_phrase is not None:
        return "the others know this"
    told = [the_role(o.name) for o in cast if o.name != persona.name and value.variable in {t.variable for t in o.told}]
    if not told:
        return "only you know this"
    return "the others know this" if len(told) == len(cast) - 1 else f"also known to {', '.join(told)}"


def statement_schema(actions: Sequence[ActionSpec]) -> dict[str, Any] | None:
    """JSON Schema of a statement with an action; None for a role that only speaks."""
    if not actions:
        return None
    return {
        "type": "object",
        "properties": {
            "say": {"type": "string"},
            "action": {"type": "string", "enum": [*(action.name for action in actions), "none"]},
            "value": {"type": ["number", "string", "null"]},
        },
        "required": ["say", "action", "value"],
        "additionalProperties": False,
    }


class Participant:
    """One role in one session.

    Its prompts grow by appending: each extends the one before, so that a provider's prefix cache pays for what was
    sent already.
    """

    def __init__(self, persona: Persona, cast: Sequence[Persona], scenario: str, procedure: Conversation, seat: Seat):
        self.persona = persona
        self.seat = seat
        self.actions = procedure.actions_of(persona.name) if persona.name in procedure.everyone else ()
        self.heard: list[Turn] = []
        self._sampling = Sampling(seat.temperature, seat.max_tokens)
        self._schema = statement_schema(self.actions)
        self._unread: list[str] = []
        system = render(
            "participants",
            "role",
            scenario=scenario.rstrip("."),
            persona=persona,
            others=[other.name for other in cast if other.name != persona.name],
            own=[(value, _who_knows(value, persona, cast)) for value in persona.told],
            about_others=public_facts(persona, cast),
            actions=self.actions,
            max_turns=procedure.max_turns,
        )
        self._messages: tuple[Message, ...] = (Message("system", system),)

    @property
    def name(self) -> str:
        """The role's name."""
        return self.persona.name

    def hear(self, turn: Turn) -> None:
        """Take note of a statement, one's own included."""
        self.heard.append(turn)
        if turn.speaker != self.name:
            self._unread.append(statement_line(turn))

    def turn_prompt(self, cue: Cue) -> Prompt:
        """The request for the next statement. It changes nothing: asking twice asks the same."""
        text = render("participants", "turn", heard=self._unread, first=not self.heard)
        return Prompt((*self._messages, Message("user", text)), "participant", self._schema, self._sampling, cue)

    def item_prompt(self, question: str, form: str, schema: dict[str, Any], cue: Cue) -> Prompt:
        """The request to answer an item after the session."""
        text = render("participants", "item", heard=self._unread, question=question, form=form)
        return Prompt((*self._messages, Message("user", text)), "participant", schema, self._sampling, cue)

    def remember(self, prompt: Prompt, answer: str) -> None:
        """Keep an exchange: later prompts extend it."""
        self._messages = (*prompt.messages, Message("assistant", answer))
        self._unread = []


def cast_participants(session: Session) -> dict[str, Participant]:
    """One participant a role, in the order of the cast."""
    return {
        persona.name: Participant(
            persona, session.cast, session.scenario.text, session.procedure, session.seats.of_role(persona.name)
        )
        for persona in session.cast
    }
