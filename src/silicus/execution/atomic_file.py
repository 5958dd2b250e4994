"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from silicus.execution.disk_faults import refused_by_disk

__all__ = ["move_into_place", "write_atomic"]


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that, whatever happens meanwhile, either its old or its new content is there.

    Parameters
    ----------
    path
        The file; one that exists is replaced, and a link to a file is followed.
    content
        What it shall hold; text is written as UTF-8 with line ends as they are.

    Raises
    ------
    FolderError
        The disk is full (``disk_full``), read-only (``read_only``), or refuses otherwise; nothing new is left behind.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = path.resolve()
        draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            move_into_place(draft, target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise refused_by_disk(error, path, "written") from error


def move_into_place(draft: Path, target: Path) -> None:
    """Give a written file its name, replacing what had it, so that a power cut cannot undo it; raises OSError."""
    draft.replace(target)
    with contextlib.suppress(OSError):  # some systems cannot open a folder; the file itself is safe already
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
