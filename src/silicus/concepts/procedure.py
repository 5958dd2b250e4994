"""How a session unfolds."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import PositiveInt, model_validator

from silicus.concepts.keyed import Identifier, Keyed, OneOrMore
from silicus.concepts.noun import Noun

__all__ = ["ActionSpec", "ActionValue", "Conversation", "Effect", "StopRule", "TurnOrder"]

TurnOrder = Literal[
    "ordered", "random", "central_ordered", "central_random", "coordinator_before", "coordinator_after", "simultaneous"
]
"""Who speaks next. ``ordered``: the speakers in turn. ``random``: a seeded draw, nobody twice running.
``central_ordered``: the centre speaks between each two others, who take turns. ``central_random``: likewise, the
others drawn. ``coordinator_before``: a hidden coordinator names the next speaker. ``coordinator_after``: all draft
privately, the coordinator makes one draft real. ``simultaneous``: all speak at once, then all hear all."""

StopRule = Literal["agreement", "coordinator", "all_retired"]
"""``agreement``: somebody accepts a standing proposal. ``coordinator``: a hidden coordinator, asked after each
turn, says that the scenario is over. ``all_retired``: fewer than two speakers are left."""

ActionValue = Literal["none", "money", "number", "yes_no", "choice"]

Effect = Literal["propose", "agree", "retire", "end"]
"""``propose``: its amount stands until another proposal. ``agree``: accepts another role's standing proposal at its
amount. ``retire``: the role speaks no more. ``end``: the session is over."""


class ActionSpec(Noun):
    """Something a role may do beside speaking: make an offer, accept, bid, give a verdict."""

    name: Identifier
    """What the role writes to take it: ``offer``."""
    by: OneOrMore[str]
    """The roles that may take it."""
    meaning: str
    """What it does, as the role is told: ``offer a price for the mug``."""
    value: ActionValue = "none"
    """What it carries."""
    options: tuple[str, ...] = ()
    """The words to choose among, where it carries a choice."""
    effect: tuple[Effect, ...] = ()
    """What it changes in the session."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.value == "choice") != bool(self.options):
            raise ValueError("'options' goes with 'value: choice', and the other way round")
        if "propose" in self.effect and self.value not in ("money", "number"):
            raise ValueError("a proposal carries an amount: 'value: money' or 'value: number'")
        if "agree" in self.effect and self.value != "none":
            raise ValueError("an agreement carries no value of its own: it takes the standing proposal's")
        return self

    @classmethod
    def example(cls) -> Self:
        """An offer of a price."""
        return cls(name="offer", by=("buyer", "seller"), meaning="offer a price", value="money", effect=("propose",))


class Conversation(Noun):
    """A conversation under a turn order, with typed actions, stop rules and a cap."""

    kind: Literal["conversation"] = "conversation"
    """The kind of procedure."""
    turn_order: TurnOrder = "ordered"
    """Who speaks next."""
    speakers: tuple[str, ...]
    """The roles that speak, in order. With a central order, the centre may be left out here."""
    center: str | None = None
    """The role that speaks between each two others, in a central order."""
    max_turns: PositiveInt = 20
    """The cap on statements. A session that it ends is censored, or complete where nothing else could end it."""
    stop: tuple[StopRule, ...] = ()
    """Besides the cap and an action with the effect ``end``."""
    actions: Keyed[ActionSpec] = ()
    """What can be done beside speaking."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if len(set(self.speakers)) < len(self.speakers):
            raise ValueError("a role stands twice among the speakers")
        if self.turn_order.startswith("central") and self.center is None:
            raise ValueError(f"turn order '{self.turn_order}' needs 'center', the role that speaks between the others")
        if self.center is not None and not self.turn_order.startswith("central"):
            raise ValueError("'center' goes with the turn orders central_ordered and central_random")
        if len(self.everyone) < 2:
            raise ValueError("a conversation needs at least two speakers")
        if "agreement" in self.stop:
            effects = {effect for action in self.actions for effect in action.effect}
            if not {"propose", "agree"} <= effects:
                raise ValueError("stopping at agreement needs an action that proposes and one that agrees")
        return self

    @property
    def everyone(self) -> tuple[str, ...]:
        """All who speak: the centre first, then the speakers in order."""
        return tuple(dict.fromkeys((*((self.center,) if self.center else ()), *self.speakers)))

    @property
    def can_end_before_cap(self) -> bool:
        """Whether a stop rule or an action can end a session; where neither can, the cap is its planned length."""
        return bool(self.stop) or any("end" in action.effect for action in self.actions)

    def action(self, name: str) -> ActionSpec | None:
        """The action of that name, if there is one."""
        return next((action for action in self.actions if action.name == name), None)

    def actions_of(self, role: str) -> tuple[ActionSpec, ...]:
        """The actions that a role may take."""
        return tuple(action for action in self.actions if role in action.by)

    @classmethod
    def example(cls) -> Self:
        """Buyer and seller in turn."""
        return cls(speakers=("buyer", "seller"), actions=(ActionSpec.example(),))
