"""What a role does beside speaking: read from its answer, held against its limits, put into effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from silicus.concepts.procedure import ActionSpec
from silicus.concepts.roles import Persona
from silicus.concepts.transcript import Action
from silicus.concepts.variables import number_words
from silicus.llm.prompt import storable
from silicus.llm.reading import read_answer, read_object

__all__ = ["Proposal", "Statement", "broken_limits", "read_statement"]

NO_ACTION = "none"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an answer said and did; ``irregular`` lists what could not be taken as it stood."""

    words: str
    action: Action | None = None
    irregular: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """An amount that stands until another is proposed."""

    role: str
    amount: float


def read_statement(raw: str, specs: Sequence[ActionSpec]) -> Statement:
    """Read a participant's answer.

    A role without actions is taken at its words. A role with actions answers with a JSON object; where it wrote
    plain words they stand, without an action, and that is recorded. An action is never guessed from words.
    """
    content = read_object(raw)
    if not specs:
        said = content.get("say") if content is not None else None
        return Statement(storable(said.strip()) if isinstance(said, str) and said.strip() else raw.strip())
    if content is None or not isinstance(content.get("say"), str):
        return Statement(raw.strip(), None, ("the answer is not the JSON object asked for; no action was taken",))
    words = storable(content["say"].strip())
    name = content.get("action")
    if name is None or str(name).strip().lower() in (NO_ACTION, ""):
        return Statement(words)
    spec = next((spec for spec in specs if spec.name == str(name).strip().lower()), None)
    if spec is None:
        known = ", ".join(spec.name for spec in specs)
        return Statement(words, None, (f"'{name}' is not one of its actions ({known}); no action was taken",))
    if spec.value == "none":
        return Statement(words, Action(name=spec.name))
    value, problem = _read_value(content.get("value"), spec)
    if value is None:
        return Statement(words, None, (f"{spec.name} without a readable value ({problem}); no action was taken",))
    return Statement(words, Action(name=spec.name, value=value))


def _read_value(given: object, spec: ActionSpec) -> tuple[float | str | None, str]:
    if given is None or spec.value == "none":
        return None, "none was given"
    if isinstance(given, int | float) and not isinstance(given, bool) and spec.value in ("money", "number"):
        return float(given), ""
    options = tuple((option, float(position)) for position, option in enumerate(spec.options))
    text = number_words(given) if isinstance(given, int | float) and not isinstance(given, bool) else str(given)
    reading = read_answer(text, spec.value, options)
    if reading.value is None:
        return None, reading.reason
    if spec.value == "choice":
        return spec.options[int(reading.value)], ""
    if spec.value == "yes_no":
        return "yes" if reading.value else "no", ""
    return reading.value, ""


def broken_limits(persona: Persona, action: str, amount: float | str | None) -> tuple[str, ...]:
    """The told limits that an amount breaks: non-compliance, which is data and not noise."""
    if not isinstance(amount, int | float):
        return ()
    return tuple(
        f"{action} at {number_words(amount)} is {'above' if value.limit == 'at_most' else 'below'} "
        f"{value.phrase} ({value.words})"
        for value in persona.told
        if (value.limit == "at_most" and amount > value.code) or (value.limit == "at_least" and amount < value.code)
    )
