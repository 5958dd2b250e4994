"""One request over HTTP and its answer: the thin layer under every provider that is reached over a network.

A wire format is a file in ``providers/``: it renders a prompt to a request, parses an answer, and says what an error
means; all three are functions without input or output. :class:`WireProvider` sends. It neither tries again nor counts
money: that is the line's (:mod:`silicus.llm.line`).

Answers are not streamed. Nobody reads along, an answer counts only when it is whole, and parsing a stream costs ten
times the CPU time. A server that sends slowly is still noticed: once an answer has begun to come, silence of
``idle_s`` ends it, and ``timeout_s`` ends it in any case.

A package adds a format by an entry point in the group ``silicus.formats``, which names a :class:`WireFormat`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from silicus.concepts.errors import ProviderError
from silicus.llm.endpoints import Endpoint, Structured
from silicus.llm.faults import CallError, FaultKind
from silicus.llm.prompt import Completion, Message, Prompt, Sampling, storable
from silicus.llm.server_errors import classify
from silicus.plugins import Registry

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "FORMATS",
    "Capabilities",
    "Client",
    "Request",
    "WireFormat",
    "WireProvider",
    "check_endpoint",
    "served_models",
    "stepped_down",
]

FORMATS = Registry(
    "silicus.formats",
    {
        "openai": "silicus.llm.providers.openai_chat:FORMAT",
        "anthropic": "silicus.llm.providers.anthropic_messages:FORMAT",
        "completion": "silicus.llm.providers.text_completion:FORMAT",
    },
)
"""Wire formats by the name that an endpoint gives: each a :class:`WireFormat`."""

CONNECT_S = 15.0
LONGEST_BODY = 32 * 1024 * 1024
LARGE_PAYLOAD = 512 * 1024
"""Bytes above which a body is handed to aiohttp as a file, which is sent in parts."""
RENEGOTIATIONS = 4

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a format renders it: the path below the endpoint's address, headers without a key, the body."""

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """The body as it is sent; what is no character is replaced by a question mark."""
        return _json(self.body).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a wire format can carry.

    Attributes
    ----------
    schema
        The ways to hold an answer to a schema, best first; ``words`` is always the last.
    images
        Whether messages may show pictures.
    logprobs
        Whether a server may report log-probabilities.
    base_text
        Whether it continues a text, as base models do.
    key_header, key_prefix
        Where the key goes.
    models_path
        Where the served models are listed.
    """

    schema: tuple[Structured, ...]
    images: bool
    logprobs: bool
    base_text: bool
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    models_path: str = "/models"


@dataclass(frozen=True, slots=True)
class WireFormat:
    """How to speak with one family of servers: three functions and a table of capabilities.

    Attributes
    ----------
    capabilities
        What it can carry.
    render
        Prompt, model name and endpoint to the request. CallError ``bad_request`` where it cannot be said.
    parse
        Response text, model name and endpoint to the completion. CallError ``malformed``, ``empty`` or
        ``content_filter`` where there is none.
    classify
        Status, headers and body of a refusal to the fault.
    adapt
        The endpoint as it should be asked after a refusal that names something which the server lacks and which can
        be said in another way without changing what is asked; None where there is nothing of the kind. A temperature
        that the server refuses is never left out silently.
    """

    capabilities: Capabilities
    render: Callable[[Prompt, str, Endpoint], Request]
    parse: Callable[[str, str, Endpoint], Completion]
    classify: Callable[[int, Mapping[str, str], bytes], CallError] = classify
    adapt: Callable[[CallError, Endpoint], Endpoint | None] | None = None


def stepped_down(
    endpoint: Endpoint, ladder: tuple[Structured, ...], lacking: Mapping[str, re.Pattern[str]], error: CallError
) -> Endpoint | None:
    """The endpoint with the next best way to hold an answer to a schema, where a refusal names the present one.

    Parameters
    ----------
    endpoint
        As it was asked.
    ladder
        The ways of the format, best first.
    lacking
        For each way, the words by which a server says that it does not have it.
    error
        The refusal.
    """
    rung = ladder[0] if endpoint.structured == "auto" else endpoint.structured
    if rung not in ladder[:-1] or not lacking[rung].search(error.message):
        return None
    return replace(endpoint, structured=ladder[ladder.index(rung) + 1])


class Client:
    """HTTP to one endpoint: connections kept open, certificates of the operating system, proxies of the environment.

    Connections are opened at the first request and belong to the event loop that makes it.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None

    async def send(
        self, path: str, headers: Mapping[str, str], payload: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Post the payload, or get where there is none; returns status, headers and body.

        Raises
        ------
        CallError
            ``timeout`` or ``disconnected`` where no whole answer came; ``malformed`` where it is no HTTP.
        """
        import aiohttp

        session = self._session or self._open()
        try:
            async with session.request(
                "GET" if payload is None else "POST",
                f"{self._endpoint.base_url}{path}",
                data=BytesIO(payload) if payload is not None and len(payload) > LARGE_PAYLOAD else payload,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,  # a redirect would take the key to another server
            ) as response:
                return response.status, response.headers, await self._body(response)
        except TimeoutError as error:
            raise CallError("timeout", _timeout_words(error, self._endpoint)) from None
        except aiohttp.ClientError as error:
            kind, words = _connection_fault(error)
            raise CallError(kind, words) from None
        except OSError as error:
            raise CallError("disconnected", f"the connection broke: {_system_words(error)}") from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        stream = response.content
        if stream.is_eof():  # it came with the headers, as short answers do
            return await response.read()
        chunks: list[bytes] = []
        size = 0
        while True:
            async with asyncio.timeout(self._endpoint.idle_s):
                chunk = await stream.readany()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if size > LONGEST_BODY:
                raise CallError("malformed", f"the answer is longer than {LONGEST_BODY >> 20} MiB")

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        ssl_context: Any = True
        if self._endpoint.base_url.startswith("https:"):
            import ssl

            import truststore

            ssl_context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._proxy = _proxy_for(self._endpoint)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._endpoint.concurrency, ssl=ssl_context),
            timeout=aiohttp.ClientTimeout(total=self._endpoint.timeout_s, sock_connect=CONNECT_S),
            headers={"Content-Type": "application/json", "User-Agent": "silicus"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session

    async def close(self) -> None:
        """Let go of the connections; a later request opens them anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class WireProvider:
    """A provider that is reached over HTTP. See :class:`silicus.llm.prompt.Provider`.

    Where a server refuses a way of asking that it does not know (a schema, the name of a parameter), the next best
    way is taken, and remembered for that model.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        try:
            wire_format: WireFormat = FORMATS.load(endpoint.format)
        except KeyError:
            raise ProviderError(
                f"the endpoint '{endpoint.name}' has a format that is not known: {endpoint.format}",
                suggestion=f"Known are {', '.join(FORMATS.names())}.",
                code="unknown_format",
            ) from None
        self.format = wire_format
        named = (endpoint.key_variable, *(v[1:] for v in endpoint.headers.values() if v.startswith("$")))
        self._secret_variables = tuple(variable for variable in named if variable)
        self._client = Client(endpoint)
        self._adapted: dict[str, Endpoint] = {}

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        """Ask once.

        The text of the completion can be stored, and tokens that the server does not count are estimated from the
        characters, rather too many than too few: a budget must not take unknown for nothing.

        Raises
        ------
        CallError
            Whatever went wrong; nothing in it holds a key.
        """
        renegotiated = 0
        while True:
            endpoint = self._adapted.get(model_name, self.endpoint)
            try:
                completion = self._read(await self._ask(prompt, model_name, endpoint), model_name, endpoint)
            except CallError as error:
                adapted = self._adapt(error, endpoint) if renegotiated < RENEGOTIATIONS else None
                if adapted is None:
                    raise self._told(error) from None
                self._adapted[model_name] = adapted
                renegotiated += 1
            else:
                return completion if completion.tokens_in or completion.tokens_out else _estimated(prompt, completion)

    async def exchange(self, request: Request) -> str:
        """Send one request and return the text of its answer.

        Raises
        ------
        CallError
            Where the server cannot be had or says no.
        """
        try:
            return await self._exchanged(request)
        except CallError as error:
            raise self._told(error) from None

    async def models(self) -> tuple[str, ...]:
        """Names of the models that the server lists.

        Raises
        ------
        CallError
            Where it cannot be had or lists none.
        """
        try:
            return _model_names(await self._send(self.format.capabilities.models_path, self._headers(), None))
        except CallError as error:
            raise self._told(error) from None

    async def close(self) -> None:
        """Let go of connections; a later call opens them anew."""
        await self._client.close()

    def _adapt(self, error: CallError, endpoint: Endpoint) -> Endpoint | None:
        if error.kind != "bad_request" or self.format.adapt is None:
            return None
        return self.format.adapt(error, endpoint)

    async def _ask(self, prompt: Prompt, model_name: str, endpoint: Endpoint) -> str:
        return await self._exchanged(self.format.render(prompt, model_name, endpoint))

    async def _exchanged(self, request: Request) -> str:
        headers = self._headers()
        headers.update(request.headers)
        return await self._send(request.path, headers, request.payload())

    async def _send(self, path: str, headers: Mapping[str, str], payload: bytes | None) -> str:
        status, answered, body = await self._client.send(path, headers, payload)
        body = self._without_secrets(body)
        if status != 200:
            raise self.format.classify(status, answered, body)
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            raise CallError("malformed", "the answer is not text in UTF-8") from None

    def _read(self, text: str, model_name: str, endpoint: Endpoint) -> Completion:
        completion = self.format.parse(text, model_name, endpoint)
        if completion.text.isascii():
            return completion
        return replace(completion, text=storable(completion.text))

    def _headers(self) -> dict[str, str]:
        capabilities = self.format.capabilities
        headers = {name: _value_of(value) for name, value in self.endpoint.headers.items()}
        key = self._key()
        if key:
            headers[capabilities.key_header] = f"{capabilities.key_prefix}{key}"
        return headers

    def _key(self) -> str:
        variable = self.endpoint.key_variable
        key = os.environ.get(variable, "").strip() if variable else ""
        if not key and self.endpoint.key_required and variable:
            raise CallError("auth", f"there is no key: {variable} is not set", suggestion=self.endpoint.setup)
        if not key.isascii() or not key.isprintable():
            raise CallError("auth", f"{variable} holds characters that no key has", suggestion="Copy the key anew.")
        return key

    def _without_secrets(self, body: bytes) -> bytes:
        """What the server said, without the keys that it may repeat."""
        for variable in self._secret_variables:
            secret = os.environ.get(variable, "").strip().encode("utf-8", "replace")
            if len(secret) > 3 and secret in body:
                body = body.replace(secret, b"[key]")
        return body

    def _told(self, error: CallError) -> CallError:
        """The same fault, told with whose it is and what to do."""
        return CallError(
            error.kind,
            f"{self.endpoint.name}: {error.message}",
            suggestion=error.suggestion or _advice(error, self.endpoint),
            retry_after_s=error.retry_after_s,
        )


async def check_endpoint(endpoint: Endpoint, model_name: str) -> Completion | CallError:
    """Ask a model for one word, to see whether it answers now; returns the answer, or what went wrong."""
    prompt = Prompt((Message("user", "Answer with one word: ready."),), "participant", sampling=Sampling(None, 1024))
    provider = WireProvider(endpoint)
    try:
        return await provider.complete(prompt, model_name)
    except CallError as error:
        return error
    finally:
        await provider.close()


async def served_models(endpoint: Endpoint) -> tuple[str, ...] | CallError:
    """The models that an endpoint says it serves, or what went wrong."""
    provider = WireProvider(endpoint)
    try:
        return await provider.models()
    except CallError as error:
        return error
    finally:
        await provider.close()


def _model_names(body: str) -> tuple[str, ...]:
    try:
        content = json.loads(body)
    except ValueError:
        raise CallError("malformed", "the list of models is no JSON") from None
    entries = content.get("data") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise CallError("malformed", "the server lists no models")
    return tuple(str(entry["id"]) for entry in entries if isinstance(entry, dict) and entry.get("id"))


def _estimated(prompt: Prompt, completion: Completion) -> Completion:
    sent = sum(len(message.content) for message in prompt.messages) // 3 + 1
    return replace(completion, tokens_in=sent, tokens_out=len(completion.text) // 3 + 1)


def _value_of(header: str) -> str:
    if not header.startswith("$"):
        return header
    value = os.environ.get(header[1:], "").strip()
    if not value.isascii() or not value.isprintable():
        raise CallError("auth", f"{header[1:]} holds characters that no header may have")
    return value


def _proxy_for(endpoint: Endpoint) -> str | None:
    """The proxy that the environment names for this server; a server on this computer is reached without.

    aiohttp's own way (``trust_env``) looks at the environment and reads ``~/.netrc`` anew for every request.
    """
    from urllib.request import getproxies, proxy_bypass

    if endpoint.host in ("localhost", "::1") or endpoint.host.startswith("127.") or proxy_bypass(endpoint.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(endpoint.base_url.partition(":")[0]) or proxies.get("all")
    if proxy and not proxy.startswith(("http://", "https://")):
        raise ProviderError(
            "the environment names a proxy that is not an HTTP proxy",
            suggestion="Set HTTPS_PROXY to an HTTP proxy, or NO_PROXY for this server.",
        )
    return proxy


def _connection_fault(error: aiohttp.ClientError) -> tuple[FaultKind, str]:
    import aiohttp

    match error:
        case aiohttp.ClientConnectorDNSError():
            return "disconnected", f"there is no server named {error.host}"
        case aiohttp.ClientConnectorCertificateError():
            return "not_found", f"the certificate of {error.host} is not to be trusted"
        case aiohttp.ClientSSLError():
            return "not_found", f"no encrypted connection to {error.host}"
        case aiohttp.ClientConnectorError():
            return "disconnected", f"no connection to {error.host}:{error.port}: {_system_words(error.os_error)}"
        case aiohttp.ClientHttpProxyError():
            return "disconnected", f"the proxy answered {error.status}"
        case aiohttp.ClientResponseError():
            return "malformed", "the answer is no HTTP"
        case aiohttp.ClientPayloadError():
            return "disconnected", "the answer broke off"
        case aiohttp.ServerDisconnectedError():
            return "disconnected", "the server closed the connection without an answer"
        case aiohttp.InvalidURL():
            return "not_found", "the address cannot be used"
        case _:
            words = _system_words(error) if isinstance(error, OSError) else type(error).__name__
            return "disconnected", f"the connection broke: {words}"


def _system_words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _timeout_words(error: TimeoutError, endpoint: Endpoint) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection to {endpoint.host} within {CONNECT_S:g} s"
    return f"no whole answer: {endpoint.timeout_s:g} s in all, or {endpoint.idle_s:g} s without a byte"


def _advice(error: CallError, endpoint: Endpoint) -> str:
    """What a person can do about a fault."""
    match error.kind:
        case "auth" | "quota":
            place = f"the key in {endpoint.key_variable}" if endpoint.key_variable else "the server's access rules"
            what = "and the account's balance" if error.kind == "quota" else "and what it may be used for"
            return f"Check {place} {what}."
        case "bad_request" if "temperature" in error.message:
            return "Some models take no temperature, or a narrower range: change it in the seat, or leave it out."
        case "not_found":
            return f"Check the model's name and the address {endpoint.base_url}."
        case "disconnected":
            return f"Is {endpoint.base_url} up? {endpoint.setup}".strip()
        case "timeout":
            return (
                f"Raise timeout_s or idle_s under [endpoints.{endpoint.name}] in silicus.toml, or ask for less at once."
            )
        case "rate_limited" | "overloaded":
            return f"Set requests_per_minute or a lower concurrency under [endpoints.{endpoint.name}] in silicus.toml."
        case "context_length":
            return "Take a model with a longer context, or let the conversation end sooner (max_turns)."
        case "content_filter":
            return "The provider withholds it; another wording or another provider may not."
        case "malformed" | "empty":
            return "Look at the address and the model: what came back is no answer in this format."
        case _:
            return ""
