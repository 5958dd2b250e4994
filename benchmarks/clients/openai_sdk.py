"""The client that most tools are built on: ``openai.AsyncOpenAI``, the same bodies, answers parsed and dropped.

python openai_sdk.py BODIES CONCURRENCY
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
from stopwatch import Stopwatch


def main() -> None:
    """Send all bodies."""
    bodies = [json.loads(line) for line in Path(sys.argv[1]).read_bytes().splitlines()]
    watch = Stopwatch()
    asyncio.run(send(bodies, int(sys.argv[2])))
    watch.stop(len(bodies))


async def send(bodies: list[dict[str, Any]], concurrency: int) -> None:
    """Ask for every completion with so many workers."""
    async with openai.AsyncOpenAI() as client:  # its own limits: 1000 connections, 100 of them kept open
        remaining = iter(bodies)

        async def work(remaining: Iterator[dict[str, Any]]) -> None:
            for body in remaining:
                completion = await client.chat.completions.create(**body)
                assert completion.choices[0].message.content

        await asyncio.gather(*(work(remaining) for _ in range(concurrency)))


if __name__ == "__main__":
    main()
