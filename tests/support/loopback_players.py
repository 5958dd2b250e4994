"""Language models behind a loopback server that play a study: participants, coordinator and coder.

What they answer depends on what they were told and heard, and on nothing else: not on when they are asked, on how
often, or on what went wrong with an earlier answer. Runs that were disturbed can therefore be compared with one that
was not.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loopback import Fault, Reply

__all__ = ["Asked", "Disturbance", "Players", "in_turn", "never", "once_each"]

AGAIN = "That could not be"
"""How every question that is put once more begins, after the question itself."""

_HALF_ANSWERED = ("truncated", "reset_after_headers", "cut_body", "drip")
"""Faults that need an answer to spoil: the server asks for it at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    Attributes
    ----------
    told
        The system message.
    heard
        What the user messages say, without questions that are put once more.
    schema
        The JSON schema of the answer; None where there is none.
    again
        Whether it is asked once more, because of an answer that could not be used.
    """

    told: str
    heard: str
    schema: Mapping[str, Any] | None
    again: bool = False

    @property
    def task(self) -> str:
        """``act``, ``speak``, ``answer``, ``speaker``, ``over`` or ``sing`` (the canary)."""
        if self.schema is None:
            return "speak" if self.told else "sing"
        return next(name for name in ("act", "answer", "speaker", "over") if _FIELDS[name] in self.schema["properties"])

    @classmethod
    def in_body(cls, body: Mapping[str, Any]) -> Asked:
        """Read a request in the OpenAI or the Anthropic format."""
        told, heard, again = [_text(body.get("system", ""))], [], ""
        for message in body["messages"]:
            if message["role"] == "system":
                told.append(_text(message["content"]))
            elif message["role"] == "user":
                words, again, _ = _text(message["content"]).partition(AGAIN)
                heard.append(words.strip())
        return cls("\n".join(filter(None, told)), "\n".join(filter(None, heard)), _schema(body), bool(again))


_FIELDS = {"act": "say", "answer": "answer", "speaker": "speaker", "over": "over"}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Any = None
    if "response_format" in body:
        found = body["response_format"]["json_schema"]["schema"]
    elif "output_config" in body:
        found = body["output_config"]["format"]["schema"]
    elif body.get("tools"):
        tool = body["tools"][0]
        found = tool["input_schema"] if "input_schema" in tool else tool["function"]["parameters"]
    return found if isinstance(found, Mapping) else None


Disturbance = Callable[[Asked, int], Fault | Reply | str | None]
"""What comes instead of the answer to a request; the number is how often the same one came before."""


def never(asked: Asked, before: int) -> None:
    """Nothing goes wrong."""


def once_each(*faults: Fault | str) -> Disturbance:
    """Each request meets each of the faults, then its answer."""
    listed = [Fault(fault) if isinstance(fault, str) else fault for fault in faults]
    return lambda _, before: listed[before] if before < len(listed) else None


def in_turn(*faults: Fault | str) -> Disturbance:
    """The first requests of all meet the faults, in this order; all others are answered."""
    listed = [Fault(fault) if isinstance(fault, str) else fault for fault in faults]
    return lambda _, before: listed.pop(0) if listed else None


class Players:
    """Answers requests, for :class:`loopback.Loopback`; give it the same seed to hear the same.

    Attributes
    ----------
    paid
        How many whole answers went out, by request; those that were empty, cut off or broken do not count.
    came
        How many requests came, by request.
    disturb
        What goes wrong.
    model
        The name that it reports.
    """

    def __init__(self, disturb: Disturbance = never, *, seed: int = 1) -> None:
        self.disturb = disturb
        self.model = ""
        self.paid: Counter[str] = Counter()
        self.came: Counter[str] = Counter()
        self._seed = seed
        self._spoilt = ""

    @property
    def total_paid(self) -> int:
        """How many whole answers went out."""
        return self.paid.total()

    def __call__(self, body: dict[str, Any]) -> Fault | Reply:
        """A fault or an answer."""
        key = json.dumps(body, sort_keys=True)
        asked = Asked.in_body(body)
        if self._spoilt == key:
            self._spoilt = ""
            return Reply(self.answer(asked), model=self.model)
        before, self.came[key] = self.came[key], self.came[key] + 1
        instead = self.disturb(asked, before)
        if isinstance(instead, Fault):
            self._spoilt = key if instead.kind in _HALF_ANSWERED else ""
            self.paid[key] += instead.kind in ("drip", "wrong_schema", "refusal")
            return instead
        self.paid[key] += 1
        if instead is None:
            instead = self.answer(asked)
        return instead if isinstance(instead, Reply) else Reply(instead, model=self.model)

    def answer(self, asked: Asked) -> str:
        """What is said to this; the same every time."""
        draw = random.Random(f"{self._seed}\n{asked.told}\n{asked.heard}\n{asked.task}")
        words = f"I tell you {draw.choice(('gladly', 'frankly', 'once more'))}: {draw.randint(100, 999)}."
        if asked.schema is None:
            return words
        properties = asked.schema["properties"]
        match asked.task:
            case "act":
                action = draw.choice([*properties["action"]["enum"], "none", "offer"])
                value = draw.randint(1, 25) if action == "offer" else None
                action = action if action in properties["action"]["enum"] else "none"
                return json.dumps({"say": words, "action": action, "value": value})
            case "speaker":
                return json.dumps({"speaker": draw.choice(properties["speaker"]["enum"])})
            case "over":
                return json.dumps({"over": draw.random() < 0.2})
        answer = properties["answer"]
        return json.dumps({"answer": draw.choice(answer["enum"]) if "enum" in answer else draw.randint(1, 40)})
