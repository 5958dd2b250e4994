"""The wire: what servers mean by their errors, how long they ask to wait, proxies, certificates, lightness."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback
from loopback_endpoints import PROMPT, asking, endpoint_at

from silicus.concepts.errors import ProviderError
from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prompt import Completion, Message, Prompt
from silicus.llm.server_errors import classify, response_in, retry_after
from silicus.llm.wire import Capabilities, Client, Request, WireProvider, check_endpoint, served_models, stepped_down

LAB = Endpoint("lab", "openai", "http://localhost:1/v1")


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


# Status, body as it comes, what it is; the bodies are in the shapes of different servers.
ERRORS: list[tuple[int, Any, str]] = [
    # OpenAI
    (401, error("Incorrect API key provided: sk-1**4.", type="invalid_request_error", code="invalid_api_key"), "auth"),
    (429, error("You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota"), "quota"),
    (429, error("Rate limit reached for gpt-5 on tokens per min (TPM).", code="rate_limit_exceeded"), "rate_limited"),
    (429, error("Request too large for gpt-5 on tokens per min: Limit 30000, Requested 41000."), "context_length"),
    (400, error("The maximum context length is 8192 tokens.", code="context_length_exceeded"), "context_length"),
    (400, error("Invalid prompt: flagged as violating our usage policy.", code="invalid_prompt"), "content_filter"),
    (404, error("The model `gpt-9` does not exist.", code="model_not_found"), "not_found"),
    (500, error("The server had an error.", type="server_error"), "server_error"),
    (503, error("The engine is currently overloaded.", type="server_error"), "overloaded"),
    # Azure
    (400, error("The response was filtered.", code="content_filter", innererror={"code": "ResponsibleAI"}),
     "content_filter"),
    # Anthropic
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
    (400, {"type": "error", "error": {"type": "invalid_request_error",
                                      "message": "prompt is too long: 213462 tokens"}}, "context_length"),
    (400, {"type": "error", "error": {"type": "invalid_request_error",
                                      "message": "Your credit balance is too low."}}, "quota"),
    (403, {"type": "error", "error": {"type": "permission_error", "message": "Not for you."}}, "auth"),
    (413, {"type": "error", "error": {"type": "request_too_large", "message": "Too large"}}, "context_length"),
    (504, {"type": "error", "error": {"type": "timeout_error", "message": "Timed out"}}, "timeout"),
    # vLLM, old and new
    (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested"
           " 5000 tokens", "type": "BadRequestError", "code": 400}, "context_length"),
    (400, error("The decoder prompt (length 5000) is longer than the maximum model length of 4096."), "context_length"),
    (404, {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
     "not_found"),
    # llama.cpp
    (400, error("the request exceeds the available context size", code=400, type="exceed_context_size_error"),
     "context_length"),
    (503, error("Loading model", code=503, type="unavailable_error"), "overloaded"),
    # Ollama
    (404, error('model "qwen9" not found, try pulling it first', type="api_error", param=None, code=None), "not_found"),
    # Gemini's compatible endpoint: a list
    (429, [error("Resource has been exhausted.", code=429, status="RESOURCE_EXHAUSTED")], "rate_limited"),
    (400, [error("API key not valid. Please pass a valid API key.", code=400, status="INVALID_ARGUMENT")], "auth"),
    (503, [error("The model is overloaded.", code=503, status="UNAVAILABLE")], "overloaded"),
    # Groq, Mistral, DeepSeek, OpenRouter, FastAPI
    (413, error("Request too large for model on tokens per minute", code="rate_limit_exceeded"), "context_length"),
    (400, error("Failed to generate JSON.", code="json_validate_failed", failed_generation="{"), "malformed"),
    (422, {"object": "error", "message": {"detail": [{"loc": ["body", "temperature"], "msg": "less than 1.5"}]}},
     "bad_request"),
    (401, {"message": "Unauthorized", "request_id": "1"}, "auth"),
    (402, error("Insufficient Balance", type="unknown_error", code="invalid_request_error"), "quota"),
    (200, error("Provider returned error", code=429, metadata={"raw": "busy", "provider_name": "X"}), "rate_limited"),
    (200, error("Overloaded", type="overloaded_error"), "overloaded"),
    (200, {"error": "something broke"}, "server_error"),
    (403, error("Your input was flagged", code=403, metadata={"reasons": ["violence"]}), "content_filter"),
    (422, {"detail": [{"loc": ["body", "n"], "msg": "Input should be a valid integer"}]}, "bad_request"),
    (405, {"detail": "Method Not Allowed"}, "bad_request"),
    # Gateways and pages
    (502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "server_error"),
    (504, "upstream request timeout", "timeout"),
    (308, "", "not_found"),
    (400, "", "bad_request"),
    (520, "", "server_error"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), ERRORS)
def test_an_error_means_what_its_server_means(status: int, body: Any, kind: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    found = classify(status, {}, raw.encode())
    assert found.kind == kind
    assert "<" not in found.message
    assert found.message


def test_an_error_tells_the_servers_words_within_reason() -> None:
    assert "try pulling it first" in classify(404, {}, json.dumps(error("try pulling\n  it first")).encode()).message
    assert len(classify(400, {}, json.dumps(error("long " * 5000)).encode()).message) < 500
    nested = {"error": {"message": "Provider returned error", "metadata": {"raw": '{"detail": "no such adapter"}'}}}
    assert "no such adapter" in classify(400, {}, json.dumps(nested).encode()).message


STRANGE = st.recursive(
    st.none() | st.text() | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "code", "type"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=300) | STRANGE.map(lambda content: json.dumps(content).encode()), st.integers(200, 599))
def test_no_body_is_too_strange_to_be_an_error(body: bytes, status: int) -> None:
    found = classify(status, {}, body)
    assert found.message.startswith("the server answered ")
    assert found.retry_after_s is None or found.retry_after_s >= 0


@given(st.text(max_size=200))
def test_a_strange_answer_is_a_call_error(text: str) -> None:
    try:
        content = response_in(text)
    except CallError as error:
        assert error.kind in ("malformed", "server_error")  # noqa: PT017
    else:
        assert isinstance(content, dict)


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after": "0.5"}, "", 0.5),
        ({"retry-after": "9", "retry-after-ms": "250"}, "", 0.25),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-3"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({}, "Please try again in 1.898s. Visit", 1.898),
        ({}, "Please try again in 6m0s.", 360.0),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "retry after 20 seconds", 20.0),
        ({}, '{"details": [{"retryDelay": "23s"}]}', 23.0),
        ({"retry-after": "2"}, "try again in 90s", 2.0),
        ({}, "try again later", None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], text: str, seconds: float | None) -> None:
    assert retry_after(headers, text) == (pytest.approx(seconds) if seconds is not None else None)


def test_a_date_to_wait_for_may_have_passed() -> None:
    assert retry_after({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0.0
    assert retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) == pytest.approx(60, abs=2)


def test_a_body_is_sent_as_it_is_and_what_is_no_character_is_replaced() -> None:
    assert Request("/", {"text": "ü\ud800"}).payload() == '{"text":"ü?"}'.encode()


def test_the_last_way_to_hold_to_a_schema_is_not_stepped_down_from() -> None:
    patterns = {"native": re.compile("schema"), "tool": re.compile("tool")}
    ladder = Capabilities(("native", "tool", "words"), True, False, False).schema
    refused = CallError("bad_request", "no schema, no tool")
    seen = []
    endpoint: Endpoint | None = LAB
    while endpoint is not None:
        seen.append(endpoint.structured)
        endpoint = stepped_down(endpoint, ladder, patterns, refused)
    assert seen == ["auto", "tool", "words"]


def test_a_format_that_nobody_registered_is_said_to_be_unknown() -> None:
    with pytest.raises(ProviderError, match="telepathy") as caught:
        WireProvider(Endpoint("lab", "telepathy", "http://localhost:1"))
    assert "openai" in caught.value.suggestion


async def test_the_proxy_of_the_environment_is_used_but_not_for_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with Loopback("Through.") as proxy, Loopback("Straight.") as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        far = await check_endpoint(Endpoint("far", "openai", "http://far.example/v1"), "small")
        near = await check_endpoint(endpoint_at(server, "openai", key_required=False), "small")
        assert isinstance(far, Completion)
        assert isinstance(near, Completion)
        assert (far.text, near.text) == ("Through.", "Straight.")
        monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
        with pytest.raises(ProviderError, match="not an HTTP proxy"):
            await check_endpoint(Endpoint("far", "openai", "http://far.example/v1"), "small")


@asynccontextmanager
async def always_saying(words: bytes) -> AsyncIterator[str]:
    """The address of a server that says the same to everybody who says something, whatever it is."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


async def test_a_server_that_does_not_encrypt_is_not_trusted_with_https() -> None:
    async with always_saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        fault = await check_endpoint(Endpoint("lab", "openai", f"https://{address}/v1"), "small")
    assert isinstance(fault, CallError)
    assert fault.kind == "not_found"
    assert not fault.retryable
    assert "encrypted" in fault.message


async def test_what_is_not_http_is_malformed() -> None:
    async with always_saying(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") as address:
        fault = await check_endpoint(Endpoint("lab", "openai", f"http://{address}/v1"), "small")
    assert isinstance(fault, CallError)
    assert fault.kind in ("malformed", "disconnected")


async def test_a_list_of_models_may_be_missing_or_strange() -> None:
    with Loopback() as server:
        listed = await served_models(endpoint_at(server, "openai", key_required=False))
        assert listed == ("loopback",)
        elsewhere = endpoint_at(server, "openai", key_required=False, base_url=f"{server.url}/nowhere")
        missing = await served_models(elsewhere)
        assert isinstance(missing, CallError)
        assert missing.kind == "not_found"


async def test_a_client_can_be_closed_twice_and_before_it_was_used() -> None:
    client = Client(LAB)
    await client.close()
    await client.close()


async def test_answers_to_many_calls_at_once_do_not_get_mixed_up() -> None:
    prompts = [Prompt((Message("user", f"Number {n}."),), "participant") for n in range(300)]
    with Loopback(lambda body: body["messages"][0]["content"], latency_s=0.001) as server:
        async with asking(server, "openai", key_required=False) as provider:
            answers = await asyncio.gather(*(provider.complete(prompt, "small") for prompt in prompts))
    assert [answer.text for answer in answers] == [f"Number {n}." for n in range(300)]


def test_importing_the_wire_needs_no_http_client() -> None:
    code = (
        "import sys, silicus.llm.wire, silicus.llm.endpoints\n"
        "from silicus.llm.wire import FORMATS\n"
        "[FORMATS.load(name) for name in FORMATS.names()]\n"
        "print([name for name in ('aiohttp', 'truststore', 'numpy', 'ruamel.yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def test_a_completion_is_what_the_format_read_and_nothing_is_added() -> None:
    with Loopback("Six.") as server:
        async with asking(server, "openai", key_required=False) as provider:
            completion = await provider.complete(PROMPT, "small")
    assert completion.tries == 1
    assert completion.cost is None
    assert completion.faults == ()
