"""Who takes part: roles as a study states them, personas as a session casts them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from silicus.concepts.keyed import Keyed
from silicus.concepts.noun import Noun
from silicus.concepts.picture import Picture

__all__ = ["Attribute", "Persona", "Role", "RoleName", "ToldValue"]

RoleName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_' -]*$", max_length=60)]
"""What a role is called in the sessions: ``buyer``, ``defence attorney``, ``bidder 1``."""


class Attribute(Noun):
    """A fixed fact about a role: ``age: 34``, or ``age: {value: 34, public: true}``."""

    name: str
    """What it is called: name, age, education, hometown, …"""
    value: str | int | float
    """The fact."""
    public: bool = False
    """True where the other roles know it too."""
    image: Picture | None = None
    """A picture that is shown in place of the fact."""

    @classmethod
    def example(cls) -> Self:
        """An age."""
        return cls(name="age", value=34)


class Role(Noun):
    """A part in the scenario, the same in every session."""

    name: RoleName
    """What the others call it."""
    goal: str = ""
    """What it wants, told to it in the second person: ``to buy the mug for as little as you can``."""
    constraint: str = ""
    """What it must not do: ``never pay more than your budget``."""
    attributes: Keyed[Attribute] = ()
    """Fixed facts about it."""

    @classmethod
    def example(cls) -> Self:
        """The buyer of the mug."""
        return cls(name="buyer", goal="to buy the mug for as little as you can", attributes=(Attribute.example(),))


class ToldValue(Noun):
    """One treatment value as one role is told it in one session."""

    variable: str
    """The cause."""
    phrase: str
    """What it is called to the role itself."""
    words: str
    """The value in words, unit included."""
    code: float
    """The value in the dataset."""
    public_phrase: str | None = None
    """What the others hear it called; None where it is private."""
    public_words: str | None = None
    """The value as the others hear it."""
    limit: str | None = None
    """``at_most`` or ``at_least`` where the value bounds the role's amounts."""
    image: Picture | None = None
    """The picture that the role is shown in place of the words."""
    public_image: Picture | None = None
    """The picture that the others are shown in place of what they would hear."""

    @classmethod
    def example(cls) -> Self:
        """A budget of 10 dollars."""
        return cls(variable="buyer_budget", phrase="your budget for the mug", words="10 dollars", code=10)


class Persona(Noun):
    """A role as cast in one session: with the values that this session assigns to it."""

    name: RoleName
    """The role's name."""
    goal: str = ""
    """As in the role."""
    constraint: str = ""
    """As in the role."""
    attributes: Keyed[Attribute] = ()
    """As in the role."""
    told: tuple[ToldValue, ...] = ()
    """The treatments this role is told."""

    @classmethod
    def example(cls) -> Self:
        """A buyer with a budget of 10 dollars."""
        return cls(name="buyer", told=(ToldValue.example(),))
