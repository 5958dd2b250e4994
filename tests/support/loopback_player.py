"""What a plain language model answers a study's requests, in any wire format."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from silicus.llm.prompt import Completion, Prompt

__all__ = ["PlayedWeights", "play", "said_to"]


def said_to(body: dict[str, Any]) -> str:
    """All the words of a request."""
    if "prompt" in body:
        return str(body["prompt"])
    parts = [body.get("system", ""), *(message["content"] for message in body["messages"])]
    return "\n".join(_words(part) for part in parts)


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content)


def play(body: dict[str, Any]) -> str:
    """Offer 8 dollars until the other has offered, then accept; as the coder, find that they agreed at 8 dollars."""
    asked = said_to(body)
    if '{"answer": a number' in asked:
        return '{"answer": 8}'
    if '{"answer": "yes"' in asked:
        return '{"answer": "yes"}'
    if "Answer with one JSON object" not in asked:
        return "I see."
    if "[offer: 8]" in asked:
        return json.dumps({"say": "Agreed.", "action": "accept", "value": None})
    return json.dumps({"say": "I offer 8 dollars.", "action": "offer", "value": 8})


class PlayedWeights:
    """The same in place of a folder of weights, for the registry of providers."""

    async def complete(self, prompt: Prompt, model_name: str) -> Completion:
        await asyncio.sleep(0)
        body = {"messages": [{"content": message.content} for message in prompt.messages]}
        return Completion(play(body), f"hf:{model_name}", 1, 1, served=model_name)

    async def close(self) -> None:
        """Nothing is open."""
