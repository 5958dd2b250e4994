"""Batches in the format of OpenAI, which others share: a file of requests goes in, files of results come out.

Format: https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from silicus.llm.batch_desk import CANCELLED, EXPIRED, BatchFormat, BatchState, Desk, Result, entry_in
from silicus.llm.faults import CallError
from silicus.llm.server_errors import classify
from silicus.llm.wire import Request

__all__ = ["FORMAT"]

MARK = "silicus"
"""The batch's metadata that holds its token."""

PAGE = 100
MOST_PAGES = 50

_ENDED = ("completed", "failed", "expired", "cancelled")
_ENQUEUED = ("token_limit_exceeded", "batch_limit_exceeded")
"""Codes of a batch that was not taken because others are still waiting."""


def line(custom_id: str, request: Request) -> dict[str, Any]:
    """One request of a batch."""
    return {"custom_id": custom_id, "method": "POST", "url": f"/v1{request.path}", "body": request.body}


async def hand_in(desk: Desk, token: str, lines: Sequence[str]) -> str:
    """Upload the file of requests, then have it worked on."""
    content = "".join(f"{each}\n" for each in lines).encode("utf-8", "replace")
    uploaded = await desk.post("/files", *_form(token, content))
    url = json.loads(lines[0])["url"]
    wanted = {
        "input_file_id": _text(uploaded, "id"),
        "endpoint": url,
        "completion_window": "24h",
        "metadata": {MARK: token},
    }
    return _text(await desk.post("/batches", json.dumps(wanted).encode()), "id")


async def look(desk: Desk, batch_id: str) -> BatchState:
    """How a batch stands."""
    batch = await desk.look(f"/batches/{batch_id}")
    counts = batch.get("request_counts")
    counts = counts if isinstance(counts, Mapping) else {}
    files = [batch.get(name) for name in ("output_file_id", "error_file_id")]
    return BatchState(
        ended=batch.get("status") in _ENDED,
        total=_count(counts, "total"),
        finished=_count(counts, "completed") + _count(counts, "failed"),
        results=tuple(f"/files/{name}/content" for name in files if name),
        lacking=_lacking(batch),
    )


def read(text: str) -> Result:
    """One line of an output or error file."""
    entry = entry_in(text)
    custom_id = str(entry.get("custom_id"))
    response, error = entry.get("response"), entry.get("error")
    if isinstance(response, Mapping) and response.get("status_code") == 200:
        return Result(custom_id, json.dumps(response.get("body"), ensure_ascii=False))
    if isinstance(response, Mapping) and response.get("status_code"):
        body = json.dumps(response.get("body")).encode()
        return Result(custom_id, fault=classify(int(response["status_code"]), {}, body))
    code = error.get("code") if isinstance(error, Mapping) else None
    if code == "batch_expired":
        return Result(custom_id, fault=CallError("timeout", EXPIRED))
    if code == "batch_cancelled":
        return Result(custom_id, fault=CallError("disconnected", CANCELLED))
    return Result(custom_id, fault=classify(500, {}, json.dumps({"error": error}).encode()))


async def cancel(desk: Desk, batch_id: str) -> None:
    """Have no more of it answered."""
    await desk.post(f"/batches/{batch_id}/cancel", b"{}")


async def find(desk: Desk, token: str, requests: int, since: float) -> str | None:
    """The batch whose metadata holds the token."""
    del requests
    after = ""
    for _ in range(MOST_PAGES):
        page = await desk.look(f"/batches?limit={PAGE}{after}")
        batches = [each for each in page.get("data") or () if isinstance(each, Mapping)]
        for batch in batches:
            metadata = batch.get("metadata")
            if isinstance(metadata, Mapping) and metadata.get(MARK) == token:
                return _text(batch, "id")
        if not page.get("has_more") or not batches or _count(batches[-1], "created_at") < since:
            return None
        after = f"&after={batches[-1].get('id')}"
    return None


def _form(token: str, content: bytes) -> tuple[bytes, str]:
    """A form with the file, and its content type."""
    parts = [
        f'--{token}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'.encode(),
        f'--{token}\r\nContent-Disposition: form-data; name="file"; filename="{token}.jsonl"\r\n'
        f"Content-Type: application/jsonl\r\n\r\n".encode(),
        content,
        f"\r\n--{token}--\r\n".encode(),
    ]
    return b"".join(parts), f"multipart/form-data; boundary={token}"


def _lacking(batch: Mapping[str, Any]) -> CallError:
    status = batch.get("status")
    if status == "expired":
        return CallError("timeout", EXPIRED)
    if status == "cancelled":
        return CallError("disconnected", CANCELLED)
    if status != "failed":
        return CallError("malformed", "the results of the batch hold no answer to this")
    listed = batch.get("errors")
    data = listed.get("data") if isinstance(listed, Mapping) else None
    errors = [each for each in data or () if isinstance(each, Mapping)]
    fault = classify(400, {}, json.dumps({"error": errors[:3]}).encode())
    if any(each.get("code") in _ENQUEUED for each in errors):
        return CallError("rate_limited", fault.message)
    return CallError(fault.kind, f"the batch was not taken: {fault.message}")


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise CallError("malformed", f"the answer holds no {name}")
    return value


def _count(numbers: Mapping[str, Any], name: str) -> int:
    value = numbers.get(name)
    return int(value) if isinstance(value, int | float) else 0


FORMAT = BatchFormat(10_000, 64_000_000, line, hand_in, look, read, cancel, find)
