"""One planned unit of work, complete in itself."""

from __future__ import annotations

from typing import Self

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.noun import Noun
from silicus.concepts.procedure import Conversation
from silicus.concepts.roles import Persona
from silicus.concepts.scenario import Scenario
from silicus.concepts.seats import Seats

__all__ = ["Session", "condition_of"]


def condition_of(session_id: str) -> str:
    """The condition that a session's id names: the id without its replicate; empty where nothing is varied."""
    return session_id.rpartition(",replicate=")[0]


class Session(Noun):
    """Everything needed to conduct one session, on this machine or another."""

    session_id: str
    """Names its own condition: ``buyer_budget=6,seller_minimum=10,replicate=1``. Never a position in a plan."""
    study: str
    """Fingerprint of the study."""
    scenario: Scenario
    """The situation."""
    condition: dict[str, float]
    """Code of each treatment."""
    replicate: int
    """Which repetition of this condition, from 1."""
    seed: int
    """Seed of everything random in this session, from the study's seed and the session's id."""
    cast: tuple[Persona, ...]
    """The roles with what each is told."""
    procedure: Conversation
    """How it unfolds."""
    causal_model: CausalModel
    """What is measured afterwards. No participant, coordinator or coder is ever told the paths."""
    seats: Seats
    """Which language model plays whom."""

    @property
    def condition_id(self) -> str:
        """The condition in words, the same for all its replicates."""
        return condition_of(self.session_id)

    def persona(self, role: str) -> Persona:
        """The persona of a role; KeyError if there is none."""
        for persona in self.cast:
            if persona.name == role:
                return persona
        raise KeyError(role)

    @classmethod
    def example(cls) -> Self:
        """One session of a bargaining study."""
        return cls(
            session_id="buyer_budget=10,replicate=1", study="0" * 16, scenario=Scenario.example(),
            condition={"buyer_budget": 10}, replicate=1, seed=7, cast=(Persona.example(), Persona(name="seller")),
            procedure=Conversation.example(), causal_model=CausalModel.example(), seats=Seats.example(),
        )  # fmt: skip
