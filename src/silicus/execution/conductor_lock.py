"""One conductor at a time: a lock that the operating system releases, however the process ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from silicus.concepts.errors import ArchiveError
from silicus.execution.disk_faults import refused_by_disk

__all__ = ["ConductorLock"]

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes against reading too: one far behind the process id, so that others can read that.
    _LOCKED_BYTE = 1 << 20

    def _seize(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _seize(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ConductorLock:
    """Held by the process that conducts a study, from the first session to the last.

    Parameters
    ----------
    path
        The lock file. It holds the process id while the lock is held and is removed afterwards; one left behind by a
        killed process locks nothing.

    Raises
    ------
    ArchiveError
        Another process conducts this study (``archive_in_use``).
    FolderError
        The lock file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = self._acquired()
        while not self._stands(descriptor):  # its last holder removed the file between our opening and our locking it
            os.close(descriptor)
            descriptor = self._acquired()
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # the number only helps a message; a full disk speaks up soon enough
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())

    def _acquired(self) -> int:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise refused_by_disk(error, self._path, "written") from error
        try:
            _seize(descriptor)
        except OSError as error:
            os.lseek(descriptor, 0, os.SEEK_SET)
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                raise self._in_use(holder) from error
            raise refused_by_disk(error, self._path, "locked") from error
        return descriptor

    def _stands(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _in_use(self, holder: str) -> ArchiveError:
        who = f"process {holder}" if holder else "another process"
        return ArchiveError(
            f"the study in {self._path.parent} is being conducted by {who}",
            suggestion="Wait until it ends (reading is possible meanwhile), or conduct it in another folder: "
            f"silicus conduct {self._path.parent / 'study.yaml'} --folder NEW.",
            code="archive_in_use",
        )

    def release(self) -> None:
        """Let the next process conduct."""
        if sys.platform == "win32":
            os.close(self._descriptor)
            with contextlib.suppress(OSError):
                self._path.unlink()
        else:
            with contextlib.suppress(OSError):  # removed while still held: nobody can lock a file that is about to go
                self._path.unlink()
            os.close(self._descriptor)
