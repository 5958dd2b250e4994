"""The providers that a study's seats name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from silicus.concepts.errors import ProviderError
from silicus.concepts.seats import Seat
from silicus.llm.prompt import Provider
from silicus.plugins import PROVIDERS

__all__ = ["providers_for"]


def providers_for(seats: Iterable[Seat]) -> dict[str, Provider]:
    """One adapter a provider named.

    Raises
    ------
    ProviderError
        Where a seat names a provider that is not known.
    """
    return {name: _provider(name) for name in dict.fromkeys(seat.provider for seat in seats)}


def _provider(name: str) -> Provider:
    try:
        adapter: Provider = PROVIDERS.load(name)()
    except KeyError:
        known = PROVIDERS.names()
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
        raise ProviderError(f"there is no provider '{name}'", suggestion=hint, code="unknown_provider") from None
    return adapter
