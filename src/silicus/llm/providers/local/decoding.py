"""Drawing answers from a checkpoint: many at once, each with its own temperature, seed, cap and schema."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from silicus.llm.faults import CallError
from silicus.llm.providers.local.checkpoint import Checkpoint, extra

__all__ = ["Drawn", "Row", "draw_answers", "left_padded"]

TAIL = 16
"""Tokens decoded at each step to look for a text that ends the answer."""


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
        What the answer must follow, from :class:`~silicus.llm.providers.local.grammar.Grammars`; None where it is free.
    stops
        Texts that end the answer.
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
        self._grammar = row.grammar.deep_copy() if row.grammar is not None else None
        self._checkpoint = checkpoint
        self._random = random.Random(row.seed)
        self._ids: list[int] = []
        self._count = 0
        self._finish: Literal["stop", "length"] | None = None
        self._fault: CallError | None = None

    @property
    def over(self) -> bool:
        return self._finish is not None or self._fault is not None or self.row.given_up()

    @property
    def result(self) -> Drawn | CallError:
        return self._fault or Drawn(tuple(self._ids), self._count, self._finish or "length")

    def uniform(self) -> float:
        """The step's number between 0 and 1; taken at every step, so that it depends on nothing but the seed."""
        return self._random.random()

    def admitted(self) -> bytes | None:
        """One bit a token that may come next; None where any may."""
        if self._grammar is None or self.over:
            return None
        bits: bytes = self._grammar.compute_bitmask()
        return None if self._failed() else bits

    def take(self, token: int) -> None:
        """Append the step's token."""
        if self.over:
            return
        self._count += 1
        if token in self._checkpoint.ends:
            self._finish = "stop"
            return
        self._ids.append(token)
        if self._complete(token):
            self._finish = "stop"
        elif self._count >= self.row.max_tokens:
            self._finish = "length"

    def _complete(self, token: int) -> bool:
        if self._grammar is not None:
            self._grammar.consume_token(token)
            if not self._failed() and self._grammar.is_stopped():
                return True
        tail = self._checkpoint.tokenizer.decode(self._ids[-TAIL:]) if self.row.stops else ""
        return any(stop in tail for stop in self.row.stops)

    def _failed(self) -> bool:
        if self._grammar is None or not self._grammar.is_error():
            return False
        self._fault = CallError("bad_request", f"the schema cannot be kept to: {self._grammar.get_error()}")
        return True


def draw_answers(checkpoint: Checkpoint, rows: Sequence[Row]) -> list[Drawn | CallError]:
    """Draw one answer for each row, all together.

    A token is drawn by the inverse of the cumulated probabilities at one uniform number a row and step.
    """
    torch, transformers = extra("torch"), extra("transformers")
    progress = [_Progress(row, checkpoint) for row in rows]

    def choose(_: Any, scores: Any) -> Any:
        _rule_out(scores, progress)
        tokens = _choose(scores, progress)
        for each, token in zip(progress, tokens.tolist(), strict=True):
            each.take(token)
        return torch.full_like(scores, -torch.inf).scatter_(1, tokens[:, None], 0.0)

    def over(ids: Any, _: Any, **__: Any) -> Any:
        return torch.tensor([each.over for each in progress], device=ids.device)

    ids, mask = left_padded(checkpoint, [row.ids for row in rows])
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
    return [each.result for each in progress]


def left_padded(checkpoint: Checkpoint, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Tokens and attention mask, each of shape (rows, longest row); what comes before a row is masked."""
    torch = extra("torch")
    padding = checkpoint.llm.generation_config.pad_token_id
    width = max(len(row) for row in rows)
    ids = [[padding] * (width - len(row)) + [*row] for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=checkpoint.device), torch.tensor(mask, device=checkpoint.device)


def _rule_out(scores: Any, progress: Sequence[_Progress]) -> None:
    """Set the scores of tokens that a row's grammar does not admit to minus infinity, in place."""
    import numpy

    torch = extra("torch")
    for position, each in enumerate(progress):
        admitted = each.admitted()
        if admitted is not None:
            bits = numpy.unpackbits(numpy.frombuffer(admitted, numpy.uint8), bitorder="little", count=scores.shape[1])
            scores[position].masked_fill_(torch.from_numpy(bits == 0).to(scores.device), -torch.inf)


def _choose(scores: Any, progress: Sequence[_Progress]) -> Any:
    """One token a row; shape (rows,)."""
    torch = extra("torch")
    likeliest = scores.argmax(-1)
    heat = [each.row.temperature for each in progress]
    if not any(heat):
        return likeliest
    # mps has no float64
    kind = torch.float32 if scores.device.type == "mps" else torch.float64
    temperature = torch.tensor([value or 1.0 for value in heat], dtype=kind, device=scores.device)
    probability = (scores.to(kind) / temperature[:, None]).softmax(-1)
    cumulated = probability.cumsum(-1)
    uniform = torch.tensor([each.uniform() for each in progress], dtype=kind, device=scores.device)
    point = (uniform * cumulated[:, -1])[:, None]
    drawn = torch.searchsorted(cumulated, point, right=True).clamp(max=scores.shape[1] - 1)
    # by rounding, a point at the very end may lie on a token that is ruled out
    possible = probability.gather(1, drawn).squeeze(1) > 0
    return torch.where(possible & (torch.tensor(heat, device=scores.device) > 0), drawn.squeeze(1), likeliest)
