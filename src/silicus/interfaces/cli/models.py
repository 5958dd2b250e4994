"""``models``: where language models answer, how each is set up, and whether one answers now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from silicus.concepts.errors import ProviderError
from silicus.interfaces.cli.options import JsonOption
from silicus.interfaces.cli.output import console, print_json, say, table

if TYPE_CHECKING:
    from silicus.llm.prompt import Completion

__all__ = ["models"]

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
    from silicus.concepts.seats import REHEARSAL, Seat
    from silicus.execution.event_loop import run_to_end
    from silicus.llm.adapters import providers_for
    from silicus.llm.prompt import Message, Prompt, Sampling

    seat = Seat(llm=llm)
    if seat.provider == REHEARSAL:
        raise ProviderError(
            "the rehearsal provider plays sessions only; there is nothing to ask it",
            suggestion="It is always there: silicus conduct mug",
        )
    (provider,) = providers_for((seat,)).values()
    prompt = Prompt((Message("user", "Answer with the single word: ready"),), "coder", None, Sampling(max_tokens=500))

    async def ask() -> Completion:
        try:
            return await provider.complete(prompt, seat.model_name)
        finally:
            await provider.close()

    return run_to_end(ask())
