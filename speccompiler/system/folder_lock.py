"""A folder that one process at a time works in, told by a lock on a file in it.

The lock ends with the process, however that ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

from speccompiler.system import facilities
from speccompiler.system.unfinished_files import locked

_ATTEMPTS = 100


class Busy(Exception):
    """Another process holds the lock; ``who`` says which, as far as it has said so."""

    def __init__(self, who: str) -> None:
        super().__init__(who)
        self.who = who


def lock_folder(folder: Path, name: str) -> FileIO:
    """Make the folder where it is missing, and hold its lock until the file is closed.

    Raises ``Busy`` and ``OSError``.
    """
    for _ in range(_ATTEMPTS):
        with suppress(FileExistsError):
            os.mkdir(folder)
        path = folder / name
        try:
            file = _opened(path)
        except FileNotFoundError:
            continue  # whoever held it has removed the folder just now
        if not locked(file.fileno()):
            who = file.read(200).decode("ascii", "replace")
            file.close()
            raise Busy(who)
        if _is_at(file, path):
            file.seek(0)
            file.truncate()
            file.write(_own_name())
            return file
        file.close()
    raise OSError(f"{folder} was removed as often as it was made")


def remove_lock(file: FileIO, path: Path) -> None:
    """Remove the lock's file and let it go."""
    if not facilities.FILE_LOCKS.here:
        file.close()
    with suppress(OSError):
        os.unlink(path)
    file.close()


def _opened(path: Path) -> FileIO:
    if not facilities.FILE_LOCKS.here:
        try:
            os.unlink(path)  # refused while another process has it open
        except FileNotFoundError:
            pass
        except PermissionError:
            raise Busy("") from None
        return FileIO(path, "x+")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    return FileIO(path, "r+", opener=lambda path, _: os.open(path, flags, 0o666))


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether the file that is locked still has its name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _own_name() -> bytes:
    import socket

    return f"process {os.getpid()} on {socket.gethostname()}".encode("ascii", "replace")
