"""What a study would cost, before it is run.

A few planned sessions are held by a stand-in that talks at a given length and never comes to an end by itself, and the
prompts that this makes are measured: once as sessions may go, once as long as they can. Two things are assumed and
said: how long statements are, and how much a language model reasons before it answers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from silicus.concepts.seats import REHEARSAL, Seat, Seats
from silicus.concepts.study import Study
from silicus.concepts.variables import Variable
from silicus.designs.forecast import forecast_plan
from silicus.designs.plan import plan_sessions
from silicus.execution.conduct import conduct_session
from silicus.execution.event_loop import run_to_end
from silicus.llm.calls import NOTHING, Call
from silicus.llm.cue import Cue
from silicus.llm.prices import FREE, Price
from silicus.llm.prompt import Completion, Prompt, Provider, request_of

__all__ = ["CostForecast", "forecast_cost"]

SAMPLED = 4
"""Sessions that are measured, spread over the plan."""


@dataclass(frozen=True, slots=True)
class _Assumed:
    """What is assumed of an answer.

    Attributes
    ----------
    statement
        Characters of a statement, or of an answer in free words.
    per_token
        Characters of a token.
    picture
        Tokens of a picture.
    reasoning
        Tokens that a model reasons before each answer, by what its name tells: that it does, that it may, that not.
    length
        Statements of a session, as a share of its cap, where it can end before.
    """

    statement: int
    per_token: float
    picture: int
    reasoning: Mapping[str, int]
    length: float


LIKELY = _Assumed(200, 4.0, 800, {"does": 400, "may": 0, "does not": 0}, 0.5)
AT_MOST = _Assumed(600, 3.0, 1600, {"does": 2000, "may": 1000, "does not": 0}, 1.0)

_REASONS = re.compile(
    r"\bo[1-9]\b|gpt-5|gpt-oss|deepseek-(?:r|reasoner)|qwq|magistral|thinking|reasoning|grok-4|gemini-(?:2\.5|[3-9])"
)
_REASONS_NOT = re.compile(
    r"gpt-(?:3|4)|claude-(?:instant|2|3)|llama-?[23]|gemma|(?:ministral|mistral|mixtral)|qwen-?(?:1|2)|phi-?[234]\b|-base:"
)


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
        likely, most = (self.tokens_in[end] + self.tokens_out[end] for end in (0, 1))
        calls = f"likely {self.calls[0]:,} calls and {likely:,} tokens, at most about {self.calls[1]:,} and {most:,}"
        if self.dollars is None:
            return f"{calls}; the price of {', '.join(self.unpriced)} is not known"
        if not self.dollars[1]:
            return f"{calls}; nothing that is asked charges for it"
        return f"{calls}; likely {self.dollars[0]:,.2f} US dollars, at most about {self.dollars[1]:,.2f}"


@dataclass(frozen=True, slots=True)
class _Taken:
    """Sums over the calls of all sessions."""

    calls: float
    tokens_in: float
    tokens_out: float
    dollars: float


def forecast_cost(study: Study, price: Callable[[str], Price | None], *, sessions: int | None = None) -> CostForecast:
    """Forecast calls, tokens and money: likely, and at most.

    Likely: statements of 200 characters, conversations that end at half of their cap where they can end before it, 400
    tokens of reasoning a call of models whose names tell that they reason. At most: every conversation up to its cap,
    statements of 600 characters, three characters a token, 2,000 tokens of reasoning a call, or 1,000 where the name
    does not tell. A seat's ``max_tokens`` bounds an answer, reasoning included. Questions that are put once more and
    the canary are not counted; prefix caches, which make it less, neither.

    Parameters
    ----------
    study
        The study.
    price
        From ``provider:model`` to its price; None where it is not known.
    sessions
        How many sessions are left to hold; None: all that are planned.
    """
    paid = _paid_seats(study)
    if not paid or sessions == 0:
        return CostForecast((), (0, 0), (0, 0), (0, 0), (0.0, 0.0), ())
    likely, most = (_taken(study, paid, price, assumed, sessions) for assumed in (LIKELY, AT_MOST))
    llms = tuple(dict.fromkeys(seat.llm for seat in paid.values()))
    unpriced = tuple(llm for llm in llms if price(llm) is None)
    return CostForecast(
        llms=llms,
        calls=(round(likely.calls), round(most.calls)),
        tokens_in=(round(likely.tokens_in), round(most.tokens_in)),
        tokens_out=(round(likely.tokens_out), round(most.tokens_out)),
        dollars=None if unpriced else (likely.dollars, most.dollars),
        unpriced=unpriced,
    )


def _paid_seats(study: Study) -> Mapping[str, Seat]:
    """Role, or ``(coder)``, to its seat, where that is not rehearsed."""
    seats = {role: study.seats.of_role(role) for role in study.role_names} | {"(coder)": study.seats.coder}
    return {who: seat for who, seat in seats.items() if seat.provider != REHEARSAL}


def _taken(
    study: Study,
    paid: Mapping[str, Seat],
    price: Callable[[str], Price | None],
    assumed: _Assumed,
    sessions: int | None,
) -> _Taken:
    """What all sessions take, from a few that are held under what is assumed."""
    calls, sampled, planned = _calls_of_a_few(study, assumed)
    scale = (planned if sessions is None else sessions) / sampled
    count, tokens_in, tokens_out, dollars = 0.0, 0.0, 0.0, 0.0
    for call in calls:
        seat = paid.get(call.role if call.seat == "participant" else "(coder)")
        if seat is None:
            continue
        sent, received = float(call.completion.tokens_in), _received(call, seat, assumed)
        charged = price(seat.llm) or FREE
        count, tokens_in, tokens_out = count + scale, tokens_in + sent * scale, tokens_out + received * scale
        dollars += (sent * charged.tokens_in + received * charged.tokens_out) * scale / 1e6
    return _Taken(count, tokens_in, tokens_out, dollars)


def _received(call: Call, seat: Seat, assumed: _Assumed) -> float:
    """Tokens of the answer, reasoning included."""
    kind = "does not" if _REASONS_NOT.search(seat.llm) else "does" if _REASONS.search(seat.llm) else "may"
    tokens = call.completion.tokens_out + assumed.reasoning[kind]
    return min(tokens, seat.max_tokens) if seat.max_tokens is not None else tokens


def _calls_of_a_few(study: Study, assumed: _Assumed) -> tuple[list[Call], int, int]:
    """The calls of a few sessions spread over the plan, how many sessions these are, and how many are planned."""
    plan = plan_sessions(study)
    statements = forecast_plan(plan).statements
    longest = statements.high
    if statements.low < longest:
        longest = max(math.ceil(longest * assumed.length), statements.low)
    procedure = study.procedure.model_copy(update={"max_turns": longest})
    plan = plan_sessions(study.model_copy(update={"procedure": procedure, "seats": Seats()}))
    calls: list[Call] = []
    providers: Mapping[str, Provider] = {REHEARSAL: _Talker(assumed)}
    positions = range(0, plan.n_sessions, max(plan.n_sessions // SAMPLED, 1))[:SAMPLED]

    async def hold() -> None:
        for position in positions:
            await conduct_session(plan[position], providers, NOTHING, calls.append)

    run_to_end(hold())
    return calls, len(positions), plan.n_sessions


class _Talker:
    """Says as much as is assumed, does nothing, and never finds that it is over; counts what it was sent."""

    def __init__(self, assumed: _Assumed) -> None:
        self._assumed = assumed

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Answer at once, by what is asked for."""
        assumed = self._assumed
        pictures = sum(len(message.images) for message in prompt.messages)
        sent = len(request_of(prompt, "")) / assumed.per_token + pictures * assumed.picture
        text = self._answer(prompt.cue, acts=prompt.schema is not None) if prompt.cue is not None else ""
        return Completion(text, REHEARSAL, math.ceil(sent), math.ceil(len(text) / assumed.per_token), cost=0.0)

    async def close(self) -> None:
        """Nothing is open."""

    def _answer(self, cue: Cue, *, acts: bool) -> str:
        words = "words " * (self._assumed.statement // 6)
        if cue.task == "speak":
            return json.dumps({"say": words, "action": "none", "value": None}) if acts else words
        if cue.task in ("answer", "code"):
            return json.dumps({"answer": _some_answer(cue.variable, words)})
        return json.dumps({"over": False} if cue.task == "judge_end" else {"speaker": _next_of(cue)})


def _some_answer(variable: Variable | None, words: str) -> str | int:
    """An answer that can be read, whatever it says."""
    if variable is None or variable.answer == "text":
        return words
    if variable.answer == "choice":
        return variable.levels[0].words
    return "no" if variable.answer == "yes_no" else 10


def _next_of(cue: Cue) -> str:
    return cue.candidates[len(cue.turns) % len(cue.candidates)]
