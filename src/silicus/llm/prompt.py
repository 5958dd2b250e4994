"""What goes to a language model and what comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from silicus.llm.cue import Cue
from silicus.llm.faults import CallError

__all__ = [
    "Completion",
    "Draw",
    "Finish",
    "Image",
    "Message",
    "Prompt",
    "Provider",
    "Sampling",
    "SeatName",
    "key_of",
    "request_of",
    "storable",
]

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

SeatName = Literal["scientist", "participant", "coder"]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a message shows: ``media_type`` such as ``image/png``, and the file's bytes."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat, with the pictures that it shows."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn; None leaves the provider's default."""

    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered request.

    Attributes
    ----------
    messages
        The chat, oldest first. Each prompt of a participant extends its previous one.
    seat
        Which seat is asked.
    schema
        JSON Schema that the answer should follow, where one is asked for.
    sampling
        How the answer is drawn.
    cue
        The content from which the messages were rendered. Only the embedded rehearsal provider reads it; it is
        never sent, and is not part of the request's identity.
    """

    messages: tuple[Message, ...]
    seat: SeatName
    schema: Mapping[str, Any] | None = None
    sampling: Sampling = Sampling()
    cue: Cue | None = field(default=None, compare=False, repr=False)


Finish = Literal["stop", "length", "refusal", "content_filter"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model answered, and what it took. Tokens are the provider's count.

    Attributes
    ----------
    text
        The answer; never the model's reasoning.
    llm
        What was asked for, as ``provider:model``.
    tokens_in, tokens_out
        Tokens sent and received.
    tokens_cached
        How many of ``tokens_in`` the provider's prefix cache paid for.
    tokens_reasoning
        How many of ``tokens_out`` were reasoning.
    latency_s
        Seconds from sending to the whole answer.
    cost
        US dollars; None where the price is not known.
    finish
        Why the answer ended: of itself, at the token cap, refused, or filtered.
    served, fingerprint
        The model name and the system fingerprint that the provider reports; empty where it reports none.
    tries
        Requests that it took, failed ones included.
    raw
        The provider's response as it came; empty for the embedded provider.
    faults
        What went wrong on the way to the answer, a fault a failed try.
    """

    text: str
    llm: str
    tokens_in: int
    tokens_out: int
    latency_s: float = 0.0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    cost: float | None = None
    finish: Finish = "stop"
    served: str = ""
    fingerprint: str = ""
    tries: int = 1
    raw: str = ""
    faults: tuple[CallError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Draw:
    """Which draw of a request this is: replicates are independent, a repeated session pays for nothing twice.

    ``ordinal`` counts the calls of the session from 1, ``attempt`` the tries at this one from 1.
    """

    session_id: str
    ordinal: int
    attempt: int = 1


class Provider(Protocol):
    """An adapter to one kind of language model, used from one event loop.

    It may have an attribute ``extra``: what it adds to every request, which is then part of the request's identity.
    """

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Ask ``model_name`` and return its answer; raises ProviderError where there is none to be had."""

    async def close(self) -> None:
        """Let go of connections; a later call opens them anew."""


def request_of(prompt: Prompt, llm: str, extra: Mapping[str, Any] | None = None) -> str:
    """The full request as JSON text: what is sent, kept in the archive, and identifies the call.

    ``extra`` is what the endpoint's settings add to every request, such as a reasoning effort.
    """
    content: dict[str, Any] = {
        "llm": llm,
        "messages": [_message_content(message) for message in prompt.messages],
    }
    if prompt.schema is not None:
        content["schema"] = prompt.schema
    if prompt.sampling.temperature is not None:
        content["temperature"] = prompt.sampling.temperature
    if prompt.sampling.max_tokens is not None:
        content["max_tokens"] = prompt.sampling.max_tokens
    if extra:
        content["extra"] = dict(extra)
    return _json(content)


def _message_content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        content["images"] = [
            {"media_type": image.media_type, "sha256": hashlib.sha256(image.data).hexdigest()}
            for image in message.images
        ]
    return content


def key_of(request: str, draw: Draw) -> str:
    """Identity of one call: its full request and its draw."""
    text = f"{request}\n{draw.session_id}\n{draw.ordinal}\n{draw.attempt}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def storable(text: str) -> str:
    """The text with what is no character (lone surrogates) replaced, so that it can be written down."""
    return text.encode("utf-8", "replace").decode("utf-8")
