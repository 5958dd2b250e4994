"""Message batches of Anthropic: requests go in as one body, results come as lines.

Format: https://platform.claude.com/docs/en/api/creating-message-batches
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from silicus.llm.batch_desk import CANCELLED, EXPIRED, BatchFormat, BatchState, Desk, Result, entry_in
from silicus.llm.faults import CallError
from silicus.llm.providers.anthropic_messages import VERSION
from silicus.llm.server_errors import classify
from silicus.llm.wire import Request

__all__ = ["FORMAT"]

HEADERS = {"anthropic-version": VERSION}
PAGE = 100
MOST_PAGES = 50


def line(custom_id: str, request: Request) -> dict[str, Any]:
    """One request of a batch."""
    return {"custom_id": custom_id, "params": request.body}


async def hand_in(desk: Desk, token: str, lines: Sequence[str]) -> str:
    """Hand the requests in; the token stands in the id of each."""
    del token
    payload = f'{{"requests":[{",".join(lines)}]}}'.encode("utf-8", "replace")
    batch_id = (await desk.post(_path(desk), payload)).get("id")
    if not isinstance(batch_id, str) or not batch_id:
        raise CallError("malformed", "the answer holds no id")
    return batch_id


async def look(desk: Desk, batch_id: str) -> BatchState:
    """How a batch stands."""
    batch = await desk.look(f"{_path(desk)}/{batch_id}")
    ended = batch.get("processing_status") == "ended"
    counts = _counts(batch)
    cancelled = bool(batch.get("cancel_initiated_at"))
    lacking = "the results of the batch hold no answer to this"
    return BatchState(
        ended=ended,
        total=sum(counts.values()),
        finished=sum(number for name, number in counts.items() if name != "processing"),
        results=(f"{_path(desk)}/{batch_id}/results",) if ended and batch.get("results_url") else (),
        lacking=CallError("disconnected", CANCELLED) if cancelled else CallError("malformed", lacking),
    )


def read(text: str) -> Result:
    """One line of the results."""
    entry = entry_in(text)
    result = entry.get("result")
    if not isinstance(result, Mapping):
        raise CallError("malformed", "a line of results holds no result")
    custom_id = str(entry.get("custom_id"))
    match result.get("type"):
        case "succeeded":
            return Result(custom_id, json.dumps(result.get("message"), ensure_ascii=False))
        case "expired":
            return Result(custom_id, fault=CallError("timeout", EXPIRED))
        case "canceled":
            return Result(custom_id, fault=CallError("disconnected", CANCELLED))
        case _:
            return Result(custom_id, fault=classify(400, {}, json.dumps(result.get("error")).encode()))


async def cancel(desk: Desk, batch_id: str) -> None:
    """Have no more of it answered."""
    await desk.post(f"{_path(desk)}/{batch_id}/cancel", b"")


async def find(desk: Desk, token: str, requests: int, since: float) -> str | None:
    """The batch whose requests' ids hold the token.

    A batch shows its requests only once it has ended, so one of the same size that is under way is waited for.
    """
    async for batch in _batches(desk, since):
        if sum(_counts(batch).values()) != requests:
            continue
        batch_id = str(batch.get("id"))
        for path in (await _ended(desk, batch_id)).results:
            first = (await desk.get(path)).partition("\n")[0]
            if read(first).custom_id.startswith(token):
                return batch_id
    return None


async def _ended(desk: Desk, batch_id: str) -> BatchState:
    """A batch once it has ended."""
    while True:
        state = await look(desk, batch_id)
        if state.ended:
            return state
        await asyncio.sleep(desk.pace.poll_s)


async def _batches(desk: Desk, since: float) -> AsyncIterator[Mapping[str, Any]]:
    """The batches handed in since a time, newest first."""
    after = ""
    for _ in range(MOST_PAGES):
        page = await desk.look(f"{_path(desk)}?limit={PAGE}{after}")
        batches = [each for each in page.get("data") or () if isinstance(each, Mapping)]
        for batch in batches:
            if _time(batch) < since:
                return
            yield batch
        if not page.get("has_more") or not batches:
            return
        after = f"&after_id={batches[-1].get('id')}"


def _path(desk: Desk) -> str:
    return "/messages/batches" if desk.endpoint.base_url.endswith("/v1") else "/v1/messages/batches"


def _counts(batch: Mapping[str, Any]) -> dict[str, int]:
    counts = batch.get("request_counts")
    items = counts.items() if isinstance(counts, Mapping) else ()
    return {str(name): int(number) for name, number in items if isinstance(number, int | float)}


def _time(batch: Mapping[str, Any]) -> float:
    """When a batch was handed in; now, in effect, where that cannot be read."""
    try:
        return datetime.fromisoformat(str(batch.get("created_at"))).timestamp()
    except ValueError:
        return float("inf")


FORMAT = BatchFormat(10_000, 64_000_000, line, hand_in, look, read, cancel, find, HEADERS)
