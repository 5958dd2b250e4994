"""Who speaks next, order by order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silicus.concepts.procedure import Conversation
from silicus.procedures.turn_orders import next_speaker

ROLES = ("judge", "prosecutor", "lawyer", "defendant")


def run(procedure: Conversation, length: int, retired: dict[int, str] | None = None, seed: int = 1) -> list[str]:
    """The speakers of so many statements; ``retired`` says who leaves after which statement."""
    spoken: list[str] = []
    active = list(procedure.everyone)
    for number in range(length):
        spoken.append(next_speaker(procedure, active, spoken, seed))
        gone = (retired or {}).get(number)
        if gone:
            active.remove(gone)
    return spoken


def conversation(order: str, **more: Any) -> Conversation:
    return Conversation.model_validate({"turn_order": order, "speakers": ROLES, **more})


def test_ordered_goes_round() -> None:
    assert run(conversation("ordered"), 6) == [*ROLES, "judge", "prosecutor"]


def test_ordered_skips_who_has_retired() -> None:
    assert run(conversation("ordered"), 6, {1: "lawyer"}) == [
        "judge", "prosecutor", "defendant", "judge", "prosecutor", "defendant",
    ]  # fmt: skip


def test_central_ordered_returns_to_the_centre() -> None:
    spoken = run(conversation("central_ordered", center="judge"), 8)
    assert spoken == ["judge", "prosecutor", "judge", "lawyer", "judge", "defendant", "judge", "prosecutor"]


def test_central_ordered_goes_on_without_its_centre_and_with_only_it() -> None:
    without = run(conversation("central_ordered", center="judge"), 5, {0: "judge"})
    assert without == ["judge", "prosecutor", "lawyer", "defendant", "prosecutor"]
    alone = run(conversation("central_ordered", center="judge"), 8, {1: "prosecutor", 3: "lawyer", 5: "defendant"})
    assert alone[-2:] == ["judge", "judge"]


def test_centre_need_not_be_named_among_the_speakers() -> None:
    procedure = Conversation(turn_order="central_ordered", center="judge", speakers=("prosecutor", "lawyer"))
    assert run(procedure, 4) == ["judge", "prosecutor", "judge", "lawyer"]


@given(seed=st.integers(0, 10**6))
def test_random_orders_repeat_nobody_and_follow_their_seed(seed: int) -> None:
    spoken = run(conversation("random"), 12, seed=seed)
    assert all(before != after for before, after in pairwise(spoken))
    assert spoken == run(conversation("random"), 12, seed=seed)
    central = run(conversation("central_random", center="judge"), 12, seed=seed)
    assert central[::2] == ["judge"] * 6
    assert "judge" not in central[1::2]


def test_random_orders_differ_between_seeds_and_reach_everybody() -> None:
    runs = {tuple(run(conversation("random"), 12, seed=seed)) for seed in range(20)}
    assert len(runs) == 20
    assert {name for each in runs for name in each} == set(ROLES)


@pytest.mark.parametrize("order", ["ordered", "random"])
def test_the_last_one_left_goes_on_alone(order: str) -> None:
    procedure = Conversation.model_validate({"turn_order": order, "speakers": ("a", "b")})
    assert run(procedure, 4, {0: "b" if run(procedure, 1) == ["a"] else "a"})[1:] == run(procedure, 1) * 3
