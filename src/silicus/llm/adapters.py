"""The language models that a study's seats name: found, checked, and each put behind its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from silicus.concepts.errors import Problem, ProviderError
from silicus.concepts.seats import REHEARSAL, Seat
from silicus.llm.budget import Budget
from silicus.llm.endpoints import Endpoint, endpoint, known_endpoints, status_of
from silicus.llm.line import Limits, Line
from silicus.llm.prices import FREE, Price, listed_price
from silicus.llm.prompt import Provider
from silicus.plugins import PROVIDERS

__all__ = ["extra_of", "in_flight", "known_price", "picture_problems", "provider_problems", "providers_for"]

HERE = ("localhost", "127.0.0.1", "::1")


def providers_for(seats: Iterable[Seat], budget: Budget | None = None) -> dict[str, Provider]:
    """One provider a name, each behind a line with its limits and prices and the budget that all share.

    The embedded provider has a line only where there is a budget to keep.

    Raises
    ------
    ProviderError
        Where a seat names a provider that is not known, or one whose key is missing; nothing is contacted.
    """
    return {name: _provider(name, budget) for name in dict.fromkeys(seat.provider for seat in seats)}


def provider_problems(seats: Mapping[str, Seat]) -> tuple[Problem, ...]:
    """What stands between the seats, by their place in the study, and an answer; nothing is contacted.

    An unknown provider or a missing model name is an error; a missing key a warning, since it may be there later.
    """
    problems = []
    for where, seat in seats.items():
        if seat.provider in PROVIDERS.names():
            continue
        try:
            found = _endpoint(seat.provider)
        except ProviderError as error:
            problems.append(Problem(error.code, error.message, error.suggestion, where))
            continue
        if not seat.model_name:
            message = f"'{seat.llm}' names no model"
            problems.append(Problem("no_model", message, f"Write it like {seat.provider}:MODEL.", where))
        elif status_of(found) != "ready":
            message = f"'{seat.llm}' {status_of(found)}"
            problems.append(Problem("needs_key", message, found.setup, where, severity="warning"))
    return tuple(problems)


def picture_problems(seats: Mapping[str, Seat]) -> tuple[Problem, ...]:
    """The seats, by their place in the study, that are shown pictures and whose providers take none.

    The embedded provider does without looking. Whether a model behind an endpoint sees is not known before it is asked.
    """
    return tuple(
        Problem(
            "no_pictures",
            f"'{seat.llm}' is shown a picture and takes words only",
            "Give the seat a model that sees, behind an endpoint of the openai or anthropic format.",
            where,
        )
        for where, seat in seats.items()
        if not _takes_pictures(seat.provider)
    )


def _takes_pictures(name: str) -> bool:
    if name == REHEARSAL:
        return True
    if name in PROVIDERS.names():
        return bool(getattr(PROVIDERS.load(name), "takes_pictures", False))
    from silicus.llm.wire import FORMATS

    try:
        return bool(FORMATS.load(_endpoint(name).format).capabilities.images)
    except (KeyError, ProviderError):
        return True  # not known at all, which is told elsewhere


def extra_of(name: str) -> Mapping[str, Any]:
    """What the settings of a provider's endpoint add to every request; empty for one that is no endpoint."""
    return {} if name in PROVIDERS.names() else _endpoint(name).extra


def known_price(llm: str) -> Price | None:
    """The price of ``provider:model``: the user's, that of the table, none for what runs here; None where unknown."""
    name, _, model_name = llm.partition(":")
    if name in PROVIDERS.names():
        return FREE if name in (REHEARSAL, "hf") else None
    found = endpoint(name)
    if model_name in found.prices:
        return found.prices[model_name]
    return FREE if found.host in HERE else listed_price(llm)


def in_flight(seats: Iterable[Seat], least: int) -> int:
    """How many sessions to hold at once, so that every line is full: while one reads its answer, another's call waits.

    At the end of a run, sessions that share the places are over sooner than a few that each have one.
    """
    names = {seat.provider for seat in seats} - set(PROVIDERS.names())
    return max(least, 2 * sum(endpoint(name).concurrency for name in names))


def _provider(name: str, budget: Budget | None) -> Provider:
    if name == REHEARSAL and budget is None:
        adapter: Provider = PROVIDERS.load(name)()
        return adapter
    if name in PROVIDERS.names():
        return Line(PROVIDERS.load(name)(), Limits(), price=lambda model: known_price(f"{name}:{model}"), budget=budget)
    return _line_to(_ready_endpoint(name), budget)


def _ready_endpoint(name: str) -> Endpoint:
    found = _endpoint(name)
    if status_of(found) != "ready":
        raise ProviderError(f"'{name}' {status_of(found)}", suggestion=found.setup, code="needs_key")
    return found


def _endpoint(name: str) -> Endpoint:
    """The endpoint of a name; an unknown one is told with the nearest of everything that a seat may name."""
    try:
        return endpoint(name)
    except ProviderError as error:
        if error.code != "unknown_provider":
            raise
        known = (*PROVIDERS.names(), *(each.name for each in known_endpoints()))
        close = get_close_matches(name, known, n=1)
        advice = f"Did you mean '{close[0]}'?" if close else error.suggestion
        raise ProviderError(f"there is no provider '{name}'", suggestion=advice, code=error.code) from None


def _line_to(found: Endpoint, budget: Budget | None) -> Line:
    from silicus.llm.wire import WireProvider

    limits = Limits(
        concurrency=found.concurrency,
        requests_per_minute=found.requests_per_minute,
        tokens_per_minute=found.tokens_per_minute,
    )
    return Line(
        WireProvider(found),
        limits,
        price=lambda model: known_price(f"{found.name}:{model}"),
        budget=budget,
        extra=found.extra,
    )
