"""Work that may not fit into memory: tried whole, then in halves, and at last refused with advice."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import extra

__all__ = ["in_parts", "release_memory"]

Item = TypeVar("Item")
Result = TypeVar("Result")

ADVICE = (
    "Shorten the prompts or max_tokens, close what else uses the device, or take a smaller or quantised checkpoint."
)

SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def in_parts(
    work: Callable[[Sequence[Item]], Sequence[Result | CallError]], items: Sequence[Item]
) -> list[Result | CallError]:
    """The results of ``work`` for all items, at once where memory allows, else for each half.

    Where there is none: ``overloaded`` for an item that does not fit even alone, ``server_error`` for those that were
    worked on when the checkpoint failed otherwise.
    """
    try:
        return list(work(items)) if items else []
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            return [CallError("server_error", f"the checkpoint failed: {error}")] * len(items)
    release_memory()
    if len(items) == 1:
        return [CallError("overloaded", "memory does not suffice for one answer of this checkpoint", suggestion=ADVICE)]
    half = len(items) // 2
    return in_parts(work, items[:half]) + in_parts(work, items[half:])


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in SIGNS)


def release_memory() -> None:
    """Give back to the device what is no longer used."""
    gc.collect()
    torch = extra("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
