"""A transcript as a reader follows it: who knew what, who said what to whom, what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from silicus.concepts.procedure import Conversation
from silicus.concepts.study import Study
from silicus.concepts.transcript import Action, Response, Transcript, Turn
from silicus.concepts.variables import Variable
from silicus.participants.templates import the_role
from silicus.reporting import formats, wording

__all__ = ["AnswerView", "RoleView", "SessionView", "TurnView", "ended_in_words", "session_view"]

N_COLOURS = 6


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role and what it was told: (what, value, ``private`` or ``public``). ``colour`` counts from 1."""

    name: str
    colour: int
    told: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class TurnView:
    """One statement. ``heard`` is empty where everybody heard it."""

    number: int
    speaker: str
    colour: int
    words: str
    action: str
    heard: str
    irregular: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer to one question: the words as they came, and what was read from them."""

    label: str
    respondent: str
    question: str
    raw: str
    value: str
    missing: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session; ``condition`` as (cause, value in words)."""

    session_id: str
    condition: tuple[tuple[str, str], ...]
    ending: str
    status: str
    error: str
    roles: tuple[RoleView, ...]
    turns: tuple[TurnView, ...]
    answers: tuple[AnswerView, ...]


def session_view(transcript: Transcript, study: Study) -> SessionView:
    """Prepare a transcript for reading."""
    colours = {name: 1 + position % N_COLOURS for position, name in enumerate(study.role_names)}
    condition = tuple(
        (wording.heading(variable.label), wording.level_words(variable, transcript.condition[variable.name]))
        for variable in study.causal_model.treatments
        if variable.name in transcript.condition
    )
    return SessionView(
        session_id=transcript.session_id,
        condition=condition,
        ending=wording.capitalised(ended_in_words(transcript)),
        status=transcript.status,
        error=transcript.error,
        roles=tuple(RoleView(name, colours[name], _told(name, transcript, study)) for name in study.role_names),
        turns=tuple(_turn(turn, study, colours) for turn in transcript.turns),
        answers=tuple(_answer(response, study) for response in transcript.responses),
    )


def ended_in_words(transcript: Transcript) -> str:
    """How a session ended: ``agreement after 6 statements``."""
    n = formats.counted(len(transcript.turns), "statement")
    if transcript.status == "failed":
        return f"failed after {n}"
    if transcript.status == "censored" or transcript.ended_by == "cap":
        return f"cut off by the cap after {n}"
    known = {"agreement": "agreement", "coordinator": "ended by the coordinator", "all_retired": "all had retired"}
    how = known.get(transcript.ended_by) or (
        f"ended by “{wording.spaced(transcript.ended_by)}”" if transcript.ended_by else "ended"
    )
    return f"{how} after {n}"


def _told(role: str, transcript: Transcript, study: Study) -> tuple[tuple[str, str, str], ...]:
    """What a role knew of the session's treatments: its own, and the public ones of others."""
    told = []
    for variable in study.causal_model.treatments:
        treatment = variable.treatment
        code = transcript.condition.get(variable.name)
        if treatment is None or code is None or role not in study.told_roles(variable.name):
            continue
        is_public = bool(treatment.public) or set(study.told_roles(variable.name)) == set(study.role_names)
        told.append((treatment.phrase, wording.level_words(variable, code), "public" if is_public else "private"))
    return tuple(told)


def _turn(turn: Turn, study: Study, colours: dict[str, int]) -> TurnView:
    others = {name for name in study.procedure.everyone if name != turn.speaker}
    heard = set(turn.heard_by) & others
    if heard == others:
        who = ""
    else:
        who = f"heard only by {wording.joined(turn.heard_by)}" if turn.heard_by else "heard by nobody"
    return TurnView(
        number=turn.number,
        speaker=turn.speaker,
        colour=colours.get(turn.speaker, N_COLOURS),
        words=turn.words,
        action=_action(turn.action, study.procedure, _currency(study)) if turn.action is not None else "",
        heard=who,
        irregular=turn.irregular,
    )


def _currency(study: Study) -> str | None:
    return next((variable.unit for variable in study.causal_model.variables if variable.is_money), None)


def _action(action: Action, procedure: Conversation, currency: str | None) -> str:
    known = procedure.action(action.name)
    name = wording.spaced(action.name)
    if action.value is None:
        return name
    if isinstance(action.value, str):
        return f"{name}: {action.value}"
    is_money = known is not None and (known.value == "money" or "agree" in known.effect)
    if known is not None and known.value == "yes_no":
        return f"{name}: {'yes' if action.value else 'no'}"
    return f"{name}: {wording.amount(action.value, currency if is_money else None)}"


def _answer(response: Response, study: Study) -> AnswerView:
    variable = wording.find_variable(study, response.variable)
    value = _value(response.value, variable)
    missing = ""
    if response.missing:
        missing = wording.spaced(response.missing) + (f": {response.reason}" if response.reason else "")
    return AnswerView(
        label=wording.heading(variable.label if variable is not None else response.variable),
        respondent=the_role(response.respondent),
        question=response.question,
        raw=response.raw,
        value=value,
        missing=missing,
    )


def _value(value: float | str | None, variable: Variable | None) -> str:
    """The value read, in words, with its code where the words do not say it."""
    if value is None or isinstance(value, str) or variable is None:
        return value if isinstance(value, str) else formats.plain(value) if value is not None else ""
    words, code = wording.level_words(variable, value), formats.plain(value)
    return words if code in words else f"{words} (coded {code})"
