"""What a rehearsed session puts on record, and how coder and roles read it off again.

The coder reads the transcript it is given: a sentence for the record first, what was done second. Where neither tells,
it says so, and the measurement is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from silicus.concepts.procedure import Conversation
from silicus.concepts.session import Session
from silicus.concepts.transcript import Turn
from silicus.concepts.variables import Variable, number_words
from silicus.llm.rehearsal.law import last_with

__all__ = ["answer_from", "record_line", "value_words"]

ON_RECORD = "For the record, "


def value_words(variable: Variable, value: float) -> str:
    """A measured value in words that can be read back exactly."""
    if variable.answer == "yes_no":
        return "yes" if value == 1 else "no"
    if variable.answer == "choice":
        return next(level.words for level in variable.levels if level.code == value)
    number = number_words(value)
    return f"{number} {variable.unit}" if variable.unit else number


def record_line(session: Session, outcomes: Mapping[str, float]) -> str:
    """One sentence a measured variable."""
    return " ".join(
        f"{ON_RECORD}{variable.label}: {value_words(variable, outcomes[variable.name])}."
        for variable in session.causal_model.measured
    )


def answer_from(turns: Sequence[Turn], variable: Variable, procedure: Conversation) -> str:
    """The answer to an item about ``variable``, as JSON text: read off what was said and done."""
    recorded = _from_record(turns, variable)
    answer = recorded if recorded is not None else _from_deeds(turns, variable, procedure)
    return json.dumps({"answer": answer}, ensure_ascii=False)


def _from_record(turns: Sequence[Turn], variable: Variable) -> str | None:
    marker = f"{ON_RECORD}{variable.label}: "
    for turn in reversed(turns):
        _, found, rest = turn.words.partition(marker)
        if found:
            return rest.partition(f" {ON_RECORD}")[0].removesuffix(".")
    return None


def _from_deeds(turns: Sequence[Turn], variable: Variable, procedure: Conversation) -> str | float | None:
    agreed = last_with(turns, procedure, "agree")
    ended = last_with(turns, procedure, "end")
    decided = ended.action.value if ended is not None and ended.action is not None else None
    if variable.answer == "yes_no":
        if isinstance(decided, str) and ended is not None and ended.action is not None:
            spec = procedure.action(ended.action.name)
            positive = (spec.options or ("yes",))[0] if spec is not None else "yes"
            return "yes" if decided == positive else "no"
        return "yes" if agreed is not None else "no"
    if variable.answer in ("money", "number"):
        amount = decided if isinstance(decided, int | float) else None
        if amount is None and agreed is not None and agreed.action is not None:
            amount = agreed.action.value if isinstance(agreed.action.value, int | float) else None
        return amount
    if variable.answer == "choice" and isinstance(decided, str):
        return next((level.words for level in variable.levels if level.words.lower() == decided.lower()), None)
    return "unclear"
