"""Files that are being written, and the removal of those whose writer has died.

Such a file lies beside the place that it is for, as ``.<name>.<random>.convspec.part``. Who
writes it holds a lock on it (``flock``) that ends with the process, however that ends: where
the lock can be had, nobody is at work any more, in no container and on no other machine.
Windows has another law to the same end: there an open file cannot be removed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path

if sys.platform != "win32":
    import fcntl

SUFFIX = ".convspec.part"
_OURS = re.compile(r"\..{1,40}\.[0-9a-f]{12}\.convspec\.part", re.DOTALL)
_ATTEMPTS = 8


def create_unfinished(folder: Path, name: str, mode: int = 0o666) -> FileIO:
    """A new file to write, which is locked while it is open. Raises ``OSError``.

    The name is shortened so that the suffix never makes a valid name too long.
    """
    for _ in range(_ATTEMPTS):
        path = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(6)}{SUFFIX}")
        file = FileIO(path, "x", opener=lambda path, flags: os.open(path, flags, mode))
        if _locked(file.fileno()) and os.fstat(file.fileno()).st_nlink > 0:
            return file
        # A sweeper looked at it in the moment before it was locked.
        file.close()
        with suppress(OSError):
            os.unlink(path)
    raise OSError(f"every file made in {folder} was removed at once")


def _locked(descriptor: int) -> bool:
    """Whether nobody else holds the lock: it is ours now."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks: no sweeper gets one there either.
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
    if sys.platform == "win32":
        os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
    finally:
        os.close(descriptor)
