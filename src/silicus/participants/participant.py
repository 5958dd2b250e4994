"""A participant in a session: a persona, the language model that moves it, and what it remembers.

What a participant sees is exactly: its own attributes, what is public, and the turns it heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from silicus.concepts.errors import SilicusError
from silicus.concepts.picture import Picture
from silicus.concepts.procedure import ActionSpec, Conversation
from silicus.concepts.roles import Persona
from silicus.concepts.seats import Seat
from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.llm.cue import Cue
from silicus.llm.prompt import Image, Message, Prompt, Sampling
from silicus.participants.knowledge import Fact, own_facts, pictures_of, public_facts
from silicus.participants.templates import render, statement_line

__all__ = ["Participant", "cast_participants", "statement_schema"]


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
    sent already. Pictures stand with the first message that follows what it knows: not every provider takes them in a
    system message.
    """

    def __init__(self, persona: Persona, cast: Sequence[Persona], scenario: str, procedure: Conversation, seat: Seat):
        self.persona = persona
        self.seat = seat
        self.actions = procedure.actions_of(persona.name) if persona.name in procedure.everyone else ()
        self.heard: list[Turn] = []
        self._sampling = Sampling(seat.temperature, seat.max_tokens)
        self._schema = statement_schema(self.actions)
        self._unread: list[str] = []
        own, about_others = own_facts(persona, cast), public_facts(persona, cast)
        self._shown = pictures_of((*own, *about_others))
        system = render(
            "participants",
            "role",
            scenario=scenario.rstrip("."),
            persona=persona,
            others=[other.name for other in cast if other.name != persona.name],
            own=[(fact.phrase, self._said(fact), fact.known) for fact in own],
            about_others=[(fact.phrase, self._said(fact)) for fact in about_others],
            pictures=len(self._shown),
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
        return Prompt(self._followed_by(text), "participant", self._schema, self._sampling, cue)

    def item_prompt(self, question: str, form: str, schema: dict[str, Any], cue: Cue) -> Prompt:
        """The request to answer an item after the session."""
        text = render("participants", "item", heard=self._unread, question=question, form=form)
        return Prompt(self._followed_by(text), "participant", schema, self._sampling, cue)

    def remember(self, prompt: Prompt, answer: str) -> None:
        """Keep an exchange: later prompts extend it."""
        self._messages = (*prompt.messages, Message("assistant", answer))
        self._unread = []

    def _said(self, fact: Fact) -> str:
        """A fact as it is told: in words, or by the number of its picture."""
        return fact.words if fact.image is None else f"picture {self._shown.index(fact.image) + 1}"

    def _followed_by(self, text: str) -> tuple[Message, ...]:
        """The conversation so far and a new message to this participant; the first one shows the pictures."""
        images = () if len(self._messages) > 1 else tuple(map(_image, self._shown))
        return (*self._messages, Message("user", text, images))


def _image(picture: Picture) -> Image:
    if not picture.data:
        raise SilicusError(
            f"the picture {picture.file} was not read",
            suggestion="Run the study from its folder, or from its file with the pictures beside it.",
            code="picture_not_read",
        )
    return Image(picture.media_type, picture.data)


def cast_participants(session: Session) -> dict[str, Participant]:
    """One participant a role, in the order of the cast."""
    return {
        persona.name: Participant(
            persona, session.cast, session.scenario.text, session.procedure, session.seats.of_role(persona.name)
        )
        for persona in session.cast
    }
