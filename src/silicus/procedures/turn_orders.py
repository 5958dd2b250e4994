"""Who speaks next, for the turn orders that need no coordinator.

Each order is a pure function of what was spoken so far, so that a session can be taken up at any point.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from silicus.concepts.procedure import Conversation, TurnOrder

__all__ = ["SELF_RUNNING_ORDERS", "next_in_rotation", "next_speaker"]


def next_in_rotation(speakers: Sequence[str], active: Sequence[str], spoken: Sequence[str]) -> str:
    """The first still active speaker after the one of ``speakers`` who spoke last."""
    last = next((name for name in reversed(spoken) if name in speakers), None)
    start = speakers.index(last) + 1 if last is not None else 0
    rotation = (*speakers[start:], *speakers[:start])
    return next(name for name in rotation if name in active)


def _drawn(active: Sequence[str], previous: str | None, seed: str) -> str:
    """A random active speaker; nobody twice running while there is somebody else."""
    others = [name for name in active if name != previous] or list(active)
    return others[random.Random(seed).randrange(len(others))]


def _ordered(procedure: Conversation, active: Sequence[str], spoken: Sequence[str], _: str) -> str:
    return next_in_rotation(procedure.everyone, active, spoken)


def _random(_: Conversation, active: Sequence[str], spoken: Sequence[str], seed: str) -> str:
    return _drawn(active, spoken[-1] if spoken else None, seed)


def _center_is_due(procedure: Conversation, active: Sequence[str], spoken: Sequence[str]) -> bool:
    center = procedure.center
    alone = all(name == center for name in active)
    return center in active and (alone or not spoken or spoken[-1] != center)


def _central_ordered(procedure: Conversation, active: Sequence[str], spoken: Sequence[str], _: str) -> str:
    if procedure.center is not None and _center_is_due(procedure, active, spoken):
        return procedure.center
    others = [name for name in procedure.everyone if name != procedure.center]
    return next_in_rotation(others, [name for name in active if name != procedure.center], spoken)


def _central_random(procedure: Conversation, active: Sequence[str], spoken: Sequence[str], seed: str) -> str:
    if procedure.center is not None and _center_is_due(procedure, active, spoken):
        return procedure.center
    previous = next((name for name in reversed(spoken) if name != procedure.center), None)
    return _drawn([name for name in active if name != procedure.center], previous, seed)


SELF_RUNNING_ORDERS: dict[TurnOrder, Callable[[Conversation, Sequence[str], Sequence[str], str], str]] = {
    "ordered": _ordered,
    "random": _random,
    "central_ordered": _central_ordered,
    "central_random": _central_random,
}
"""The orders that name one next speaker without asking anybody."""


def next_speaker(procedure: Conversation, active: Sequence[str], spoken: Sequence[str], seed: int) -> str:
    """Who speaks next.

    Parameters
    ----------
    procedure
        The conversation's settings; its turn order is one of ``SELF_RUNNING_ORDERS``.
    active
        The roles that have not retired, at least one.
    spoken
        Who made each statement so far.
    seed
        The session's seed; with the number of statements it fixes every random draw.
    """
    return SELF_RUNNING_ORDERS[procedure.turn_order](procedure, active, spoken, f"{seed}:turn:{len(spoken)}")
