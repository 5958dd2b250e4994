"""A model server on this computer that takes batches as vendors do, and ends them in every way that theirs end.

    with BatchServer(lambda body: "Yes.", looks=2, ending="expired", answered=3) as server:
        ...

Results come in another order than the requests went in. What is asked live is answered as by a plain loopback server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from loopback import Answer, Fault, Loopback, Received, _Connection, _Response
from loopback_formats import error_body

__all__ = ["BatchServer", "Trouble"]

Ending = Literal["completed", "expired", "failed"]

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls one request to the desk: a status, or a connection reset; before or after it was acted upon."""

    method: str
    path: str
    status: int = 0
    acted_upon: bool = False
    retry_after: float | None = None


@dataclass(slots=True)
class _Batch:
    name: str
    vendor: str
    requests: list[tuple[str, str, dict[str, Any]]]
    metadata: Any = None
    created: datetime = START
    looks_left: int = 0
    cancelled: bool = False
    ended: bool = False
    results: list[dict[str, Any]] = field(default_factory=list)


class BatchServer(Loopback):
    """A loopback server with batches.

    Parameters
    ----------
    looks
        How often a batch is looked at before it has ended.
    ending
        How batches end; ``failed`` ones are refused when their file is read.
    answered
        How many requests are answered before the end; None for all.
    trouble
        What goes wrong, each once, at the first request that it fits.
    faulty
        Lines put among the results as they stand.
    left_out
        Positions of requests of which the results say nothing.
    page
        How many batches a list shows at once.
    """

    def __init__(
        self,
        answer: str | Answer = "Yes.",
        *,
        looks: int = 1,
        ending: Ending = "completed",
        answered: int | None = None,
        trouble: Sequence[Trouble] = (),
        faulty: Sequence[str] = (),
        left_out: Sequence[int] = (),
        page: int = 100,
        key: str = "",
    ) -> None:
        super().__init__(answer, key=key)
        self.looks = looks
        self.ending = ending
        self.answered = answered
        self.trouble = list(trouble)
        self.faulty = tuple(faulty)
        self.left_out = tuple(left_out)
        self.page = page
        self.batches: list[_Batch] = []
        self.files: dict[str, bytes] = {}
        self._listed = 0

    def take(self, connection: _Connection, method: str, path: str, headers: dict[str, str], raw: bytes) -> None:
        """Answer one request."""
        if "/batches" not in path and "/files" not in path:
            super().take(connection, method, path, headers, raw)
            return
        if self.key and self.key not in (headers.get("x-api-key"), headers.get("authorization", "")[7:]):
            super().take(connection, method, path, headers, raw)
            return
        self._note(method, path, headers, raw)
        trouble = next((each for each in self.trouble if each.method == method and path.endswith(each.path)), None)
        if trouble is not None:
            self.trouble.remove(trouble)
        if trouble is None or trouble.acted_upon:
            response = self._desk(method, path, headers, raw)
        if trouble is None:
            connection.reply(response)
        elif trouble.status:
            body = json.dumps(error_body(_vendor(path), trouble.status, "Trouble.")).encode()
            asked = "" if trouble.retry_after is None else f"Retry-After: {trouble.retry_after:g}\r\n"
            connection.reply(_Response(trouble.status, body, asked))
        else:
            connection.fail(Fault("reset"))

    def _note(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> None:
        self.count += 1
        self.requests.append(Received(method, path, headers, raw))

    def asked_for(self, method: str, ending: str) -> int:
        """How often a path that ends so was asked for."""
        return sum(each.method == method and each.path.endswith(ending) for each in self.requests)

    def _desk(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> _Response:
        content = self._route(method, path, headers, raw)
        if content is None:
            return _Response(404, json.dumps(error_body(_vendor(path), 404, f"Not found: {path}")).encode())
        return _Response(200, content if isinstance(content, bytes) else json.dumps(content).encode())

    def _route(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> Any:
        parts = path.strip("/").removeprefix("v1/").split("/")
        match (method, *parts):
            case ("POST", "files"):
                return self._upload(headers, raw)
            case ("GET", "files", name, "content"):
                return self.files.get(name)
            case ("POST", "batches"):
                return self._openai(json.loads(raw))
            case ("POST", "messages", "batches"):
                return self._anthropic(json.loads(raw), headers)
            case ("GET", *_, "batches"):
                return self._list(_vendor(path))
            case ("GET", *_, "batches", name):
                return self._look(name)
            case ("POST", *_, "batches", name, "cancel"):
                return self._cancel(name)
            case ("GET", "messages", "batches", name, "results"):
                return self.files.get(f"{name}-out")
        return None

    def _upload(self, headers: dict[str, str], raw: bytes) -> dict[str, Any]:
        name = f"file-{len(self.files) + 1}"
        boundary = b"--" + headers["content-type"].partition("boundary=")[2].encode()
        fields = {}
        for part in raw.split(boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            fields[head.partition(b'name="')[2].partition(b'"')[0]] = content.removesuffix(b"\r\n")
        assert fields[b"purpose"] == b"batch"
        assert raw.endswith(boundary + b"--\r\n")
        self.files[name] = fields[b"file"]
        return {"id": name, "object": "file", "purpose": "batch"}

    def _openai(self, body: dict[str, Any]) -> dict[str, Any]:
        assert body["completion_window"] == "24h"
        entries = [json.loads(line) for line in self.files[body["input_file_id"]].decode().splitlines()]
        assert {entry["url"] for entry in entries} == {body["endpoint"]}
        assert {entry["method"] for entry in entries} == {"POST"}
        requests = [(entry["custom_id"], entry["url"], entry["body"]) for entry in entries]
        return self._new("openai", requests, body.get("metadata"))

    def _anthropic(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        assert headers["anthropic-version"]
        requests = [(each["custom_id"], "/v1/messages", each["params"]) for each in body["requests"]]
        return self._new("anthropic", requests)

    def _new(
        self, vendor: str, requests: list[tuple[str, str, dict[str, Any]]], metadata: Any = None
    ) -> dict[str, Any]:
        ids = [custom_id for custom_id, _, _ in requests]
        assert len(set(ids)) == len(ids)
        assert all(custom_id.replace("-", "").isalnum() and len(custom_id) <= 64 for custom_id in ids)
        prefix = "msgbatch" if vendor == "anthropic" else "batch"
        name = f"{prefix}_{len(self.batches) + 1}"
        self.batches.append(_Batch(name, vendor, requests, metadata, datetime.now(UTC), self.looks))
        return self._shown(self.batches[-1])

    def _list(self, vendor: str) -> dict[str, Any]:
        newest = [batch for batch in reversed(self.batches) if batch.vendor == vendor]
        shown = newest[self._listed : self._listed + self.page]
        more = len(newest) > self._listed + self.page
        self._listed = self._listed + self.page if more else 0
        return {"data": [self._shown(batch) for batch in shown], "has_more": more}

    def _named(self, name: str) -> _Batch | None:
        return next((batch for batch in self.batches if batch.name == name), None)

    def _look(self, name: str) -> dict[str, Any] | None:
        batch = self._named(name)
        if batch is None:
            return None
        batch.looks_left -= 1
        if batch.looks_left < 0 and not batch.ended:
            self._end(batch, "cancelled" if batch.cancelled else self.ending)
        return self._shown(batch)

    def _cancel(self, name: str) -> dict[str, Any] | None:
        batch = self._named(name)
        if batch is not None:
            assert not batch.ended
            batch.cancelled = True
        return None if batch is None else self._shown(batch)

    def _end(self, batch: _Batch, ending: str) -> None:
        batch.ended = True
        if ending == "failed":
            return
        whole = ending == "completed" and self.answered is None
        answered = len(batch.requests) if whole else self.answered or 0
        for position, (custom_id, url, body) in enumerate(batch.requests):
            if position in self.left_out:
                continue
            if position >= answered:
                why = "expired" if ending == "expired" else "cancelled"
                batch.results.append(_unanswered(batch, custom_id, why))
                continue
            fault, reply = self.decide(body)
            response = self._response(url, body, fault, reply)
            batch.results.append(_result(batch, custom_id, response.status, json.loads(response.body)))
        batch.results.reverse()
        bad = [line for line in batch.results if batch.vendor == "openai" and not _is_good(line)]
        good = [line for line in batch.results if line not in bad]
        self.files[f"{batch.name}-out"] = _lines(good, self.faulty)
        self.files[f"{batch.name}-errors"] = _lines(bad)

    def _shown(self, batch: _Batch) -> dict[str, Any]:
        total, ended = len(batch.requests), batch.ended
        if batch.vendor == "anthropic":
            status = "ended" if ended else "canceling" if batch.cancelled else "in_progress"
            kinds = [line["result"]["type"] for line in batch.results]
            counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
            counts["processing"] = 0 if ended else total
            return {
                "id": batch.name, "type": "message_batch", "processing_status": status, "request_counts": counts,
                "created_at": batch.created.isoformat().replace("+00:00", "Z"),
                "cancel_initiated_at": batch.created.isoformat() if batch.cancelled else None,
                "results_url": f"http://elsewhere.example.org/{batch.name}" if ended else None,
            }  # fmt: skip
        known = "cancelled" if batch.cancelled else self.ending
        good = sum(map(_is_good, batch.results))
        shown = {
            "id": batch.name, "object": "batch", "metadata": batch.metadata,
            "status": known if ended else "cancelling" if batch.cancelled else "in_progress",
            "request_counts": {"total": total, "completed": good, "failed": len(batch.results) - good},
            "created_at": int(batch.created.timestamp()), "output_file_id": None, "error_file_id": None,
        }  # fmt: skip
        if ended and known == "failed":
            data = [
                {"code": "token_limit_exceeded", "message": "Enqueued token limit reached for small.", "line": None}
            ]
            return shown | {"errors": {"object": "list", "data": data}}
        if ended:
            shown["output_file_id"] = f"{batch.name}-out" if good or self.faulty else None
            shown["error_file_id"] = f"{batch.name}-errors" if len(batch.results) > good else None
        return shown

    def age(self, days: float) -> None:
        """Let everything that was handed in have been handed in so long ago."""
        for batch in self.batches:
            batch.created -= timedelta(days=days)


def _vendor(path: str) -> str:
    return "anthropic" if "/messages" in path else "openai"


def _result(batch: _Batch, custom_id: str, status: int, content: Any) -> dict[str, Any]:
    if batch.vendor == "openai":
        response = {"status_code": status, "request_id": "req_1", "body": content}
        return {"id": "b", "custom_id": custom_id, "response": response, "error": None}
    known = {"type": "succeeded", "message": content} if status == 200 else {"type": "errored", "error": content}
    return {"custom_id": custom_id, "result": known}


def _unanswered(batch: _Batch, custom_id: str, why: str) -> dict[str, Any]:
    if batch.vendor == "anthropic":
        return {"custom_id": custom_id, "result": {"type": "expired" if why == "expired" else "canceled"}}
    error = {"code": f"batch_{why}", "message": "This request was not executed."}
    return {"id": "b", "custom_id": custom_id, "response": None, "error": error}


def _is_good(line: dict[str, Any]) -> bool:
    return bool(line["response"]) and line["response"]["status_code"] == 200


def _lines(entries: Sequence[dict[str, Any]], more: Sequence[str] = ()) -> bytes:
    return "".join(f"{line}\n" for line in [*map(json.dumps, entries), *more]).encode()
