"""A model server on this computer: answers as the vendors do, and fails as they do.

    with Loopback(lambda body: "Hello.", latency_s=0.05) as server:
        ...  # server.url + "/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/models", batches, files
    assert server.requests[0].body["messages"]

It speaks HTTP/1.1 from an asyncio protocol of its own, in a thread of its own: a request costs about 0.1 ms of CPU
time, so that a benchmark measures the client. In a process of its own:

    python tests/support/loopback.py --port 8123 --latency 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from types import TracebackType
from typing import Any, Self

from loopback_formats import LogprobMode, Model, Reply, error_body, steady_logprob

__all__ = ["FAULTS", "Answer", "Fault", "Loopback", "Received", "Reply", "at_random", "in_order"]

Answer = Callable[[dict[str, Any]], "str | dict[str, Any] | Reply | Fault"]
"""What to answer a request body: the words; fields of a Reply; or a fault."""

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_WRONG_SCHEMA = '{"unrelated": [1, 2, 3]}'

# Errors told by status: what each vendor answers. Kind -> (status, message, code); Anthropic where it differs.
_OPENAI_ERRORS: dict[str, tuple[int, str, str | None]] = {
    "rate_limited": (429, "Rate limit reached for requests per min. Limit: 500.", "rate_limit_exceeded"),
    "quota": (429, "You exceeded your current quota, please check your plan.", "insufficient_quota"),
    "overloaded": (503, "The engine is currently overloaded, please try again later.", "overloaded"),
    "server_error": (500, "The server had an error while processing your request.", None),
    "unavailable": (503, "Service unavailable.", None),
    "auth": (401, "Incorrect API key provided.", "invalid_api_key"),
    "forbidden": (403, "You are not allowed to sample from this model.", "model_not_allowed"),
    "not_found": (404, "The model `nobody` does not exist or you do not have access to it.", "model_not_found"),
    "bad_request": (400, "Invalid value for 'temperature': must be at most 2.", "invalid_value"),
    "context_length": (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in"
                       " 9000 tokens. Please reduce the length of the messages.", "context_length_exceeded"),
    "filtered_request": (400, "The response was filtered due to the prompt triggering content management policy.",
                         "content_filter"),
}  # fmt: skip
_ANTHROPIC_ERRORS: dict[str, tuple[int, str, str | None]] = _OPENAI_ERRORS | {
    "rate_limited": (429, "This request would exceed your organization's rate limit of 50 requests per minute.", None),
    "quota": (400, "Your credit balance is too low to access the Anthropic API.", None),
    "overloaded": (529, "Overloaded", None),
    "server_error": (500, "Internal server error", None),
    "auth": (401, "invalid x-api-key", None),
    "forbidden": (403, "Your API key does not have permission to use the specified resource.", None),
    "not_found": (404, "model: nobody", None),
    "bad_request": (400, "temperature: Input should be less than or equal to 1", None),
    "context_length": (400, "prompt is too long: 213462 tokens > 200000 maximum", None),
    "filtered_request": (400, "Output blocked by content filtering policy", None),
}

FAULTS: tuple[str, ...] = (
    *_OPENAI_ERRORS, "bad_gateway", "reset", "reset_after_headers", "cut_body", "hang", "truncated", "malformed",
    "empty", "wrong_schema", "refusal", "content_filter", "error_in_200", "drip", "dark",
    "redirect",
)  # fmt: skip
"""What can be asked to go wrong. ``reset``: before any header; ``reset_after_headers``: amid the body; ``cut_body``:
closed in good order amid the body; ``truncated``: whole by its length, but half of the JSON; ``drip``: a byte each
``seconds``; ``dark``: every connection dropped and none taken for ``seconds``. The errors told by status come in the
vendor's shape."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with one request.

    ``retry_after`` seconds stand in the header of that name, as a date where ``as_date``; ``message`` replaces the
    vendor's words, ``code`` and ``param`` its code and the parameter blamed.
    """

    kind: str
    retry_after: float | None = None
    as_date: bool = False
    seconds: float = 0.05
    message: str = ""
    code: str | None = None
    param: str | None = None

    def __post_init__(self) -> None:
        assert self.kind in FAULTS, f"no fault '{self.kind}'"


Faults = Callable[[int], Fault | None]
"""Which fault befalls the request of an ordinal, counted from 1 over the completions asked for."""


def in_order(*faults: Fault | str | None) -> Faults:
    """The first requests fare as listed, all later ones well."""
    listed = [Fault(fault) if isinstance(fault, str) else fault for fault in faults]
    return lambda ordinal: listed[ordinal - 1] if ordinal <= len(listed) else None


def at_random(probabilities: Mapping[Fault | str, float], seed: int) -> Faults:
    """Each request fails with the probabilities given; the same ordinals for the same seed."""
    faults = [Fault(fault) if isinstance(fault, str) else fault for fault in probabilities]
    weights = list(probabilities.values())

    def drawn(ordinal: int) -> Fault | None:
        draw = random.Random(f"{seed}/{ordinal}").random()
        for fault, weight in zip(faults, weights, strict=True):
            if draw < weight:
                return fault
            draw -= weight
        return None

    return drawn


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class _Response:
    status: int
    body: bytes
    headers: str = ""
    kind: str = "application/json"


class Loopback:
    """An HTTP server on 127.0.0.1 that answers as model vendors do.

    Parameters
    ----------
    answer
        What to answer: words, or a function of the request's body.
    latency_s
        Seconds that each completion takes.
    faults
        Which requests fail, see :func:`in_order` and :func:`at_random`.
    lacks
        Body fields that are answered with a 400 that names them, as servers do that do not know them.
    key
        Where given, requests without it are refused with 401.
    batch_s
        Seconds until a batch is done.
    logprobs, logprob
        How far log-probabilities can be trusted, and what they are.
    record
        Keep the requests; without it only their number is kept.
    """

    def __init__(
        self,
        answer: str | Answer = "Hello.",
        *,
        latency_s: float = 0.0,
        faults: Faults | None = None,
        lacks: Sequence[str] = (),
        key: str = "",
        batch_s: float = 0.0,
        logprobs: LogprobMode = "honest",
        logprob: Callable[[str, str], float] = steady_logprob,
        record: bool = True,
        port: int = 0,
    ) -> None:
        self.answer: Answer = (lambda _: answer) if isinstance(answer, str) else answer
        self.latency_s = latency_s
        self.faults = faults
        self.lacks = tuple(lacks)
        self.key = key
        self.batch_s = batch_s
        self.record = record
        self.port = port
        self.requests: list[Received] = []
        self.count = 0
        self.asked = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections_made = 0
        self.model = Model(logprobs, logprob)
        self._store = _Store()
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The base URL that clients of the OpenAI format are given."""
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def go_dark(self, seconds: float) -> None:
        """Drop every connection and take none for so long."""
        self._loop.call_soon_threadsafe(self._darken, seconds)

    async def _listen(self) -> None:
        while True:
            try:
                self._server = await self._loop.create_server(
                    lambda: _Connection(self), "127.0.0.1", self.port, backlog=1024, reuse_address=True
                )
            except OSError:  # somebody's outgoing connection has the port for a moment
                if not self.port:
                    raise
                await asyncio.sleep(0.02)
                continue
            self.port = self._server.sockets[0].getsockname()[1]
            return

    async def _shut(self) -> None:
        self._stop_listening()
        await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.abort()
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
            task.cancel()
        for _ in range(3):  # a connection is made, aborted and closed, each in a turn of the loop
            await asyncio.sleep(0)

    def _stop_listening(self) -> None:
        """Take no more connections; close once those just taken are made.

        A server that is closed between the two leaves their sockets open: asyncio then fails while it makes them.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        self._loop.call_soon(server.close)

    def _darken(self, seconds: float) -> None:
        if self._server is None:
            return
        self._stop_listening()
        for connection in list(self._connections):
            connection.reset()
        self._loop.call_later(seconds, lambda: self._loop.create_task(self._listen()))

    def take(self, connection: _Connection, method: str, path: str, headers: dict[str, str], raw: bytes) -> None:
        """Answer one request, now or after the latency."""
        self.count += 1
        body: Any = json.loads(raw) if raw.startswith(b"{") else raw
        if self.record:
            self.requests.append(Received(method, path, headers, body))
        if self.key and self.key not in (headers.get("x-api-key"), headers.get("authorization", "")[7:]):
            connection.reply(self._error(path, Fault("auth")))
            return
        if method != "POST" or not path.endswith(("/completions", "/messages")):
            connection.reply(_Response(*self._store.take(self, method, path, body)))
            return
        self.asked += 1
        self._complete(connection, path, body)

    def _complete(self, connection: _Connection, path: str, body: dict[str, Any]) -> None:
        fault = self.faults(self.asked) if self.faults is not None else None
        reply = None
        if fault is None:
            fault, reply = self.decide(body)
        if fault is not None and fault.kind in ("hang", "dark", "reset"):
            connection.fail(fault)
            return
        response = self._response(path, body, fault, reply)
        if self.latency_s:
            self._loop.call_later(self.latency_s, connection.reply, response, fault)
        else:
            connection.reply(response, fault)

    def decide(self, body: dict[str, Any]) -> tuple[Fault | None, Reply | None]:
        """What the answer function makes of a body: a fault or a reply."""
        for name in self.lacks:
            if name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return Fault("bad_request", message=message, code="unsupported_parameter", param=name), None
        answered = self.answer(body)
        if isinstance(answered, Fault):
            return answered, None
        if isinstance(answered, Reply):
            return None, answered
        return None, Reply(answered) if isinstance(answered, str) else Reply(**answered)

    def _response(self, path: str, body: dict[str, Any], fault: Fault | None, reply: Reply | None) -> _Response:
        kind = fault.kind if fault is not None else ""
        if fault is not None and (kind in _OPENAI_ERRORS or kind == "error_in_200"):
            return self._error(path, fault)
        if kind == "bad_gateway":
            return _Response(502, _HTML, _retry_after(fault), "text/html")
        if kind == "malformed":
            return _Response(200, _HTML)
        if kind == "redirect":
            return _Response(307, b"", f"Location: {self.url}/elsewhere\r\n")
        if kind in ("empty", "wrong_schema", "refusal", "content_filter"):
            words = {"wrong_schema": _WRONG_SCHEMA, "refusal": "I can't help with that."}.get(kind, "")
            reply = Reply(words, finish=kind if kind in ("refusal", "content_filter") else "stop")
        content = self.model.response(path, body, reply or self.decide(body)[1] or Reply())
        whole = content if isinstance(content, bytes) else json.dumps(content).encode()
        return _Response(200, whole[: len(whole) // 2] if kind == "truncated" else whole)

    def _error(self, path: str, fault: Fault) -> _Response:
        vendor = "anthropic" if "/messages" in path else "openai"
        known = _ANTHROPIC_ERRORS if vendor == "anthropic" else _OPENAI_ERRORS
        status, message, code = known["overloaded" if fault.kind == "error_in_200" else fault.kind]
        body = error_body(vendor, status, fault.message or message, fault.code or code, fault.param)
        return _Response(
            200 if fault.kind == "error_in_200" else status, json.dumps(body).encode(), _retry_after(fault)
        )


def _retry_after(fault: Fault | None) -> str:
    if fault is None or fault.retry_after is None:
        return ""
    if fault.as_date:
        return f"Retry-After: {formatdate(time.time() + fault.retry_after, usegmt=True)}\r\n"
    return f"Retry-After: {fault.retry_after:g}\r\n"


class _Connection(asyncio.Protocol):
    """One connection: requests in, one answer each, in turn."""

    def __init__(self, server: Loopback) -> None:
        self._server = server
        self._buffer = bytearray()
        self._busy = False
        self._told_to_go_on = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections_made += 1
        self._server._connections.add(self)
        if self._server._server is None:  # it went dark meanwhile
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self)
        self._finish()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        stop = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < stop:
            if "expect" in headers and not self._told_to_go_on:
                self._told_to_go_on = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = bytes(self._buffer[end + 4 : stop])
        del self._buffer[:stop]
        method, path, _ = first.split(" ", 2)
        self._busy, self._told_to_go_on = True, False
        server = self._server
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        server.take(self, method, path.partition("?")[0], headers, body)

    def _finish(self) -> None:
        if self._busy:
            self._busy = False
            self._server.in_flight -= 1

    def fail(self, fault: Fault) -> None:
        """What happens instead of an answer; a request that hangs is simply left."""
        if fault.kind == "reset":
            self.reset()
        elif fault.kind == "dark":
            self._server._darken(fault.seconds)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def reset(self) -> None:
        """Close at once, and let the other side know that it was no orderly end."""
        taken = self._transport.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def reply(self, response: _Response, fault: Fault | None = None) -> None:
        """Send the answer, whole or as the fault has it."""
        if self._transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {response.status} Told\r\nContent-Type: {response.kind}\r\nx-request-id: req_1\r\n"
            f"{response.headers}Content-Length: {len(response.body)}\r\n\r\n"
        ).encode()
        kind = fault.kind if fault is not None else ""
        if kind == "drip" and fault is not None:
            self._transport.write(head)
            self._drip(response.body, fault.seconds)
            return
        if kind in ("reset_after_headers", "cut_body"):
            self._transport.write(head + response.body[: len(response.body) // 2])
            self._server._loop.call_soon(self.reset if kind == "reset_after_headers" else self._transport.close)
            return
        self._transport.write(head + response.body)
        self._finish()
        if self._buffer:
            self._next()

    def _drip(self, rest: bytes, seconds: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(rest[:1])
        if len(rest) > 1:
            self._server._loop.call_later(seconds, self._drip, rest[1:], seconds)
        else:
            self._finish()


@dataclass
class _Store:
    """Models, files and batches, in memory."""

    numbers: Any = field(default_factory=lambda: count(1))
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, server: Loopback, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """Status and body of anything but a completion."""
        content = self._route(server, method, path, body)
        if isinstance(content, bytes):
            return 200, content
        if content is None or content == {}:
            vendor = "anthropic" if "/messages" in path else "openai"
            return 404, json.dumps(error_body(vendor, 404, f"Not found: {method} {path}")).encode()
        return 200, json.dumps(content).encode()

    def _route(self, server: Loopback, method: str, path: str, body: Any) -> Any:
        parts = path.strip("/").removeprefix("v1/").split("/")
        match (method, *parts):
            case ("GET", "models"):
                return {"object": "list", "data": [{"id": "loopback", "object": "model", "owned_by": "nobody"}]}
            case ("POST", "files"):
                return self._upload(body)
            case ("GET", "files", name, "content"):
                return self.files.get(name)
            case ("POST", "batches"):
                return self._openai_batch(server, body)
            case ("GET", "batches"):
                return {"object": "list", "data": [b for b in self.batches.values() if b["object"] == "batch"]}
            case ("POST", "messages", "batches"):
                return self._anthropic_batch(server, body)
            case ("GET", *_, "batches", name):
                return self._look(name)
            case ("POST", *_, "batches", name, "cancel"):
                return self._cancel(name)
            case ("GET", "messages", "batches", name, "results"):
                return self._results(name)
        return None

    def _upload(self, body: bytes) -> dict[str, Any]:
        name = f"file-{next(self.numbers)}"
        boundary = body.split(b"\r\n", 1)[0]
        for part in body.split(boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if b"filename=" in head:
                self.files[name] = content.removesuffix(b"\r\n")
        return {"id": name, "object": "file", "purpose": "batch", "bytes": len(self.files.get(name, b""))}

    def _openai_batch(self, server: Loopback, body: dict[str, Any]) -> dict[str, Any]:
        lines = []
        for line in self.files[body["input_file_id"]].decode().splitlines():
            entry = json.loads(line)
            status, content = self._answered(server, entry["url"], entry["body"])
            response = {"status_code": status, "request_id": "req_1", "body": content}
            lines.append({"id": "b", "custom_id": entry["custom_id"], "response": response, "error": None})
        name = f"batch_{next(self.numbers)}"
        good = [line for line in lines if line["response"]["status_code"] == 200]
        bad = [line for line in lines if line["response"]["status_code"] != 200]
        self.files |= {f"file-{name}-out": _lines(good), f"file-{name}-errors": _lines(bad)}
        counts = {"total": len(lines), "completed": len(good), "failed": len(bad)}
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body["endpoint"], "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"], "status": "in_progress", "request_counts": counts,
            "metadata": body.get("metadata"), "output_file_id": None, "error_file_id": None,
            "_done": time.monotonic() + server.batch_s,
        }  # fmt: skip
        return self._look(name)

    def _anthropic_batch(self, server: Loopback, body: dict[str, Any]) -> dict[str, Any]:
        lines = []
        for entry in body["requests"]:
            status, content = self._answered(server, "/v1/messages", entry["params"])
            result = (
                {"type": "succeeded", "message": content} if status == 200 else {"type": "errored", "error": content}
            )
            lines.append({"custom_id": entry["custom_id"], "result": result})
        name = f"msgbatch_{next(self.numbers)}"
        failed = sum(line["result"]["type"] == "errored" for line in lines)
        self.files[name] = _lines(lines)
        self.batches[name] = {
            "id": name, "type": "message_batch", "object": "", "processing_status": "in_progress",
            "request_counts": {"processing": len(lines), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
            "results_url": None, "_url": f"{server.url}/v1/messages/batches/{name}/results",
            "_counts": {"processing": 0, "succeeded": len(lines) - failed, "errored": failed, "canceled": 0,
                        "expired": 0},
            "_done": time.monotonic() + server.batch_s,
        }  # fmt: skip
        return self._look(name)

    def _answered(self, server: Loopback, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        fault, reply = server.decide(body)
        response = server._response(path, body, fault, reply)
        return response.status, json.loads(response.body)

    def _look(self, name: str) -> dict[str, Any]:
        batch = self.batches.get(name)
        if batch is None:
            return {}
        if time.monotonic() >= batch["_done"] and "in_progress" in (
            batch.get("status"),
            batch.get("processing_status"),
        ):
            if batch["object"] == "batch":
                batch |= {"status": "completed", "output_file_id": f"file-{name}-out"}
                batch["error_file_id"] = f"file-{name}-errors" if batch["request_counts"]["failed"] else None
            else:
                batch |= {
                    "processing_status": "ended",
                    "results_url": batch["_url"],
                    "request_counts": batch["_counts"],
                }
        return {key: value for key, value in batch.items() if not key.startswith("_")}

    def _cancel(self, name: str) -> dict[str, Any]:
        batch = self.batches.get(name)
        if batch is not None:
            batch |= {"status": "cancelled"} if batch["object"] == "batch" else {"processing_status": "ended"}
        return self._look(name)

    def _results(self, name: str) -> bytes | None:
        return self.files.get(name) if self._look(name).get("results_url") else None


def _lines(entries: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


def _main() -> None:
    parser = argparse.ArgumentParser(description="A model server on this computer, for benchmarks and by hand.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each completion takes")
    parser.add_argument("--answer", default="Hello.", help="what it always says")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=PROBABILITY", help=", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    probabilities = {kind: float(chance or 1) for kind, _, chance in (fault.partition("=") for fault in given.fault)}
    faults = at_random(dict(probabilities), given.seed) if probabilities else None
    server = Loopback(given.answer, latency_s=given.latency, faults=faults, record=False, port=given.port)
    with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write(f"{server.count} requests, most in flight {server.most_in_flight}\n")


if __name__ == "__main__":
    _main()
