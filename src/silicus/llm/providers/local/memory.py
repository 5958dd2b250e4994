"""Work that may not fit into memory: tried whole, then in halves, and at last refused with advice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import extra

__all__ = ["in_parts"]

Item = TypeVar("Item")
Result = TypeVar("Result")

SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def in_parts(work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result]:
    """The results of ``work`` for all items, at once where memory allows, else for each half.

    Raises
    ------
    CallError
        ``overloaded`` where not even one item fits; ``server_error`` where the checkpoint fails otherwise.
    """
    try:
        return list(work(items)) if items else []
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise CallError("server_error", f"the checkpoint failed: {error}") from error
        if len(items) == 1:
            raise CallError(
                "overloaded",
                "memory does not suffice for one answer of this checkpoint",
                suggestion="Shorten the prompts or max_tokens, close what else uses the device, or take a smaller or "
                "quantised checkpoint.",
            ) from error
    _release()
    half = len(items) // 2
    return in_parts(work, items[:half]) + in_parts(work, items[half:])


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in SIGNS)


def _release() -> None:
    torch = extra("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
