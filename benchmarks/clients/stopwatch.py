"""What a client took: printed as one line of JSON, which calls.py reads. Only the standard library."""

from __future__ import annotations

import json
import resource
import sys
import time


class Stopwatch:
    """Wall time, and CPU time (user and system) of this process, from its making to its stop.

    Libraries are imported and data are loaded before; making connections, files and results counts.
    """

    def __init__(self) -> None:
        self._cpu = _cpu_seconds()
        self._wall = time.perf_counter()

    def stop(self, calls: int) -> None:
        """Print calls, seconds, and the largest resident size of the process in MB."""
        wall, cpu = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        print(json.dumps({"calls": calls, "wall_s": wall, "cpu_s": cpu, "peak_mb": peak}))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
