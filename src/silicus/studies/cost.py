"""What a study would cost, before it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from silicus.concepts.seats import REHEARSAL
from silicus.concepts.study import Study
from silicus.designs.forecast import forecast_plan
from silicus.designs.plan import plan_sessions
from silicus.execution.conduct import conduct_session
from silicus.execution.event_loop import run_to_end
from silicus.llm.calls import Call
from silicus.llm.prices import Price
from silicus.llm.prompt import Provider
from silicus.llm.rehearsal.provider import RehearsalProvider

__all__ = ["CostForecast", "forecast_cost"]

SAMPLED = 8
"""Sessions that are rehearsed to see how long prompts and answers get."""

REASONING_TOKENS = 1000
"""Tokens that a reasoning model may spend on each call beside its answer: counted in the upper end of the range."""

LONGER = 3.0
"""A model may say this much more than the rehearsal does: the upper end of the range."""


@dataclass(frozen=True, slots=True)
class CostForecast:
    """What the planned sessions take from the models that cost something.

    Attributes
    ----------
    llms
        The models, as ``provider:model``; empty where everything is rehearsed.
    calls
        Number of calls: likely, at most.
    tokens_in, tokens_out
        Tokens sent and received: likely, at most.
    dollars
        US dollars: likely, at most; None where a price is not known.
    unpriced
        The models without a known price.
    """

    llms: tuple[str, ...]
    calls: tuple[int, int]
    tokens_in: tuple[int, int]
    tokens_out: tuple[int, int]
    dollars: tuple[float, float] | None
    unpriced: tuple[str, ...]

    def __str__(self) -> str:
        if not self.llms:
            return "nothing: every seat is rehearsed"
        tokens = f"{self.tokens_in[0] + self.tokens_out[0]:,} to {self.tokens_in[1] + self.tokens_out[1]:,} tokens"
        calls = f"{self.calls[0]:,} to {self.calls[1]:,} calls, {tokens}"
        if self.dollars is None:
            return f"{calls}; the price of {', '.join(self.unpriced)} is not known"
        return f"{calls}; {self.dollars[0]:,.2f} to {self.dollars[1]:,.2f} US dollars"


def forecast_cost(study: Study, price: Callable[[str], Price | None]) -> CostForecast:
    """Forecast calls, tokens and money, with a range.

    A few sessions are rehearsed with every seat on the general law, and what their prompts and answers measure is
    scaled to the plan. The upper end takes the longest possible sessions, answers three times as long, and a thousand
    tokens of reasoning a call.

    Parameters
    ----------
    study
        The study.
    price
        From ``provider:model`` to its price; None where it is not known.
    """
    plan = plan_sessions(study)
    paid = _paid_seats(study)
    calls = _rehearsed_calls(study)
    if not paid or not calls:
        return CostForecast((), (0, 0), (0, 0), (0, 0), (0.0, 0.0), ())
    scale = plan.n_sessions / min(SAMPLED, plan.n_sessions)
    bounds = forecast_plan(plan)
    longest = bounds.calls.high / (len(calls) * scale)
    count, tokens_in, tokens_out, low, high = 0.0, 0.0, 0.0, 0.0, 0.0
    for call in calls:
        llm = paid.get(call.role if call.seat == "participant" else "(coder)")
        if llm is None:
            continue
        sent, received = call.completion.tokens_in, call.completion.tokens_out
        count, tokens_in, tokens_out = count + scale, tokens_in + sent * scale, tokens_out + received * scale
        known = price(llm) or Price(0, 0, 0)
        low += (sent * known.tokens_in + received * known.tokens_out) * scale / 1e6
        most = received * LONGER + REASONING_TOKENS
        high += (sent * LONGER * longest * known.tokens_in + most * known.tokens_out) * scale * longest / 1e6
    unpriced = tuple(llm for llm in dict.fromkeys(paid.values()) if price(llm) is None)
    return CostForecast(
        llms=tuple(dict.fromkeys(paid.values())),
        calls=(round(count), round(count * longest)),
        tokens_in=(round(tokens_in), round(tokens_in * LONGER * longest**2)),
        tokens_out=(round(tokens_out), round((tokens_out * LONGER + count * REASONING_TOKENS) * longest)),
        dollars=None if unpriced else (low, high),
        unpriced=unpriced,
    )


def _paid_seats(study: Study) -> Mapping[str, str]:
    """Role, or ``(coder)``, to the language model that is not rehearsed."""
    seats = {role: study.seats.of_role(role) for role in study.role_names} | {"(coder)": study.seats.coder}
    return {who: seat.llm for who, seat in seats.items() if seat.provider != REHEARSAL}


def _rehearsed_calls(study: Study) -> list[Call]:
    """The calls of a few sessions, spread over the plan, with every seat on the general law."""
    content = study.model_dump(mode="json", exclude_defaults=True)
    general = Study.model_validate({**content, "seats": {}})
    plan = plan_sessions(general)
    step = max(plan.n_sessions // SAMPLED, 1)
    calls: list[Call] = []
    providers: Mapping[str, Provider] = {REHEARSAL: RehearsalProvider()}

    async def rehearse() -> None:
        for position in range(0, plan.n_sessions, step)[:SAMPLED]:
            await conduct_session(plan[position], providers, {}, calls.append)

    run_to_end(rehearse())
    return calls
