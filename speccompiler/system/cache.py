"""The per-user cache: compiled kernels, packed weights and measured choices.

Everything in it can be made again. Whatever goes wrong here (a full disk, a folder of somebody
else) ends in doing without.

Files appear under their name only when they are complete, so that two processes may write
the same one at once; what a process that died was writing is removed by the next. A file is
used only if its checksum is right, except for measured choices, which change no bits. The files
used least recently are removed when all of them exceed the limit.

An entry's name is a hash of its key, which whoever writes it makes: ``kernel_cache`` and
``packed_weights`` in ``kernels/cpu/runtime/``, ``cubins`` in ``kernels/cuda/runtime/``, ``tuning``
in both. ``code_digest`` is in the keys of kernels and weights, so that those of older code are
never found.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from speccompiler.frozen import dataclass
from speccompiler.system import facilities
from speccompiler.system.unfinished_files import create_unfinished, sweep, write_all

Kind = Literal["kernels", "weights", "tuning"]
KINDS: tuple[Kind, ...] = ("kernels", "weights", "tuning")
DEFAULT_LIMIT = 2048 << 20
PREFIX = "convspec_"
_HOUR = 3600.0
"""The use of an entry is noted at most once an hour."""

Data = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """All files of one kernel, of one packed tensor, or of one measured choice."""

    kind: Kind
    name: str
    files: tuple[Path, ...]
    size: int
    used: float
    """When it was written or last used, in seconds since the epoch."""


def cache_root() -> Path:
    """``$CONVSPEC_CACHE_DIR``, or the user's cache folder; it need not exist."""
    configured = os.environ.get("CONVSPEC_CACHE_DIR")
    if configured:
        return Path(configured)
    import platformdirs

    return platformdirs.user_cache_path("convspec")


WORTH_TRYING = 1 << 20
"""Free bytes of a disk below which nothing will be kept."""


def cache_limit() -> int:
    """Bytes that all entries may take: ``$CONVSPEC_CACHE_SIZE`` MiB, 2048 without it."""
    try:
        return max(0, int(float(os.environ["CONVSPEC_CACHE_SIZE"]) * (1 << 20)))
    except (KeyError, ValueError, OverflowError):
        return DEFAULT_LIMIT


def cache_folder(kind: Kind) -> Path | None:
    """Where entries of a kind lie, made if need be; None where it cannot be used."""
    return _folder(cache_root() / kind)


def keeps(kind: Kind) -> bool:
    """Whether a new entry of a kind would be there for the next process."""
    folder = cache_folder(kind)
    if folder is None or cache_limit() == 0 or not os.access(folder, os.W_OK):
        return False
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free >= WORTH_TRYING
    return False


@cache
def _folder(folder: Path) -> Path | None:
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        if not is_private(folder):
            return None
    except OSError:
        return None
    sweep(folder)
    return folder


def is_private(folder: Path) -> bool:
    """Whether only this user can have put something into a folder: what lies there is run."""
    status = folder.stat()
    if not facilities.OWNERS.here:
        return folder.is_dir()
    return folder.is_dir() and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def read_entry(path: Path) -> bytes | None:
    """The content of a file, which counts as a use; None where there is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    note_use(path)
    return data


def note_use(path: Path) -> None:
    """Note that an entry was used, so that it is not the next to be removed."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _HOUR:
            os.utime(path)


def write_entry(path: Path, parts: Iterable[Data]) -> bool:
    """Write a file in one step, and make room for it; whether it is there now.

    It is not forced onto the disk: a page that is lost in a crash shows in the checksum.
    """
    try:
        file = create_unfinished(path.parent, path.name, 0o600)
    except OSError:
        return False
    temporary = file.name
    try:
        with file:
            for part in parts:
                write_all(file, part)
        os.replace(temporary, path)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    trim()
    return path.exists()


def entries() -> tuple[Entry, ...]:
    """Everything in the cache, the most recently used first."""
    found: list[Entry] = []
    for kind in KINDS:
        groups: dict[str, list[os.DirEntry[str]]] = {}
        for file in _own_files(cache_root() / kind):
            groups.setdefault(file.name.rpartition(".")[0], []).append(file)
        found += [_entry(kind, name, files) for name, files in groups.items()]
    return tuple(sorted(found, key=lambda entry: -entry.used))


def _entry(kind: Kind, name: str, files: list[os.DirEntry[str]]) -> Entry:
    size, used = 0, 0.0
    for file in files:
        with contextlib.suppress(OSError):  # another process has removed it
            status = file.stat()
            size += status.st_size
            used = max(used, status.st_mtime)
    return Entry(kind, name, tuple(Path(file.path) for file in files), size, used)


def _own_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files that convspec can have written."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for file in found:
            if file.name.startswith(PREFIX) and file.is_file(follow_symlinks=False):
                yield file


def trim() -> None:
    """Remove what was used least recently, until the rest is within the limit."""
    kept, limit = 0, cache_limit()
    for entry in entries():
        kept += entry.size
        if kept > limit:
            _remove(entry.files)


def clear() -> tuple[int, int]:
    """Remove every entry; how many there were, and their bytes. Raises ``OSError``."""
    found = entries()
    for entry in found:
        for file in entry.files:
            file.unlink(missing_ok=True)
    for kind in KINDS:
        sweep(cache_root() / kind)
        with contextlib.suppress(OSError):  # not empty: something there is not ours
            (cache_root() / kind).rmdir()
    return len(found), sum(entry.size for entry in found)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
