"""How conditions are assigned to sessions."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import NonNegativeInt, PositiveInt, model_validator

from silicus.concepts.noun import Noun

__all__ = ["Design"]


class Design(Noun):
    """Which combinations of treatment values are run, and how often."""

    assignment: Literal["full_factorial", "random_subset"] = "full_factorial"
    """Every combination, or a random draw of ``sessions`` of them without replacement."""
    sessions: PositiveInt | None = None
    """How many sessions a random subset draws."""
    replicates: PositiveInt = 1
    """How often each condition is run."""
    only: dict[str, tuple[str | float, ...]] = {}
    """Restricts causes to some of their values (words or codes) without deleting the others from the file."""
    seed: NonNegativeInt = 1
    """Fixes the random subset, the turn orders and the rehearsal's draws."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.assignment == "random_subset" and self.sessions is None:
            raise ValueError("a random subset needs 'sessions', the number to draw")
        if self.assignment == "full_factorial" and self.sessions is not None:
            raise ValueError("'sessions' goes with 'assignment: random_subset'; a full factorial runs every condition")
        return self

    @classmethod
    def example(cls) -> Self:
        """Sixty random cells of the full factorial."""
        return cls(assignment="random_subset", sessions=60, seed=3)
