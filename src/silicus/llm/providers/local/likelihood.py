"""Exact log-probabilities of texts under a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import Checkpoint, extra
from silicus.llm.providers.local.decoding import left_padded
from silicus.llm.providers.local.memory import in_parts
from silicus.llm.providers.local.rendering import tokens_of

__all__ = ["Span", "continuation_spans", "span_logprobs", "text_span"]

CHUNK = 256
"""Positions whose probabilities over the whole vocabulary are held at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """A row of tokens and the position, at least 1, from which on it is scored."""

    ids: tuple[int, ...]
    start: int

    @property
    def context(self) -> tuple[int, ...]:
        """The tokens that must be read to score it."""
        return self.ids[:-1]


def text_span(checkpoint: Checkpoint, text: str) -> Span:
    """A whole text with what the tokenizer puts before it, scored from the second token on."""
    ids = tokens_of(checkpoint, text, bare=True)
    if len(ids) < 2:
        raise CallError("bad_request", f"{text!r} is one token or none, which has no context to be probable in")
    return Span(ids, 1)


def continuation_spans(
    checkpoint: Checkpoint, prefix: str, continuations: Sequence[str], *, bare: bool
) -> tuple[Span, ...]:
    """Each continuation of a text, scored from the first token that holds any of it.

    Text and continuation are cut into tokens together, as they would be in a text that the checkpoint was trained on.
    """
    before = tokens_of(checkpoint, prefix, bare=bare)
    spans = []
    for continuation in continuations:
        ids = tokens_of(checkpoint, prefix + continuation, bare=bare)
        start = _shared_tokens(before, ids)
        if start == len(ids):
            raise CallError("bad_request", f"{continuation!r} adds no token to the text before it")
        if start == 0:
            raise CallError("bad_request", f"nothing stands before {continuation!r}: the first token has no context")
        spans.append(Span(ids, start))
    return tuple(spans)


def span_logprobs(
    checkpoint: Checkpoint, spans: Sequence[Span], batch_size: int
) -> list[tuple[float, ...] | CallError]:
    r"""Natural logarithms of the probability of each scored token given all before it: one tuple a span.

    :math:`\log p(t_j \mid t_1, …, t_{j-1})` is read off the softmax over the whole vocabulary, in float32. Spans whose
    context is the beginning of another's, such as one-letter answers to the same question, share one pass. A span that
    memory does not suffice for has an error instead.
    """
    reader = _readers([span.context for span in spans])
    read_by: dict[tuple[int, ...], list[int]] = {}
    for position, span in enumerate(spans):
        read_by.setdefault(reader[span.context], []).append(position)
    rows = sorted(read_by, key=len)

    def score(part: Sequence[tuple[int, ...]]) -> list[dict[int, tuple[float, ...]] | CallError]:
        keep = max(len(row) + 1 - spans[each].start for row in part for each in read_by[row])
        scores = _last_logits(checkpoint, part, keep)
        return [
            {each: _gathered(logits, len(row), spans[each]) for each in read_by[row]}
            for row, logits in zip(part, scores, strict=True)
        ]

    found: dict[int, tuple[float, ...] | CallError] = {}
    for begin in range(0, len(rows), batch_size):
        part = rows[begin : begin + batch_size]
        for row, result in zip(part, in_parts(score, part), strict=True):
            found.update(dict.fromkeys(read_by[row], result) if isinstance(result, CallError) else result)
    return [found[position] for position in range(len(spans))]


def _shared_tokens(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (a, b) in pairs if a != b), min(len(one), len(other)))


def _readers(contexts: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], tuple[int, ...]]:
    """For each context one of them that begins with it and is the beginning of no other."""
    readers: dict[tuple[int, ...], tuple[int, ...]] = {}
    following: tuple[int, ...] = ()
    for context in sorted(set(contexts), reverse=True):  # what begins with it comes right before it
        readers[context] = readers[following] if following[: len(context)] == context else context
        following = context
    return readers


def _last_logits(checkpoint: Checkpoint, rows: Sequence[tuple[int, ...]], keep: int) -> Any:
    """Scores of the last ``keep`` positions: shape (rows, keep, vocabulary)."""
    torch = extra("torch")
    ids, mask = left_padded(checkpoint, rows)
    takes = signature(checkpoint.llm.forward).parameters
    options: dict[str, Any] = {"use_cache": False}
    if "position_ids" in takes:
        options["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    if "logits_to_keep" in takes:
        options["logits_to_keep"] = keep
    with torch.inference_mode():
        logits = checkpoint.llm(input_ids=ids, attention_mask=mask, **options).logits
    return logits[:, -keep:]


def _gathered(logits: Any, length: int, span: Span) -> tuple[float, ...]:
    """The scored tokens' log-probabilities, from the last scores of a row of ``length`` tokens."""
    torch = extra("torch")
    first = logits.shape[0] - length + span.start - 1
    tokens = span.ids[span.start :]
    found: list[float] = []
    for begin in range(0, len(tokens), CHUNK):
        part = torch.tensor(tokens[begin : begin + CHUNK], device=logits.device)
        scores = logits[first + begin : first + begin + len(part)].float().log_softmax(-1)
        found += scores.gather(1, part[:, None]).squeeze(1).tolist()
    return tuple(found)
