"""Budgets: money, tokens and calls that a run must not exceed, checked before each call against what is in flight."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from silicus.llm.faults import BudgetReachedError

__all__ = ["Budget", "Reservation", "Spent"]


@dataclass(frozen=True, slots=True)
class Spent:
    """An amount of money (US dollars), tokens and calls."""

    money: float = 0.0
    tokens: int = 0
    calls: int = 0

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(self.money + other.money, self.tokens + other.tokens, self.calls + other.calls)

    def minus(self, other: Spent) -> Spent:
        """The difference."""
        return Spent(self.money - other.money, self.tokens - other.tokens, self.calls - other.calls)


@dataclass(eq=False, slots=True)
class Reservation:
    """What a call in flight may at most take."""

    at_most: Spent


@dataclass
class Budget:
    """What a run may spend, and what it has.

    A call is let through only where everything spent, everything in flight at its most, and the call at its most stay
    within each limit. What a call may take at most is the caller's estimate: its tokens in are known, its tokens out
    are bounded by ``max_tokens``. Where no bound is set the estimate is a guess, and the budget can be passed by what
    the calls in flight take beyond it.

    Attributes
    ----------
    money, tokens, calls
        The limits; None where there is none.
    spent
        What was spent, earlier runs of the same study included.
    """

    money: float | None = None
    tokens: int | None = None
    calls: int | None = None
    spent: Spent = Spent()
    _reserved: Spent = field(default=Spent(), repr=False)
    _settled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def reserve_in_time(self, at_most: Spent) -> Reservation:
        """Set aside what a call may take; where only calls in flight stand in the way, wait for what they really take.

        Raises
        ------
        BudgetReachedError
            As :meth:`reserve`, of what is spent for certain.
        """
        while self._reserved.calls and self._passed(at_most.plus(self._reserved)) and not self._passed(at_most):
            await self._settled.wait()
        return self.reserve(at_most)

    def reserve(self, at_most: Spent) -> Reservation:
        """Set aside what a call may take.

        Raises
        ------
        BudgetReachedError
            Where the call could exceed a limit; nothing is set aside then.
        """
        passed = self._passed(at_most.plus(self._reserved))
        if passed:
            limit, spent = (_amount(each, passed) for each in (getattr(self, passed), getattr(self.spent, passed)))
            raise BudgetReachedError(
                f"the budget of {limit} is reached: {spent.partition(' ')[0]} spent, and the next call could pass it",
                suggestion="All that was held is kept. Run again with a larger budget to go on.",
            )
        self._reserved = self._reserved.plus(at_most)
        return Reservation(at_most)

    def settle(self, reservation: Reservation, taken: Spent) -> None:
        """Replace a reservation by what the call really took; ``Spent()`` where it took nothing."""
        self._reserved = self._reserved.minus(reservation.at_most)
        if not self._reserved.calls:
            self._reserved = Spent()  # sums of money leave crumbs
        self.spent = self.spent.plus(taken)
        self._settled.set()
        self._settled = asyncio.Event()

    def _passed(self, more: Spent) -> str:
        """The first limit that what is spent and more would pass; empty where there is none."""
        total = self.spent.plus(more)
        limits = (("money", self.money, total.money), ("tokens", self.tokens, total.tokens))
        for name, limit, reached in (*limits, ("calls", self.calls, total.calls)):
            if limit is not None and reached > limit:
                return name
        return ""


def _amount(number: float, name: str) -> str:
    """A number of tokens or calls, or dollars, in words."""
    return f"{number:,.{2 if number >= 0.1 else 4}f} dollars" if name == "money" else f"{number:,} {name}"
