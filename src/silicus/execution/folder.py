"""The study folder: which file is what, one study to a folder, and a plan that no longer changes once data exist."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from silicus.concepts.errors import FolderError, StudyError
from silicus.concepts.study import Study
from silicus.concepts.study_yaml import SCHEMA_FILE, differences, study_from_yaml, study_json_schema
from silicus.execution.archive import Archive
from silicus.execution.atomic_file import write_atomic
from silicus.execution.disk_faults import refused_by_disk
from silicus.execution.pictures import changed_pictures, with_pictures

__all__ = [
    "STUDY_FILE",
    "StudyFolder",
    "create_folder",
    "default_folder_name",
    "open_archive",
    "open_folder",
    "read_study",
    "write_atomic",
]

STUDY_FILE = "study.yaml"
"""The file that makes a folder a study folder."""


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """A folder that holds one study, and the place of each of its files."""

    path: Path

    @property
    def study(self) -> Path:
        """The plan."""
        return self.path / STUDY_FILE

    @property
    def schema(self) -> Path:
        """JSON Schema of the plan, by which editors complete it."""
        return self.path / SCHEMA_FILE

    @property
    def archive(self) -> Path:
        """What happened."""
        return self.path / "archive.sqlite"

    @property
    def dataset(self) -> Path:
        """One row a session."""
        return self.path / "dataset.parquet"

    @property
    def codebook(self) -> Path:
        """What the dataset's columns mean."""
        return self.path / "codebook.json"

    @property
    def estimates(self) -> Path:
        """Every estimate."""
        return self.path / "estimates.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def paths_table(self) -> Path:
        """The table of paths for LaTeX."""
        return self.path / "paths.tex"

    @property
    def graph(self) -> Path:
        """The causal graph for LaTeX."""
        return self.path / "graph.tex"


def open_folder(path: Path) -> StudyFolder:
    """Find the study folder that a user names.

    Parameters
    ----------
    path
        The folder, or the ``study.yaml`` in it.

    Raises
    ------
    FolderError
        There is no such folder, or no study in it; the suggestion names the nearest that is there.
    """
    folder = path.parent if path.name == STUDY_FILE else path
    try:
        is_file, is_folder = folder.is_file(), folder.is_dir()
    except OSError as error:
        raise refused_by_disk(error, folder, "opened") from error
    if is_file:
        raise FolderError(
            f"{folder} is a file, not a study folder",
            suggestion=f"To start a folder from a study file: silicus conduct {shlex.quote(str(folder))} --folder NEW",
            code="not_a_folder",
        )
    if not is_folder:
        raise FolderError(f"there is no folder {folder}", suggestion=_nearest_folder(folder), code="no_folder")
    found = StudyFolder(folder)
    if not found.study.is_file():
        raise FolderError(
            f"{folder} is no study folder: it has no {STUDY_FILE}", suggestion=_where_a_study_is(found), code="no_study"
        )
    return found


def create_folder(path: Path, study_text: str, pictures: Mapping[str, bytes] = MappingProxyType({})) -> StudyFolder:
    """Put a study into a folder of its own.

    Parameters
    ----------
    path
        A folder that does not exist, is empty apart from hidden files, or holds the same study already (then its file
        stays as it is, with the comments in it).
    study_text
        The study as it shall stand in ``study.yaml``.
    pictures
        The pictures that it names, by path; they are put into the folder under the same paths.

    Raises
    ------
    FolderError
        Another study is there (``two_studies``), other files are (``folder_not_empty``), or the disk refuses.
    StudyError
        The text is no study, or a picture that it names is not given.
    """
    folder = StudyFolder(path)
    new = with_pictures(study_from_yaml(study_text, source=STUDY_FILE), pictures, source=STUDY_FILE)
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise refused_by_disk(error, path, "made") from error
    own = {file.partition("/")[0] for file in pictures}
    present = [name for name in names if not name.startswith(".") and name not in own]
    if folder.study.exists():
        _refuse_another_study(folder, new)
    elif present:
        shown = ", ".join(present[:3]) + (f" and {len(present) - 3} more" if len(present) > 3 else "")
        raise FolderError(
            f"{path} holds other files ({shown}) and no {STUDY_FILE}",
            suggestion=_where_else(folder, new.name),
            code="folder_not_empty",
        )
    else:
        _put_pictures(folder, pictures, new.name)
        write_atomic(folder.study, study_text)
    write_atomic(folder.schema, json.dumps(study_json_schema(), indent=2, ensure_ascii=False) + "\n")
    return folder


def _put_pictures(folder: StudyFolder, pictures: Mapping[str, bytes], study_name: str) -> None:
    """Write the pictures; a file of that name that is another picture is left alone."""
    for file, data in pictures.items():
        place = folder.path / file
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            other = place.exists() and place.read_bytes() != data
        except OSError as error:
            raise refused_by_disk(error, place, "written") from error
        if other:
            raise FolderError(
                f"{place} is there already, and is another picture than the study's",
                suggestion=_where_else(folder, study_name),
                code="folder_not_empty",
            )
        write_atomic(place, data)


def read_study(folder: StudyFolder) -> Study:
    """Read the plan of a study folder with its pictures; raises StudyError with every problem found in it."""
    try:
        text = folder.study.read_bytes()
    except OSError as error:
        raise refused_by_disk(error, folder.study, "read") from error
    return with_pictures(study_from_yaml(text, source=str(folder.study)), folder.path, source=str(folder.study))


def open_archive(folder: StudyFolder, study: Study, *, write: bool) -> Archive:
    """Open the record of what happened; the first opening for writing makes it, which freezes the study.

    Parameters
    ----------
    folder
        The study folder.
    study
        The plan as ``study.yaml`` has it now.
    write
        To record sessions; otherwise to read, also while another process records.

    Raises
    ------
    FolderError
        The plan was changed after it was frozen (``study_edited``), a picture was (``picture_changed``), or no session
        was run yet (``nothing_run``).
    ArchiveError
        The archive is damaged, in use, or cannot be read or written.
    """
    if not os.path.lexists(folder.archive):
        if write:
            return Archive.create(folder.archive, study)
        raise FolderError(
            f"no session of the study in {folder.path} has been run",
            suggestion=f"Run them: silicus run {shlex.quote(str(folder.path))}",
            code="nothing_run",
        )
    archive = Archive.open(folder.archive, readonly=not write)
    if archive.study_fingerprint == study.fingerprint:
        return archive
    with archive:
        frozen = archive.study
    changed = changed_pictures(frozen, study)
    changes = "\n".join(f"  {change}" for change in differences(frozen, study))
    new_folder = default_folder_name(study.name, folder.path.parent)
    if changed:
        raise FolderError(
            f"not as the first session showed {'it' if len(changed) == 1 else 'them'}: "
            f"{', '.join(str(folder.path / file) for file in changed)}",
            suggestion=f"To go on with the study as it was, put back what was there. To run it with what is there now: "
            f"silicus conduct {shlex.quote(str(folder.study))} --folder {shlex.quote(str(new_folder))}",
            code="picture_changed",
        )
    raise FolderError(
        f"{folder.study} was edited after its first session; frozen -> now:\n{changes}",
        suggestion=f"To go on with the study as it was, undo these changes in {folder.study}. To run it as edited: "
        f"silicus conduct {shlex.quote(str(folder.study))} --folder {shlex.quote(str(new_folder))}",
        code="study_edited",
    )


def default_folder_name(study_name: str, where: Path, study: Study | None = None) -> Path:
    """The first of ``mug``, ``mug-2``, ``mug-3``, … that does not exist, or that holds the given study already.

    Parameters
    ----------
    study_name
        Name of the study.
    where
        The folder in which the study folder shall stand.
    study
        A study that is to be taken up again where it was begun.
    """
    return next(
        path
        for path in _numbered(where / study_name)
        if not os.path.lexists(path) or (study is not None and _holds(StudyFolder(path), study))
    )


def _holds(folder: StudyFolder, study: Study) -> bool:
    try:
        return read_study(folder).fingerprint == study.fingerprint
    except (FolderError, StudyError):
        return False


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}-{number}")
        number += 1


def _refuse_another_study(folder: StudyFolder, new: Study) -> None:
    try:
        present = read_study(folder)
    except StudyError as error:
        raise FolderError(
            f"{folder.path} holds a {STUDY_FILE} already, which cannot be read: {error.message}",
            suggestion=_where_else(folder, new.name),
            code="two_studies",
        ) from error
    if present.fingerprint == new.fingerprint:
        return
    changes = "\n".join(f"  {change}" for change in differences(present, new))
    raise FolderError(
        f"two studies in one folder: {folder.path} holds '{present.name}' ({present.scenario.text}), and this is "
        f"'{new.name}' ({new.scenario.text}); there -> here:\n{changes}",
        suggestion=_where_else(folder, new.name),
        code="two_studies",
    )


def _where_else(folder: StudyFolder, study_name: str) -> str:
    return f"Use a new folder: --folder {default_folder_name(study_name, folder.path.parent)}."


def _nearest_folder(path: Path) -> str:
    known = _study_folders_in(path.parent)
    close = get_close_matches(path.name, known, n=1)
    if close:
        return f"Did you mean {path.parent / close[0]}?"
    if known:
        return f"Study folders in {path.parent}: {', '.join(known[:5])}."
    return "To start a study: silicus conduct SCENARIO --folder NEW."


def _where_a_study_is(folder: StudyFolder) -> str:
    if folder.archive.exists():
        return f"Its archive is there: put the {STUDY_FILE} back that it was run with."
    inside = _study_folders_in(folder.path)
    if inside:
        return f"Did you mean {folder.path / inside[0]}?"
    return "To start a study: silicus conduct SCENARIO --folder NEW."


def _study_folders_in(path: Path) -> list[str]:
    try:
        return sorted(study.parent.name for study in path.glob(f"*/{STUDY_FILE}"))
    except OSError:
        return []
