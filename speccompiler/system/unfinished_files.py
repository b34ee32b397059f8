"""Files that are being written, and the removal of those whose writer has died.

Such a file lies beside the place that it is for, as ``.<name>.<random>.convspec.part``. Its
writer holds a lock on it (``flock``) that ends with the process, however that ends: where the
lock can be had, no process writes the file any longer, in no container and on no other machine.
Without locks (``facilities.FILE_LOCKS``) an open file cannot be removed, to the same end.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from speccompiler.system import facilities

SUFFIX = ".convspec.part"
_OURS = re.compile(r"\..{1,40}\.[0-9a-f]{12}\.convspec\.part", re.DOTALL)
_ATTEMPTS = 8


class Sink(Protocol):
    """What bytes are written to; ``write`` may take fewer than it is given."""

    def write(self, data: memoryview, /) -> int | None: ...


def create_unfinished(folder: Path, name: str, mode: int = 0o666) -> FileIO:
    """A new file to write, which is locked while it is open. Raises ``OSError``.

    The name is shortened so that the suffix never makes a valid name too long.
    """
    for _ in range(_ATTEMPTS):
        path = os.path.join(folder, f".{name[:40]}.{os.urandom(6).hex()}{SUFFIX}")
        file = FileIO(path, "x", opener=lambda path, flags: os.open(path, flags, mode))
        if locked(file.fileno()) and os.fstat(file.fileno()).st_nlink > 0:
            return file
        # Another process swept it in the moment before it was locked.
        file.close()
        with suppress(OSError):
            os.unlink(path)
    raise OSError(f"every file made in {folder} was removed at once")


def write_all(file: Sink, data: bytes | memoryview) -> None:
    """Write to the last byte. Raises ``OSError``, also where a sink is not ready for more."""
    view = memoryview(data).cast("B")
    while view:
        count = file.write(view)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, "the reader is not ready")
        view = view[count:]


def locked(descriptor: int) -> bool:
    """Whether nobody else holds the lock: it is ours now."""
    if not facilities.FILE_LOCKS.here:
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # The file system has no locks: no sweeper gets one there either.
        return True
    return True


def sweep(folder: Path) -> None:
    """Remove what processes of this user left in a folder when they died."""
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if _OURS.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_if_left(entry.path)


def _remove_if_left(path: str) -> None:
    """Remove an unfinished file that nobody has locked. Raises ``OSError``."""
    if not facilities.FILE_LOCKS.here:
        os.unlink(path)
        return
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
    finally:
        os.close(descriptor)
