"""Small studies and a language model that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from silicus.concepts.session import Session
from silicus.concepts.study import Study
from silicus.concepts.transcript import Transcript
from silicus.designs.plan import plan_sessions
from silicus.execution.conduct import conduct_session
from silicus.llm.calls import NOTHING, Call
from silicus.llm.prompt import Completion, Prompt, Provider
from silicus.llm.rehearsal.provider import RehearsalProvider

SCRIPTED = "scripted:test"


class Scripted:
    """Answers each prompt by a function of it, and remembers the prompts."""

    def __init__(self, answer: Callable[[Prompt], str]) -> None:
        self._answer = answer
        self.prompts: list[Prompt] = []

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        self.prompts.append(prompt)
        await asyncio.sleep(0)  # another session gets its turn, as with a real one
        return Completion(self._answer(prompt), f"scripted:{model_name}", 1, 1)

    async def close(self) -> None:
        """Nothing is open."""


def bargaining_content(**changes: Any) -> dict[str, Any]:
    """The content of a small bargaining study, as a file would hold it; keyword arguments replace its parts."""
    content: dict[str, Any] = {
        "format": 1,
        "name": "small_mug",
        "scenario": "two people bargaining over a mug",
        "roles": {
            "buyer": {"goal": "to pay little", "constraint": "never pay more than your budget"},
            "seller": {"goal": "to earn much"},
        },
        "causal_model": {
            "variables": {
                "deal": {"label": "whether they agree", "kind": "binary", "measure": {"question": "Did they agree?"}},
                "budget": {
                    "label": "the buyer's budget",
                    "kind": "continuous",
                    "unit": "dollars",
                    "treatment": {"tell": "buyer", "phrase": "your budget", "values": [5, 12, 20], "limit": "at_most"},
                },
                "minimum": {
                    "label": "the seller's minimum",
                    "kind": "continuous",
                    "unit": "dollars",
                    "treatment": {
                        "tell": "seller", "phrase": "your lowest price", "values": [4, 11, 19], "limit": "at_least",
                    },
                },
            },
            "paths": ["deal ~ budget + minimum"],
        },
        "procedure": {
            "speakers": ["buyer", "seller"],
            "stop": ["agreement"],
            "actions": {
                "offer": {
                    "by": ["buyer", "seller"], "meaning": "offer a price", "value": "money", "effect": ["propose"],
                },
                "accept": {"by": ["buyer", "seller"], "meaning": "accept the offer", "effect": ["agree"]},
                "walk_away": {"by": ["buyer", "seller"], "meaning": "leave", "effect": ["end"]},
            },
        },
        "seats": {"participant": "rehearsal:bargaining"},
    }  # fmt: skip
    return content | changes


def bargaining_study(**changes: Any) -> Study:
    """The same as a study."""
    return Study.model_validate(bargaining_content(**changes))


def talk_content(roles: Iterable[str], procedure: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A study in which the roles only talk, with one public and one private treatment of the first role."""
    names = list(roles)
    content: dict[str, Any] = {
        "format": 1,
        "name": "talk",
        "scenario": "some people talking",
        "roles": {name: {} for name in names},
        "causal_model": {
            "variables": {
                "mood": {"label": "mood of it", "kind": "continuous", "measure": {"question": "How was the mood?"}},
                "secret": {
                    "label": "the secret",
                    "kind": "count",
                    "treatment": {"tell": names[0], "phrase": "your secret number", "values": [7001, 7002, 7003]},
                },
                "age": {
                    "label": "age",
                    "kind": "count",
                    "treatment": {
                        "tell": names[0], "phrase": "your age", "values": [31, 62],
                        "public": f"the age of the {names[0]}",
                    },
                },
            },
            "paths": ["mood ~ secret + age"],
        },
        "procedure": {"speakers": names, **procedure},
    }  # fmt: skip
    return content | changes


def talk_study(roles: Iterable[str], procedure: dict[str, Any], **changes: Any) -> Study:
    """The same as a study."""
    return Study.model_validate(talk_content(roles, procedure, **changes))


def scripted(study: Study) -> Study:
    """The study with the scripted language model in every seat."""
    seats = {"scientist": SCRIPTED, "participant": SCRIPTED, "coder": SCRIPTED}
    return Study.model_validate({**study.model_dump(mode="json", exclude_defaults=True), "seats": seats})


def held(session: Session, model: Provider | None = None) -> tuple[Transcript, list[Call]]:
    """Hold one session, on the rehearsal or a scripted model; returns transcript and calls."""
    calls: list[Call] = []
    providers: dict[str, Provider] = {"rehearsal": RehearsalProvider()}
    if model is not None:
        providers["scripted"] = model
    transcript = asyncio.run(conduct_session(session, providers, NOTHING, calls.append))
    return transcript, calls


def first_session(study: Study) -> Session:
    """The first planned session."""
    return next(iter(plan_sessions(study)))
