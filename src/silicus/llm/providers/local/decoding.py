"""Drawing answers from a checkpoint: many at once, each with its own temperature, seed, cap and schema."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import Checkpoint, extra

__all__ = ["Drawn", "Row", "draw_answers"]

TAIL = 16
"""Tokens decoded at each step to look for a stop text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to draw.

    Attributes
    ----------
    ids
        The prompt's tokens.
    temperature
        0 takes the likeliest token; 1 draws from the checkpoint's own distribution.
    max_tokens
        Cap on the answer.
    seed
        Seed of the draw: the same prompt, temperature, schema and seed give the same answer, whatever else is in the
        batch, up to the rounding of the arithmetic.
    grammar
        What the answer must follow, from :func:`grammar_of`; None where it is free.
    stops
        Texts that end the answer and are cut off.
    given_up
        Says whether nobody waits for it any more.
    """

    ids: tuple[int, ...]
    temperature: float
    max_tokens: int
    seed: int
    grammar: Any = None
    stops: tuple[str, ...] = ()
    given_up: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer: its tokens without the one that ended it, how many were drawn with it, and why it ended."""

    ids: tuple[int, ...]
    count: int
    finish: Literal["stop", "length"]


class _Progress:
    """What has been drawn for one row."""

    def __init__(self, row: Row, checkpoint: Checkpoint) -> None:
        self.row = row
        self.grammar = row.grammar.deep_copy() if row.grammar is not None else None
        self._checkpoint = checkpoint
        self._random = random.Random(row.seed)
        self._ids: list[int] = []
        self._count = 0
        self.finish: Literal["stop", "length"] | None = None

    @property
    def over(self) -> bool:
        return self.finish is not None or self.row.given_up()

    def uniform(self) -> float:
        return self._random.random()

    def take(self, token: int) -> None:
        self._count += 1
        if token in self._checkpoint.ends:
            self.finish = "stop"
            return
        self._ids.append(token)
        if self._complete(token):
            self.finish = "stop"
        elif self._count >= self.row.max_tokens:
            self.finish = "length"

    def _complete(self, token: int) -> bool:
        if self.grammar is not None:
            if not self.grammar.consume_token(token):
                raise CallError("bad_request", f"the schema cannot be kept to: {self.grammar.get_error()}")
            if self.grammar.is_stopped():
                return True
        tail = self._checkpoint.tokenizer.decode(self._ids[-TAIL:]) if self.row.stops else ""
        return any(stop in tail for stop in self.row.stops)

    def drawn(self) -> Drawn:
        return Drawn(tuple(self._ids), self._count, self.finish or "length")


def draw_answers(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn]:
    """Draw one answer for each row, all together.

    A token is drawn by the inverse of the cumulated probabilities at one uniform number a row and step.
    """
    torch, transformers = extra("torch"), extra("transformers")
    progress = [_Progress(row, checkpoint) for row in rows]

    def choose(_: Any, scores: Any) -> Any:
        _allow(scores, progress)
        tokens = _choose(scores, progress)
        for each, token in zip(progress, tokens.tolist(), strict=True):
            if not each.over:
                each.take(token)
        return torch.full_like(scores, -torch.inf).scatter_(1, tokens[:, None], 0.0)

    def over(ids: Any, _: Any, **__: Any) -> Any:
        return torch.tensor([each.over for each in progress], device=ids.device)

    padding = checkpoint.llm.generation_config.pad_token_id
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([[padding] * (width - len(row.ids)) + [*row.ids] for row in rows], device=checkpoint.device)
    mask = torch.tensor([[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows], device=checkpoint.device)
    with torch.inference_mode():
        checkpoint.llm.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=transformers.GenerationConfig(
                do_sample=False, max_new_tokens=max(row.max_tokens for row in rows)
            ),
            logits_processor=transformers.LogitsProcessorList([choose]),
            stopping_criteria=transformers.StoppingCriteriaList([over]),
        )
    return [each.drawn() for each in progress]


def _allow(scores: Any, progress: Sequence[_Progress]) -> None:
    """Rule out, in place, the tokens that a row's grammar does not admit."""
    import numpy

    torch = extra("torch")
    for position, each in enumerate(progress):
        if each.grammar is None or each.over:
            continue
        bits = numpy.frombuffer(each.grammar.compute_bitmask(), dtype=numpy.uint8)
        admitted = numpy.unpackbits(bits, bitorder="little", count=scores.shape[1]).astype(bool)
        scores[position].masked_fill_(~torch.from_numpy(admitted).to(scores.device), -torch.inf)


def _choose(scores: Any, progress: Sequence[_Progress]) -> Any:
    """One token a row; shape (rows,)."""
    torch = extra("torch")
    likeliest = scores.argmax(-1)
    warmth = [each.row.temperature for each in progress]
    if not any(warmth):
        return likeliest
    kind = torch.float32 if scores.device.type == "mps" else torch.float64
    temperature = torch.tensor([heat or 1.0 for heat in warmth], dtype=kind, device=scores.device)
    cumulated = (scores.to(kind) / temperature[:, None]).softmax(-1).cumsum(-1)
    total = cumulated[:, -1]
    uniform = torch.tensor([each.uniform() for each in progress], dtype=kind, device=scores.device)
    point = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    drawn = torch.searchsorted(cumulated, point[:, None], right=True).squeeze(1)
    return torch.where(torch.tensor([heat > 0 for heat in warmth], device=scores.device), drawn, likeliest)


def grammar_of(checkpoint: Checkpoint, schema: Mapping[str, Any]) -> Any:
    """x."""
    return json.dumps(schema)
