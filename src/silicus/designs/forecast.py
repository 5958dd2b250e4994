"""What a plan takes: conditions, sessions, statements and calls to language models, as bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from silicus.concepts.procedure import Conversation
from silicus.concepts.study import Study
from silicus.designs.plan import Factor, Plan

__all__ = ["Bounds", "Forecast", "can_agree", "can_all_retire", "design_text", "forecast_plan", "round_length"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number that is known only to lie between two others, ends included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low:,}" if self.low == self.high else f"{self.low:,} to {self.high:,}"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan takes.

    Attributes
    ----------
    design
        The design in a sentence.
    factors
        What is varied.
    n_conditions, n_sessions
        Combinations of values, and planned sessions.
    statements
        Statements of one session.
    calls_per_session
        Calls to language models of one session: statements, private drafts, the coordinator's decisions, and the
        questions afterwards. An answer that cannot be read is asked for once more; these calls are not counted.
    calls
        The same for all sessions.
    """

    design: str
    factors: tuple[Factor, ...]
    n_conditions: int
    n_sessions: int
    statements: Bounds
    calls_per_session: Bounds
    calls: Bounds


def forecast_plan(plan: Plan) -> Forecast:
    """Forecast what the planned sessions take, from the plan alone."""
    procedure = plan.study.procedure
    statements = _statements(procedure)
    answers = _answers(plan.study)
    spoken = _conversation_calls(procedure, statements)
    per_session = Bounds(spoken.low + answers.low, spoken.high + answers.high)
    return Forecast(
        design=design_text(plan),
        factors=plan.factors,
        n_conditions=plan.n_conditions,
        n_sessions=plan.n_sessions,
        statements=statements,
        calls_per_session=per_session,
        calls=Bounds(per_session.low * plan.n_sessions, per_session.high * plan.n_sessions),
    )


def design_text(plan: Plan) -> str:
    """The design in a sentence: ``buyer_budget (9 values) × seller_minimum (9 values) = 81 conditions, …``."""
    design = plan.study.design
    if not plan.factors:
        conditions = "nothing is varied: 1 condition"
    else:
        product = " × ".join(f"{factor.name} ({_count(len(factor.levels), 'value')})" for factor in plan.factors)
        conditions = f"{product} = {_count(plan.n_conditions, 'condition')}"
    repeated = f" × {design.replicates:,} replicates" if design.replicates > 1 else ""
    if design.sessions is None:
        return f"full factorial: {conditions}{repeated}; {_count(plan.n_sessions, 'session')}"
    drawn = f"{plan.n_sessions:,} of these {plan.n_cells:,}" if plan.n_cells > 1 else "1 of 1"
    return f"random subset: {conditions}{repeated}; {_count(plan.n_sessions, 'session')}, {drawn}, seed {design.seed}"


def round_length(procedure: Conversation) -> int:
    """Statements until everybody has spoken once, where the order is fixed; the least it can take otherwise."""
    speakers = len(procedure.everyone)
    return 2 * (speakers - 1) if procedure.turn_order.startswith("central") else speakers


def can_agree(procedure: Conversation) -> bool:
    """Whether some role can accept what another role can propose."""
    proposers = _roles_with("propose", procedure)
    return any(proposers - {role} for role in _roles_with("agree", procedure))


def can_all_retire(procedure: Conversation) -> bool:
    """Whether so many roles can retire that the conversation is over."""
    needed = len(procedure.everyone) - ("all_retired" in procedure.stop)
    return len(_roles_with("retire", procedure)) >= needed


def _roles_with(effect: str, procedure: Conversation) -> set[str]:
    return {role for action in procedure.actions if effect in action.effect for role in action.by}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _statements(procedure: Conversation) -> Bounds:
    """The fewest and the most statements of one session."""
    speakers, most = len(procedure.everyone), procedure.max_turns
    at_once = procedure.turn_order == "simultaneous"
    ways = [most]
    if "coordinator" in procedure.stop or any("end" in action.effect for action in procedure.actions):
        ways.append(1)
    if "agreement" in procedure.stop and can_agree(procedure):
        ways.append(speakers + 1 if at_once else 2)
    if can_all_retire(procedure):
        ways.append(speakers - ("all_retired" in procedure.stop))
    fewest = min(ways)
    if at_once:  # whole rounds: all speak before anything takes effect, and a round that does not fit is not begun
        fewest = min(math.ceil(fewest / speakers), most // speakers) * speakers
        most = most if _roles_with("retire", procedure) else most // speakers * speakers
    return Bounds(fewest, most)


def _conversation_calls(procedure: Conversation, statements: Bounds) -> Bounds:
    """Calls for statements and drafts, and for the coordinator's decisions."""
    speakers, retiring = len(procedure.everyone), len(_roles_with("retire", procedure))
    low, high = statements.low, statements.high
    if procedure.turn_order == "coordinator_before":
        low, high = 2 * low, 2 * high
    elif procedure.turn_order == "coordinator_after":
        low = sum(max(speakers - min(turn, retiring), 1) + 1 for turn in range(low))
        high = high * (speakers + 1)
    if "coordinator" in procedure.stop:
        at_once = procedure.turn_order == "simultaneous"
        # No verdict is asked for after a round that settled the matter by itself.
        low += max(statements.low // (speakers if at_once else 1) - 1, 0)
        high += statements.high // (speakers if at_once and not retiring else 1)
    return Bounds(low, high)


def _answers(study: Study) -> Bounds:
    """Questions put after a session: all of them, or the first alone where the first answer counts."""
    measures = [variable.measure for variable in study.causal_model.measured if variable.measure is not None]
    asked = [len(measure.questions) for measure in measures]
    least = [1 if measure.combine == "first" else len(measure.questions) for measure in measures]
    return Bounds(sum(least), sum(asked))
