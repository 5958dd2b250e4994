"""The fault campaign: a study is held through everything that can go wrong, and compared with one held in peace.

    python benchmarks/faults.py                      about three minutes; make faults does the same
    python benchmarks/faults.py --sessions 90 --kills 5 --dark 5 --seed 7

A server of language models stands on this computer, in the OpenAI and the Anthropic format. Its answers depend only
on what it is told, so two runs of a study must give the same data. The study is held twice by ``silicus run`` in
processes of their own: once undisturbed; once with faults at a given rate, the server gone for 20 seconds, the process
killed by ``kill -9`` at random moments, stopped by Ctrl-C, and left without room on the disk. Then:

- every planned session is held, none is lost and none held twice;
- every answer in the archive was paid for once, and none of them was lost afterwards;
- what was paid for and is not in the archive was under way when the process died;
- each exit code says what the archive says;
- dataset, codebook, estimates and transcripts are those of the undisturbed run, byte for byte.

Exit code 1 where any of this is violated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from loopback import Fault, Loopback
from loopback_players import Asked, Players, never
from stand_ins import bargaining_content

COMMAND = "from silicus.interfaces.cli.main import run; run()"
AT_ONCE = 8
LATENCY_S = 0.05
TIMEOUT_S = 3.0
MOST_UNCOMMITTED = 64
"""Answers that may have come in the moment before a kill and were not on the disk yet, beside those under way."""
MOST_RUNS = 12
"""After the last kill, at most so many runs until everything is held: each may have failed sessions to hold again."""

SETTINGS = "".join(
    f"[endpoints.{name}]\nconcurrency = {AT_ONCE // 2}\ntimeout_s = {TIMEOUT_S}\nidle_s = 1.0\n"
    for name in ("openai", "anthropic")
)

ANY_TIME = (
    Fault("rate_limited"), Fault("rate_limited", retry_after=0.3), Fault("server_error"), Fault("bad_gateway"),
    Fault("overloaded"), Fault("unavailable"), Fault("error_in_200"), Fault("reset"), Fault("reset_after_headers"),
    Fault("cut_body"), Fault("truncated"), Fault("malformed"), Fault("empty"), Fault("hang"),
    Fault("drip", seconds=0.0003),
)  # fmt: skip
FIRST_TIME = Fault("wrong_schema")
"""Not where a question is put once more: the second such answer is a missing value, by rights."""
OF_STATEMENTS = (Fault("refusal"), Fault("filtered_request"))
"""They fail a session, which is drawn afresh by the next run; of an item they are missing values, by rights."""


def study(sessions: int) -> dict[str, Any]:
    """A bargaining study with a coordinator, two outcomes, and both wire formats among its seats."""
    replicates = -(-sessions // 9)
    content = bargaining_content(design={"replicates": replicates})
    content["seats"] = {"participant": "openai:players", "roles": {"seller": "anthropic:players"},
                        "coder": "anthropic:players"}  # fmt: skip
    content["procedure"] |= {"stop": ["agreement", "coordinator"], "max_turns": 8}
    items = [{"ask": "seller", "question": "At what price did you sell?"}, {"question": "At what price was it sold?"}]
    price = {"label": "the price", "kind": "continuous", "unit": "dollars", "measure": {"items": items}}
    variables = content["causal_model"]["variables"]
    content["causal_model"]["variables"] = {"price": price, **variables}
    content["causal_model"]["paths"] = ["deal ~ budget + minimum", "price ~ budget + minimum"]
    return content


@dataclass
class Trouble:
    """Which requests meet which fault: at random, by the request and by how often it came, the same for a seed."""

    rate: float
    seed: int
    met: Counter[str] = field(default_factory=Counter)

    def __call__(self, asked: Asked, before: int) -> Fault | None:
        """The fault that this request meets, if it meets one."""
        draw = random.Random(f"{self.seed}/{asked.told}/{asked.heard}/{asked.task}/{asked.again}/{before}")
        if draw.random() >= self.rate:
            return None
        kinds = (*ANY_TIME, *(() if asked.again else (FIRST_TIME,)), *(OF_STATEMENTS if asked.task == "act" else ()))
        fault = draw.choice(kinds)
        self.met[fault.kind] += 1
        return fault


@dataclass
class Campaign:
    """What is going on, and what was found."""

    where: Path
    server: Loopback
    players: Players
    draw: random.Random
    lost: list[int] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def violation(self, what: str) -> None:
        """Note that something is not as it ought to be."""
        self.violations.append(what)
        print(f"VIOLATION: {what}", flush=True)

    def begin(self, folder: str, room: int | None = None) -> subprocess.Popen[bytes]:
        """Start ``silicus run``, on a disk with so much room for a file."""

        def limit() -> None:
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        words = [sys.executable, "-c", COMMAND, "run", folder, "--yes", "--no-canary"]
        with (self.where / "said.txt").open("ab") as said:
            return subprocess.Popen(words, cwd=self.where, stdout=said, stderr=said, preexec_fn=limit)

    def leg(self, folder: str, calls: int, how: str, room: int | None = None) -> None:
        """Run until the server has answered so many calls more, and end it; then look at what is left."""
        paid, recorded = self.players.total_paid, len(self.keys)
        process = self.begin(folder, room)
        moment = time.monotonic() + 120
        while self.players.total_paid < paid + calls and process.poll() is None and time.monotonic() < moment:
            time.sleep(0.001)
        if how != "full disk":
            time.sleep(self.draw.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL if how == "kill -9" else signal.SIGINT)
        code = process.wait(120)
        self.look(folder, code, how if code else "held to the end")
        lost = (self.players.total_paid - paid) - (len(self.keys) - recorded)
        self.lost.append(lost)
        if how == "Ctrl-C" and lost:
            self.violation(f"{lost} answers lost by Ctrl-C, which lets calls finish")
        if not 0 <= lost <= AT_ONCE + MOST_UNCOMMITTED:
            self.violation(f"{lost} answers lost by {how}, and {AT_ONCE} were under way")

    def look(self, folder: str, code: int, how: str) -> None:
        """Hold the exit code and the archive against each other, and the archive against what it was."""
        self.ends[f"{how}: exit code {code}"] += 1
        archive = self.where / folder / "archive.sqlite"
        if not archive.exists():
            return
        keys = {key for (key,) in asked_of(archive, "SELECT key FROM completion WHERE finish <> 'content_filter'")}
        if not self.keys <= keys:
            self.violation(f"{len(self.keys - keys)} answers are gone from the archive")
        self.keys = keys
        if asked_of(archive, "PRAGMA integrity_check") != [("ok",)]:
            self.violation("the archive is damaged")
        statuses = dict(asked_of(archive, "SELECT status, COUNT(*) FROM session GROUP BY status"))
        held = sum(number for status, number in statuses.items() if status != "failed")
        planned = json.loads((self.where / "planned.json").read_text())
        if (code == 0) != (held == planned):
            self.violation(f"exit code {code} with {held} of {planned} sessions held")


def asked_of(archive: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask an archive with SQLite itself."""
    with closing(sqlite3.connect(f"{archive.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def write_study(where: Path, folder: str, content: dict[str, Any]) -> None:
    """Put the study into a folder."""
    from silicus.concepts.study import Study
    from silicus.concepts.study_yaml import study_to_yaml

    (where / folder).mkdir()
    (where / folder / "study.yaml").write_text(study_to_yaml(Study.model_validate(content)))


def in_peace(campaign: Campaign) -> float:
    """Hold the study undisturbed; seconds that it took."""
    started = time.perf_counter()
    code = campaign.begin("peace").wait()
    if code:
        raise SystemExit((campaign.where / "said.txt").read_text() + "\nthe undisturbed run failed")
    campaign.players.paid.clear()
    campaign.players.came.clear()
    return time.perf_counter() - started


def in_trouble(campaign: Campaign, kills: int, dark_s: float, calls: int) -> None:
    """Hold it through everything."""
    each = max(calls // (2 * kills), 2)
    hows = ["kill -9"] * kills + ["full disk"] * 2
    campaign.draw.shuffle(hows)
    hows += ["Ctrl-C"] * 3  # last: those begun, up to 64, are let finish
    for number, how in enumerate(hows):
        if number == len(hows) // 2:
            print(f"the server is gone for {dark_s:g} s", flush=True)
            campaign.server.go_dark(dark_s)
        archive = campaign.where / "trouble" / "archive.sqlite"
        room = (archive.stat().st_size if archive.exists() else 0) + 150_000 if how == "full disk" else None
        campaign.leg("trouble", campaign.draw.randint(1, 2 * each - 1), how, room)
        print(f"{number + 1:3} of {len(hows)}: {how}, {len(campaign.keys):,} answers kept", flush=True)
    for _ in range(MOST_RUNS):
        paid, recorded = campaign.players.total_paid, len(campaign.keys)
        code = campaign.begin("trouble").wait()
        campaign.look("trouble", code, "left alone")
        if campaign.players.total_paid - paid != len(campaign.keys) - recorded:
            campaign.violation("an undisturbed process lost answers, or paid for some twice")
        if code == 0:
            return
    campaign.violation(f"{MOST_RUNS} runs were not enough to hold everything")


def count_kills(campaign: Campaign, kills: int) -> None:
    """Make sure that as many processes were killed as was asked for, amid their work."""
    killed = campaign.ends["kill -9: exit code -9"]
    if killed < kills:
        campaign.violation(f"{killed} processes were killed instead of {kills}: plan more sessions")


def compare(campaign: Campaign) -> None:
    """Hold what came out against the undisturbed run."""
    archives = [campaign.where / folder / "archive.sqlite" for folder in ("peace", "trouble")]
    for folder in ("peace", "trouble"):
        words = [sys.executable, "-c", COMMAND, "estimate", folder]
        subprocess.run(words, cwd=campaign.where, check=True, capture_output=True)
    for name in ("dataset.parquet", "codebook.json", "estimates.json"):
        peace, trouble = ((campaign.where / folder / name).read_bytes() for folder in ("peace", "trouble"))
        if peace != trouble:
            campaign.violation(f"{name} differs from that of the undisturbed run")
    latest = "JOIN session AS s ON s.session_id = t.session_id AND s.attempt = t.attempt ORDER BY 1, 2"
    for columns in (
        "t.session_id, number, speaker, words, action, action_value, heard_by, raw, irregular FROM turn AS t",
        "t.session_id, position, variable, respondent, question, raw, value, missing FROM response AS t",
    ):
        peace, trouble = (asked_of(archive, f"SELECT {columns} {latest}") for archive in archives)
        if peace != trouble:
            campaign.violation("the transcripts differ from those of the undisturbed run")
    twice = "SELECT session_id FROM session_attempt WHERE status <> 'failed' GROUP BY session_id HAVING COUNT(*) > 1"
    if asked_of(archives[1], twice):
        campaign.violation("sessions were held twice")
    if campaign.players.total_paid != len(campaign.keys) + sum(campaign.lost):
        campaign.violation("an answer in the archive was paid for twice")


def table(campaign: Campaign, trouble: Trouble, seconds: tuple[float, float]) -> str:
    """What happened, in a table."""
    archive = campaign.where / "trouble" / "archive.sqlite"
    planned = json.loads((campaign.where / "planned.json").read_text())
    (held,) = asked_of(archive, "SELECT COUNT(*) FROM session WHERE status <> 'failed'")[0]
    (failed,) = asked_of(archive, "SELECT COUNT(*) FROM session_attempt WHERE status = 'failed'")[0]
    faults = asked_of(archive, "SELECT kind, COUNT(*) FROM fault GROUP BY kind ORDER BY 2 DESC")
    rows = [
        ("sessions planned, held in the end", f"{planned:,}, {held:,}"),
        ("attempts that failed with their reason, held later", f"{failed:,}"),
        *((f"processes ended by {end}", f"{number}") for end, number in sorted(campaign.ends.items())),
        ("faults that requests met", f"{trouble.met.total():,}"),
        *((f"  {kind.replace('_', ' ')}", f"{number:,}") for kind, number in sorted(trouble.met.items())),
        ("faults on record", ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in faults)),
        ("answers paid for", f"{campaign.players.total_paid:,}"),
        ("answers in the archive", f"{len(campaign.keys):,}"),
        ("under way when a process died: all, most at once", f"{sum(campaign.lost)}, {max(campaign.lost)}"),
        ("answers paid for twice that were in the archive", f"{paid_twice(campaign)}"),
        ("seconds, undisturbed and disturbed", f"{seconds[0]:.0f}, {seconds[1]:.0f}"),
        ("violations", f"{len(campaign.violations)}"),
    ]
    widest = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{widest}}  {value}" for name, value in rows)


def paid_twice(campaign: Campaign) -> int:
    """Answers beyond those in the archive and those lost when a process died."""
    return campaign.players.total_paid - len(campaign.keys) - sum(campaign.lost)


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description="Hold a study through faults, kills and an outage.")
    parser.add_argument("--sessions", type=int, default=360, help="planned sessions")
    parser.add_argument("--kills", type=int, default=32, help="kill -9, at random moments")
    parser.add_argument("--rate", type=float, default=0.15, help="share of requests that meet a fault")
    parser.add_argument("--dark", type=float, default=20.0, help="seconds without a server")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    content = study(given.sessions)
    planned = 9 * content["design"]["replicates"]
    with tempfile.TemporaryDirectory() as name, Loopback(players := Players(), latency_s=LATENCY_S) as server:
        server.record = False
        where = Path(name)
        os.environ |= {"OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": "sk-campaign-0001"}
        os.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "sk-campaign-0002"}
        os.environ |= {"XDG_CONFIG_HOME": name, "NO_COLOR": "1"}
        (where / "silicus.toml").write_text(SETTINGS)
        (where / "planned.json").write_text(json.dumps(planned))
        for folder in ("peace", "trouble"):
            write_study(where, folder, content)
        campaign = Campaign(where, server, players, random.Random(given.seed))
        peace = in_peace(campaign)
        (calls,) = asked_of(where / "peace" / "archive.sqlite", "SELECT COUNT(*) FROM completion")[0]
        print(f"undisturbed: {planned:,} sessions, {calls:,} calls, {peace:.0f} s", flush=True)
        players.disturb = trouble = Trouble(given.rate, given.seed)
        started = time.perf_counter()
        in_trouble(campaign, given.kills, given.dark, calls)
        took = time.perf_counter() - started
        players.disturb = never
        count_kills(campaign, given.kills)
        compare(campaign)
        print("\n" + table(campaign, trouble, (peace, took)))
    raise SystemExit(1 if campaign.violations else 0)


if __name__ == "__main__":
    main()
