"""Which language model sits where."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from silicus.concepts.keyed import Keyed
from silicus.concepts.noun import Noun

__all__ = ["REHEARSAL", "RoleSeat", "Seat", "Seats"]

REHEARSAL = "rehearsal"
"""The embedded provider: behavioural models with stated laws, no key, no network, no weights."""


class _Sampling(Noun):
    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    """Sampling temperature; absent: the provider's default."""
    max_tokens: PositiveInt | None = None
    """Cap on the tokens of one answer; absent: the provider's default."""
    law: dict[str, float] = {}
    """Parameters of a rehearsal law, by name; only the embedded provider reads them."""


class Seat(_Sampling):
    """A language model and its sampling; a file may write just ``provider:model``."""

    llm: str = REHEARSAL
    """``provider:model``, such as ``rehearsal:bargaining``."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"llm": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _to_name(self, handler: SerializerFunctionWrapHandler) -> Any:
        content = handler(self)
        return content["llm"] if content.keys() == {"llm"} else content

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [fields["properties"]["llm"], fields]}

    @property
    def provider(self) -> str:
        """The part before the colon."""
        return self.llm.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The part after the colon; empty where there is none."""
        return self.llm.partition(":")[2]

    @classmethod
    def example(cls) -> Self:
        """The rehearsal's bargaining law."""
        return cls(llm="rehearsal:bargaining")


class RoleSeat(_Sampling):
    """The language model of one role, where it differs from the other participants'."""

    name: str
    """The role."""
    value: str
    """``provider:model``."""

    @property
    def seat(self) -> Seat:
        """The same, as a seat."""
        return Seat(llm=self.value, temperature=self.temperature, max_tokens=self.max_tokens, law=self.law)

    @classmethod
    def example(cls) -> Self:
        """A buyer under the general law."""
        return cls(name="buyer", value="rehearsal:linear")


class Seats(Noun):
    """The three seats; roles may have models of their own."""

    scientist: Seat = Seat()
    """Proposes hypotheses and designs the experiment."""
    participant: Seat = Seat()
    """Plays the roles."""
    coder: Seat = Seat()
    """The neutral staff: measures from the transcript, and coordinates where a procedure asks for it."""
    roles: Keyed[RoleSeat] = ()
    """Roles whose model differs: ``{buyer: rehearsal:linear}``."""

    def of_role(self, role: str) -> Seat:
        """The seat that plays a role."""
        return next((own.seat for own in self.roles if own.name == role), self.participant)

    @property
    def by_place(self) -> dict[str, Seat]:
        """The seats that a session needs, each under its place in the study: ``seats.participant``."""
        roles = {f"seats.roles.{own.name}": own.seat for own in self.roles}
        return {"seats.participant": self.participant, "seats.coder": self.coder, **roles}

    @property
    def rehearsed(self) -> bool:
        """True where any participant or coder is the embedded rehearsal model."""
        return any(seat.provider == REHEARSAL for seat in self.by_place.values())

    @classmethod
    def example(cls) -> Self:
        """Everything rehearsed."""
        return cls(participant=Seat.example())
