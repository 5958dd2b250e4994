"""``hf:`` a checkpoint in this process: a folder of weights or a hub name, with exact log-probabilities.

Needs the extra ``local`` (torch, transformers). A checkpoint is loaded on its first call, off the event loop; calls
that wait at the same moment are answered together. Where the prompt gives no temperature it is 1: draws come from the
checkpoint's own distribution, without the top-p, top-k or penalties that it may recommend.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from silicus.concepts.errors import ProviderError, SilicusError
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Message, Prompt, request_of
from silicus.llm.providers.local.checkpoint import Checkpoint, load_checkpoint
from silicus.llm.providers.local.decoding import Drawn, Row, draw_answers
from silicus.llm.providers.local.grammar import Grammars
from silicus.llm.providers.local.likelihood import Span, continuation_spans, span_logprobs, text_span
from silicus.llm.providers.local.memory import in_parts, release_memory
from silicus.llm.providers.local.rendering import Rendered, render, tokens_of
from silicus.llm.providers.local.together import Asked, Together
from silicus.llm.reading.reply import said_in

__all__ = ["LocalWeights", "LocalWeightsProvider", "TokenLogprob"]

BATCH_SIZE = 16
"""Rows worked on together, at most."""

MAX_TOKENS = 1024
"""Cap on an answer where the prompt sets none."""

THINKING = "<think>"
"""How some chat templates end a prompt, to have the answer begin with reasoning."""

REMEMBERED = 4096
"""Requests of which it is remembered how often they were asked."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of a text and the natural logarithm of its probability given all before it; None where none is."""

    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class _Draw:
    """A prompt and what tells its draw from others of the same prompt."""

    prompt: Prompt
    name: str

    def seed(self, checkpoint: Checkpoint) -> int:
        """The same on every machine that has these weights."""
        return int.from_bytes(hashlib.sha256(f"{checkpoint.fingerprint}\n{self.name}".encode()).digest()[:8])


_Spans = Callable[[Checkpoint], Sequence[Span]]


class LocalWeights:
    """One checkpoint: its answers and its log-probabilities. It is loaded when it is first asked.

    It is a :class:`~silicus.llm.scoring.Scorer`.

    Parameters
    ----------
    name
        A folder or a hub name.
    batch_size
        Rows worked on together, at most; fewer where memory does not suffice.
    device, dtype
        As in :func:`~silicus.llm.providers.local.checkpoint.load_checkpoint`.
    """

    def __init__(self, name: str, *, batch_size: int = BATCH_SIZE, device: str = "auto", dtype: str = "auto") -> None:
        self._name = name
        self._batch_size = batch_size
        self._load = partial(load_checkpoint, name, device=device, dtype=dtype)
        self._lock = threading.Lock()  # the weights serve one thread at a time
        self._loaded: tuple[Checkpoint, Grammars] | None = None
        self._refusal: ProviderError | None = None
        self._asked: OrderedDict[str, int] = OrderedDict()
        self._draws: Together[_Draw, Completion] = Together(self._draw_all, batch_size)
        self._scores: Together[_Spans, tuple[tuple[float, ...], ...]] = Together(self._score_all, batch_size)

    async def complete(self, prompt: Prompt) -> Completion:
        """Draw an answer.

        The draw's seed comes from the weights, the request, the session that asks, and how often it asked the same: a
        session that is held again draws the same answers, another session others.

        Raises
        ------
        CallError
            ``context_length``; ``overloaded`` (out of memory); ``empty``; ``bad_request`` (pictures, a schema or
            messages that cannot be followed).
        ProviderError
            Where there is no such checkpoint.
        """
        if any(message.images for message in prompt.messages):
            raise CallError(
                "bad_request",
                "a local checkpoint is asked in words only, and this prompt shows a picture",
                suggestion="Give the seat a model of a provider that takes pictures.",
            )
        return await self._draws.ask(_Draw(prompt, self._name_draw(prompt)))

    async def token_logprobs(self, text: str) -> tuple[TokenLogprob, ...]:
        """How probable each token of a text is, given those before it.

        What the tokenizer puts before a text (``<s>``) is among the tokens; the first token has no log-probability.
        """
        words: list[str] = []

        def spans(checkpoint: Checkpoint) -> Sequence[Span]:
            span = text_span(checkpoint, text)
            words.extend(checkpoint.tokenizer.decode([token]) for token in span.ids)
            return [span]

        (scored,) = await self._scores.ask(spans)
        return tuple(TokenLogprob(*pair) for pair in zip(words, (None, *scored), strict=True))

    async def continuation_logprob(self, prefix: str, continuation: str) -> float:
        """Natural logarithm of the probability that a text that began with ``prefix`` goes on with ``continuation``.

        The sum over the tokens, of both cut together, that hold any of the continuation; one that straddles the border
        counts whole.
        """
        spans = partial(continuation_spans, prefix=prefix, continuations=(continuation,), bare=True)
        (scored,) = await self._scores.ask(spans)
        return sum(scored)

    async def option_logprobs(self, messages: Sequence[Message], continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-probability, in natural units, that the answer to the messages begins with each of the continuations."""

        def spans(checkpoint: Checkpoint) -> Sequence[Span]:
            rendered = render(checkpoint, messages, reasoning=False)
            answers = [rendered.joint + each for each in continuations]
            return continuation_spans(checkpoint, rendered.text, answers, bare=rendered.bare)

        return tuple(sum(scored) for scored in await self._scores.ask(spans))

    async def close(self) -> None:
        """Let go of the weights."""
        await asyncio.to_thread(self._unload)

    def _unload(self) -> None:
        with self._lock:
            was_loaded = self._loaded is not None
            self._loaded = self._refusal = None
            if was_loaded:
                release_memory()

    def _ready(self) -> tuple[Checkpoint, Grammars]:
        """Load once; what was refused once is refused again without a new try."""
        if self._refusal is not None:
            raise self._refusal
        if self._loaded is None:
            try:
                checkpoint = self._load()
            except ProviderError as refusal:
                self._refusal = refusal
                raise
            self._loaded = checkpoint, Grammars(checkpoint)
        return self._loaded

    def _name_draw(self, prompt: Prompt) -> str:
        # The session's name tells replicates of one request apart; nothing else of the cue is looked at.
        session = prompt.cue.session.session_id if prompt.cue is not None else ""
        request = hashlib.sha256(f"{session}\n{request_of(prompt, '')}".encode()).hexdigest()
        times = self._asked.pop(request, 0) + 1
        self._asked[request] = times
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        return f"{request} {times}"

    def _draw_all(self, batch: Sequence[Asked[_Draw, Completion]]) -> list[Completion | SilicusError]:
        with self._lock:
            checkpoint, grammars = self._ready()
            prepared = [_prepared(checkpoint, grammars, asked) for asked in batch]
            rows = [each[1] for each in prepared if not isinstance(each, SilicusError)]
            drawn = iter(in_parts(partial(draw_answers, checkpoint), rows))
        return [
            each if isinstance(each, SilicusError) else self._completion(checkpoint, *each, next(drawn))
            for each in prepared
        ]

    def _completion(
        self, checkpoint: Checkpoint, rendered: Rendered, row: Row, drawn: Drawn | CallError
    ) -> Completion | CallError:
        if isinstance(drawn, CallError):
            return drawn
        text = checkpoint.tokenizer.decode(drawn.ids, skip_special_tokens=True)
        reasoning, answer = _parted(rendered, text) if row.grammar is None else ("", text)
        if not answer and drawn.finish == "stop":
            return CallError("empty", "the answer has no content")
        return Completion(
            text=answer,
            llm=f"hf:{self._name}",
            tokens_in=len(row.ids),
            tokens_out=drawn.count,
            tokens_reasoning=len(tokens_of(checkpoint, reasoning, bare=False)) if reasoning else 0,
            cost=0.0,
            finish=drawn.finish,
            served=self._name,
            fingerprint=checkpoint.fingerprint,
            raw=checkpoint.tokenizer.decode(drawn.ids),
        )

    def _score_all(
        self, batch: Sequence[Asked[_Spans, tuple[tuple[float, ...], ...]]]
    ) -> list[tuple[tuple[float, ...], ...] | SilicusError]:
        with self._lock:
            checkpoint, _ = self._ready()
            wanted = [_spans_of(checkpoint, asked.job) for asked in batch]
            spans = [span for each in wanted if not isinstance(each, SilicusError) for span in each]
            found = iter(span_logprobs(checkpoint, spans, self._batch_size))
        return [each if isinstance(each, SilicusError) else _whole([next(found) for _ in each]) for each in wanted]


class LocalWeightsProvider:
    """Language models in this process, by folder or hub name; several may be loaded at once.

    Parameters
    ----------
    batch_size, device, dtype
        As for :class:`LocalWeights`.
    """

    def __init__(self, *, batch_size: int = BATCH_SIZE, device: str = "auto", dtype: str = "auto") -> None:
        self._new = partial(LocalWeights, batch_size=batch_size, device=device, dtype=dtype)
        self._weights: dict[str, LocalWeights] = {}

    def weights(self, model_name: str) -> LocalWeights:
        """The checkpoint of that name, loaded or yet to be."""
        if model_name not in self._weights:
            self._weights[model_name] = self._new(model_name)
        return self._weights[model_name]

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Draw an answer from the checkpoint of that name; see :meth:`LocalWeights.complete`."""
        return await self.weights(model_name).complete(prompt)

    async def close(self) -> None:
        """Let go of the weights; a later call loads them anew."""
        for weights in self._weights.values():
            await weights.close()


def _prepared(
    checkpoint: Checkpoint, grammars: Grammars, asked: Asked[_Draw, Completion]
) -> tuple[Rendered, Row] | CallError:
    prompt = asked.job.prompt
    try:
        grammar = grammars.matcher(prompt.schema) if prompt.schema is not None and grammars.available else None
        rendered = render(checkpoint, prompt.messages, reasoning=grammar is None)
        ids = tokens_of(checkpoint, rendered.text, bare=rendered.bare)
        _check_room(checkpoint, len(ids) + 1)
    except CallError as error:
        return error
    temperature = 1.0 if prompt.sampling.temperature is None else prompt.sampling.temperature
    cap = prompt.sampling.max_tokens or MAX_TOKENS
    if checkpoint.context is not None:
        cap = min(cap, checkpoint.context - len(ids))
    return rendered, Row(
        ids, temperature, cap, asked.job.seed(checkpoint), grammar, rendered.stops, lambda: asked.given_up
    )


def _spans_of(checkpoint: Checkpoint, wanted: _Spans) -> Sequence[Span] | CallError:
    try:
        spans = wanted(checkpoint)
        for span in spans:
            _check_room(checkpoint, len(span.ids))
    except CallError as error:
        return error
    return spans


def _whole(scored: Sequence[tuple[float, ...] | CallError]) -> tuple[tuple[float, ...], ...] | CallError:
    """The scores of all spans of a job, or what went wrong with one of them."""
    fault = next((each for each in scored if isinstance(each, CallError)), None)
    return fault or tuple(each for each in scored if not isinstance(each, CallError))


def _check_room(checkpoint: Checkpoint, needed: int) -> None:
    if checkpoint.context is not None and needed > checkpoint.context:
        raise CallError(
            "context_length",
            f"{checkpoint.name} takes {checkpoint.context} tokens at once, and {needed} are needed",
            suggestion="Cap the turns of the conversation, or take a checkpoint with a longer context.",
        )


def _parted(rendered: Rendered, text: str) -> tuple[str, str]:
    """Reasoning and answer."""
    if rendered.stops:
        return "", _before_any(rendered.stops, text).strip()
    begun = THINKING if rendered.text.rstrip().endswith(THINKING) else ""
    answer = said_in(begun + text)
    return text.removesuffix(answer), answer.strip()


def _before_any(stops: Sequence[str], text: str) -> str:
    return text[: min((at for at in map(text.find, stops) if at >= 0), default=len(text))]
