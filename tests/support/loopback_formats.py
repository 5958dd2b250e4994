"""What a model server answers, in the bodies of each vendor: chat and text completion, messages, errors, usage.

Only the bodies; :mod:`loopback` serves them over HTTP.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["LogprobMode", "Model", "Reply", "error_body", "tokens_in_text"]

Vendor = str
"""``openai`` or ``anthropic``: which shapes a path speaks."""

LogprobMode = str
"""``honest``, ``absent``, ``ignores_echo``, ``zeros``, ``noise`` or ``context_free``: how far they can be trusted."""

_TOKEN = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says to one request, and what it reports about it. None: worked out from the texts.

    ``finish`` is ``stop``, ``length``, ``refusal`` or ``content_filter``; ``usage`` False leaves the counts out;
    ``body`` replaces the whole response.
    """

    text: str = ""
    finish: str = "stop"
    reasoning: str = ""
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    usage: bool = True
    model: str = ""
    fingerprint: str = "fp_loopback"
    body: Any = None


def tokens_in_text(text: str) -> int:
    """A rough count: four characters a token."""
    return (len(text) + 3) // 4


def steady_logprob(prefix: str, token: str) -> float:
    """A made-up log-probability that depends on the token and what stands before it, the same in every process."""
    return -(0.05 + zlib.crc32(f"{prefix[-80:]}|{token}".encode("utf-8", "replace")) % 600 / 100)


@dataclass
class Model:
    """The model behind the server: turns a request's body and a reply into the vendor's response.

    Remembers which prefixes it saw, and reports their tokens as cached.
    """

    logprobs: LogprobMode = "honest"
    logprob: Callable[[str, str], float] = steady_logprob
    served: int = 0
    _prefixes: dict[int, int] = field(default_factory=dict)

    def response(self, path: str, body: Mapping[str, Any], reply: Reply) -> Any:
        """The response to a request on ``path``, ready to be dumped as JSON."""
        self.served += 1
        if reply.body is not None:
            return reply.body
        if path.endswith("/messages"):
            return self._message(body, reply)
        return self._text(body, reply) if not path.endswith("/chat/completions") else self._chat(body, reply)

    def _chat(self, body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
        finish = {"refusal": "stop"}.get(reply.finish, reply.finish)
        if reply.finish == "refusal":
            message |= {"content": None, "refusal": reply.text}
        elif isinstance(body.get("tool_choice"), dict):
            call = {"name": body["tool_choice"]["function"]["name"], "arguments": reply.text}
            message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": call}]}
            finish = "tool_calls" if finish == "stop" else finish
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
        if body.get("logprobs") and self.logprobs != "absent":
            prefix = " ".join(_words(said["content"]) for said in body["messages"])
            choice["logprobs"] = {"content": self._chat_logprobs(prefix, reply.text, body.get("top_logprobs", 0))}
        tokens_in, cached = self._prompt_tokens(body["messages"])
        return self._openai(body, reply, "chat.completion", choice, tokens_in, cached)

    def _text(self, body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
        prompt = body["prompt"] if isinstance(body["prompt"], str) else body["prompt"][0]
        said = "" if body.get("max_tokens") == 0 else reply.text
        echo = bool(body.get("echo")) and self.logprobs != "ignores_echo"
        shown = (prompt, said) if echo else (said,)
        choice: dict[str, Any] = {"index": 0, "text": "".join(shown), "logprobs": None, "finish_reason": reply.finish}
        if body.get("logprobs") is not None and self.logprobs != "absent":
            choice["logprobs"] = self._text_logprobs("" if echo else prompt, shown, body["logprobs"])
        return self._openai(body, reply, "text_completion", choice, tokens_in_text(prompt), 0)

    def _openai(
        self, body: Mapping[str, Any], reply: Reply, kind: str, choice: dict[str, Any], tokens_in: int, cached: int
    ) -> dict[str, Any]:
        response: dict[str, Any] = {
            "id": f"{kind}-{self.served}",
            "object": kind,
            "created": 1_790_000_000,
            "model": reply.model or body.get("model", ""),
            "choices": [choice],
            "system_fingerprint": reply.fingerprint,
        }
        if reply.usage:
            tokens_in = _given(reply.tokens_in, tokens_in)
            reasoning = _given(reply.tokens_reasoning, tokens_in_text(reply.reasoning))
            tokens_out = _given(reply.tokens_out, tokens_in_text(reply.text) + reasoning)
            response["usage"] = {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
                "prompt_tokens_details": {"cached_tokens": _given(reply.tokens_cached, cached)},
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            }
        return response

    def _prompt_tokens(self, messages: list[dict[str, Any]]) -> tuple[int, int]:
        """Tokens of the messages, and how many of them were in the longest prefix seen before."""
        total, cached, key = 0, 0, 0
        for message in messages:
            words = _words(message["content"])
            total += tokens_in_text(words)
            key = hash((key, message["role"], words))
            if key in self._prefixes:
                cached = total
            self._prefixes[key] = total
        return total, cached

    def _message(self, body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if reply.reasoning:
            content.append({"type": "thinking", "thinking": reply.reasoning, "signature": "c2lnbmVk"})
        finish = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}.get(
            reply.finish, reply.finish
        )
        if body.get("tool_choice", {}).get("type") == "tool" and reply.finish != "refusal":
            content.append(_tool_use(body["tool_choice"]["name"], reply.text))
            finish = "tool_use" if finish == "end_turn" else finish
        elif reply.text:
            content.append({"type": "text", "text": reply.text})
        response = {
            "id": f"msg_{self.served}",
            "type": "message",
            "role": "assistant",
            "model": reply.model or body.get("model", ""),
            "content": content,
            "stop_reason": finish,
            "stop_sequence": None,
        }
        return response | ({"usage": self._message_usage(body, reply)} if reply.usage else {})

    def _message_usage(self, body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
        """Counts as Anthropic gives them: only prefixes marked by ``cache_control`` are kept, and input is the rest."""
        total, marked, cached, key = 0, 0, 0, 0
        for block in _blocks(body):
            words = block.get("text") or json.dumps(block, sort_keys=True)
            total += tokens_in_text(words)
            key = hash((key, words))
            if key in self._prefixes:
                cached = total
            if "cache_control" in block:
                marked = total
                self._prefixes[key] = total
        cached = _given(reply.tokens_cached, cached)
        written = max(0, marked - cached)
        thinking = _given(reply.tokens_reasoning, tokens_in_text(reply.reasoning))
        return {
            "input_tokens": max(0, _given(reply.tokens_in, total) - cached - written),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached,
            "output_tokens": _given(reply.tokens_out, tokens_in_text(reply.text) + thinking),
            "output_tokens_details": {"thinking_tokens": thinking} if thinking else None,
        }

    def _score(self, prefix: str, token: str) -> float:
        if self.logprobs == "zeros":
            return 0.0
        if self.logprobs == "noise":
            return steady_logprob(str(self.served), token)
        return self.logprob("" if self.logprobs == "context_free" else prefix, token)

    def _text_logprobs(self, prefix: str, shown: tuple[str, ...], top: int) -> dict[str, Any]:
        tokens = [token for text in shown for token in _TOKEN.findall(text)]
        offset, before = len(prefix), prefix
        lines: dict[str, list[Any]] = {"tokens": tokens, "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for token in tokens:
            score = self._score(before, token) if before else None
            lines["token_logprobs"].append(score)
            others = {f" other{n}": self._score(before, f" other{n}") for n in range(top - 1)}
            lines["top_logprobs"].append(None if score is None else {token: score, **others})
            lines["text_offset"].append(offset)
            before, offset = before + token, offset + len(token)
        return lines

    def _chat_logprobs(self, prefix: str, text: str, top: int) -> list[dict[str, Any]]:
        content = []
        for token in _TOKEN.findall(text):
            names = [token, *(f" other{n}" for n in range(top - 1))]
            alternatives = [{"token": name, "logprob": self._score(prefix, name), "bytes": None} for name in names]
            content.append(alternatives[0] | {"top_logprobs": alternatives[:top]})
            prefix += token
        return content


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or json.dumps(part, sort_keys=True) for part in content or ())


def _blocks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = body.get("system", [])
    blocks = [{"text": system}] if isinstance(system, str) else list(system)
    for message in body["messages"]:
        content = message["content"]
        blocks += [{"text": content}] if isinstance(content, str) else content
    return blocks


def _tool_use(name: str, text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        return {"type": "text", "text": text}
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": fields}


_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip
_OPENAI_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error"}


def error_body(vendor: Vendor, status: int, message: str, code: str | None = None, param: str | None = None) -> Any:
    """An error in the vendor's own shape."""
    if vendor == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    kind = _OPENAI_TYPES.get(status, code or "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
