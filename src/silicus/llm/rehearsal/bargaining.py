"""Negotiators with reservation prices."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor

from silicus.concepts.causal_model import CausalModel
from silicus.concepts.errors import Problem
from silicus.concepts.study import Study
from silicus.concepts.transcript import Turn
from silicus.llm.cue import Cue
from silicus.llm.rehearsal.law import (
    NOTHING,
    Parameter,
    Said,
    action_with,
    amount_words,
    last_with,
    lowest_code,
    own_told,
    own_turns,
    rng_of,
    small_talk,
    unit_of_limit,
)

__all__ = ["Bargaining"]

RAISING = ("I can offer {}.", "I could go up to {}.", "Let us say {}.")
LOWERING = ("I would ask {}.", "I could come down to {}.", "Make it {}.")


class Bargaining:
    """Two sides concede towards their reservation prices and settle where the prices cross.

    A role told an upper limit (``limit: at_most``) buys, one told a lower limit sells. The buyer's reservation price is
    its limit less a private amount; the seller's is its limit, plus ``premium`` for each step of what else it is told
    (how attached it is), plus a private amount. Private amounts are the absolute values of normal draws with standard
    deviation ``noise``, drawn once a session. Each side opens at ``opening`` times (the buyer) or one ``opening``-th of
    (the seller) its reservation price and reaches it in ``rounds`` statements. It accepts an offer at least as good as
    the one it would make itself, and walks away after its last word.
    """

    name = "bargaining"
    statement = (
        "Each side concedes in equal steps to a private reservation price: the buyer's limit less a random amount, the "
        "seller's limit plus a premium for each step of attachment and a random amount. There is a deal where the "
        "prices cross."
    )

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """The same for every study."""
        return {
            "opening": Parameter(
                0.5, "the buyer's first offer as a share of its reservation price", highest=1, positive=True
            ),
            "rounds": Parameter(4, "statements until a side reaches its reservation price", lowest=1),
            "premium": Parameter(
                1.0, "added to a seller's reservation price for each step of what else it is told", lowest=0
            ),
            "noise": Parameter(0.25, "standard deviation of the private part of a reservation price", lowest=0),
            "step": Parameter(0.5, "offers are multiples of this", positive=True),
        }

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """It needs a role with an upper limit and one with a lower limit, who can offer and accept."""
        problems = []
        for limit, side in (("at_most", "buys"), ("at_least", "sells")):
            roles = [
                role
                for variable in study.causal_model.treatments
                if variable.treatment is not None and variable.treatment.limit == limit
                for role in study.told_roles(variable.name)
            ]
            if not roles:
                problems.append(
                    Problem(
                        "law_misfit",
                        f"the bargaining law needs a role that {side}: one told a treatment with 'limit: {limit}'",
                        "Add the limit, or play the study with 'rehearsal:linear'.",
                        "seats.participant",
                    )
                )
            for role in roles:
                actions = study.procedure.actions_of(role)
                if action_with(actions, "propose") is None or action_with(actions, "agree") is None:
                    problems.append(
                        Problem(
                            "law_misfit",
                            f"the bargaining law needs '{role}' to have an action that proposes and one that agrees",
                            "Add them under procedure.actions, or play the study with 'rehearsal:linear'.",
                            "seats.participant",
                        )
                    )
        return tuple(problems)

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """Accept, offer, or walk away."""
        limits = {value.limit for value in own_told(cue)}
        buys = "at_most" in limits
        if not limits & {"at_most", "at_least"}:
            return small_talk(cue)
        procedure = cue.session.procedure
        actions = procedure.actions_of(cue.role)
        made = len(own_turns(cue))
        rounds = max(int(law["rounds"]), 1)
        offer = _offer(cue, law, buys, min(made, rounds - 1), rounds)
        unit = unit_of_limit(cue)
        standing = _standing(cue)
        agree, propose, leave = (action_with(actions, effect) for effect in ("agree", "propose", "end"))
        if standing is not None and agree is not None and (standing <= offer if buys else standing >= offer):
            return Said(f"Agreed: {amount_words(standing, unit)}.", agree.name)
        if made >= rounds and leave is not None:
            return Said("We are too far apart. I will leave it there.", leave.name)
        lines = RAISING if buys else LOWERING
        line = lines[min(made, len(lines) - 1)] if made < rounds - 1 else "{} is as far as I can go."
        return Said(line.format(amount_words(offer, unit)), propose.name if propose is not None else "none", offer)


def _standing(cue: Cue) -> float | None:
    """The amount that another role's proposal stands at."""
    turn: Turn | None = last_with(cue.turns, cue.session.procedure, "propose")
    if turn is None or turn.speaker == cue.role or turn.action is None:
        return None
    return float(turn.action.value) if isinstance(turn.action.value, int | float) else None


def _reservation(cue: Cue, law: Mapping[str, float], buys: bool) -> float:
    """The worst price this role accepts in this session."""
    private = abs(rng_of(cue.session, f"{cue.role}:reservation").gauss(0, law["noise"]))
    told = own_told(cue)
    if buys:
        return min(value.code for value in told if value.limit == "at_most") - private
    steps = 0.0
    for value in told:
        variable = cue.session.causal_model.variable(value.variable)
        if value.limit is None and variable.kind in ("ordinal", "binary"):
            steps += value.code - lowest_code(variable)
    return max(value.code for value in told if value.limit == "at_least") + law["premium"] * steps + private


def _offer(cue: Cue, law: Mapping[str, float], buys: bool, made: int, rounds: int) -> float:
    """What this role would offer as its statement number ``made`` (from 0)."""
    reservation = _reservation(cue, law, buys)
    opening = reservation * law["opening"] if buys else reservation / law["opening"]
    share = 1.0 if rounds == 1 else made / (rounds - 1)
    price = opening + (reservation - opening) * share
    step = law["step"]
    return max((floor(price / step) if buys else ceil(price / step)) * step, 0.0)
