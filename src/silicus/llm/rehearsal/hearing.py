"""A judge who hears everybody and sets an amount."""

from __future__ import annotations

from collections.abc import Mapping

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.llm.cue import Cue
from silicus.llm.rehearsal.deciding import decision_of, decision_problems, heard_everybody, weighed, weights
from silicus.llm.rehearsal.law import (
    NOTHING,
    Parameter,
    Said,
    amount_words,
    in_first_person,
    own_turns,
    rng_of,
    small_talk,
)

__all__ = ["Hearing"]


class Hearing:
    """The decider calls on each party once and then sets an amount.

    amount = base + sum of weight times code over the treatments it knows + normal noise, rounded to ``round_to`` and
    never below zero.
    """

    name = "hearing"
    statement = (
        "The decider hears each party once and sets an amount: a base plus a weight times the value of each treatment "
        "it knows, plus normal noise, rounded and never below zero."
    )

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """Base, noise, rounding, and one weight a cause."""
        return {
            "base": Parameter(0, "the amount where every treatment is zero"),
            "noise": Parameter(1, "standard deviation of the amount around the law", lowest=0),
            "round_to": Parameter(1, "amounts are multiples of this", positive=True),
            **weights(causal_model),
        }

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """It needs a role that ends the session with an amount."""
        return decision_problems(study, self.name, ("money", "number"))

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """Call on somebody, plead, or decide."""
        decision = decision_of(cue)
        if decision is None or decision.value not in ("money", "number"):
            return _plead(cue)
        if not heard_everybody(cue):
            spoken = {turn.speaker for turn in cue.turns}
            waiting = [role for role in cue.session.procedure.everyone if role not in spoken and role != cue.role]
            return Said(f"I will hear {waiting[0]} now." if waiting else "Go on.")
        amount = weighed(cue.session, cue.role, law) + rng_of(cue.session, "decision").gauss(0, law["noise"])
        amount = max(round(amount / law["round_to"]) * law["round_to"], 0.0)
        unit = next((variable.unit for variable in cue.session.causal_model.measured if variable.is_money), None)
        return Said(f"I have heard you all. I set it at {amount_words(amount, unit)}.", decision.name, amount)


def _plead(cue: Cue) -> Said:
    goal = cue.session.persona(cue.role).goal
    if own_turns(cue) or not goal:
        return small_talk(cue)
    return Said(f"What I want is {in_first_person(goal)}.")
