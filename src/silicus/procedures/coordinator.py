"""The hidden coordinator: names speakers, makes drafts real, says when it is over.

It sits in the coder's seat, sees the scenario and the transcript, and knows no hypothesis, condition or private
value. Its verdicts are structured; words such as "no need to continue" are never searched for meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.llm.calls import Caller, asked_again
from silicus.llm.cue import Cue, Task
from silicus.llm.prompt import Message, Prompt, Sampling
from silicus.llm.reading import read_object
from silicus.participants.templates import render, statement_line

__all__ = ["choose_draft", "is_over", "name_next"]

Verdict = TypeVar("Verdict", bool, str)

ATTEMPTS = 2
"""An answer that cannot be read is asked for once more, with what was wrong shown; then the session fails."""

AGAIN = "That could not be read. Answer with the JSON object asked for and nothing else."


async def name_next(session: Session, turns: Sequence[Turn], candidates: Sequence[str], caller: Caller) -> str:
    """The role that speaks next, of ``candidates``."""
    text = _rendered("name_next", session, turns, candidates=candidates)
    cue = Cue("name_next", session, tuple(turns), candidates=tuple(candidates))
    return await _ask(text, cue, caller, _speaker_schema(candidates), _one_of(candidates))


async def choose_draft(
    session: Session, turns: Sequence[Turn], drafts: Sequence[tuple[str, str]], caller: Caller
) -> str:
    """The role whose draft becomes real; ``drafts`` pairs each role with its words."""
    candidates = tuple(role for role, _ in drafts)
    lines = [f"{role}: {' '.join(words.split())}" for role, words in drafts]
    text = _rendered("choose_draft", session, turns, drafts=lines)
    cue = Cue("choose_draft", session, tuple(turns), candidates=candidates)
    return await _ask(text, cue, caller, _speaker_schema(candidates), _one_of(candidates))


async def is_over(session: Session, turns: Sequence[Turn], turns_left: int, caller: Caller) -> bool:
    """Whether the scenario has come to its end."""
    text = _rendered("judge_end", session, turns)
    cue = Cue("judge_end", session, tuple(turns), turns_left=turns_left)
    return await _ask(text, cue, caller, _schema("over", {"type": "boolean"}), _over)


def _rendered(task: Task, session: Session, turns: Sequence[Turn], **inputs: Any) -> str:
    lines = [statement_line(turn) for turn in turns]
    return render("procedures", task, scenario=session.scenario.text.rstrip("."), lines=lines, **inputs)


def _schema(field: str, kind: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {field: kind}, "required": [field], "additionalProperties": False}


def _speaker_schema(candidates: Sequence[str]) -> dict[str, Any]:
    return _schema("speaker", {"type": "string", "enum": list(candidates)})


def _one_of(candidates: Sequence[str]) -> Callable[[dict[str, Any]], str | None]:
    """Reads the speaker named, whatever its capitals and article."""
    by_folded = {name.lower(): name for name in candidates}
    return lambda content: by_folded.get(str(content.get("speaker", "")).strip().lower().removeprefix("the "))


def _over(content: dict[str, Any]) -> bool | None:
    """Reads the verdict: true, false, or a lone yes or no; anything else is no verdict."""
    value = content.get("over")
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).strip().lower())


async def _ask(
    text: str, cue: Cue, caller: Caller, schema: dict[str, Any], read: Callable[[dict[str, Any]], Verdict | None]
) -> Verdict:
    seat = cue.session.seats.coder
    prompt = Prompt((Message("user", text),), "coder", schema, Sampling(seat.temperature, seat.max_tokens), cue)
    answer, first = "", 0
    for _ in range(ATTEMPTS):
        completion, ordinal = await caller.complete(prompt, seat)
        answer, first = completion.text, first or ordinal
        verdict = read(read_object(answer) or {})
        if verdict is not None:
            return verdict
        prompt = asked_again(prompt, answer, AGAIN)
    said = f"it wrote: {answer[:200]!r}" if answer.strip() else "it wrote nothing"
    raise caller.unusable(first, seat, f"the coordinator gave no readable verdict ({cue.task}); {said}")
