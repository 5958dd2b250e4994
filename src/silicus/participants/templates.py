"""Prompt templates: one Jinja2 file a decision, in the room that decides, under ``prompts/``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from silicus.concepts.transcript import Action, Turn
from silicus.concepts.variables import number_words

__all__ = ["action_words", "render", "statement_line", "the_role"]

_ENVIRONMENT = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)

_ENVIRONMENT.globals.clear()  # no template uses them, and each rendering would copy them


def the_role(name: str) -> str:
    """A role as a sentence names it: ``the buyer``, but ``bidder 1`` and ``Alex``."""
    return name if name[-1].isdigit() or name[0].isupper() else f"the {name}"


_ENVIRONMENT.filters["the_role"] = the_role


@cache
def _template(room: str, name: str) -> Template:
    source = files(f"silicus.{room}").joinpath("prompts", f"{name}.j2").read_text(encoding="utf-8")
    return _ENVIRONMENT.from_string(source)


def render(room: str, name: str, **inputs: Any) -> str:
    """The template ``<room>/prompts/<name>.j2`` with its inputs; a missing input is an error."""
    return _template(room, name).render(inputs).strip()


def action_words(action: Action) -> str:
    """An action as it stands in a transcript: ``offer: 12``."""
    if action.value is None:
        return action.name
    return f"{action.name}: {action.value if isinstance(action.value, str) else number_words(action.value)}"


def statement_line(turn: Turn) -> str:
    """A statement as others read it. One line, so that no words can pass for another speaker's."""
    words = " ".join(turn.words.split())
    done = f" [{action_words(turn.action)}]" if turn.action is not None else ""
    return f"{turn.speaker}: {words}{done}"
