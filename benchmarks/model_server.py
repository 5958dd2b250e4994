"""The model that the benchmarks ask: the tests' loopback server with plausible answers, in a process of its own.

    python model_server.py LATENCY_SECONDS [BODIES]

It prints its address. It serves until its standard input ends. With a file name, it then writes the bodies that it
was sent there, one a line.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from loopback import Loopback

SENTENCES = (
    "I see what you mean, and I would like us to find something that is fair to both of us without much fuss.",
    "Last month I cleaned the kitchen almost every day, so I would rather not take on more than that.",
    "What if you take the bathroom and the windows, and I take the kitchen, the shopping and the bins?",
    "That could work for me, although on Thursdays I come home late and would need somebody to swap with.",
    "Honestly, I care less about the hours than about knowing who does what before the week begins.",
    "Let us write it down, try it for a month, and talk again if one of us finds that it does not work.",
    "I can do the washing up on workdays, but then I would like to be free of it at the weekend.",
)


def answer(body: dict[str, Any]) -> str:
    """The first answer that a schema allows; two sentences where there is none."""
    if "response_format" in body:
        wanted = body["response_format"]["json_schema"]["schema"]["properties"]["answer"]
        return json.dumps({"answer": wanted["enum"][0] if "enum" in wanted else 12})
    draw = zlib.crc32(body["messages"][-1]["content"].encode()) + len(body["messages"])
    return f"{SENTENCES[draw % 7]} {SENTENCES[draw // 7 % 7]}"


def main() -> None:
    """Serve until the input ends."""
    record = len(sys.argv) > 2
    with Loopback(answer, latency_s=float(sys.argv[1]), record=record) as server:
        print(server.openai_url, flush=True)
        sys.stdin.read()
        if record:
            bodies = (json.dumps(each.body, ensure_ascii=False, separators=(",", ":")) for each in server.requests)
            Path(sys.argv[2]).write_text("".join(f"{body}\n" for body in bodies), encoding="utf-8")


if __name__ == "__main__":
    main()
