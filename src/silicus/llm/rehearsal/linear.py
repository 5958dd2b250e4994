"""The general law: outcomes follow the study's own equations with known coefficients and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod, sqrt

from silicus.concepts.causal_model import CausalModel, Equation
from silicus.concepts.errors import Problem
from silicus.concepts.estimate import INTERCEPT
from silicus.concepts.procedure import ActionSpec, Conversation
from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.concepts.variables import Variable
from silicus.llm.cue import Cue
from silicus.llm.rehearsal.law import (
    Parameter,
    Said,
    action_with,
    amount_words,
    last_with,
    rng_of,
    small_talk,
)
from silicus.llm.rehearsal.record import record_line

__all__ = ["Linear", "realised"]

NOISE = "(noise)"
TYPICAL_EFFECT = {"binary": 0.15, "ordinal": 0.3, "count": 0.3, "nominal": 0.0, "continuous": 0.3}
"""By default one standard deviation of a cause moves the outcome by this much (of its noise, or of probability)."""


class Linear:
    """Every outcome is its equation, for any study.

    outcome = (intercept) + sum of coefficient times product of codes + (noise) times a standard normal draw, equation
    after equation, so that mediators act on outcomes. A continuous outcome is that number; a count is it rounded and
    not below zero; an ordinal one is the nearest level; a binary one is yes with that probability, kept between 0 and
    1, and needs no noise. A linear path model therefore recovers the coefficients of continuous outcomes, and of
    binary ones whose probability stays between 0 and 1.

    Parameters are named by path: ``deal ~ buyer_budget``, ``deal ~ a:b``, ``deal ~ (intercept)``, ``deal ~ (noise)``.
    The participants talk, and one of them states the outcomes for the record when everybody has spoken. Amounts that an
    agreement needs lie between the limits told, where these leave room.
    """

    name = "linear"
    statement = (
        "Each outcome is a linear function of its causes with stated coefficients, plus normal noise (a binary outcome "
        "is yes with that probability). The participants' talk follows from it."
    )

    def parameters(self, causal_model: CausalModel) -> Mapping[str, Parameter]:
        """A coefficient for each term, an intercept and a noise for each equation."""
        found: dict[str, Parameter] = {}
        for equation in causal_model.ordered_equations:
            found |= _equation_parameters(causal_model, equation)
        return found

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """It cannot produce free text or unordered categories, nor end a talk that only agreement ends."""
        procedure = study.procedure
        stuck = (
            "agreement" in procedure.stop
            and any(variable.kind == "binary" for variable in study.causal_model.measured)
            and _ending(procedure, procedure.actions) is None
        )
        no_way_out = Problem(
            "law_misfit",
            "sessions without an agreement would run into the cap: only agreement ends this conversation",
            "Add an action with the effect 'end', such as walking away.",
            "procedure.actions",
        )
        return (*((no_way_out,) if stuck else ()), *self._unspeakable(study))

    def _unspeakable(self, study: Study) -> tuple[Problem, ...]:
        return tuple(
            Problem(
                "law_misfit",
                f"the linear law cannot produce '{variable.name}', which is {variable.kind} and answered by "
                f"{variable.answer}",
                "Measure something ordered, or take another law.",
                f"causal_model.variables.{variable.name}",
            )
            for variable in study.causal_model.measured
            if variable.kind == "nominal" or variable.answer == "text"
        )

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """Talk, and when everybody has spoken bring the session to what the law says."""
        spoken = {turn.speaker for turn in cue.turns}
        waiting = [role for role in cue.session.procedure.everyone if role not in spoken and role != cue.role]
        if waiting and cue.turns_left > 1:
            return small_talk(cue)
        outcomes = realised(cue.session, law)
        move, settled = _concluding(cue, outcomes)
        if move is None:
            return small_talk(cue)
        words = f"{move.words} {record_line(cue.session, outcomes)}".strip() if settled else move.words
        return Said(words, move.action, move.value)


def _concluding(cue: Cue, outcomes: Mapping[str, float]) -> tuple[Said | None, bool]:
    """How the role brings the session to its end, and whether that settles it.

    None where it is another role's to do; not settled where somebody still has to consent.
    """
    procedure = cue.session.procedure
    actions = procedure.actions_of(cue.role)
    agree, propose = action_with(actions, "agree"), action_with(actions, "propose")
    binary = next((v.name for v in cue.session.causal_model.measured if v.kind == "binary"), None)
    if "agreement" in procedure.stop and (binary is None or outcomes[binary] == 1):
        standing = last_with(cue.turns, procedure, "propose")
        if standing is not None and standing.speaker != cue.role and agree is not None:
            return Said("Agreed.", agree.name), True
        if propose is not None and (standing is None or standing.speaker != cue.role):
            amount = _amount(cue, outcomes)
            return Said(f"I propose {amount_words(amount, None)}.", propose.name, amount), False
        return None, False
    ending = _ending(procedure, actions)
    if ending is not None:
        return Said("", ending.name, _value_for(ending, cue, outcomes)), True
    others_to_end = _ending(procedure, procedure.actions) is not None
    return (None, False) if others_to_end else (Said(""), True)


def _ending(procedure: Conversation, actions: Sequence[ActionSpec]) -> ActionSpec | None:
    """The action that brings the session nearer its end."""
    ending = next((action for action in actions if "end" in action.effect), None)
    if ending is None and "all_retired" in procedure.stop:
        return next((action for action in actions if "retire" in action.effect), None)
    return ending


def _value_for(action: ActionSpec, cue: Cue, outcomes: Mapping[str, float]) -> float | str | None:
    """What a concluding action carries: the outcome that it can carry."""
    measured = cue.session.causal_model.measured
    if action.value in ("money", "number"):
        return _amount(cue, outcomes)
    if action.value in ("choice", "yes_no"):
        binary = next((variable.name for variable in measured if variable.kind == "binary"), None)
        options = action.options or ("yes", "no")
        return options[0] if binary is None or outcomes[binary] == 1 else options[1]
    return None


def _amount(cue: Cue, outcomes: Mapping[str, float]) -> float:
    """A numeric outcome, else an amount between the limits told in this session."""
    numeric = [v for v in cue.session.causal_model.measured if v.kind in ("continuous", "count")]
    if numeric:
        return outcomes[(next((v for v in numeric if v.is_money), numeric[0])).name]
    told = [value for persona in cue.session.cast for value in persona.told]
    above = [value.code for value in told if value.limit == "at_least"]
    below = [value.code for value in told if value.limit == "at_most"]
    ends = [*([max(above)] if above else []), *([min(below)] if below else [])]
    return round(sum(ends) / len(ends), 2) if ends else 1.0


@dataclass(frozen=True, slots=True)
class _Draw:
    """A session under a law; equal draws have equal outcomes."""

    study: str
    session_id: str
    seed: int
    law: tuple[tuple[str, float], ...]
    session: Session = field(compare=False)


def realised(session: Session, law: Mapping[str, float]) -> dict[str, float]:
    """The outcomes of a session under the law's numbers: the same whoever asks, and however often."""
    return _realised(_Draw(session.study, session.session_id, session.seed, tuple(law.items()), session))


@lru_cache(maxsize=512)
def _realised(draw: _Draw) -> dict[str, float]:
    session, numbers = draw.session, dict(draw.law)
    values = dict(session.condition)
    for equation in session.causal_model.ordered_equations:
        name = equation.outcome
        linear = numbers[f"{name} ~ {INTERCEPT}"] + sum(
            numbers[f"{name} ~ {':'.join(term)}"] * prod(values[cause] for cause in term) for term in equation.terms
        )
        variable = session.causal_model.variable(name)
        values[name] = _drawn(session, variable, linear, numbers.get(f"{name} ~ {NOISE}", 0.0))
    for variable in session.causal_model.measured:
        if variable.name not in values:
            values[variable.name] = _drawn(session, variable, _middle(variable), 1.0)
    return {variable.name: values[variable.name] for variable in session.causal_model.measured}


def _drawn(session: Session, variable: Variable, linear: float, noise: float) -> float:
    rng = rng_of(session, f"outcome:{variable.name}")
    if variable.kind == "binary":
        hit = rng.random() < min(max(linear, 0.0), 1.0)
        codes = sorted(level.code for level in variable.levels) or [0.0, 1.0]
        return codes[-1] if hit else codes[0]
    value = linear + noise * rng.gauss(0, 1)
    if variable.kind == "count":
        return float(max(round(value), 0))
    if variable.levels:
        return min((level.code for level in variable.levels), key=lambda code: abs(code - value))
    return round(value, 6)


def _middle(variable: Variable) -> float:
    if variable.kind == "binary":
        return 0.5
    codes = [level.code for level in variable.levels]
    return sum(codes) / len(codes) if codes else 0.0


def _equation_parameters(model: CausalModel, equation: Equation) -> dict[str, Parameter]:
    outcome = model.variable(equation.outcome)
    typical = TYPICAL_EFFECT[outcome.kind]
    slopes: dict[tuple[str, ...], float] = {}
    center = 0.0
    for term in equation.terms:
        moments = [_moments(model.variable(name)) for name in term]
        slopes[term] = typical / moments[0][1] if len(term) == 1 and moments[0][1] > 0 else 0.0
        center += slopes[term] * prod(mean for mean, _ in moments)
    found = {
        f"{equation.outcome} ~ {':'.join(term)}": Parameter(slope, f"effect on {outcome.label}, for each unit")
        for term, slope in slopes.items()
    }
    intercept = Parameter(round(_middle(outcome) - center, 12), f"{outcome.label} where every cause is zero")
    noise = {} if outcome.kind == "binary" else {
        f"{equation.outcome} ~ {NOISE}": Parameter(1.0, f"standard deviation of {outcome.label} around the law")
    }  # fmt: skip
    return {f"{equation.outcome} ~ {INTERCEPT}": intercept, **found, **noise}


def _moments(variable: Variable) -> tuple[float, float]:
    """Mean and standard deviation of a cause over its values; a measured cause counts as standard."""
    if variable.treatment is None:
        return _middle(variable), 1.0
    codes = [level.code for level in variable.treatment.values]
    mean = sum(codes) / len(codes)
    return mean, sqrt(sum((code - mean) ** 2 for code in codes) / len(codes))
