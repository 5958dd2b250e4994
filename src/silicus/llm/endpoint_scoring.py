"""Scorers over a network: endpoints that report how probable the tokens of a given text, or of an answer, are."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from silicus.llm.faults import CallError
from silicus.llm.prompt import Message, Prompt, Sampling
from silicus.llm.providers.openai_chat import first_choice
from silicus.llm.providers.text_completion import as_transcript, probe_logprobs, score_text
from silicus.llm.scoring import UntrustworthyScoresError
from silicus.llm.server_errors import response_in
from silicus.llm.wire import Request, WireProvider

__all__ = ["EchoScorer", "TopTokenScorer"]

MOST_LISTED = {"openai": 20, "completion": 5}
"""How many of the likeliest tokens are asked for: the most that OpenAI reports in either format."""

PLACEHOLDER = -9999.0
"""What some servers write for a token that is not among the likeliest."""


class EchoScorer:
    """Scores any continuation at a text-completion endpoint that reports the given text's log-probabilities (``echo``).

    One request a continuation. Made by :meth:`probed`, it is known to be trustworthy.
    """

    def __init__(self, provider: WireProvider, model_name: str) -> None:
        self._provider = provider
        self._model_name = model_name

    @classmethod
    async def probed(cls, provider: WireProvider, model_name: str) -> Self:
        """Find out whether the endpoint's log-probabilities can be relied on, by 17 small requests.

        Raises
        ------
        UntrustworthyScoresError
            Where they cannot.
        CallError
            Where the server cannot be had.
        """
        verdict = await probe_logprobs(provider, model_name)
        if not verdict.trusted:
            raise UntrustworthyScoresError(
                f"{provider.endpoint.name}: the log-probabilities cannot be trusted: {verdict.reason}",
                suggestion="Score with local weights (hf:), or let the language model draw answers.",
            )
        return cls(provider, model_name)

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-probability that the transcript goes on with each continuation; see :class:`silicus.llm.scoring.Scorer`.

        Raises
        ------
        CallError
            Where the server cannot be had, or reports no log-probabilities of the text that it was sent.
        """
        transcript = as_transcript(tuple(messages))
        scored = await asyncio.gather(
            *(score_text(self._provider, f"{transcript} {each}", self._model_name) for each in continuations)
        )
        return tuple(each.sum_from(len(transcript)) for each in scored)


class TopTokenScorer:
    """Scores one-token answers, such as letters, by the likeliest first tokens that an endpoint lists.

    One request a question, at endpoints of the formats ``openai`` and ``completion``. An answer that is not among the
    tokens listed has an unknown probability, and is refused rather than guessed. ``listed`` is how many are asked for:
    20 for chats and 5 for texts where it is not given.
    """

    def __init__(self, provider: WireProvider, model_name: str, *, listed: int | None = None) -> None:
        self._provider = provider
        self._model_name = model_name
        self._listed = listed or MOST_LISTED[provider.endpoint.format]

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-probability that the first token of the answer, spaces around it aside, is each of the continuations.

        Raises
        ------
        UntrustworthyScoresError
            Where one is not listed.
        CallError
            Where the server cannot be had, or reports no log-probabilities.
        """
        endpoint = self._provider.endpoint
        prompt = Prompt(tuple(messages), "participant", sampling=Sampling(temperature=0, max_tokens=1))
        request = self._provider.format.render(prompt, self._model_name, endpoint)
        chats = endpoint.format == "openai"
        wanted = {"logprobs": True, "top_logprobs": self._listed} if chats else {"logprobs": self._listed}
        answer = await self._provider.exchange(Request(request.path, request.body | wanted, request.headers))
        found = _likeliest_first(answer)
        return tuple(_of(continuation, found) for continuation in continuations)


def _likeliest_first(answer: str) -> list[tuple[str, float]]:
    """The likeliest first tokens, as either format lists them."""
    reported = first_choice(response_in(answer)).get("logprobs")
    reported = reported if isinstance(reported, Mapping) else {}
    match reported:
        case {"content": [{"top_logprobs": [*entries]}, *_]}:
            return [pair for entry in entries for pair in _pair(entry)]
        case {"top_logprobs": [Mapping() as entries, *_]}:
            return [(str(token), float(value)) for token, value in entries.items() if isinstance(value, int | float)]
    raise CallError("malformed", "the server reports no log-probabilities")


def _pair(entry: Any) -> list[tuple[str, float]]:
    match entry:
        case {"token": str(token), "logprob": int() | float() as value}:
            return [(token, float(value))]
    return []


def _of(continuation: str, found: Sequence[tuple[str, float]]) -> float:
    values = [value for token, value in found if token.strip() == continuation and not value <= PLACEHOLDER]
    if not values:
        raise UntrustworthyScoresError(
            f"the answer {continuation!r} is not among the {len(found)} likeliest first tokens: its probability is not "
            "known",
            suggestion="Score with local weights (hf:), at an endpoint that echoes (vllm-base:), or let the language "
            "model draw answers.",
        )
    highest = max(values)
    if not math.isfinite(highest):
        return highest
    return highest + math.log(math.fsum(math.exp(value - highest) for value in values))
