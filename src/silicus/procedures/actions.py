"""What a role does beside speaking: read from its answer, held against its limits, put into effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from silicus.concepts.procedure import ActionSpec
from silicus.concepts.roles import Persona
from silicus.concepts.transcript import Action
from silicus.concepts.variables import number_words
from silicus.llm.prompt import storable
from silicus.llm.reading import read_answer, read_finite, read_object
from silicus.llm.reading.json_text import breaks_off_early, objects_in

__all__ = ["CUT", "Proposal", "Statement", "broken_limits", "read_statement"]

NO_ACTION = "none"
CUT = "it breaks off at the cap on tokens"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an answer said and did; ``irregular`` lists what could not be taken as it stood."""

    words: str
    action: Action | None = None
    irregular: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether nothing was said and nothing done."""
        return not self.words and self.action is None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An amount that stands until another is proposed."""

    role: str
    amount: float


def read_statement(raw: str, specs: Sequence[ActionSpec], *, cut: bool = False) -> Statement:
    """Read a participant's answer.

    A role without actions is taken at its words. A role with actions answers with a JSON object; where it wrote
    plain words they stand, without an action, and that is recorded. An action is never guessed from words.

    Parameters
    ----------
    raw
        The answer as it came.
    specs
        What the role may do.
    cut
        Whether the cap on tokens ended the answer: what stands there may be half of it.
    """
    content = read_object(raw)
    words = _words_in(raw, content, acts=bool(specs))
    if not specs:
        return Statement(words, None, (CUT,) if cut else ())
    if content is None or not content.keys() & {"say", "action"}:
        why = CUT if cut else "the answer is not the JSON object asked for"
        return Statement(words, None, (f"{why}; no action was taken",))
    name = content.get("action")
    if name is None and cut:
        return Statement(words, None, (f"{CUT}; no action was taken",))
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


def _words_in(raw: str, content: dict[str, Any] | None, *, acts: bool) -> str:
    """What was said: an object's words, the words amid which it breaks off, or all of it where there is no object."""
    said = content.get("say") if content is not None else None
    if isinstance(said, str):
        return storable(said.strip())
    objects = objects_in(raw)
    if objects and isinstance(begun := objects[-1].cut.get("say"), str):
        return storable(begun.strip())
    return "" if acts and (objects or breaks_off_early(raw)) else raw.strip()


def _read_value(given: object, spec: ActionSpec) -> tuple[float | str | None, str]:
    if given is None or spec.value == "none":
        return None, "none was given"
    if isinstance(given, int | float) and not isinstance(given, bool) and spec.value in ("money", "number"):
        number = read_finite(given)
        return number.value, number.reason
    options = tuple((option, float(position)) for position, option in enumerate(spec.options))
    reading = read_answer(str(given), spec.value, options)
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
