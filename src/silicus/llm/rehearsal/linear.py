"""The general law: outcomes follow the study's own equations with known coefficients and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
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
    NOTHING,
    Parameter,
    Said,
    action_with,
    amount_words,
    last_with,
    rng_of,
    small_talk,
)
from silicus.llm.rehearsal.record import record_line

__all__ = ["Linear", "realised", "truncations"]

NOISE = "(noise)"
TYPICAL_EFFECT = {"binary": 0.15, "ordinal": 0.3, "count": 0.3, "nominal": 0.0, "continuous": 0.3}
"""By default one standard deviation of a cause moves the outcome by this much (of its noise, or of probability)."""
MOST_CORNERS = 2**12


class Linear:
    """Every outcome is its equation, for any study.

    outcome = (intercept) + sum of coefficient times product of codes + (noise) times a standard normal draw, equation
    after equation, so that mediators act on outcomes. A continuous outcome is that number; a count is it rounded and
    not below zero; an ordinal one is the nearest level; a binary one is yes with that probability, kept between 0 and
    1, and needs no noise. A linear path model therefore recovers the coefficients of continuous outcomes, and of
    binary ones whose probability stays between 0 and 1. The defaults see to that: beside the effects that are given,
    the others of a binary outcome get the room that is left, and the constant puts the middle of the design at 1/2.

    Parameters are named by path: ``deal ~ buyer_budget``, ``deal ~ a:b``, ``deal ~ (intercept)``, ``deal ~ (noise)``.
    The participants talk, and one of them states the outcomes for the record when everybody has spoken. Amounts that an
    agreement needs lie between the limits told, where these leave room.
    """

    name = "linear"
    statement = (
        "Each outcome is a linear function of its causes with stated coefficients, plus normal noise (a binary outcome "
        "is yes with that probability). The participants' talk follows from it."
    )

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """A coefficient for each term, an intercept and a noise for each equation."""
        found: dict[str, Parameter] = {}
        for equation in causal_model.ordered_equations:
            found |= _equation_parameters(causal_model, equation, given)
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
            values[variable.name] = _drawn(session, variable, _middle(variable), _typical_noise(variable))
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
    if codes:
        return sum(codes) / len(codes)
    return 100.0 if variable.is_money else 10.0 if variable.kind == "count" else 0.0


def _typical_noise(variable: Variable) -> float:
    """The noise of an outcome for which none is given: amounts of money are around 100 ± 10, counts around 10 ± 2."""
    if variable.levels:
        return 1.0
    return 10.0 if variable.is_money else 2.0 if variable.kind == "count" else 1.0


def _equation_parameters(model: CausalModel, equation: Equation, given: Mapping[str, float]) -> dict[str, Parameter]:
    outcome = model.variable(equation.outcome)
    slopes = _slopes(model, equation, given)
    if outcome.kind == "binary":
        center = sum(slope * sum(_bounds(model, term)) / 2 for term, slope in slopes.items())
    else:
        center = sum(slope * prod(_moments(model.variable(name))[0] for name in term) for term, slope in slopes.items())
    found = {
        _path(equation, term): Parameter(slope, f"effect on {outcome.label}, for each unit")
        for term, slope in slopes.items()
    }
    intercept = Parameter(round(_middle(outcome) - center, 12), f"{outcome.label} where every cause is zero")
    found = {f"{equation.outcome} ~ {INTERCEPT}": intercept, **found}
    if outcome.kind == "binary":
        return found
    noise = Parameter(_typical_noise(outcome), f"standard deviation of {outcome.label} around the law", lowest=0)
    return {**found, f"{equation.outcome} ~ {NOISE}": noise}


def _path(equation: Equation, term: tuple[str, ...]) -> str:
    return f"{equation.outcome} ~ {':'.join(term)}"


def _slopes(model: CausalModel, equation: Equation, given: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    """The coefficients: those given, and typical ones, which share the room that a probability has left."""
    outcome = model.variable(equation.outcome)
    stated = {term: given[path] for term in equation.terms if (path := _path(equation, term)) in given}
    typical: dict[tuple[str, ...], float] = {}
    for term in equation.terms:
        spread = _moments(model.variable(term[0]))[1] if len(term) == 1 else 0.0
        if term not in stated:
            typical[term] = TYPICAL_EFFECT[outcome.kind] * _typical_noise(outcome) / spread if spread > 0 else 0.0
    if outcome.kind == "binary":
        room = max(0.5 - _reach(model, stated), 0.0)
        wanted = _reach(model, typical)
        share = min(1.0, room / wanted) if wanted else 1.0
        typical = {term: slope * share for term, slope in typical.items()}
    return {term: {**stated, **typical}[term] for term in equation.terms}


def _reach(model: CausalModel, slopes: Mapping[tuple[str, ...], float]) -> float:
    """How far from the middle of the design these effects together can move the outcome."""
    bounds = {term: _bounds(model, term) for term in slopes}
    return sum(abs(slope) * (bounds[term][1] - bounds[term][0]) / 2 for term, slope in slopes.items())


def _bounds(model: CausalModel, term: tuple[str, ...]) -> tuple[float, float]:
    """The least and the greatest product of the causes' codes."""
    corners = [prod(corner) for corner in product(*(_ends(model.variable(name)) for name in term))]
    return min(corners), max(corners)


def _ends(variable: Variable) -> tuple[float, float]:
    """The lowest and the highest code; of a measured cause without levels, two standard deviations off its middle."""
    codes = [level.code for level in (variable.treatment.values if variable.treatment else variable.levels)]
    if variable.kind == "binary" and not codes:
        return 0.0, 1.0
    if codes:
        return min(codes), max(codes)
    middle, noise = _middle(variable), _typical_noise(variable)
    return middle - 2 * noise, middle + 2 * noise


def truncations(study: Study, numbers: Mapping[str, float], where: str) -> tuple[Problem, ...]:
    """The binary outcomes whose probability under these numbers would leave 0 to 1 for some condition.

    A probability that is linear in each cause is extreme where every cause is.
    """
    model = study.causal_model
    found = []
    for equation in model.ordered_equations:
        variables = [model.variable(name) for name in equation.causes]
        is_known = all(variable.treatment is not None for variable in variables) and 2 ** len(variables) <= MOST_CORNERS
        if model.variable(equation.outcome).kind != "binary" or not is_known:
            continue
        extremes = []
        for corner in product(*map(_ends, variables)):
            codes = dict(zip(equation.causes, corner, strict=True))
            effects = (numbers[_path(equation, term)] * prod(codes[name] for name in term) for term in equation.terms)
            extremes.append(numbers[f"{equation.outcome} ~ {INTERCEPT}"] + sum(effects))
        low, high = round(min(extremes), 6), round(max(extremes), 6)
        if low < 0 or high > 1:
            found.append(
                Problem(
                    "law_truncated",
                    f"the probability of '{equation.outcome}' would run from {low:.3g} to {high:.3g}; it is kept "
                    "between 0 and 1, so a linear model finds smaller effects than those stated",
                    f"State smaller effects, or another constant: '{equation.outcome} ~ {INTERCEPT}'.",
                    where,
                    severity="warning",
                )
            )
    return tuple(found)


def _moments(variable: Variable) -> tuple[float, float]:
    """Mean and standard deviation of a cause over its values; a measured cause counts as standard."""
    if variable.treatment is None:
        return _middle(variable), _typical_noise(variable)
    codes = [level.code for level in variable.treatment.values]
    mean = sum(codes) / len(codes)
    return mean, sqrt(sum((code - mean) ** 2 for code in codes) / len(codes))
