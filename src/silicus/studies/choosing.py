"""From what a user names to a study: a folder, a file, a built-in study, or a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from silicus.concepts.errors import FolderError, ScenarioError, SilicusError
from silicus.concepts.seats import REHEARSAL
from silicus.concepts.study import Study, nearest
from silicus.concepts.study_yaml import edit_yaml, study_from_yaml, study_to_yaml
from silicus.execution.folder import STUDY_FILE, default_folder_name
from silicus.execution.pictures import pictures_in, with_pictures
from silicus.studies.library_studies import library_names, library_text, match_scenario

__all__ = ["Choice", "Settings", "choose", "read_text_file", "text_for_sentence"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command changes in a study; None leaves it as it is.

    Attributes
    ----------
    sessions
        Draw a random subset of this many.
    seed, replicates
        As in the design.
    participant, coder
        Language models for these seats, as ``provider:model``.
    law
        Parameters of the participants' rehearsal law.
    effects
        Effects of the general law: ``buyer_budget`` or ``deal ~ buyer_budget`` to the coefficient. Any seats the
        participants on ``rehearsal:linear``.
    """

    sessions: int | None = None
    seed: int | None = None
    replicates: int | None = None
    participant: str | None = None
    coder: str | None = None
    law: Mapping[str, float] = field(default_factory=dict)
    effects: Mapping[str, float] = field(default_factory=dict)

    def changes(self, study: Study) -> dict[str, Any]:
        """The same as dotted paths of study.yaml."""
        changes: dict[str, Any] = {}
        if self.sessions is not None:
            changes |= {"design.assignment": "random_subset", "design.sessions": self.sessions}
        if self.seed is not None:
            changes["design.seed"] = self.seed
        if self.replicates is not None:
            changes["design.replicates"] = self.replicates
        if self.coder is not None:
            changes["seats.coder"] = self.coder
        seat = self._participant_seat(study)
        if seat is not None:
            changes["seats.participant"] = seat
        return changes

    def _participant_seat(self, study: Study) -> str | dict[str, Any] | None:
        if self.participant is None and not self.law and not self.effects:
            return None
        before = study.seats.participant
        llm = self.participant or (f"{REHEARSAL}:linear" if self.effects else before.llm)
        kept = dict(before.law) if llm == before.llm else {}
        law = {**kept, **self.law, **{_effect_name(study, name): value for name, value in self.effects.items()}}
        return {"llm": llm, "law": law} if law else llm


def _effect_name(study: Study, name: str) -> str:
    """``buyer_budget`` as the general law calls it, ``deal ~ buyer_budget``; the outcome is needed where several."""
    if "~" in name:
        outcome, _, term = name.partition("~")
        return f"{outcome.strip()} ~ {term.strip()}"
    outcomes = [equation.outcome for equation in study.causal_model.paths if (name,) in equation.terms]
    if len(outcomes) > 1:
        raise SilicusError(
            f"'{name}' acts on {', '.join(outcomes)}",
            suggestion=f"Name the path: --effect '{outcomes[0]} ~ {name}=…'.",
            code="ambiguous_effect",
        )
    first = study.causal_model.paths[0].outcome if study.causal_model.paths else "outcome"
    return f"{outcomes[0] if outcomes else first} ~ {name}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A study as chosen: its text with the settings applied, its own folder where it has one, and its source.

    The study has its pictures.
    """

    study: Study
    text: str
    folder: Path | None
    source: str

    @property
    def pictures(self) -> dict[str, bytes]:
        """The study's pictures by the path that the text names them by."""
        return pictures_in(self.study)

    def folder_for(self, wanted: Path | None, where: Path) -> Path:
        """The folder to work in: the one asked for, the study's own, or a new one named after the study.

        A folder of that name that holds the identical study is taken up again.
        """
        if wanted is not None:
            return wanted
        if self.folder is not None:
            return self.folder
        return default_folder_name(self.study.name, where, self.study)


def choose(named: str | Study, settings: Settings) -> Choice:
    """Find the study that a user means and apply the settings to its text, comments kept.

    A study is taken as it is. Of words, a path (a file or a study folder) comes first, then the name of a built-in
    study, then a sentence that means one. A built-in study's name with settings that change what is in the folder of
    that name means a new folder. Pictures lie where the study's file is; those of a study made in Python, here.

    Raises
    ------
    ScenarioError
        Where a name or a sentence means no study; it says what to do.
    StudyError
        Where the study, or a setting, is not valid, or a picture cannot be shown.
    """
    pictures: Path | Mapping[str, bytes]
    if isinstance(named, Study):
        text, source, folder = study_to_yaml(named), "the study", None
        pictures = pictures_in(with_pictures(named, Path()))
    else:
        text, source, folder, pictures = _text_of(named)
    study = study_from_yaml(text, source=source)
    changes = settings.changes(study)
    if changes:
        text, source = edit_yaml(text, changes), f"{source} with the options given"
        before, study = study, study_from_yaml(text, source=source)
        if named in library_names() and study.fingerprint != before.fingerprint:
            folder = None
    return Choice(with_pictures(study, pictures, source=source), text, folder, source)


def _text_of(named: str) -> tuple[str, str, Path | None, Path]:
    """Text, its source for messages, the folder it lives in, and the folder that its pictures' paths begin in."""
    path = Path(named)
    is_there = bool(named.strip()) and _exists(path)
    file = path / STUDY_FILE if is_there and path.is_dir() else path
    if named in library_names() and not file.is_file():  # a folder of that name that holds no study is something else
        return library_text(named), f"the built-in study '{named}'", None, Path()
    if is_there:
        if not file.is_file():
            raise FolderError(
                f"there is no {STUDY_FILE} in the folder '{named}'",
                suggestion=f"A study folder holds a {STUDY_FILE}; write one with 'silicus draft'.",
                code="not_a_study_folder",
            )
        return read_text_file(file), str(file), file.parent if file.name == STUDY_FILE else None, file.parent
    if _is_like_a_path(path):
        raise FolderError(f"there is no file or folder '{named}'", suggestion="Check the path.", code="no_such_file")
    if len(named.split()) == 1:
        raise ScenarioError(
            f"'{named}' is no file or folder here, and no built-in study has that name",
            suggestion=f"{nearest(named, library_names())} A scenario is written as a sentence, in quotes.",
            code="unknown_library_study",
        )
    name, text = text_for_sentence(named)
    return text, f"the built-in study '{name}'", None, Path()


def _is_like_a_path(path: Path) -> bool:
    """``runs/mug`` and ``mine.yaml``, but not ``a judge and/or a jury``."""
    if path.suffix in (".yaml", ".yml", ".json"):
        return True
    return len(path.parts) > 1 and (" " not in str(path) or _exists(path.parent))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a sentence longer than a file name may be
        return False


def read_text_file(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    FolderError
        Where it cannot be read or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FolderError(
            f"'{path}' is not text: byte {error.start} is not UTF-8",
            suggestion="Name a study.yaml, or save the file as UTF-8.",
            code="not_text",
        ) from None
    except OSError as error:
        raise FolderError(
            f"'{path}' cannot be read: {error.strerror or error}", suggestion="Check the path and its permissions."
        ) from None


def text_for_sentence(sentence: str) -> tuple[str, str]:
    """Name and text of the built-in study that a sentence means.

    Raises
    ------
    ScenarioError
        Where it means none: no language model is asked to draft one in this version.
    """
    match = match_scenario(sentence)
    if match.name is not None:
        return match.name, library_text(match.name)
    near = f" The nearest is '{match.nearest[0]}': silicus conduct {match.nearest[0]}." if match.nearest else ""
    names = ", ".join(library_names())
    raise ScenarioError(
        f"no built-in study means {sentence.strip()!r} ({match.why}), and there is no scientist model to draft one: "
        "the embedded rehearsal model plays studies and cannot invent them.",
        suggestion=f"Conduct a built-in study ({names}), or write the study yourself: 'silicus draft mug --folder mine'"
        f" gives a commented study.yaml to edit, then 'silicus conduct mine'.{near}",
    )
