"""Measuring a session: every item put to the coder or to the role it asks, and its answer read.

An answer that cannot be read is asked for once more. What remains unreadable, is refused or is withheld by the provider
is a missing value with its code, its reason and its raw text; it is never a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from silicus.concepts.session import Session
from silicus.concepts.transcript import Response, Turn
from silicus.concepts.variables import CODER, Item, Variable
from silicus.llm.calls import Caller, asked_again
from silicus.llm.cue import Cue
from silicus.llm.prompt import Completion, Message, Prompt, Sampling
from silicus.llm.reading import Reading, read_answer, read_object
from silicus.llm.reading.result import missing
from silicus.participants.participant import Participant
from silicus.participants.templates import render, statement_line

__all__ = ["answer_form", "answer_schema", "measure"]

ASK_AGAIN_FOR = ("empty", "unparseable", "ambiguous", "out_of_range")
"""Readings that are worth a second question; a refusal or a 'there was none' is an answer."""


def answer_form(variable: Variable) -> str:
    """What counts as an answer, as the respondent is told it."""
    unit = f" of {variable.unit}" if variable.unit else ""
    forms = {
        "yes_no": '"yes" or "no"',
        "money": f"a number{unit}, or null if there was none",
        "number": f"a number{unit}, or null if there was none",
        "choice": " or ".join(f'"{level.words}"' for level in variable.levels),
        "text": '"your answer"',
    }
    return forms[variable.answer]


def answer_schema(variable: Variable) -> dict[str, Any]:
    """JSON Schema of the same."""
    kinds: dict[str, dict[str, Any]] = {
        "yes_no": {"type": "string", "enum": ["yes", "no"]},
        "money": {"type": ["number", "null"]},
        "number": {"type": ["number", "null"]},
        "choice": {"type": "string", "enum": [level.words for level in variable.levels]},
        "text": {"type": "string"},
    }
    answer = kinds[variable.answer]
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }


async def measure(
    session: Session, turns: Sequence[Turn], participants: Mapping[str, Participant], caller: Caller
) -> tuple[Response, ...]:
    """Put every item of every measured variable and read the answers.

    Items of a measure that takes the first answer are asked only until one answer is not missing.
    """
    responses: list[Response] = []
    for variable in session.causal_model.measured:
        measure = variable.measure
        if measure is None:
            continue
        for number, item in enumerate(measure.questions, start=1):
            response = await _respond(session, turns, participants, caller, variable, item, number)
            responses.append(response)
            if measure.combine == "first" and response.value is not None:
                break
    return tuple(responses)


async def _respond(
    session: Session,
    turns: Sequence[Turn],
    participants: Mapping[str, Participant],
    caller: Caller,
    variable: Variable,
    item: Item,
    number: int,
) -> Response:
    options = [(level.words, level.code) for level in variable.levels]
    if item.ask == CODER:
        prompt, seat, role = _coder_prompt(session, turns, variable, item), session.seats.coder, ""
    else:
        participant = participants[item.ask]
        cue = Cue("answer", session, tuple(participant.heard), item.ask, variable, item)
        prompt = participant.item_prompt(item.question, answer_form(variable), answer_schema(variable), cue)
        seat, role = participant.seat, item.ask
    completion, ordinal = await caller.complete(prompt, seat, role)
    reading = _read(completion, variable, options)
    if reading.missing in ASK_AGAIN_FOR:
        prompt = asked_again(prompt, completion.text, _wanted(reading, variable))
        completion, ordinal = await caller.complete(prompt, seat, role)
        reading = _read(completion, variable, options)
    if item.ask != CODER and completion.text.strip():
        participants[item.ask].remember(prompt, completion.text)
    return Response.model_construct(
        variable=variable.name,
        item=number,
        respondent=item.ask,
        question=item.question,
        raw=completion.text,
        value=reading.value,
        missing=reading.missing,
        reason=reading.reason,
        ordinal=ordinal,
    )


def _coder_prompt(session: Session, turns: Sequence[Turn], variable: Variable, item: Item) -> Prompt:
    text = render(
        "instruments",
        "code_item",
        scenario=session.scenario.text.rstrip("."),
        lines=[statement_line(turn) for turn in turns],
        question=item.question,
        form=answer_form(variable),
    )
    seat = session.seats.coder
    cue = Cue("code", session, tuple(turns), "", variable, item)
    sampling = Sampling(seat.temperature, seat.max_tokens)
    return Prompt((Message("user", text),), "coder", answer_schema(variable), sampling, cue)


def _read(completion: Completion, variable: Variable, options: Sequence[tuple[str, float]]) -> Reading:
    """The answer of a completion, by how it ended and by its words."""
    text = completion.text
    if completion.finish == "content_filter":
        return missing("withheld", "the provider's content filter kept the answer back", text)
    if completion.finish == "refusal":
        return missing("refused", "the language model refused to answer", text)
    if completion.finish == "length" and variable.answer != "text" and read_object(text) is None:
        return missing("unparseable", "it breaks off at the cap on tokens", text)  # '12' may have become 1200
    return read_answer(text, variable.answer, options)


def _wanted(reading: Reading, variable: Variable) -> str:
    wanted = f'Answer with one JSON object and nothing else: {{"answer": {answer_form(variable)}}}'
    return f"That could not be taken as an answer: {reading.reason}. {wanted}"
