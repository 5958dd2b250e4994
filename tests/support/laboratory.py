"""A study whose seats are taken by the players behind a loopback server, run by the command line and looked over.

The seats speak both wire formats: the buyer that of OpenAI, the seller and the coder that of Anthropic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import Ended, query, silicus
from loopback import Loopback
from loopback_players import Disturbance, Players
from stand_ins import bargaining_study

from silicus.concepts.study import Study
from silicus.concepts.study_yaml import study_to_yaml

__all__ = [
    "AT_ONCE",
    "BUYER",
    "KEY",
    "PLANNED",
    "SELLER",
    "Laboratory",
    "calls_in",
    "data_of",
    "draft",
    "faults_in",
    "held_twice",
    "played_study",
    "run",
    "statuses_of",
    "transcripts_of",
]

KEY = "sk-planted-7d1f0a93c2e84b56"
BUYER, SELLER = "openai:players", "anthropic:players"
PLANNED = 9
AT_ONCE = 16
"""Calls in flight where few are asked at once."""


def played_study(**changes: Any) -> Study:
    """The small bargaining study, with a real language model in every seat."""
    seats = {"participant": BUYER, "roles": {"seller": SELLER}, "coder": SELLER}
    return bargaining_study(**{"seats": seats, **changes})


def draft(name: str, **changes: Any) -> Path:
    """Put the study into a new folder here."""
    made = Path(name)
    made.mkdir()
    (made / "study.yaml").write_text(study_to_yaml(played_study(**changes)))
    return made


def run(name: str | Path, *words: str) -> Ended:
    """Run the study of a folder, without the canary and without being asked."""
    return silicus("run", name, "--yes", "--no-canary", *words)


@dataclass
class Laboratory:
    """Where it takes place, the server, who answers there, and the study as it ought to be."""

    here: Path
    server: Loopback
    players: Players
    undisturbed: Path

    def disturbed(self, disturb: Disturbance, **changes: Any) -> Path:
        """The folder of a study in which things are about to go wrong."""
        self.players.disturb = disturb
        return draft("disturbed", **changes)

    def ask_few_at_once(self) -> None:
        """Leave no more than a few calls under way at any time."""
        places = "".join(f"[endpoints.{name}]\nconcurrency = {AT_ONCE // 2}\n" for name in ("openai", "anthropic"))
        (self.here / "silicus.toml").write_text(places)

    def assert_as_undisturbed(self, folder: Path) -> None:
        """Everything was held once and as it ought to be: the data byte for byte, and every word that was said."""
        assert statuses_of(folder) == statuses_of(self.undisturbed)
        assert held_twice(folder) == []
        assert data_of(folder) == data_of(self.undisturbed)
        assert transcripts_of(folder) == transcripts_of(self.undisturbed)


def data_of(folder: Path) -> dict[str, bytes]:
    """The dataset and its codebook, made anew."""
    ended = silicus("tabulate", folder)
    assert ended.code == 0, ended.said
    return {name: (folder / name).read_bytes() for name in ("dataset.parquet", "codebook.json")}


def transcripts_of(folder: Path) -> list[tuple[Any, ...]]:
    """All that was said, done and answered at the latest attempts."""
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
