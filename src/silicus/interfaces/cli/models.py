"""``models``: where language models answer, how each is set up, and whether one answers now."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from silicus.concepts.errors import ProviderError
from silicus.interfaces.cli.options import JsonOption
from silicus.interfaces.cli.output import console, print_json, say, table

if TYPE_CHECKING:
    from silicus.concepts.seats import Seat
    from silicus.llm.prompt import Completion, Provider

__all__ = ["models"]

MOST_LISTED = 12
"""Models that are named where the one asked for is not there."""

IN_PROCESS = {
    "rehearsal": "embedded: stated laws, see 'silicus laws'; nothing to set up",
    "hf": "local weights: pip install 'silicus[local]', then hf:FOLDER or hf:NAME",
}


def models(
    llm: Annotated[
        str | None, typer.Argument(metavar="PROVIDER:MODEL", help="Ask this model one tiny question.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The known providers, how each is set up, and whether it answers now.

    Without an argument nothing is contacted.

    [bold]Examples[/]

      silicus models

      silicus models ollama:qwen3:8b
    """
    if llm is None:
        _list(json)
        return
    completion = _asked(llm)
    if json:
        print_json(
            {
                "llm": llm,
                "served": completion.served,
                "seconds": completion.latency_s,
                "tokens_in": completion.tokens_in,
                "tokens_out": completion.tokens_out,
                "dollars": completion.cost,
                "text": completion.text,
            }
        )
        return
    cost = "cost unknown" if completion.cost is None else f"{completion.cost:.6f} US dollars"
    say(f"[green]{escape(llm)} answers[/] in {completion.latency_s:.2f} s as {escape(completion.served or 'no name')}")
    say(
        f"{completion.tokens_in} tokens sent, {completion.tokens_out} received, {cost}: {escape(completion.text[:200])}"
    )


def _list(json: bool) -> None:
    from silicus.llm.endpoints import known_endpoints, status_of
    from silicus.plugins import PROVIDERS

    listed: list[dict[str, Any]] = [
        {"name": name, "status": "ready", "address": "", "setup": IN_PROCESS.get(name, "from an installed package")}
        for name in PROVIDERS.names()
    ]
    listed += [
        {"name": each.name, "status": status_of(each), "address": each.base_url, "setup": each.setup}
        for each in known_endpoints()
    ]
    if json:
        print_json(listed)
        return
    shown = table("provider", "status", "how it is set up")
    for entry in listed:
        colour = "green" if entry["status"] == "ready" else "yellow"
        shown.add_row(f"[bold]{entry['name']}[/]", f"[{colour}]{entry['status']}[/]", escape(entry["setup"]))
    console.print(shown)
    say("'ready' means that nothing is missing here; whether a model answers: silicus models PROVIDER:MODEL")


def _asked(llm: str) -> Completion:
    """One try, without the patience that a run has: who asks wants to know how it stands now."""
    from silicus.concepts.seats import REHEARSAL, Seat
    from silicus.llm.adapters import providers_for
    from silicus.plugins import PROVIDERS

    seat = Seat(llm=llm)
    if seat.provider == REHEARSAL:
        raise ProviderError(
            "the rehearsal provider plays sessions only; there is nothing to ask it",
            suggestion="It is always there: silicus conduct mug",
        )
    (provider,) = providers_for((seat,)).values()  # refuses what is not known or not set up
    if seat.provider in PROVIDERS.names():
        return _asked_here(provider, seat.model_name)
    if not seat.model_name:
        raise ProviderError(
            f"'{llm}' names no model", suggestion=_served(seat.provider) or f"Write it like {llm}:MODEL."
        )
    return _asked_there(seat)


def _asked_here(provider: Provider, model_name: str) -> Completion:
    from silicus.execution.event_loop import run_to_end
    from silicus.llm.prompt import Message, Prompt, Sampling

    prompt = Prompt((Message("user", "Answer with the single word: ready"),), "coder", None, Sampling(max_tokens=500))

    async def ask() -> Completion:
        try:
            return await provider.complete(prompt, model_name)
        finally:
            await provider.close()

    return run_to_end(ask())


def _asked_there(seat: Seat) -> Completion:
    from silicus.execution.event_loop import run_to_end
    from silicus.llm.adapters import known_price
    from silicus.llm.endpoints import endpoint
    from silicus.llm.faults import CallError
    from silicus.llm.prices import cost_of
    from silicus.llm.wire import check_endpoint

    started = time.perf_counter()
    answer = run_to_end(check_endpoint(endpoint(seat.provider), seat.model_name))
    if isinstance(answer, CallError):
        served = _served(seat.provider) if answer.kind == "not_found" else ""
        raise ProviderError(answer.message, suggestion=served or answer.suggestion, code=answer.code)
    return replace(answer, latency_s=time.perf_counter() - started, cost=cost_of(answer, known_price(seat.llm)))


def _served(name: str) -> str:
    """What the server says that it serves, as advice; empty where it says nothing."""
    from silicus.execution.event_loop import run_to_end
    from silicus.llm.endpoints import endpoint
    from silicus.llm.faults import CallError
    from silicus.llm.wire import served_models

    served = run_to_end(served_models(endpoint(name)))
    if isinstance(served, CallError) or not served:
        return ""
    more = f" and {len(served) - MOST_LISTED} more" if len(served) > MOST_LISTED else ""
    return f"The server has {', '.join(served[:MOST_LISTED])}{more}."
