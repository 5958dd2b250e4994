"""The providers that a study's seats name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from silicus.concepts.errors import Problem, ProviderError
from silicus.concepts.seats import Seat
from silicus.llm.prompt import Provider
from silicus.plugins import PROVIDERS

__all__ = ["provider_problems", "providers_for"]


def providers_for(seats: Iterable[Seat]) -> dict[str, Provider]:
    """One adapter a provider named.

    Raises
    ------
    ProviderError
        Where a seat names a provider that is not known.
    """
    return {name: _provider(name) for name in dict.fromkeys(seat.provider for seat in seats)}


def provider_problems(seats: Mapping[str, Seat]) -> tuple[Problem, ...]:
    """The seats, by their place in the study, that name a provider that is not known."""
    return tuple(
        Problem("unknown_provider", f"there is no provider '{seat.provider}'", _advice(seat.provider), where)
        for where, seat in seats.items()
        if seat.provider not in PROVIDERS.names()
    )


def _provider(name: str) -> Provider:
    try:
        adapter: Provider = PROVIDERS.load(name)()
    except KeyError:
        raise ProviderError(
            f"there is no provider '{name}'", suggestion=_advice(name), code="unknown_provider"
        ) from None
    return adapter


def _advice(name: str) -> str:
    known = PROVIDERS.names()
    close = get_close_matches(name, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"This version knows: {', '.join(known)}."
