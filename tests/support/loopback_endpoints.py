"""Endpoints and providers that speak to a loopback server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from loopback import Loopback

from silicus.llm.endpoints import Endpoint
from silicus.llm.prompt import Image, Message, Prompt, Sampling
from silicus.llm.wire import WireProvider

__all__ = ["KEY", "KEY_VARIABLE", "PROMPT", "SCHEMA", "asked", "asking", "endpoint_at"]

KEY_VARIABLE = "LAB_API_KEY"
KEY = "sk-planted-0123456789abcdef"

PROMPT = Prompt((Message("system", "You are the buyer."), Message("user", "It is your turn.")), "participant")

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def endpoint_at(server: Loopback, wire_format: str, **changes: Any) -> Endpoint:
    """The endpoint of a loopback server, in a format."""
    base_url = server.url if wire_format == "anthropic" else server.openai_url
    settings: dict[str, Any] = {"key_variable": KEY_VARIABLE, "timeout_s": 5.0, "idle_s": 2.0, **changes}
    return Endpoint("lab", wire_format, settings.pop("base_url", base_url), **settings)


@asynccontextmanager
async def asking(server: Loopback, wire_format: str, **changes: Any) -> AsyncIterator[WireProvider]:
    """A provider for the endpoint, closed at the end."""
    provider = WireProvider(endpoint_at(server, wire_format, **changes))
    try:
        yield provider
    finally:
        await provider.close()


def asked(*turns: str, schema: dict[str, Any] | None = None, images: tuple[Image, ...] = (), **sampling: Any) -> Prompt:
    """A prompt: what the user and the assistant said in turn, the user first."""
    messages = [Message("system", "You are the buyer.")]
    messages += [Message("assistant" if n % 2 else "user", turn) for n, turn in enumerate(turns)]
    if images:
        messages[-1] = Message("user", messages[-1].content, images)
    return Prompt(tuple(messages), "participant", schema, Sampling(**sampling))
