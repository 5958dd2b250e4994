"""The structured content behind a prompt: what the embedded rehearsal laws read instead of prose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.concepts.variables import Item, Variable

__all__ = ["Cue", "Task"]

Task = Literal["speak", "answer", "code", "name_next", "choose_draft", "judge_end"]
"""``speak``: a participant's turn. ``answer``: a role answers an item. ``code``: the coder answers an item.
``name_next``, ``choose_draft``, ``judge_end``: the coordinator's decisions."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What a prompt is about.

    Attributes
    ----------
    task
        What is asked for.
    session
        The planned session.
    turns
        The statements that the one asked has heard or made, oldest first.
    role
        The role asked; empty for coder and coordinator.
    variable, item
        What is measured, for ``answer`` and ``code``.
    candidates
        The roles to choose among, for ``name_next`` and ``choose_draft``.
    turns_left
        Statements left before the cap.
    """

    task: Task
    session: Session
    turns: tuple[Turn, ...] = ()
    role: str = ""
    variable: Variable | None = None
    item: Item | None = None
    candidates: tuple[str, ...] = ()
    turns_left: int = 0
