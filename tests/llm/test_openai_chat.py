"""Chat completions: what is asked of servers that differ, and what is made of their answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from loopback import Fault, Loopback, Reply
from loopback_endpoints import KEY, KEY_VARIABLE, SCHEMA, asked, asking

from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.providers.openai_chat import FORMAT, adapt, parse, qualifies_as_strict, render

LAB = Endpoint("lab", "openai", "http://localhost:1/v1")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def response(message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> str:
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}], "model": "served-1", **fields})


def said(content: Any, finish: str | None = "stop", **fields: Any) -> tuple[str, str]:
    completion = parse(response({"role": "assistant", "content": content}, finish, **fields), "m", LAB)
    return completion.text, completion.finish


def test_messages_keep_their_roles_and_order() -> None:
    request = render(asked("Your turn.", "Six.", "No."), "m", LAB)
    assert request.path == "/chat/completions"
    assert [(message["role"], message["content"]) for message in request.body["messages"]] == [
        ("system", "You are the buyer."), ("user", "Your turn."), ("assistant", "Six."), ("user", "No."),
    ]  # fmt: skip
    assert set(request.body) == {"model", "messages"}


def test_the_cap_has_the_name_that_the_endpoint_knows() -> None:
    prompt = asked("Your turn.", max_tokens=50)
    assert render(prompt, "m", LAB).body["max_tokens"] == 50
    body = render(prompt, "m", replace(LAB, token_cap="max_completion_tokens")).body
    assert body["max_completion_tokens"] == 50
    assert "max_tokens" not in body


def test_a_schema_is_sent_as_strict_only_where_it_qualifies() -> None:
    held = render(asked("How much?", schema=SCHEMA), "m", LAB).body["response_format"]["json_schema"]
    assert held == {"name": "answer", "schema": SCHEMA, "strict": True}
    open_ended = {"type": "object", "properties": {"answer": {"type": "integer"}}}
    assert "strict" not in render(asked("?", schema=open_ended), "m", LAB).body["response_format"]["json_schema"]


@pytest.mark.parametrize(
    ("schema", "qualifies"),
    [
        (SCHEMA, True),
        (SCHEMA | {"required": []}, False),
        (SCHEMA | {"additionalProperties": True}, False),
        (SCHEMA | {"properties": {"answer": {"type": "string", "minLength": 2}}}, False),
        (SCHEMA | {"properties": {"answer": {"type": "array", "items": {"type": "object"}}}}, False),
        (SCHEMA | {"properties": {"answer": {"type": "array", "items": {"type": "string", "enum": ["a"]}}}}, True),
        (SCHEMA | {"properties": {"answer": {"anyOf": [{"type": "null"}, {"oneOf": []}]}}}, False),
        (SCHEMA | {"properties": {"answer": {"type": ["number", "string", "null"]}}}, True),
        ({"type": "array", "items": {"type": "string"}}, False),
        ({}, False),
    ],
)
def test_what_qualifies_as_strict(schema: dict[str, Any], qualifies: bool) -> None:
    assert qualifies_as_strict(schema) is qualifies


async def test_a_server_without_schemas_is_asked_by_a_tool_and_then_in_words_and_that_is_remembered() -> None:
    prompt = asked("How much?", schema=SCHEMA)
    with Loopback('{"answer": 3}', lacks=["response_format"]) as server:
        async with asking(server, "openai") as provider:
            texts = [(await provider.complete(prompt, "small")).text for _ in range(2)]
            assert texts == ['{"answer": 3}'] * 2
            assert ["response_format" in r.body for r in server.requests] == [True, False, False]
            assert server.requests[-1].body["tool_choice"] == {"type": "function", "function": {"name": "answer"}}
            assert server.requests[-1].body["tools"][0]["function"]["parameters"] == SCHEMA
            server.lacks = ("response_format", "tools")
            server.requests.clear()
            await provider.complete(prompt, "small")
            await provider.complete(prompt, "small")
            assert ["tools" in r.body for r in server.requests] == [True, False, False]
            assert "response_format" not in server.requests[-1].body
            server.requests.clear()
            await provider.complete(prompt, "another")
            assert "response_format" in server.requests[0].body  # what one model lacks, another may have


@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
async def test_a_server_that_knows_the_cap_by_its_other_name_is_asked_by_that(cap: str) -> None:
    with Loopback(lacks=[cap]) as server:
        async with asking(server, "openai", token_cap=cap) as provider:
            for _ in range(2):
                await provider.complete(asked("Your turn.", max_tokens=9), "small")
    assert [cap in received.body for received in server.requests] == [True, False, False]
    assert 9 in server.requests[-1].body.values()


async def test_a_server_that_refuses_both_names_of_the_cap_is_not_asked_for_ever() -> None:
    with Loopback(lacks=["max_tokens", "max_completion_tokens"]) as server:
        async with asking(server, "openai") as provider:
            with pytest.raises(CallError, match="Unsupported parameter") as caught:
                await provider.complete(asked("Your turn.", max_tokens=9), "small")
    assert caught.value.kind == "bad_request"
    assert server.asked <= 6


@pytest.mark.parametrize(
    "message",
    [
        "temperature is deprecated for this model.",
        "Unsupported value: 'temperature' does not support 0.3 with this model.",
        "Invalid 'max_tokens': integer above maximum value.",
        "max_tokens is too large: 99999.",
    ],
)
async def test_what_was_asked_is_never_silently_changed(message: str) -> None:
    with Loopback(lambda _: Fault("bad_request", message=message)) as server:
        async with asking(server, "openai") as provider:
            with pytest.raises(CallError) as caught:
                await provider.complete(asked("Your turn.", temperature=0.3, max_tokens=99), "small")
    assert server.asked == 1
    assert message in caught.value.message
    assert ("temperature" in message) == ("temperature" in caught.value.suggestion)


def test_an_endpoint_told_to_use_the_schema_itself_still_falls_back_and_words_are_the_end() -> None:
    refused = CallError("bad_request", "response_format is not available")
    native = replace(LAB, structured="native")
    stepped = adapt(refused, native)
    assert stepped is not None
    assert stepped.structured == "tool"
    assert adapt(refused, replace(LAB, structured="words")) is None
    assert adapt(CallError("bad_request", "no"), LAB) is None
    assert FORMAT.capabilities.schema == ("native", "tool", "words")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("  Six dollars.\n", "Six dollars."),
        ([{"type": "text", "text": "Six "}, {"type": "text", "text": "dollars."}], "Six dollars."),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Six."}],
            "Six.",
        ),
        ("<think>He looks poor. Say five?</think>\n\nSix dollars.", "Six dollars."),
        ("He looks poor.\n</think>\nSix dollars.", "Six dollars."),
        ("<thinking>Five?</thinking>Six dollars.", "Six dollars."),
    ],
)
def test_the_answer_is_found_in_every_form_of_content(content: Any, text: str) -> None:
    assert said(content) == (text, "stop")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_in_a_field_of_its_own_is_no_answer(field: str) -> None:
    message = {"content": "Six.", field: "He looks poor."}
    assert parse(response(message), "m", LAB).text == "Six."
    with pytest.raises(CallError) as caught:
        parse(response({"content": None, field: "He looks poor."}), "m", LAB)
    assert caught.value.kind == "empty"


def test_reasoning_that_is_not_counted_apart_counts_by_its_share() -> None:
    text = "<think>" + "x" * 85 + "</think>" + "y" * 100
    usage = {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60}
    completion = parse(response({"content": text}, usage=usage), "m", LAB)
    assert completion.tokens_reasoning == 25
    assert completion.text == "y" * 100


def test_a_thought_that_is_cut_off_is_no_answer() -> None:
    assert said("<think>He looks poor, so", "length") == ("", "length")
    with pytest.raises(CallError) as caught:
        said("<think>He looks poor, so")
    assert caught.value.kind == "empty"


@pytest.mark.parametrize(
    ("reported", "finish"),
    [
        ("stop", "stop"), ("tool_calls", "stop"), ("eos", "stop"), (None, "stop"), ("length", "length"),
        ("max_tokens", "length"), ("model_length", "length"), ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"), ("refusal", "refusal"),
    ],
)  # fmt: skip
def test_why_an_answer_ended_is_said_in_our_words(reported: str | None, finish: str) -> None:
    assert said("Six.", reported) == ("Six.", finish)


def test_a_refusal_stands_in_a_field_of_its_own() -> None:
    completion = parse(response({"content": None, "refusal": "I can't do that."}), "m", LAB)
    assert (completion.text, completion.finish) == ("I can't do that.", "refusal")


@pytest.mark.parametrize("arguments", ['{"answer": 3}', {"answer": 3}])
def test_the_arguments_of_a_tool_are_the_answer(arguments: Any) -> None:
    call = {"type": "function", "function": {"name": "answer", "arguments": arguments}}
    assert parse(response({"content": "", "tool_calls": [call]}, "tool_calls"), "m", LAB).text == '{"answer": 3}'


def test_a_server_that_ignores_the_tool_and_writes_is_read_all_the_same() -> None:
    assert parse(response({"content": '{"answer": 3}', "tool_calls": None}), "m", LAB).text == '{"answer": 3}'


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, (9, 4, 0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8},
          "completion_tokens_details": {"reasoning_tokens": 3}}, (9, 4, 8, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 6}, (9, 4, 6, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 33}, (9, 24, 0, 20)),  # reasoning is in the total
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, (9, 4, 0, 0)),
        ({"prompt_tokens": None, "completion_tokens": "4"}, (0, 0, 0, 0)),
        ("none", (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_tokens_are_read_from_every_way_of_counting(usage: Any, counts: tuple[int, ...]) -> None:
    found = parse(response({"content": "Six."}, usage=usage), "m", LAB)
    assert (found.tokens_in, found.tokens_out, found.tokens_cached, found.tokens_reasoning) == counts


def test_the_served_model_and_its_fingerprint_are_kept() -> None:
    found = parse(response({"content": "Six."}, system_fingerprint="fp_1"), "m", LAB)
    assert (found.served, found.fingerprint, found.llm) == ("served-1", "fp_1", "lab:m")
    assert parse('{"choices": [{"message": {"content": "Six."}}]}', "m", LAB).fingerprint == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"choices": []}', "malformed"),
        ('{"choices": [{}]}', "malformed"),
        ('{"choices": [{"message": {"content": 12}}]}', "empty"),
        ('{"id": 1}', "malformed"),
        ("[1, 2]", "malformed"),
        ('"Six."', "malformed"),
        ("[" * 100_000, "malformed"),
        ('{"error": {"code": 429, "message": "Provider returned error"}}', "rate_limited"),
        ('{"error": {"code": 402, "message": "Insufficient credits"}}', "quota"),
        ('{"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "upstream"}, "message": {}}]}',
         "server_error"),
        ('{"choices": [{"finish_reason": "insufficient_system_resource", "message": {"content": ""}}]}', "overloaded"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_apart(body: str, kind: str) -> None:
    with pytest.raises(CallError) as caught:
        parse(body, "m", LAB)
    assert caught.value.kind == kind


async def test_a_prompt_that_extends_the_last_is_found_in_the_cache() -> None:
    with Loopback(lambda _: Reply("Six.")) as server:
        async with asking(server, "openai") as provider:
            first = await provider.complete(asked("It is your turn, please speak now."), "small")
            longer = asked("It is your turn, please speak now.", "Six.", "No. Your turn.")
            second = await provider.complete(longer, "small")
    assert first.tokens_cached == 0
    assert second.tokens_cached == first.tokens_in
