"""Chat completions in the format of OpenAI, which most servers speak.

Besides OpenAI itself: Ollama, vLLM, llama.cpp, LM Studio, Groq, Together, Mistral, DeepSeek, Gemini, OpenRouter.

Format: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from silicus.llm.endpoints import Endpoint, Structured
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Finish, Message, Prompt
from silicus.llm.reading.reply import said_in
from silicus.llm.server_errors import classify, response_in
from silicus.llm.wire import Capabilities, Request, WireFormat, stepped_down

__all__ = [
    "FORMAT",
    "adapt",
    "counted",
    "first_choice",
    "held_to_schema",
    "parse",
    "qualifies_as_strict",
    "render",
]

CAPABILITIES = Capabilities(schema=("native", "tool", "words"), images=True, logprobs=True, base_text=False)

ANSWER = "answer"
"""Name of the schema, and of the tool that stands for it."""

_FINISH: dict[str, Finish] = {
    "length": "length", "max_tokens": "length", "model_length": "length",
    "content_filter": "content_filter", "safety": "content_filter", "prohibited_content": "content_filter",
    "recitation": "content_filter", "blocklist": "content_filter", "spii": "content_filter",
    "refusal": "refusal",
}  # fmt: skip

_LACKING = {
    "native": re.compile(
        r"response_?format|json_?schema|response_?schema|structured|guided|grammar|strict", re.IGNORECASE
    ),
    "tool": re.compile(r"tool|function", re.IGNORECASE),
}
_UNKNOWN = re.compile(
    r"unsupported|not supported|unknown|unrecogni[sz]ed|extra|not permitted|unexpected", re.IGNORECASE
)

# What OpenAI's strict mode takes; a schema with anything else is sent without it.
_STRICT_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "description", "title",
    "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
    "maxItems",
}  # fmt: skip


def render(prompt: Prompt, model_name: str, endpoint: Endpoint) -> Request:
    """Write a prompt as a request for a chat completion."""
    body: dict[str, Any] = {"model": model_name, "messages": [_message(message) for message in prompt.messages]}
    if prompt.sampling.temperature is not None:
        body["temperature"] = prompt.sampling.temperature
    if prompt.sampling.max_tokens is not None:
        body[endpoint.token_cap] = prompt.sampling.max_tokens
    if prompt.schema is not None:
        body |= held_to_schema(prompt.schema, endpoint.structured)
    return Request("/chat/completions", body | dict(endpoint.extra))


def parse(text: str, model_name: str, endpoint: Endpoint) -> Completion:
    """Read a chat completion. Reasoning, in whatever field or tag it comes, is never taken for the answer."""
    response = response_in(text)
    choice = first_choice(response)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise CallError("malformed", "the answer holds no message")
    finish = _FINISH.get(str(choice.get("finish_reason")).lower(), "stop")
    written = _written(message).strip()
    answer = said_in(written).strip()
    thought = len(written) - len(answer)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip() and not answer:
        answer, finish = refusal.strip(), "refusal"
    if not answer and finish == "content_filter":
        raise CallError("content_filter", "the provider withheld the answer")
    if not answer and finish == "stop":
        raise CallError("empty", "the answer has no content")
    tokens_in, tokens_out, cached, reasoning = counted(response)
    if thought and not reasoning:  # written before the answer and not counted apart: its share of the characters
        reasoning = tokens_out * thought // len(written)
    return Completion(
        answer,
        f"{endpoint.name}:{model_name}",
        tokens_in,
        tokens_out,
        tokens_cached=cached,
        tokens_reasoning=reasoning,
        finish=finish,
        served=str(response.get("model") or ""),
        fingerprint=str(response.get("system_fingerprint") or ""),
        raw=text,
    )


def adapt(error: CallError, endpoint: Endpoint) -> Endpoint | None:
    """The endpoint as it should be asked after it refused a schema, a tool, or the name of the cap on tokens."""
    words = error.message
    if f"{endpoint.token_cap}'" in words.replace('"', "'") and _UNKNOWN.search(words):
        renamed = endpoint.token_cap == "max_completion_tokens"
        return replace(endpoint, token_cap="max_tokens" if renamed else "max_completion_tokens")
    return stepped_down(endpoint, CAPABILITIES.schema, _LACKING, error)


def counted(response: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Tokens sent, received, of those sent found in the cache, of those received reasoning; 0 where not reported.

    Some servers leave reasoning out of the tokens received and count it only in the total.
    """
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return 0, 0, 0, 0
    tokens_in, tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    sent, received = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    uncounted = max(0, _count(usage, "total_tokens") - tokens_in - tokens_out)
    cached = _count(sent, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens") or _count(usage, "cached_tokens")
    reasoning = _count(received, "reasoning_tokens") or _count(usage, "reasoning_tokens") or uncounted
    return tokens_in, tokens_out + uncounted, min(cached, tokens_in), min(reasoning, tokens_out + uncounted)


def qualifies_as_strict(schema: Mapping[str, Any], *, root: bool = True) -> bool:
    """Whether a schema is one that OpenAI's strict mode takes: closed objects, everything required, known keywords."""
    if not schema.keys() <= _STRICT_KEYWORDS or (root and schema.get("type") != "object"):
        return False
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
    below = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    below += [schema["items"]] if "items" in schema else []
    return all(isinstance(part, Mapping) and qualifies_as_strict(part, root=False) for part in below)


def _message(message: Message) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.content}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}]
    for image in message.images:
        data = base64.b64encode(image.data).decode("ascii")
        parts.append({"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{data}"}})
    return {"role": message.role, "content": parts}


def held_to_schema(schema: Mapping[str, Any], structured: Structured) -> dict[str, Any]:
    """The fields of a body that hold the answer to a schema; none where only the words of the prompt do."""
    strict = {"strict": True} if qualifies_as_strict(schema) else {}
    if structured == "tool":
        function = {"name": ANSWER, "description": "Give the answer.", "parameters": schema, **strict}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": ANSWER}},
        }
    if structured == "words":
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": ANSWER, "schema": schema, **strict}}}


def first_choice(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one answer in a response; CallError where there is none, or it holds an error."""
    choices = response.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise CallError("malformed", "the answer holds no choices")
    choice: Mapping[str, Any] = choices[0]
    if choice.get("error") or choice.get("finish_reason") == "error":
        raise classify(200, {}, json.dumps({"error": choice.get("error") or "the model failed"}).encode())
    if choice.get("finish_reason") == "insufficient_system_resource":
        raise CallError("overloaded", "the server ran out of resources amid the answer")
    return choice


def _written(message: Mapping[str, Any]) -> str:
    """What the model wrote: the arguments of the answer's tool, or the text, whether one piece or several."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls and isinstance(calls[0], Mapping):
        function = calls[0].get("function")
        arguments = function.get("arguments") if isinstance(function, Mapping) else None
        if isinstance(arguments, str):
            return arguments
        if arguments is not None:
            return json.dumps(arguments, ensure_ascii=False)
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part["text"]) for part in content if isinstance(part, Mapping) and _is_text(part))
    return content if isinstance(content, str) else ""


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("text", "output_text") and isinstance(part.get("text"), str)


def _count(numbers: Any, name: str) -> int:
    value = numbers.get(name) if isinstance(numbers, Mapping) else None
    return int(value) if isinstance(value, int | float) and value > 0 else 0


FORMAT = WireFormat(CAPABILITIES, render, parse, adapt=adapt)
