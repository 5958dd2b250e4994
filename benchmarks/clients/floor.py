"""The floor: nothing but aiohttp, the same bodies, as many workers as calls may be in flight.

    python floor.py BODIES CONCURRENCY

It sends what silicus sent, one body a line of the file, in the same order, reads each answer and drops it. No
prompts are made, nothing is parsed, kept or written.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from stopwatch import Stopwatch


def main() -> None:
    """Send all bodies."""
    bodies = Path(sys.argv[1]).read_bytes().splitlines()
    watch = Stopwatch()
    asyncio.run(send(bodies, int(sys.argv[2])))
    watch.stop(len(bodies))


async def send(bodies: list[bytes], concurrency: int) -> None:
    """Post every body with so many workers."""
    url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        remaining = iter(bodies)

        async def work(remaining: Iterator[bytes]) -> None:
            for body in remaining:
                async with session.post(url, data=body) as response:
                    assert response.status == 200
                    await response.read()

        await asyncio.gather(*(work(remaining) for _ in range(concurrency)))


if __name__ == "__main__":
    main()
