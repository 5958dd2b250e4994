"""The hidden coordinator: names speakers, makes drafts real, says when it is over.

It sits in the coder's seat, sees the scenario and the transcript, and knows no hypothesis, condition or private
value. Its verdicts are structured; words such as "no need to continue" are never searched for meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from silicus.concepts.errors import SilicusError
from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.llm.calls import Caller
from silicus.llm.cue import Cue, Task
from silicus.llm.prompt import Message, Prompt, Sampling
from silicus.llm.reading import read_object
from silicus.participants.templates import render, statement_line

__all__ = ["CoordinatorError", "choose_draft", "is_over", "name_next"]

ATTEMPTS = 2
"""An answer that cannot be read is asked for once more, with what was wrong shown."""


class CoordinatorError(SilicusError):
    """The coordinator gave no verdict that could be read; the session fails with its words."""

    code = "coordinator"


async def name_next(session: Session, turns: Sequence[Turn], candidates: Sequence[str], caller: Caller) -> str:
    """The role that speaks next, of ``candidates``."""
    return await _choice("name_next", session, turns, candidates, caller, {"candidates": candidates})


async def choose_draft(session: Session, turns: Sequence[Turn], drafts: Sequence[tuple[str, str]], caller: Caller) -> str:
    """The role whose draft becomes real; ``drafts`` pairs each role with its words."""
    candidates = [role for role, _ in drafts]
    lines = [f"{role}: {' '.join(words.split())}" for role, words in drafts]
    return await _choice("choose_draft", session, turns, candidates, caller, {"drafts": lines})


async def is_over(session: Session, turns: Sequence[Turn], turns_left: int, caller: Caller) -> bool:
    """Whether the scenario has come to its end."""
    schema = _schema("over", {"type": "boolean"})
    verdict = await _ask("judge_end", session, turns, (), caller, schema, {}, turns_left, lambda c: _as_bool(c.get("over")))
    return bool(verdict)


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).strip().lower())


async def _choice(
    task: Task, session: Session, turns: Sequence[Turn], candidates: Sequence[str], caller: Caller, inputs: dict[str, Any]
) -> str:
    schema = _schema("speaker", {"type": "string", "enum": list(candidates)})
    by_folded = {name.lower(): name for name in candidates}

    def read(content: dict[str, Any]) -> str | None:
        return by_folded.get(str(content.get("speaker", "")).strip().lower())

    return str(await _ask(task, session, turns, candidates, caller, schema, inputs, 0, read))


def _schema(field: str, kind: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {field: kind}, "required": [field], "additionalProperties": False}


async def _ask(  # noqa: PLR0913
    task: Task,
    session: Session,
    turns: Sequence[Turn],
    candidates: Sequence[str],
    caller: Caller,
    schema: dict[str, Any],
    inputs: dict[str, Any],
    turns_left: int,
    read: Any,
) -> bool | str:
    text = render(
        "procedures", task, scenario=session.scenario.text.rstrip("."), lines=[statement_line(t) for t in turns], **inputs
    )
    seat = session.seats.coder
    cue = Cue(task, session, tuple(turns), candidates=tuple(candidates), turns_left=turns_left)
    messages: tuple[Message, ...] = (Message("user", text),)
    for _ in range(ATTEMPTS):
        prompt = Prompt(messages, "coder", schema, Sampling(seat.temperature, seat.max_tokens), cue)
        completion, _ordinal = await caller.complete(prompt, seat)
        verdict: bool | str | None = read(read_object(completion.text) or {})
        if verdict is not None:
            return verdict
        again = "That could not be read. Answer with the JSON object asked for and nothing else."
        messages = (*messages, Message("assistant", completion.text), Message("user", again))
    raise CoordinatorError(f"the coordinator gave no readable verdict ({task}); it wrote: {completion.text[:200]!r}")
