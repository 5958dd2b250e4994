"""What a server means when it says no: any vendor's error to one of the faults that silicus knows.

Compatible servers mix the shapes of several vendors, and proxies wrap one in another, so there is one reading for
all: the words and codes first, where they say more than the status, then the status.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from silicus.llm.faults import CallError, FaultKind

__all__ = ["classify", "response_in", "retry_after"]

LONGEST_MESSAGE = 400

# Code or type -> fault. Statuses come as codes too, where an error arrives inside a response of status 200.
_BY_CODE: dict[str, FaultKind] = {
    **dict.fromkeys(("insufficient_quota", "billing_error", "billing_hard_limit_reached", "billing_not_active",
                     "exceeded_current_quota_error", "insufficient_balance"), "quota"),
    **dict.fromkeys(("context_length_exceeded", "exceed_context_size_error", "request_too_large",
                     "string_above_max_length"), "context_length"),
    **dict.fromkeys(("content_filter", "content_policy_violation", "invalid_prompt", "moderation_blocked",
                     "data_inspection_failed"), "content_filter"),
    **dict.fromkeys(("invalid_api_key", "authentication_error", "permission_error", "permission_denied"), "auth"),
    **dict.fromkeys(("model_not_found", "not_found_error"), "not_found"),
    **dict.fromkeys(("overloaded_error", "overloaded", "unavailable_error", "engine_overloaded_error",
                     "insufficient_system_resource", "unavailable"), "overloaded"),
    **dict.fromkeys(("rate_limit_error", "rate_limit_exceeded", "rate_limit_reached_error", "resource_exhausted"),
                    "rate_limited"),
    **dict.fromkeys(("api_error", "server_error", "internal_server_error", "internal"), "server_error"),
    "timeout_error": "timeout",
    "json_validate_failed": "malformed",
}  # fmt: skip

_BY_STATUS: dict[int, FaultKind] = {
    401: "auth", 402: "quota", 403: "auth", 404: "not_found", 407: "auth", 408: "timeout", 409: "server_error",
    413: "context_length", 425: "overloaded", 429: "rate_limited", 498: "overloaded", 503: "overloaded",
    504: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip

# Words that say more than a status of 400, 403, 413, 422 or 500 does.
_BY_WORDS: tuple[tuple[str, FaultKind], ...] = (
    (r"context[ _](?:length|window|size)|maximum (?:model|context|number of tokens)|maximum prompt length"
     r"|(?:prompt|input) is too long|too many (?:input )?tokens|reduce the length|must be <= \d+.*tokens"
     r"|input token count|too large for model|longer than the maximum", "context_length"),
    (r"content (?:management|filter)|usage polic|content polic|safety system|flagged", "content_filter"),
    (r"(?:credit|account) balance|insufficient (?:credits?|balance|funds|quota)|billing hard limit", "quota"),
    (r"api[ _-]?key.{0,40}(?:invalid|incorrect|missing|not valid|expired|required)"
     r"|(?:invalid|incorrect|missing|expired|no) (?:x-)?api[ _-]?key", "auth"),
    (r"overloaded|is loading|currently loading", "overloaded"),
)  # fmt: skip

_WAIT = re.compile(r"(?:try again|retry) (?:in|after) ((?:[\d.]+ ?(?:ms|h|m|s|seconds?)\s*)+)", re.IGNORECASE)
_WAIT_PART = re.compile(r"([\d.]+) ?(ms|h|m|s)")
_RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"([\d.]+)s"')
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)


def classify(status: int, headers: Mapping[str, str], body: bytes) -> CallError:
    """What a response that is no answer means.

    Parameters
    ----------
    status
        HTTP status; 200 where an error stands inside what should have been an answer.
    headers
        The response's, with names in any case if the mapping ignores it, else in small letters.
    body
        The response as it came.
    """
    text = body[:100_000].decode("utf-8", "replace")
    message, codes = _said(text)
    nested = [int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600]
    effective = nested[0] if status == 200 and nested else status
    kind = _kind(effective, message, codes)
    words = message or f"nothing more than the status {status}"
    return CallError(
        kind, f"the server answered {effective}: {_shortened(words)}", retry_after_s=retry_after(headers, text)
    )


def response_in(text: str) -> dict[str, Any]:
    """The JSON object that an answer is.

    Raises
    ------
    CallError
        ``malformed`` where it is none; the fault, where it holds an error although the status claimed success.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise CallError("malformed", f"the answer is no JSON: {_plain(text)[:80]}") from None
    if not isinstance(content, dict):
        raise CallError("malformed", f"the answer is no JSON object: {_plain(text)[:80]}")
    if content.get("error") and not content.get("choices"):
        raise classify(200, {}, text.encode("utf-8", "replace"))
    return content


def retry_after(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds that the server asks to wait, from its headers or, failing that, its words; None where it does not."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    told = headers.get("retry-after", "").strip()
    seconds = _number(told)
    if seconds is None and told:
        seconds = _until(told)
    if seconds is None:
        seconds = _wait_in(text)
    return max(seconds, 0.0) if seconds is not None else None


def _kind(status: int, message: str, codes: list[str]) -> FaultKind:
    if status in (413, 429) and "too large" in message.lower():
        return "context_length"
    known = next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    if known is not None and (known != "server_error" or status not in _BY_STATUS):
        return known
    if status in (200, 400, 403, 413, 422, 500):
        for pattern, kind in _BY_WORDS:
            if re.search(pattern, message, re.IGNORECASE):
                return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500 or status == 200:
        return "server_error"
    return "not_found" if 300 <= status < 400 else "bad_request"


def _said(text: str) -> tuple[str, list[str]]:
    """The words of an error, and its codes and types in small letters, outermost first."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _plain(text), []
    words: list[str] = []
    codes: list[str] = []
    _collect(content, words, codes)
    return "; ".join(dict.fromkeys(words)), codes


def _plain(text: str) -> str:
    """The words of a page, without its tags."""
    return " ".join(_TAGS.sub(" ", text).split())


def _collect(content: Any, words: list[str], codes: list[str], depth: int = 0) -> None:
    """Gather what any vendor's shape says: error, message, detail, metadata, and errors within errors."""
    if isinstance(content, str):
        words.append(content)
    elif isinstance(content, list) and depth < 6:
        for item in content[:5]:
            _collect(item, words, codes, depth + 1)
    elif isinstance(content, dict) and depth < 6:
        codes.extend(str(content[name]).lower() for name in ("code", "type", "status") if content.get(name))
        for name in ("message", "msg", "error", "detail", "error_message", "innererror", "metadata", "raw", "reason"):
            if content.get(name):
                _collect(content[name], words, codes, depth + 1)


def _shortened(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= LONGEST_MESSAGE else f"{words[: LONGEST_MESSAGE - 1]}…"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _until(date: str) -> float | None:
    """Seconds until an HTTP date."""
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return moment - time.time()


def _wait_in(text: str) -> float | None:
    delay = _RETRY_DELAY.search(text)
    if delay is not None:
        return _number(delay[1])
    told = _WAIT.search(text)
    parts = [(_number(amount), unit) for amount, unit in _WAIT_PART.findall(told[1].lower())] if told else []
    known = [amount * _SECONDS[unit] for amount, unit in parts if amount is not None]
    return sum(known) if known else None
