"""What a rehearsal law is, and what the laws share."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem
from silicus.concepts.procedure import ActionSpec, Conversation, Effect
from silicus.concepts.roles import ToldValue
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.concepts.transcript import Turn
from silicus.concepts.variables import Variable
from silicus.llm.cue import Cue

__all__ = [
    "NOTHING",
    "Law",
    "Parameter",
    "Said",
    "action_with",
    "amount_words",
    "in_first_person",
    "last_with",
    "lowest_code",
    "own_told",
    "own_turns",
    "rng_of",
    "small_talk",
    "unit_of_limit",
]


NOTHING: Mapping[str, float] = MappingProxyType({})
"""No numbers given."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a law: what it is by default, what it means, and which numbers make sense.

    ``positive`` where zero does not; ``lowest`` and ``highest`` themselves do.
    """

    default: float
    meaning: str
    lowest: float = -math.inf
    highest: float = math.inf
    positive: bool = False

    def expected_instead_of(self, number: float) -> str:
        """What was expected where a number makes no sense; empty where it does."""
        if not math.isfinite(number):
            return "a finite number"
        if self.lowest <= number <= self.highest and (number > 0 or not self.positive):
            return ""
        low = "above 0" if self.positive else f"of at least {self.lowest:g}" if self.lowest > -math.inf else ""
        high = f"of at most {self.highest:g}" if self.highest < math.inf else ""
        return f"a number {' and '.join(part for part in (low, high) if part)}".rstrip()


@dataclass(frozen=True, slots=True)
class Said:
    """What a rehearsal participant says and does."""

    words: str
    action: str = "none"
    value: float | str | None = None


class Law(Protocol):
    """A stated law by which rehearsal participants behave."""

    name: str
    """What a seat calls it: ``rehearsal:<name>``."""
    statement: str
    """The law in a sentence or two, as reports print it."""

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """The law's numbers for a study; those that are given may move the defaults of the others."""

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """Why the law cannot play this study; empty where it can."""

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """The next statement of ``cue.role``, with the law's numbers in ``law``."""


def rng_of(session: Session, purpose: str) -> random.Random:
    """A source of randomness fixed by the session and what it is for."""
    return random.Random(f"{session.seed}:{purpose}")


def own_told(cue: Cue) -> tuple[ToldValue, ...]:
    """The treatment values that the role asked was told."""
    return cue.session.persona(cue.role).told


def own_turns(cue: Cue) -> list[Turn]:
    """The statements that the role asked made so far."""
    return [turn for turn in cue.turns if turn.speaker == cue.role]


def action_with(actions: Sequence[ActionSpec], *effects: Effect) -> ActionSpec | None:
    """The first action that has exactly these effects."""
    return next((action for action in actions if set(action.effect) == set(effects)), None)


def last_with(turns: Sequence[Turn], procedure: Conversation, effect: Effect) -> Turn | None:
    """The last statement whose action has an effect."""
    for turn in reversed(turns):
        spec = procedure.action(turn.action.name) if turn.action is not None else None
        if spec is not None and effect in spec.effect:
            return turn
    return None


def amount_words(amount: float, unit: str | None) -> str:
    """An amount as a person says it: ``12 dollars``, ``7.50 dollars``."""
    number = f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.2f}"
    return f"{number} {unit}" if unit else number


def unit_of_limit(cue: Cue) -> str | None:
    """The unit of the role's limit."""
    name = next((value.variable for value in own_told(cue) if value.limit is not None), None)
    return cue.session.causal_model.variable(name).unit if name is not None else None


def lowest_code(variable: Variable) -> float:
    """The lowest code among a treatment's values."""
    return min(level.code for level in variable.treatment.values) if variable.treatment is not None else 0.0


def in_first_person(text: str) -> str:
    """What a role was told about itself, as it says it: ``your`` becomes ``my``."""
    return re.sub(r"\b(you|your|yourself)\b", lambda found: _FIRST_PERSON[found.group()], text)


_FIRST_PERSON = {"you": "I", "your": "my", "yourself": "myself"}


def small_talk(cue: Cue) -> Said:
    """A statement that settles nothing: what everybody may know about the speaker, or an opening."""
    public = [value for value in own_told(cue) if value.public_phrase is not None]
    spoken = len(own_turns(cue))
    if spoken < len(public):
        value = public[spoken]
        return Said(f"This you may know about me: {in_first_person(value.phrase)}: {value.words}.")
    lines = ("Let us talk about it.", "I see it from my side, and I have said how.", "I have nothing to add for now.")
    return Said(lines[min(spoken - len(public), len(lines) - 1)])
