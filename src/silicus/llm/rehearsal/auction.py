"""Bidders who bid up to their maximum, and an auctioneer who sells to the last one standing."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

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
    own_told,
    own_turns,
    small_talk,
)

__all__ = ["Auction"]


class Auction:
    """An open ascending auction.

    A bidder (a role told an upper limit) tops the standing bid by going ``over`` the next multiple of ``increment``.
    Where that is beyond its maximum it bids its maximum once, if that still tops the standing bid, and leaves;
    otherwise it leaves at once. The auctioneer (the role with an action that ends the session and carries an amount)
    sells when nobody is left who could top the bid. The price is thus the second-highest maximum, or one ``over`` more
    where the highest is higher; maxima that are no round figures can bring it up to ``increment`` higher.
    """

    name = "auction"
    statement = (
        "Each bidder tops the standing bid by going just over the next round figure while its maximum allows, bids its "
        "maximum once when it does not, and then leaves. The lot is sold when nobody is left to top the bid."
    )

    def parameters(self, causal_model: CausalModel, given: Mapping[str, float] = NOTHING) -> Mapping[str, Parameter]:
        """The same for every study."""
        return {
            "reserve": Parameter(50, "the lowest bid taken", lowest=0),
            "increment": Parameter(50, "the distance of round figures", positive=True),
            "over": Parameter(1, "how far over a round figure a bid goes", lowest=0),
            "shading": Parameter(0, "share of its maximum that a bidder holds back", lowest=0, highest=1),
        }

    def misfits(self, study: Study) -> tuple[Problem, ...]:
        """It needs bidders with an upper limit who can bid and leave, and somebody who sells."""
        bidders = {
            role
            for variable in study.causal_model.treatments
            if variable.treatment is not None and variable.treatment.limit == "at_most"
            for role in study.told_roles(variable.name)
        }
        able = [
            role
            for role in bidders
            if action_with(study.procedure.actions_of(role), "propose")
            and action_with(study.procedure.actions_of(role), "retire")
        ]
        sellers = [
            action
            for action in study.procedure.actions
            if "end" in action.effect and action.value in ("money", "number") and not set(action.by) & bidders
        ]
        needs = []
        if len(able) < 2:
            needs.append("two roles told a treatment with 'limit: at_most' that can bid (propose) and leave (retire)")
        if not sellers:
            needs.append("a role with an action that ends the session at an amount (effect: [end], value: money)")
        advice = "Add it, or play the study with 'rehearsal:linear'."
        return tuple(
            Problem("law_misfit", f"the auction law needs {need}", advice, "seats.participant") for need in needs
        )

    def speak(self, cue: Cue, law: Mapping[str, float]) -> Said:
        """Bid or leave, call or sell."""
        if any(value.limit == "at_most" for value in own_told(cue)):
            return _bid(cue, law)
        if any("end" in action.effect for action in cue.session.procedure.actions_of(cue.role)):
            return _call(cue, law)
        return small_talk(cue)


def _bid(cue: Cue, law: Mapping[str, float]) -> Said:
    actions = cue.session.procedure.actions_of(cue.role)
    bid, last_bid, leave = (
        action_with(actions, "propose"), action_with(actions, "propose", "retire"), action_with(actions, "retire"),
    )  # fmt: skip
    told = min((value for value in own_told(cue) if value.limit == "at_most"), key=lambda value: value.code)
    unit = cue.session.causal_model.variable(told.variable).unit
    maximum = told.code * (1 - law["shading"])
    standing = last_with(cue.turns, cue.session.procedure, "propose")
    if standing is not None and standing.speaker == cue.role:
        return Said("My bid stands.")
    amount = _amount(standing)
    beaten = amount if amount is not None else law["reserve"] - law["over"] / 2
    topping = (floor((beaten - law["over"]) / law["increment"]) + 1) * law["increment"] + law["over"]
    if topping <= maximum and bid is not None:
        return Said(f"I bid {amount_words(topping, unit)}.", bid.name, topping)
    if maximum > beaten and bid is not None:
        action = last_bid or bid
        return Said(f"I bid {amount_words(maximum, unit)}, and that is my last bid.", action.name, maximum)
    return Said("That is too much for me. I am out.", leave.name if leave is not None else "none")


def _amount(turn: Turn | None) -> float | None:
    value = turn.action.value if turn is not None and turn.action is not None else None
    return float(value) if isinstance(value, int | float) else None


def _call(cue: Cue, law: Mapping[str, float]) -> Said:
    procedure = cue.session.procedure
    actions = procedure.actions_of(cue.role)
    sell = next((action for action in actions if "end" in action.effect and action.value != "none"), None)
    withdraw = next((action for action in actions if "end" in action.effect and action.value == "none"), None)
    standing = last_with(cue.turns, procedure, "propose")
    amount = _amount(standing)
    left = {
        turn.speaker
        for turn in cue.turns
        if turn.action is not None and (spec := procedure.action(turn.action.name)) and "retire" in spec.effect
    }
    bidders = [role for role in procedure.everyone if role != cue.role]
    rivals = [role for role in bidders if role not in left and (standing is None or role != standing.speaker)]
    unit = next((v.unit for v in cue.session.causal_model.measured if v.is_money), None)
    if not rivals and standing is not None and amount is not None and sell is not None:
        return Said(f"Sold to {standing.speaker} for {amount_words(amount, unit)}.", sell.name, amount)
    if not rivals and standing is None:
        return Said("There are no bids. The lot is withdrawn.", withdraw.name if withdraw is not None else "none")
    if standing is None or amount is None:
        opening = amount_words(law["reserve"], unit)
        again = bool(own_turns(cue))
        return Said(f"Does anybody bid {opening}?" if again else f"Bidding opens at {opening}.")
    return Said(f"I have {amount_words(amount, unit)} from {standing.speaker}. Who goes higher?")
