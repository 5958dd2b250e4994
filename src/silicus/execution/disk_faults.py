"""What a disk or a database refuses, said so that a person can do something about it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from silicus.concepts.errors import ArchiveError, FolderError

__all__ = ["damaged", "refused_by_disk", "refused_by_sqlite"]

_FULL = ("disk_full", "the disk is full", "Make room on it, or use a folder on another disk, and try again.")
_QUOTA = ("disk_full", "your share of the disk is used up", "Make room, or use a folder on another disk.")
_FORBIDDEN = (
    "no_permission",
    "you have no permission, or another program has it open",
    "Close it elsewhere, or use a folder that you may write to.",
)
_READ_ONLY = ("read_only", "the disk is read-only", "Copy the folder to a disk that you may write to.")
_TOO_LONG = ("name_too_long", "the name is too long", "Choose a shorter name.")
_NOT_A_FOLDER = ("not_a_folder", "a file stands where a folder is expected", "Choose another place.")

_BY_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _QUOTA,
    errno.EFBIG: ("disk_full", "the file would be larger than allowed here", _QUOTA[2]),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _READ_ONLY,
    errno.ENAMETOOLONG: _TOO_LONG,
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
    errno.EISDIR: ("not_a_file", "a folder stands where a file is expected", "Move that folder away."),
    errno.ENOENT: ("not_found", "it does not exist", "Check the spelling."),
}


def refused_by_disk(error: OSError, path: Path, doing: str) -> FolderError:
    """Say why a file or folder could not be read or written.

    Parameters
    ----------
    error
        What the operating system said.
    path
        The file or folder as the user knows it.
    doing
        What was tried: ``"written"``, ``"read"``, ``"made"``.
    """
    unknown = ("folder", error.strerror or str(error), "Check the disk, or use a folder elsewhere.")
    code, reason, advice = _BY_ERRNO.get(error.errno or 0, unknown)
    return FolderError(f"{path} could not be {doing}: {reason}", suggestion=advice, code=code)


def damaged(path: Path, detail: str) -> ArchiveError:
    """Say that an archive cannot be trusted, and what is left to do."""
    return ArchiveError(
        f"the archive {path} is damaged: {detail}. Nothing in it was changed",
        suggestion=f"Restore it from a copy, or run the study again in a new folder: silicus conduct "
        f"{path.parent / 'study.yaml'} --folder NEW. What SQLite can still read: sqlite3 {path} .recover",
        code="archive_damaged",
    )


def refused_by_sqlite(error: sqlite3.Error, path: Path) -> ArchiveError:
    """Say why SQLite could not read or write the archive."""
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        code, reason, advice = _FULL
    elif primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        code, reason = "archive_in_use", "another program holds it locked"
        advice = "Close the program that has the archive open, then try again."
    elif primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        code, reason = "archive_not_accessible", str(error)
        advice = "Copy the study folder to a place where you may write, and use that copy."
    elif primary == sqlite3.SQLITE_IOERR:
        code, reason = "disk_error", f"the disk reports an error ({error})"
        advice = "See that the disk has room and works, or use a folder on another disk, and try again."
    elif primary == sqlite3.SQLITE_CONSTRAINT:
        code, reason = "archive_recorded_twice", f"something would be recorded twice or changed ({error})"
        advice = "See that no other process conducts the same study; if none does, please report this fault."
    else:
        return damaged(path, str(error))
    return ArchiveError(
        f"the archive {path} could not be used: {reason}. What was committed before is safe",
        suggestion=advice,
        code=code,
    )
