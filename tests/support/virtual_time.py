"""Event loops in which waiting takes no time: sleeps jump the clock, everything else runs as it does."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting for a time, lets that time have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self.jumped += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped


def in_virtual_time(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """Run to the end; returns the result and the seconds that it would have taken."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        started = runner.get_loop().time()
        result = runner.run(work)
        return result, runner.get_loop().time() - started
