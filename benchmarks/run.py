"""Time and memory of the main path, against floors measured in the same run: make bench.

Each figure is a whole process, started anew; the median of several runs is printed, and its ratio to a floor: the
same interpreter doing only what cannot be avoided. Memory is the largest resident size of the process.

    conduct mug     405 sessions, from the plan to the report, in a new folder
      floor         importing the libraries that this path uses, and nothing else
    import silicus  and silicus --help
      floor         an interpreter that does nothing; and one that imports typer and rich
    10,000 sessions a design of 10,000 conditions, from the plan to the report
      floor         importing the libraries
    a million       describing a plan of 10^6 and of 10^12 sessions, and making its first ten
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = "import numpy, scipy.special, pandas, pyarrow.parquet, matplotlib.figure, matplotlib.backends.backend_svg"
COMMAND = "from silicus.interfaces.cli.main import run; run()"
MILLION = """
from silicus.studies.library_studies import library_study
from silicus.concepts.study import Study
from silicus.designs.plan import plan_sessions
from itertools import islice
for replicates in (2470, 2470 * 10**6):
    content = library_study("mug").model_dump(mode="json", exclude_defaults=True)
    plan = plan_sessions(Study.model_validate({**content, "design": {"replicates": replicates}}))
    assert plan.n_sessions == 405 * replicates
    assert len([session.session_id for session in islice(plan, 10)]) == 10
"""


@dataclass(frozen=True)
class Figure:
    """Median seconds, and the largest resident size in MB, of a process."""

    seconds: float
    megabytes: float


def measured(arguments: list[str], runs: int, folder: Path) -> Figure:
    """Run ``python`` with these arguments so many times; ``{new}`` becomes a path that does not exist."""
    seconds, megabytes = [], 0.0
    for number in range(runs):
        filled = [part.replace("{new}", str(folder / f"{time.monotonic_ns()}-{number}")) for part in arguments]
        started = time.perf_counter()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen([sys.executable, *filled], stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                raise SystemExit(f"{filled} ended with {process.returncode}:\n{output.read().decode()}")
        seconds.append(elapsed)
        megabytes = max(megabytes, _megabytes(usage))
    return Figure(statistics.median(seconds), megabytes)


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def large_study(folder: Path) -> Path:
    """The mug study with enough replicates for 10,000 sessions, some over."""
    from silicus.concepts.study_yaml import edit_yaml
    from silicus.studies.library_studies import library_text

    changes = {"design.assignment": "random_subset", "design.sessions": 10_000, "design.replicates": 25}
    changes |= {"analysis.errors": "cluster", "analysis.cluster": "condition"}
    path = folder / "large.yaml"
    path.write_text(edit_yaml(library_text("mug"), changes), encoding="utf-8")
    return path


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nothing = measured(["-c", ""], 5, folder)
        command_line = measured(["-c", "import typer, rich.table"], 5, folder)
        libraries = measured(["-c", LIBRARIES], 3, folder)
        rows = [
            (
                "conduct mug (405 sessions)",
                measured(["-c", COMMAND, "conduct", "mug", "-f", "{new}"], 3, folder),
                libraries,
            ),
            ("import silicus", measured(["-c", "import silicus"], 5, folder), nothing),
            ("silicus --help", measured(["-c", COMMAND, "--help"], 5, folder), command_line),
            (
                "10,000 sessions",
                measured(["-c", COMMAND, "conduct", str(large_study(folder)), "-f", "{new}"], 1, folder),
                libraries,
            ),
            ("plans of 10^6 and 10^12", measured(["-c", MILLION], 3, folder), nothing),
        ]
    print(f"{'':28} {'seconds':>8} {'floor':>8} {'ratio':>7} {'MB':>6}")
    for label, figure, floor in rows:
        ratio = figure.seconds / floor.seconds
        print(f"{label:28} {figure.seconds:8.2f} {floor.seconds:8.2f} {ratio:7.1f} {figure.megabytes:6.0f}")


if __name__ == "__main__":
    main()
