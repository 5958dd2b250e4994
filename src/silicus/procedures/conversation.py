"""Holding a conversation: turn by turn until it is settled, over, or at its cap."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from silicus.concepts.session import Session
from silicus.concepts.transcript import Action, Turn
from silicus.llm.calls import Caller, asked_again
from silicus.llm.cue import Cue
from silicus.llm.prompt import Completion, Prompt
from silicus.participants.participant import Participant
from silicus.participants.templates import the_role
from silicus.procedures.actions import CUT, Proposal, Statement, broken_limits, read_statement
from silicus.procedures.coordinator import choose_draft, is_over, name_next
from silicus.procedures.turn_orders import next_speaker

__all__ = ["CAP", "Held", "hold_conversation"]

CAP = "cap"
LENGTH = "planned_length"

ATTEMPTS = 2
"""A statement that cannot be taken as it stands is asked for once more, with what was wrong shown."""

WITHHELD = ("refusal", "content_filter")
"""Ends of an answer that is none, and not one that a second question would change."""

FORM_OF_SPEAKING = "Say one short statement."
FORM_OF_ACTING = (
    'Answer with one JSON object and nothing else: {"say": "your words", "action": "name or none", '
    '"value": amount, option or null}'
)


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation as held. ``censored`` where the cap ended it before it was settled."""

    turns: tuple[Turn, ...]
    ended_by: str
    censored: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    """A statement before it is made: nobody has heard it and nothing has happened."""

    speaker: str
    statement: Statement
    prompt: Prompt
    raw: str
    ordinal: int


@dataclass(slots=True)
class _Floor:
    """Where a conversation stands."""

    session: Session
    participants: Mapping[str, Participant]
    caller: Caller
    turns: list[Turn] = field(default_factory=list)
    retired: set[str] = field(default_factory=set)
    standing: Proposal | None = None
    ended_by: str = ""

    @property
    def active(self) -> list[str]:
        return [role for role in self.session.procedure.everyone if role not in self.retired]

    @property
    def turns_left(self) -> int:
        return self.session.procedure.max_turns - len(self.turns)


async def hold_conversation(session: Session, participants: Mapping[str, Participant], caller: Caller) -> Held:
    """Hold the session's conversation.

    Each round brings one statement, or one of every active role where all speak at once. It ends by an action with
    the effect ``end``, by agreement, by the coordinator's verdict, when nobody is left to speak, or at the cap.
    Ending at the cap is censoring, unless the procedure has no other way to end: then the cap is its length.
    """
    floor = _Floor(session, participants, caller)
    round_size = len(session.procedure.everyone) if session.procedure.turn_order == "simultaneous" else 1
    while not floor.ended_by and floor.turns_left >= min(round_size, max(len(floor.active), 1)):
        drafts = await _round(floor)
        standing = floor.standing
        for draft in drafts:
            _make(floor, draft, standing)
        for turn in floor.turns[-len(drafts) :]:
            _let_hear(floor, turn)
        await _see_whether_over(floor)
    if floor.ended_by:
        return Held(tuple(floor.turns), floor.ended_by, censored=False)
    can_end = session.procedure.can_end_before_cap
    return Held(tuple(floor.turns), CAP if can_end else LENGTH, censored=can_end)


async def _round(floor: _Floor) -> list[_Draft]:
    """The statements that are made next."""
    session, order = floor.session, floor.session.procedure.turn_order
    if order == "simultaneous":
        return await _drafts(floor)
    if order == "coordinator_after":
        drafts = await _drafts(floor)
        offered = [(draft.speaker, draft.statement.words) for draft in drafts]
        chosen = await choose_draft(session, floor.turns, offered, floor.caller)
        return [draft for draft in drafts if draft.speaker == chosen]
    if order == "coordinator_before":
        return [await _draft(floor, await name_next(session, floor.turns, floor.active, floor.caller))]
    spoken = [turn.speaker for turn in floor.turns]
    return [await _draft(floor, next_speaker(session.procedure, floor.active, spoken, session.seed))]


async def _drafts(floor: _Floor) -> list[_Draft]:
    """The drafts of all, each awaited even where one fails: what was asked is paid for, and kept."""
    drafts = await asyncio.gather(*(_draft(floor, role) for role in floor.active), return_exceptions=True)
    failed = next((draft for draft in drafts if isinstance(draft, BaseException)), None)
    if failed is not None:
        raise failed
    return [draft for draft in drafts if isinstance(draft, _Draft)]


async def _draft(floor: _Floor, role: str) -> _Draft:
    """Ask for a statement, and once more where it cannot be taken as it stands; what is irregular then stays so.

    Raises
    ------
    UnusableAnswerError
        Where the role refuses, or says and does nothing: the session cannot go on.
    """
    participant = floor.participants[role]
    cue = Cue("speak", floor.session, tuple(participant.heard), role, turns_left=floor.turns_left)
    prompt = participant.turn_prompt(cue)
    first = 0
    for attempt in range(1, ATTEMPTS + 1):
        completion, ordinal = await floor.caller.complete(prompt, participant.seat, role)
        first = first or ordinal
        statement = read_statement(completion.text, participant.actions, cut=completion.finish == "length")
        problem = _problem(statement, completion)
        if completion.finish in WITHHELD or (attempt == ATTEMPTS and statement.silent):
            raise floor.caller.unusable(first, participant.seat, f"no statement of {the_role(role)}: {problem}")
        if not problem or attempt == ATTEMPTS:
            break
        form = FORM_OF_ACTING if participant.actions else FORM_OF_SPEAKING
        prompt = asked_again(prompt, completion.text, f"That could not be taken as it stands: {problem}. {form}")
    return _Draft(role, statement, prompt, completion.text, ordinal)


def _problem(statement: Statement, completion: Completion) -> str:
    """What is wrong with a statement, in words; empty where nothing is."""
    if completion.finish == "refusal":
        return f"it was refused: {completion.text[:200]!r}" if completion.text else "it was refused"
    if completion.finish == "content_filter":
        return "the provider's content filter withheld it"
    if statement.irregular:
        return "; ".join(statement.irregular)
    if not statement.silent:
        return ""
    return CUT if completion.finish == "length" else "nothing is said and nothing done"


def _make(floor: _Floor, draft: _Draft, standing: Proposal | None) -> None:
    """A draft becomes a statement, and its action takes effect on the proposal that stood when it was drafted."""
    action, problems = _put_into_effect(floor, draft.speaker, draft.statement.action, standing)
    floor.turns.append(
        Turn.model_construct(
            number=len(floor.turns) + 1,
            speaker=draft.speaker,
            words=draft.statement.words,
            action=action,
            heard_by=tuple(role for role in floor.participants if role != draft.speaker),
            raw=draft.raw,
            ordinal=draft.ordinal,
            irregular=(*draft.statement.irregular, *problems),
        )
    )
    floor.participants[draft.speaker].remember(draft.prompt, draft.raw)


def _let_hear(floor: _Floor, turn: Turn) -> None:
    for role in (turn.speaker, *turn.heard_by):
        floor.participants[role].hear(turn)


def _put_into_effect(
    floor: _Floor, role: str, action: Action | None, standing: Proposal | None
) -> tuple[Action | None, tuple[str, ...]]:
    """The action as it counts, with the amount of an agreement filled in, and what was irregular about it."""
    spec = floor.session.procedure.action(action.name) if action is not None else None
    if action is None or spec is None:
        return None, ()
    if "agree" in spec.effect:
        if standing is None or standing.role == role:
            return None, (f"{spec.name} where nobody else's proposal stands; it had no effect",)
        action = Action(name=spec.name, value=standing.amount)
        if "agreement" in floor.session.procedure.stop:
            floor.ended_by = floor.ended_by or "agreement"
    problems: tuple[str, ...] = ()
    if "propose" in spec.effect or "agree" in spec.effect:
        problems = broken_limits(floor.participants[role].persona, spec.name, action.value)
    if "propose" in spec.effect and isinstance(action.value, int | float):
        floor.standing = Proposal(role, float(action.value))
    if "retire" in spec.effect:
        floor.retired.add(role)
    if "end" in spec.effect:
        floor.ended_by = floor.ended_by or spec.name
    return action, problems


async def _see_whether_over(floor: _Floor) -> None:
    """Apply the stop rules that look at the whole conversation."""
    stop = floor.session.procedure.stop
    if floor.ended_by:
        return
    if not floor.active or ("all_retired" in stop and len(floor.active) < 2):
        floor.ended_by = "all_retired"
    elif "coordinator" in stop and await is_over(floor.session, floor.turns, floor.turns_left, floor.caller):
        floor.ended_by = "coordinator"
