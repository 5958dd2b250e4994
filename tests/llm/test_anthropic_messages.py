"""The Messages format: roles in turn, marks for the prefix cache, and what is made of the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from loopback import Fault, Loopback, Reply
from loopback_endpoints import KEY, KEY_VARIABLE, SCHEMA, asked, asking

from silicus.llm.endpoints import Endpoint
from silicus.llm.faults import CallError
from silicus.llm.prompt import Image, Message, Prompt
from silicus.llm.providers.anthropic_messages import DEFAULT_MAX_TOKENS, parse, render

LAB = Endpoint("lab", "anthropic", "http://localhost:1")
MARK = {"type": "ephemeral"}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def body_of(*messages: Message) -> dict[str, Any]:
    return render(Prompt(messages, "participant"), "m", LAB).body


def texts(message: dict[str, Any]) -> list[str]:
    return [block["text"] for block in message["content"]]


def response(*content: dict[str, Any], stop: str = "end_turn", **fields: Any) -> str:
    return json.dumps({"type": "message", "model": "served-1", "content": content, "stop_reason": stop, **fields})


def test_the_system_message_stands_apart_and_the_cap_is_always_given() -> None:
    request = render(asked("Your turn."), "m", LAB)
    assert request.path == "/v1/messages"
    assert request.headers == {"anthropic-version": "2023-06-01"}
    assert [block["text"] for block in request.body["system"]] == ["You are the buyer."]
    assert [message["role"] for message in request.body["messages"]] == ["user"]
    assert request.body["max_tokens"] == DEFAULT_MAX_TOKENS
    assert render(asked("Your turn.", max_tokens=8), "m", LAB).body["max_tokens"] == 8


def test_an_address_that_already_holds_the_version_is_taken_too() -> None:
    assert render(asked("Your turn."), "m", replace(LAB, base_url="http://localhost:1/v1")).path == "/messages"


def test_what_one_role_says_in_a_row_becomes_one_message() -> None:
    body = body_of(
        Message("user", "One."), Message("user", "Two."), Message("assistant", "Three."), Message("user", "4")
    )
    assert [(message["role"], texts(message)) for message in body["messages"]] == [
        ("user", ["One.", "Two."]), ("assistant", ["Three."]), ("user", ["4"]),
    ]  # fmt: skip


def test_empty_messages_are_left_out_and_a_chat_begins_with_the_user() -> None:
    body = body_of(
        Message("system", " "), Message("user", "  \n"), Message("assistant", "Hello."), Message("user", "Hm.")
    )
    assert "system" not in body
    assert [(message["role"], texts(message)) for message in body["messages"]] == [
        ("user", ["Begin."]), ("assistant", ["Hello."]), ("user", ["Hm."]),
    ]  # fmt: skip


def test_a_prompt_of_system_messages_only_is_asked_as_a_user_would() -> None:
    body = body_of(Message("system", "Say hello."))
    assert "system" not in body
    assert texts(body["messages"][0]) == ["Say hello."]


def test_the_cache_is_marked_at_the_system_message_and_at_the_end_of_a_conversation_that_has_begun() -> None:
    first = render(asked("Your turn."), "m", LAB).body
    assert first["system"][-1]["cache_control"] == MARK
    assert "cache_control" not in first["messages"][-1]["content"][-1]
    later = render(asked("Your turn.", "Six.", "No."), "m", LAB).body
    marked = [block for message in later["messages"] for block in message["content"] if "cache_control" in block]
    assert marked == [{"type": "text", "text": "No.", "cache_control": MARK}]
    assert "cache_control" not in json.dumps(
        render(asked("Your turn."), "m", LAB).body["messages"]
    )  # no mark is shared


async def test_a_growing_conversation_pays_for_its_prefix_once() -> None:
    turns = ["It is your turn to speak."]
    cached: list[int] = []
    with Loopback("I offer you six dollars.") as server:
        async with asking(server, "anthropic") as provider:
            for _ in range(4):
                completion = await provider.complete(asked(*turns), "small")
                cached.append(completion.tokens_cached)
                turns += [completion.text, "The seller shakes her head. It is your turn."]
    assert cached == sorted(cached)
    assert cached[1] > 0
    assert cached[3] > 0.7 * completion.tokens_in


def test_a_picture_stands_before_the_words_about_it() -> None:
    prompt = asked("Would you buy this?", images=(Image("image/png", b"\x89PNG"),))
    image, text = render(prompt, "m", LAB).body["messages"][0]["content"]
    assert image["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
    assert text["text"] == "Would you buy this?"


def test_a_schema_is_sent_as_the_endpoint_can_take_it() -> None:
    prompt = asked("How much?", schema=SCHEMA)
    native = render(prompt, "m", LAB).body
    assert native["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    tool = render(prompt, "m", replace(LAB, structured="tool")).body
    assert tool["tools"][0]["input_schema"] == SCHEMA
    assert tool["tool_choice"] == {"type": "tool", "name": "answer"}
    assert "output_config" not in tool
    words = render(prompt, "m", replace(LAB, structured="words")).body
    assert not {"tools", "output_config"} & words.keys()


def test_an_endpoints_effort_stands_beside_the_schema() -> None:
    eager = replace(LAB, extra={"output_config": {"effort": "low"}})
    body = render(asked("How much?", schema=SCHEMA), "m", eager).body
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert render(asked("How much?"), "m", eager).body["output_config"] == {"effort": "low"}


async def test_a_model_without_schemas_is_given_a_tool_and_one_without_forced_tools_only_words() -> None:
    prompt = asked("How much?", schema=SCHEMA)

    def older(body: dict[str, Any]) -> str | Fault:
        if "output_config" in body:
            return Fault("bad_request", message="output_config: Extra inputs are not permitted")
        if "tool_choice" in body and body["model"] == "odd":
            return Fault("bad_request", message='tool_choice: type "tool" and "any" are not supported for this model.')
        return '{"answer": 4}'

    with Loopback(older) as server:
        async with asking(server, "anthropic") as provider:
            for model in ("old", "odd"):
                assert json.loads((await provider.complete(prompt, model)).text) == {"answer": 4}
                server.requests.clear()
                await provider.complete(prompt, model)
                assert len(server.requests) == 1
                assert ("tools" in server.requests[0].body) == (model == "old")


def test_thinking_is_no_answer_and_its_tokens_are_counted() -> None:
    thought = {"type": "thinking", "thinking": "He looks poor.", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    usage = {"input_tokens": 10, "output_tokens": 300}
    text = {"type": "text", "text": "Six dollars is my offer."}
    completion = parse(response(thought, hidden, text, usage=usage), "m", LAB)
    assert completion.text == "Six dollars is my offer."
    assert 250 < completion.tokens_reasoning < 300
    exact = usage | {"output_tokens_details": {"thinking_tokens": 280}}
    assert parse(response(thought, text, usage=exact), "m", LAB).tokens_reasoning == 280
    assert parse(response(text, usage=usage), "m", LAB).tokens_reasoning == 0
    with pytest.raises(CallError) as caught:
        parse(response(thought, usage=usage), "m", LAB)
    assert caught.value.kind == "empty"


def test_thinking_that_uses_up_the_cap_leaves_an_answer_that_is_cut() -> None:
    completion = parse(response({"type": "thinking", "thinking": "Hm."}, stop="max_tokens"), "m", LAB)
    assert (completion.text, completion.finish) == ("", "length")


def test_what_is_written_to_the_cache_and_read_from_it_counts_as_sent() -> None:
    usage = {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 7}
    completion = parse(response({"type": "text", "text": "Six."}, usage=usage), "m", LAB)
    assert (completion.tokens_in, completion.tokens_cached, completion.tokens_out) == (125, 100, 7)


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("refusal", "refusal"),
    ],
)  # fmt: skip
def test_why_a_message_ended_is_said_in_our_words(stop: str, finish: str) -> None:
    assert parse(response({"type": "text", "text": "Six."}, stop=stop), "m", LAB).finish == finish


def test_a_refusal_without_words_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "This asks for harm."}
    completion = parse(response(stop="refusal", stop_details=details), "m", LAB)
    assert (completion.text, completion.finish) == ("This asks for harm.", "refusal")
    assert parse(response(stop="refusal"), "m", LAB).text == ""


def test_several_pieces_of_text_are_one_answer() -> None:
    pieces = [{"type": "text", "text": "Six "}, {"type": "text", "text": "dollars."}]
    assert parse(response(*pieces), "m", LAB).text == "Six dollars."


@pytest.mark.parametrize("body", ['{"content": "Six."}', '{"type": "message"}', "[]", "Six."])
def test_what_is_no_message_is_malformed(body: str) -> None:
    with pytest.raises(CallError) as caught:
        parse(body, "m", LAB)
    assert caught.value.kind == "malformed"


async def test_an_overloaded_server_is_told_from_a_broken_one() -> None:
    with Loopback(lambda body: Fault("overloaded" if body["max_tokens"] == 1 else "server_error")) as server:
        async with asking(server, "anthropic") as provider:
            for cap, kind in ((1, "overloaded"), (2, "server_error")):
                with pytest.raises(CallError) as caught:
                    await provider.complete(asked("Your turn.", max_tokens=cap), "small")
                assert caught.value.kind == kind
                assert ("529" in caught.value.message) == (kind == "overloaded")


async def test_the_answer_of_a_tool_is_written_as_json() -> None:
    with Loopback(lambda _: Reply('{"answer": "zwölf"}')) as server:
        async with asking(server, "anthropic", structured="tool") as provider:
            completion = await provider.complete(asked("How much?", schema=SCHEMA), "small")
    assert completion.text == '{"answer": "zwölf"}'
