"""A decision maker who hears everybody out and then weighs what it knows: shared by hearing and interview."""

from __future__ import annotations

from collections.abc import Mapping

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem
from silicus.concepts.procedure import ActionSpec
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.llm.cue import Cue
from silicus.llm.rehearsal.law import Parameter

__all__ = ["decision_of", "decision_problems", "heard_everybody", "weighed", "weights"]


def decision_of(cue: Cue) -> ActionSpec | None:
    """The role's action that ends the session with a value, if it has one."""
    actions = cue.session.procedure.actions_of(cue.role)
    return next((action for action in actions if "end" in action.effect and action.value != "none"), None)


def decision_problems(study: Study, law: str, values: tuple[str, ...]) -> tuple[Problem, ...]:
    """The law needs an action that ends the session with a value of one of these kinds."""
    if any("end" in action.effect and action.value in values for action in study.procedure.actions):
        return ()
    return (
        Problem(
            "law_misfit",
            f"the {law} law needs a role that decides: an action with 'effect: [end]' and 'value: {values[0]}'",
            "Add one under procedure.actions, or play the study with 'rehearsal:linear'.",
            "seats.participant",
        ),
    )


def weights(causal_model: CausalModel) -> dict[str, Parameter]:
    """One weight for each cause; none counts unless the study or the user says so."""
    return {
        variable.name: Parameter(0.0, f"weight of {variable.label} in the decision, for each unit")
        for variable in causal_model.treatments
    }


def heard_everybody(cue: Cue, rounds: int = 1) -> bool:
    """Whether each other speaker has spoken at least ``rounds`` times."""
    spoken = [turn.speaker for turn in cue.turns]
    return all(spoken.count(role) >= rounds for role in cue.session.procedure.everyone if role != cue.role)


def weighed(session: Session, decider: str, law: Mapping[str, float]) -> float:
    """``base`` plus weight times code of every treatment that the decider was told or that is public."""
    known = {value.variable: value.code for value in session.persona(decider).told}
    for persona in session.cast:
        known |= {value.variable: value.code for value in persona.told if value.public_phrase is not None}
    return law["base"] + sum(law[name] * code for name, code in known.items())
