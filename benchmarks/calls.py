"""What a call costs: silicus against a bare client and, where it is installed, the openai SDK.

    python benchmarks/calls.py [--runs 3] [--concurrency 64] [--latency 0.05] [--openai-python PYTHON]

A server in a process of its own answers after 50 ms. Two workloads: W1, 200 two-party conversations of 10 utterances
with growing history, through ``silicus run`` and all that belongs to it; W2, 500 respondents and 10 questions, one
call each. The bodies that silicus sends are recorded first; the other clients send the same bodies. Clients take turns,
each in a process of its own, and the median of the runs is printed.

CPU is user and system time of the client's process for 1,000 calls; libraries are imported before the clock runs.
Wall is compared with the ideal: calls times latency over concurrency. The floor (``clients/floor.py``) makes no
prompts and parses, keeps and writes nothing; silicus archives every request and answer on the disk.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@contextmanager
def model_server(latency_s: float, bodies: Path | None = None) -> Iterator[str]:
    """A server in a process of its own; yields its address and, at the end, leaves the bodies it got in a file."""
    arguments = [str(HERE / "model_server.py"), str(latency_s), *([str(bodies)] if bodies is not None else [])]
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate("", timeout=60)


def measured(python: str, client: str, arguments: list[str], url: str) -> dict[str, Any]:
    """One run of a client in an empty folder: calls, wall_s, cpu_s, peak_mb."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, str(HERE / "clients" / f"{client}.py"), *arguments],
            cwd=folder,
            env={**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{client} ended with {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compare(workload: str, asked: argparse.Namespace) -> None:
    """Measure all clients on one workload and print a row for each."""
    clients = {"floor": sys.executable, "silicus_client": sys.executable}
    if asked.openai_python or importlib.util.find_spec("openai") is not None:
        clients["openai_sdk"] = asked.openai_python or sys.executable
    concurrency = str(asked.concurrency)
    found: dict[str, list[dict[str, Any]]] = {client: [] for client in clients}
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.jsonl"
        with model_server(0.0, bodies) as url:
            measured(sys.executable, "silicus_client", [workload, concurrency], url)
        with model_server(asked.latency) as url:
            for _ in range(asked.runs):
                for client, python in clients.items():
                    source = workload if client == "silicus_client" else str(bodies)
                    found[client].append(measured(python, client, [source, concurrency], url))
    for client, rows in found.items():
        calls = rows[0]["calls"]
        cpu = statistics.median(row["cpu_s"] for row in rows) / calls * 1000
        wall = statistics.median(row["wall_s"] for row in rows)
        ideal = calls * asked.latency / asked.concurrency
        peak = max(row["peak_mb"] for row in rows)
        print(
            f"{workload} {client:16} {calls:6,} {cpu:9.2f} {wall:8.2f} {ideal:8.2f} {wall / ideal:6.2f} "
            f"{calls / wall:8.0f} {peak:6.0f}",
            flush=True,
        )
    if "openai_sdk" not in clients:
        print(f"{workload} openai_sdk       not installed: pip install openai, or --openai-python PYTHON")


def main() -> None:
    """Measure both workloads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that each answer takes")
    parser.add_argument("--openai-python", default="", help="an interpreter that has the openai SDK")
    asked = parser.parse_args()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores{load}")
    print(f"{'':19} {'calls':>6} {'cpu/1000':>9} {'wall s':>8} {'ideal s':>8} {'ratio':>6} {'calls/s':>8} {'MB':>6}")
    for workload in ("W1", "W2"):
        compare(workload, asked)


if __name__ == "__main__":
    main()
