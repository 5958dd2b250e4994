"""The Messages format of Anthropic.

Format: https://platform.claude.com/docs/en/api/messages

The system message stands apart, roles alternate, and a cap on tokens must be given; it covers the model's thinking
too, which newer models do unasked. Prefixes are cached where they are marked: the end of the system message, which all
sessions with the same role share, and the end of a conversation that has begun, which the next prompt extends. A
first question is not marked: writing to the cache costs more than sending, and nobody may come back for it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from silicus.llm.endpoints import Endpoint, Structured
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Finish, Message, Prompt
from silicus.llm.server_errors import response_in
from silicus.llm.wire import Capabilities, Request, WireFormat, stepped_down

__all__ = ["FORMAT", "adapt", "parse", "render"]

CAPABILITIES = Capabilities(
    schema=("native", "tool", "words"),
    images=True,
    logprobs=False,
    base_text=False,
    key_header="x-api-key",
    key_prefix="",
    models_path="/v1/models",
)

VERSION = "2023-06-01"

TOOL = "answer"
"""Name of the tool that stands for the schema."""

DEFAULT_MAX_TOKENS = 4096
"""The cap where none is asked for: the most that every model takes. Thinking comes out of it."""

_FINISH: dict[str, Finish] = {
    "max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "refusal",
}  # fmt: skip

_LACKING = {
    "native": re.compile(r"output_config|output_format|structured|schema", re.IGNORECASE),
    "tool": re.compile(r"tool", re.IGNORECASE),
}

_CACHED = {"cache_control": {"type": "ephemeral"}}


def render(prompt: Prompt, model_name: str, endpoint: Endpoint) -> Request:
    """Write a prompt as a request for a message."""
    system: list[dict[str, Any]] = [
        {"type": "text", "text": said.content} for said in prompt.messages if _is_system(said) and said.content.strip()
    ]
    messages = _turns(prompt.messages)
    if not messages:  # there must be something to answer
        messages, system = [{"role": "user", "content": system or [{"type": "text", "text": "Begin."}]}], []
    if system:
        system[-1] |= _CACHED
    if len(messages) > 1:
        messages[-1]["content"][-1] |= _CACHED
    body: dict[str, Any] = {
        "model": model_name,
        "max_tokens": prompt.sampling.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": messages,
    }
    if system:
        body["system"] = system
    if prompt.sampling.temperature is not None:
        body["temperature"] = prompt.sampling.temperature
    if prompt.schema is not None:
        body |= _held_to(prompt.schema, endpoint.structured)
    path = "/messages" if endpoint.base_url.endswith("/v1") else "/v1/messages"
    return Request(path, _with_extra(body, endpoint.extra), {"anthropic-version": VERSION})


def parse(text: str, model_name: str, endpoint: Endpoint) -> Completion:
    """Read a message. Thinking is never taken for the answer."""
    response = response_in(text)
    blocks = response.get("content")
    if not isinstance(blocks, list):
        raise CallError("malformed", "the answer holds no content")
    finish = _FINISH.get(str(response.get("stop_reason")), "stop")
    answer = _answer([block for block in blocks if isinstance(block, Mapping)])
    if finish == "refusal" and not answer:
        answer = _explanation(response)
    if not answer and finish == "stop":
        raise CallError("empty", "the answer has no content")
    tokens_in, tokens_out, cached, reasoning = _counted(response)
    if not reasoning and any(_is_thought(block) for block in blocks):
        reasoning = max(0, tokens_out - len(answer) // 3 - 1)
    return Completion(
        answer,
        f"{endpoint.name}:{model_name}",
        tokens_in,
        tokens_out,
        tokens_cached=cached,
        tokens_reasoning=reasoning,
        finish=finish,
        served=str(response.get("model") or ""),
        raw=text,
    )


def adapt(error: CallError, endpoint: Endpoint) -> Endpoint | None:
    """The endpoint as it should be asked after it refused a schema or a tool that must be called."""
    return stepped_down(endpoint, CAPABILITIES.schema, _LACKING, error)


def _is_system(message: Message) -> bool:
    return message.role == "system"


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """The messages with roles in turn: what the same role says in a row becomes one message of several blocks."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks = [] if _is_system(message) else _blocks(message)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": message.role, "content": blocks})
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": "Begin."}]})
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for image in message.images:
        data = base64.b64encode(image.data).decode("ascii")
        source = {"type": "base64", "media_type": image.media_type, "data": data}
        blocks.append({"type": "image", "source": source})
    if message.content.strip():
        blocks.append({"type": "text", "text": message.content})
    return blocks


def _held_to(schema: Mapping[str, Any], structured: Structured) -> dict[str, Any]:
    if structured == "tool":
        tool = {"name": TOOL, "description": "Give the answer.", "input_schema": schema}
        return {"tools": [tool], "tool_choice": {"type": "tool", "name": TOOL}}
    if structured == "words":
        return {}
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def _with_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the endpoint's own fields; what both set in ``output_config`` stands side by side."""
    merged = body | dict(extra)
    if "output_config" in body and "output_config" in extra:
        merged["output_config"] = {**extra["output_config"], **body["output_config"]}
    return merged


def _answer(blocks: list[Mapping[str, Any]]) -> str:
    called = next((block for block in blocks if block.get("type") == "tool_use"), None)
    if called is not None:
        return json.dumps(called.get("input"), ensure_ascii=False)
    return "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text").strip()


def _is_thought(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") in ("thinking", "redacted_thinking")


def _explanation(response: Mapping[str, Any]) -> str:
    details = response.get("stop_details")
    return str(details.get("explanation") or "") if isinstance(details, Mapping) else ""


def _counted(response: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Tokens sent, received, found in the cache, reasoning. Anthropic counts what is cached beside the input."""
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return 0, 0, 0, 0
    cached = _count(usage, "cache_read_input_tokens")
    tokens_in = _count(usage, "input_tokens") + cached + _count(usage, "cache_creation_input_tokens")
    details = usage.get("output_tokens_details")
    reasoning = _count(details, "thinking_tokens") if isinstance(details, Mapping) else 0
    return tokens_in, _count(usage, "output_tokens"), cached, reasoning


def _count(numbers: Mapping[str, Any], name: str) -> int:
    value = numbers.get(name)
    return int(value) if isinstance(value, int | float) and value > 0 else 0


FORMAT = WireFormat(CAPABILITIES, render, parse, adapt=adapt)
