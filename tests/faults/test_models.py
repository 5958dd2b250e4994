"""``silicus models``: whether a model answers now, told at once."""

from __future__ import annotations

import time

import pytest
from command_line import silicus
from laboratory import BUYER, SELLER, Laboratory
from loopback import Fault, Reply


@pytest.mark.parametrize("llm", [BUYER, SELLER])
def test_a_model_that_answers(lab: Laboratory, llm: str) -> None:
    lab.players.disturb = lambda asked, _: Reply("ready", tokens_in=12, tokens_out=1)
    ended = silicus("models", llm)
    assert ended.code == 0
    assert f"{llm} answers" in ended.said
    assert "12 tokens sent, 1 received, 0.000000 US dollars: ready" in ended.said
    answer = silicus("models", llm, "--json").answer["data"]
    assert (answer["text"], answer["tokens_in"], answer["dollars"]) == ("ready", 12, 0.0)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("auth", "Check the key in OPENAI_API_KEY"),
        ("quota", "the account's balance"),
        ("not_found", "The server has loopback."),
        ("rate_limited", "Rate limit reached"),
        ("server_error", "the server answered 500"),
        ("malformed", "what came back is no answer"),
    ],
)
def test_one_that_does_not_says_why_and_is_asked_once(lab: Laboratory, fault: str, told: str) -> None:
    lab.players.disturb = lambda asked, _: Fault(fault)
    ended = silicus("models", BUYER)
    assert ended.code == 2
    assert told in ended.said
    assert lab.players.came.total() == 1


@pytest.mark.usefixtures("here")
def test_a_server_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    started = time.monotonic()
    ended = silicus("models", "ollama:qwen3:8b", "--json")
    assert time.monotonic() - started < 5
    assert ended.code == 2
    assert ended.error["code"] == "disconnected"
    assert "ollama serve" in ended.error["suggestion"]


def test_a_name_without_a_model_is_answered_with_those_there_are(lab: Laboratory) -> None:
    ended = silicus("models", "openai")
    assert ended.code == 2
    assert "names no model" in ended.err
    assert "The server has loopback." in ended.err
    assert lab.players.came.total() == 0
