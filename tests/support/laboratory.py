"""A study whose seats are taken by the players behind a loopback server, run by the command line and looked over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import Ended, query, silicus
from loopback import Loopback
from loopback_players import Disturbance, Players, never
from stand_ins import bargaining_study

from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml

__all__ = ["KEY", "PLANNED", "Laboratory", "study_for"]

KEY = "sk-planted-7d1f0a93c2e84b56"
PLANNED = 9


def study_for(provider: str, **changes: Any) -> Study:
    """The small bargaining study, played and coded by a provider's model."""
    llm = f"{provider}:players"
    return bargaining_study(seats={"participant": llm, "coder": llm}, **changes)


@dataclass
class Laboratory:
    """The folder, the server, and who answers there."""

    folder: Path
    server: Loopback
    players: Players

    def draft(self, name: str, provider: str = "openai", **changes: Any) -> Path:
        """Put the study into a new folder."""
        made = self.folder / name
        made.mkdir()
        (made / "study.yaml").write_text(study_to_yaml(study_for(provider, **changes)))
        return made

    def run(self, name: str, *words: str) -> Ended:
        """Run the study of a folder, without the canary, and tabulate it."""
        return silicus("run", name, "--yes", "--no-canary", *words)

    def undisturbed(self, provider: str = "openai", **changes: Any) -> Path:
        """The study held while nothing goes wrong; what was paid for it is forgotten."""
        disturbance, self.players.disturb = self.players.disturb, never
        folder = self.draft("undisturbed", provider, **changes)
        ended = self.run("undisturbed")
        assert ended.code == 0, ended.said
        self.players.disturb = disturbance
        self.players.paid.clear()
        self.players.came.clear()
        return folder

    def disturbed(self, disturb: Disturbance, provider: str = "openai", **changes: Any) -> tuple[Path, Path]:
        """The folders of the study as it ought to be, and of one in which it is about to go wrong."""
        undisturbed = self.undisturbed(provider, **changes)
        self.players.disturb = disturb
        return undisturbed, self.draft("disturbed", provider, **changes)


def data_of(folder: Path) -> dict[str, bytes]:
    """The dataset and its codebook, made anew."""
    ended = silicus("tabulate", folder)
    assert ended.code == 0, ended.said
    return {name: (folder / name).read_bytes() for name in ("dataset.parquet", "codebook.json")}


def transcripts_of(folder: Path) -> list[tuple[Any, ...]]:
    """All that was said, done and answered at the latest attempts, and in which call."""
    turns = "SELECT t.session_id, number, speaker, words, action, action_value, heard_by, raw, irregular"
    answers = "SELECT t.session_id, position, variable, respondent, question, raw, value, missing"
    latest = "JOIN session AS s ON s.session_id = t.session_id AND s.attempt = t.attempt ORDER BY 1, 2"
    archive = folder / "archive.sqlite"
    return query(archive, f"{turns} FROM turn AS t {latest}") + query(archive, f"{answers} FROM response AS t {latest}")


def statuses_of(folder: Path) -> dict[str, int]:
    """How many sessions stand how, by their latest attempt."""
    return dict(query(folder / "archive.sqlite", "SELECT status, COUNT(*) FROM session GROUP BY status"))


def calls_in(folder: Path) -> int:
    """Answered calls."""
    number: int = query(folder / "archive.sqlite", "SELECT COUNT(*) FROM completion")[0][0]
    return number


def faults_in(folder: Path) -> dict[str, int]:
    """How many requests met which kind of fault."""
    return dict(query(folder / "archive.sqlite", "SELECT kind, COUNT(*) FROM fault GROUP BY kind"))


def held_twice(folder: Path) -> list[tuple[Any, ...]]:
    """Sessions that were held again although they had been held."""
    held = "SELECT session_id FROM session_attempt WHERE status <> 'failed' GROUP BY session_id HAVING COUNT(*) > 1"
    return query(folder / "archive.sqlite", held)


def copied(folder: Path, name: str) -> Path:
    """A copy of a study folder."""
    return Path(shutil.copytree(folder, folder.with_name(name)))


def progress_in(ended: Ended) -> Mapping[str, Any]:
    """What a command with ``--json`` says of its run."""
    content: Mapping[str, Any] = json.loads(ended.out)["data"]
    return content
