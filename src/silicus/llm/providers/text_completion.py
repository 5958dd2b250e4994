"""Text completion in the format of OpenAI's older endpoint: for base models, which have no chat template.

A chat becomes a transcript that a reader could follow, ending where the model is to go on:

    You are the buyer. …

    User: It is your turn.
    Assistant:

The answer ends where the transcript would go on with somebody else's words.

Servers of this format may also report how likely each token of a given text is, which is what the scoring of options
needs. Not all can be trusted: some ignore ``echo``, some return zeros or noise, without an error. Ask
:func:`probe_logprobs` first.

Format: https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Finish, Message, Prompt
from silicus.llm.providers.openai_chat import counted, first_choice, held_to_schema
from silicus.llm.server_errors import response_in
from silicus.llm.wire import Capabilities, Request, WireFormat, WireProvider

__all__ = [
    "FORMAT",
    "PROBES",
    "LogprobVerdict",
    "TokenLogprobs",
    "as_transcript",
    "parse",
    "probe_logprobs",
    "read_logprobs",
    "render",
    "score_text",
    "scoring_request",
]

CAPABILITIES = Capabilities(schema=("words",), images=False, logprobs=True, base_text=True)

DEFAULT_MAX_TOKENS = 512
"""The cap where none is asked for; servers of this format otherwise stop after 16 tokens."""

_SPEAKERS = {"user": "User", "assistant": "Assistant"}
_STOPS = [f"\n{speaker}:" for speaker in _SPEAKERS.values()]

PROBES: tuple[tuple[str, str, str], ...] = (
    ("One, two, three,", " four.", " green."),
    ("Monday, Tuesday, Wednesday,", " Thursday.", " elephant."),
    ("The opposite of hot is", " cold.", " seven."),
    ("Once upon a", " time.", " spoon."),
    ("The capital of France is", " Paris.", " yellow."),
    ("Thank you very", " much.", " chair."),
    ("A, B, C, D,", " E.", " hat."),
    ("She opened the door and walked", " in.", " blue."),
)
"""Openings, each with an ending that every language model finds likelier than the other."""

MOST_MISSES = 1
"""Of 8 probes; scores at chance miss at most one with probability 9/256."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """How likely a language model finds a text, token by token.

    Attributes
    ----------
    tokens
        The tokens; joined they are the text.
    logprobs
        Natural logarithm of each token's probability given the text before it; None for the first, which has nothing
        before it.
    offsets
        Where each token begins, in characters.
    """

    tokens: tuple[str, ...]
    logprobs: tuple[float | None, ...]
    offsets: tuple[int, ...]

    def sum_from(self, start: int) -> float:
        """Log-probability of the text from a character on, given what stands before it.

        A token that straddles the start belongs to what follows.
        """
        ends = [*self.offsets[1:], sum(map(len, self.tokens))]
        return sum(
            logprob for logprob, end in zip(self.logprobs, ends, strict=True) if logprob is not None and end > start
        )


@dataclass(frozen=True, slots=True)
class LogprobVerdict:
    """Whether an endpoint's log-probabilities can be relied on, and why not."""

    trusted: bool
    reason: str = ""


def render(prompt: Prompt, model_name: str, endpoint: Endpoint) -> Request:
    """Write a prompt as a text to be continued."""
    if any(message.images for message in prompt.messages):
        raise CallError(
            "bad_request",
            "text completion cannot show pictures",
            suggestion="Take an endpoint of the openai or anthropic format, and a model that sees.",
        )
    body: dict[str, Any] = {
        "model": model_name,
        "prompt": as_transcript(prompt.messages),
        "max_tokens": prompt.sampling.max_tokens or DEFAULT_MAX_TOKENS,
        "stop": _STOPS,
    }
    if prompt.sampling.temperature is not None:
        body["temperature"] = prompt.sampling.temperature
    if prompt.schema is not None and endpoint.structured == "native":
        body |= held_to_schema(prompt.schema, "native")
    return Request("/completions", body | dict(endpoint.extra))


def parse(text: str, model_name: str, endpoint: Endpoint) -> Completion:
    """Read a text completion; where a server did not stop at another speaker's words, they are cut off."""
    response = response_in(text)
    choice = first_choice(response)
    written = choice.get("text")
    if not isinstance(written, str):
        raise CallError("malformed", "the answer holds no text")
    answer = min((written.partition(stop)[0] for stop in _STOPS), key=len).strip()
    reason = str(choice.get("finish_reason"))
    finish: Finish = "length" if reason == "length" and answer == written.strip() else "stop"
    if not answer and reason == "content_filter":
        raise CallError("content_filter", "the provider withheld the answer")
    if not answer and finish == "stop":
        raise CallError("empty", "the answer has no content")
    tokens_in, tokens_out, cached, reasoning = counted(response)
    return Completion(
        answer,
        f"{endpoint.name}:{model_name}",
        tokens_in,
        tokens_out,
        tokens_cached=cached,
        tokens_reasoning=reasoning,
        finish="content_filter" if reason == "content_filter" else finish,
        served=str(response.get("model") or ""),
        fingerprint=str(response.get("system_fingerprint") or ""),
        raw=text,
    )


def as_transcript(messages: tuple[Message, ...]) -> str:
    """A chat as a text that ends where the assistant is to go on."""
    parts = [f"{message.content.strip()}\n" for message in messages if message.role == "system"]
    turns = [
        f"{_SPEAKERS[message.role]}: {message.content.strip()}" for message in messages if message.role != "system"
    ]
    return "\n".join([*parts, *turns, "Assistant:"])


def scoring_request(text: str, model_name: str) -> Request:
    """A request for the log-probability of each token of a text."""
    body = {"model": model_name, "prompt": text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    return Request("/completions", body)


def read_logprobs(answer: str, text: str) -> TokenLogprobs:
    """Read the log-probabilities of a text from the answer to a :func:`scoring_request`.

    Raises
    ------
    CallError
        ``malformed`` where they are missing, or are not those of this text.
    """
    reported = first_choice(response_in(answer)).get("logprobs")
    if not isinstance(reported, Mapping) or not reported.get("tokens"):
        raise CallError("malformed", "the server reports no log-probabilities")
    tokens, logprobs = reported["tokens"], reported.get("token_logprobs")
    if not isinstance(logprobs, list) or len(logprobs) != len(tokens):
        raise CallError("malformed", "the server reports tokens without log-probabilities")
    pairs = [(str(token), _logprob(value)) for token, value in zip(tokens, logprobs, strict=True)]
    if pairs[0][1] is None and not text.startswith(pairs[0][0]):
        pairs = pairs[1:]  # a mark of the beginning that is no part of the text
    kept: list[tuple[str, float | None]] = []
    offsets: list[int] = []
    length = 0
    for token, logprob in pairs:
        if length >= len(text):
            break
        kept.append((token, logprob))
        offsets.append(length)
        length += len(token)
    if "".join(token for token, _ in kept) != text:
        raise CallError("malformed", "the log-probabilities are not those of the text that was sent (echo is ignored)")
    if any(logprob is None for _, logprob in kept[1:]):
        raise CallError("malformed", "some tokens have no log-probability")
    return TokenLogprobs(tuple(token for token, _ in kept), tuple(value for _, value in kept), tuple(offsets))


async def score_text(provider: WireProvider, text: str, model_name: str) -> TokenLogprobs:
    """How likely a language model finds a text, token by token; one request.

    Raises
    ------
    CallError
        Where the server cannot be had, or reports no log-probabilities of this text.
    """
    return read_logprobs(await provider.exchange(scoring_request(text, model_name)), text)


async def probe_logprobs(provider: WireProvider, model_name: str) -> LogprobVerdict:
    """Find out whether an endpoint's log-probabilities can be relied on; 17 small requests.

    They must be those of the text sent, negative and finite, not all alike, the same when asked again, and must find
    :data:`PROBES` likelier with the right ending than with the wrong one. A server that fails this scores options at
    chance without an error.

    Raises
    ------
    CallError
        Where the server cannot be had.
    """
    scores: list[tuple[float, float]] = []
    values: list[float] = []
    wholes: list[float] = []
    for opening, right, wrong in PROBES:
        pair = []
        for ending in (right, wrong):
            scored = await _scored(provider, opening + ending, model_name)
            if isinstance(scored, LogprobVerdict):
                return scored
            values += [value for value in scored.logprobs if value is not None]
            wholes.append(scored.sum_from(0))
            pair.append(scored.sum_from(len(opening)))
        scores.append((pair[0], pair[1]))
    again = await _scored(provider, "".join(PROBES[0][:2]), model_name)
    if isinstance(again, LogprobVerdict):
        return again
    return _verdict(scores, values, (wholes[0], again.sum_from(0)))


async def _scored(provider: WireProvider, text: str, model_name: str) -> TokenLogprobs | LogprobVerdict:
    answer = await provider.exchange(scoring_request(text, model_name))
    try:
        return read_logprobs(answer, text)
    except CallError as error:
        return LogprobVerdict(False, error.message)


def _verdict(scores: list[tuple[float, float]], values: list[float], same_text: tuple[float, float]) -> LogprobVerdict:
    """Judge the scores of right and wrong endings, all log-probabilities, and the scores of one text asked twice."""
    if not all(math.isfinite(value) and -1000 < value <= 1e-6 for value in values):
        return LogprobVerdict(False, "some are not logarithms of a probability")
    if max(values) - min(values) < 1e-6:
        return LogprobVerdict(False, "all are alike")
    if not math.isclose(*same_text, rel_tol=0.05, abs_tol=0.1):  # batching on a GPU moves the last digits
        return LogprobVerdict(False, "the same text got another score when asked again")
    misses = sum(right <= wrong for right, wrong in scores)
    if misses > MOST_MISSES:
        return LogprobVerdict(
            False, f"{misses} of {len(scores)} plain sentences were found likelier with a wrong ending"
        )
    return LogprobVerdict(True)


def _logprob(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


FORMAT = WireFormat(CAPABILITIES, render, parse)
