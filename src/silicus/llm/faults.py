"""What can go wrong with one call to a language model, and which of it is worth another try."""

from __future__ import annotations

from typing import Literal, get_args

from silicus.concepts.errors import ProviderError

__all__ = [
    "HALTING",
    "RETRYABLE",
    "BudgetReachedError",
    "CallError",
    "FaultKind",
    "MissingCallError",
    "UnusableAnswerError",
]

FaultKind = Literal[
    "rate_limited", "overloaded", "server_error", "timeout", "disconnected", "malformed", "empty",
    "auth", "quota", "not_found", "bad_request", "context_length", "content_filter", "unusable",
]  # fmt: skip
"""``rate_limited``: too many requests. ``overloaded``: the server says so. ``server_error``: any other 5xx.
``timeout``, ``disconnected``: no whole answer came. ``malformed``: what came is not the wire format. ``empty``: an
answer without content. ``auth``: key missing or refused. ``quota``: the account is exhausted. ``not_found``: no such
model or address. ``bad_request``: the server refuses the request as such. ``context_length``: it is too long.
``content_filter``: the provider withheld the answer. ``unusable``: an answer came, and the session cannot go on with
it."""

RETRYABLE: frozenset[FaultKind] = frozenset(get_args(FaultKind)[:7])
"""The faults that another try may cure."""


HALTING: frozenset[FaultKind] = frozenset({"auth", "quota", "not_found"})
"""The faults that every further call would meet too: the run stops, and the session can be taken up again."""


class CallError(ProviderError):
    """A call that brought no completion.

    ``earlier`` holds the faults of the tries before this one. ``retry_after_s`` is what the server asked to wait, None
    where it did not. The message never holds a key.
    """

    code = "call_error"

    def __init__(
        self, kind: FaultKind, message: str, *, suggestion: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, suggestion=suggestion, code=kind)
        self.kind = kind
        self.earlier: tuple[CallError, ...] = ()
        self.retry_after_s = retry_after_s

    @property
    def retryable(self) -> bool:
        """Whether another try may cure it."""
        return self.kind in RETRYABLE


class UnusableAnswerError(CallError):
    """An answer with which a session cannot go on: a refusal, silence, no verdict.

    Another attempt at the session draws afresh from this call on; what was answered before it is not asked again.
    """

    def __init__(self, message: str) -> None:
        super().__init__("unusable", message)


class BudgetReachedError(ProviderError):
    """The next call could exceed the budget; the run halts with the data it has."""

    code = "budget_reached"


class MissingCallError(ProviderError):
    """A replay needs a call that its archive does not hold; nothing is sent instead."""

    code = "missing_call"
