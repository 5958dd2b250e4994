"""Where batches are handed in: what a provider's batches are like, and HTTP to its desk.

A format of batches is a file in ``providers/`` with a :class:`BatchFormat`; :mod:`silicus.llm.batch` has the verbs.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion
from silicus.llm.server_errors import response_in
from silicus.llm.wire import Client, Request, WireProvider

if TYPE_CHECKING:
    import aiohttp

__all__ = ["CANCELLED", "EXPIRED", "USUAL_PACE", "BatchFormat", "BatchState", "Desk", "Pace", "Result", "entry_in"]

T = TypeVar("T")

EXPIRED = "the batch expired before this was asked"
CANCELLED = "the batch was cancelled before this was asked"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a batch is looked at, and how patiently.

    Attributes
    ----------
    poll_s
        Seconds between two looks.
    patience_s
        How long a provider that does not answer, or has too much to do, is asked again.
    """

    poll_s: float = 30.0
    patience_s: float = 1800.0


USUAL_PACE = Pace()


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a batch stands at the provider.

    Attributes
    ----------
    ended
        Whether nothing more will come.
    total, finished
        Requests, and how many of them are answered or have failed.
    results
        Paths of the files with results, once it has ended.
    lacking
        Why a request has no result; told only once the batch has ended.
    """

    ended: bool
    total: int
    finished: int
    results: tuple[str, ...]
    lacking: CallError


@dataclass(frozen=True, slots=True)
class Result:
    """One line of results: the request's id, and the response as a live call would have brought it, or the fault."""

    custom_id: str
    response: str = ""
    fault: CallError | None = None


@dataclass(frozen=True, slots=True)
class BatchFormat:
    """How one family of providers takes batches.

    Attributes
    ----------
    most_requests, most_bytes
        What one batch may hold; kept well below what providers allow, so that a part is at hand in memory.
    line
        A request's id and the request to one entry of a batch.
    hand_in
        Desk, token and entries (JSON texts) to the batch's id. The token is something to find it again by.
    look
        Desk and id to how the batch stands.
    read
        A line of a file with results to the result.
    cancel
        Desk and id: let the provider answer no more of it.
    find
        Desk, token, number of requests and the time from which it may have been handed in: the id of the batch with
        that token, None where there is none.
    headers
        Sent with every request beside the endpoint's own.
    share_of_price
        What a batch costs of the price of live calls.
    """

    most_requests: int
    most_bytes: int
    line: Callable[[str, Request], dict[str, Any]]
    hand_in: Callable[[Desk, str, Sequence[str]], Awaitable[str]]
    look: Callable[[Desk, str], Awaitable[BatchState]]
    read: Callable[[str], Result]
    cancel: Callable[[Desk, str], Awaitable[None]]
    find: Callable[[Desk, str, int, float], Awaitable[str | None]]
    headers: Mapping[str, str] = field(default_factory=dict)
    share_of_price: float = 0.5


def entry_in(text: str) -> dict[str, Any]:
    """The JSON object that a line of results is; CallError ``malformed`` where it is none."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict):
        raise CallError("malformed", "a line of the batch's results cannot be read")
    return entry


class Desk(WireProvider):
    """HTTP to where an endpoint takes batches, with its key and its way of saying no."""

    def __init__(self, endpoint: Endpoint, how: BatchFormat, pace: Pace) -> None:
        super().__init__(endpoint)
        self._client = _LongAnswers(endpoint)
        self.how = how
        self.pace = pace

    async def get(self, path: str) -> str:
        """The text at a path, asked for again where that may help.

        Raises
        ------
        CallError
            Where it cannot be had.
        """
        return await self._patiently(lambda: self._sent(path, None))

    async def look(self, path: str) -> dict[str, Any]:
        """The JSON object at a path; raises as :meth:`get`."""

        async def ask() -> dict[str, Any]:
            return response_in(await self._sent(path, None))

        return await self._patiently(ask)

    async def post(self, path: str, payload: bytes, content_type: str = "application/json") -> dict[str, Any]:
        """Send something once and return the JSON object that comes back.

        Raises
        ------
        CallError
            Whatever went wrong; it is not known then whether it arrived.
        """
        return response_in(await self._sent(path, payload, content_type))

    def answer(self, response: str, model_name: str) -> Completion | CallError:
        """A response as a live call would have read it."""
        try:
            return self._read(response, model_name, self.endpoint)
        except CallError as error:
            return self._told(error)

    def told(self, error: CallError) -> CallError:
        """The same fault, told with whose it is and what to do."""
        return self._told(error)

    async def _sent(self, path: str, payload: bytes | None, content_type: str = "application/json") -> str:
        headers = {"Content-Type": content_type, **self._headers(), **self.how.headers}
        return await self._send(path, headers, payload)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        tries, gives_up_at = 0, None
        while True:
            try:
                return await ask()
            except CallError as error:
                now = time.monotonic()
                gives_up_at = now + self.pace.patience_s if gives_up_at is None else gives_up_at
                if not error.retryable or now > gives_up_at:
                    raise
                await self.pause(tries, error)
                tries += 1

    async def pause(self, tries: int, error: CallError) -> None:
        """Wait before another try: what the server asks for, else up to a doubling time."""
        longest = min(0.5 * 2 ** min(tries, 10), self.pace.poll_s)
        await asyncio.sleep(random.uniform(0, longest) if error.retry_after_s is None else error.retry_after_s)


class _LongAnswers(Client):
    """A client whose answers may be as long as the results of a batch are."""

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        while True:
            async with asyncio.timeout(self._endpoint.idle_s):
                chunk = await response.content.readany()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
