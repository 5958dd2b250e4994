"""What happened in one session."""

from __future__ import annotations

from typing import Literal, Self

from silicus.concepts.noun import Noun

__all__ = ["Action", "Response", "Status", "Transcript", "Turn", "Usage"]

Status = Literal["complete", "censored", "failed"]
"""``censored``: the cap ended the conversation. ``failed``: it could not be held; ``error`` says why."""


class Action(Noun):
    """What a role did beside speaking."""

    name: str
    """Name of the action, as the procedure lists it."""
    value: float | str | None = None
    """The amount, or the option chosen; for an agreement the amount agreed on."""

    @classmethod
    def example(cls) -> Self:
        """An offer of 12 dollars."""
        return cls(name="offer", value=12)


class Turn(Noun):
    """One statement, who made it and who heard it."""

    number: int
    """Position in the session, from 1."""
    speaker: str
    """The role that spoke."""
    words: str
    """What was said."""
    action: Action | None = None
    """What was done beside speaking."""
    heard_by: tuple[str, ...] = ()
    """The roles that heard it, the speaker not among them."""
    raw: str = ""
    """The language model's text, as it came."""
    ordinal: int = 0
    """Which call of the session brought it: the key to its full request in the archive."""
    irregular: tuple[str, ...] = ()
    """What was wrong with it: an unreadable action, an acceptance of nothing, an amount beyond a limit."""

    @classmethod
    def example(cls) -> Self:
        """The buyer's offer."""
        return cls(
            number=1, speaker="buyer", words="I offer 12 dollars.", action=Action.example(), heard_by=("seller",)
        )


class Response(Noun):
    """One answer to one item."""

    variable: str
    """The variable measured."""
    item: int
    """Which of the measure's questions, from 1."""
    respondent: str
    """The role that was asked, or ``coder``."""
    question: str
    """The question as asked."""
    raw: str
    """The answer as it came."""
    value: float | str | None = None
    """The value read; None exactly where ``missing`` is set."""
    missing: str | None = None
    """Code of why there is no value."""
    reason: str = ""
    """The same in words."""
    ordinal: int = 0
    """Which call of the session brought it."""

    @classmethod
    def example(cls) -> Self:
        """A coder's yes."""
        return cls(variable="deal", item=1, respondent="coder", question="Did they agree?", raw="Yes.", value=1.0)


class Usage(Noun):
    """What the calls of a session took."""

    calls: int = 0
    """Completions."""
    tokens_in: int = 0
    """Tokens sent."""
    tokens_out: int = 0
    """Tokens received."""

    @classmethod
    def example(cls) -> Self:
        """Six short calls."""
        return cls(calls=6, tokens_in=1800, tokens_out=120)


class Transcript(Noun):
    """A session as it was held: turns, answers, how it ended."""

    session_id: str
    """The planned session."""
    condition: dict[str, float]
    """Code of each treatment."""
    replicate: int
    """Which repetition of this condition."""
    status: Status
    """How it stands."""
    ended_by: str = ""
    """What ended it: agreement, an action's name, coordinator, all_retired, cap."""
    turns: tuple[Turn, ...] = ()
    """What was said, in order."""
    responses: tuple[Response, ...] = ()
    """What was measured."""
    error: str = ""
    """Why it failed."""
    usage: Usage = Usage()
    """What it took."""

    @classmethod
    def example(cls) -> Self:
        """A session of one turn."""
        return cls(
            session_id="buyer_budget=10,replicate=1", condition={"buyer_budget": 10}, replicate=1,
            status="complete", ended_by="agreement", turns=(Turn.example(),), responses=(Response.example(),),
        )  # fmt: skip
