"""Write a file so that its final name only ever shows a complete file.

The bytes go to an unfinished file in the same folder, which replaces the final name in one step
when all is written and safe on disk. Files that belong together are all written first, and
replace their names one right after the other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Self

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files.system_errors import FULL, writing_reason
from speccompiler.frozen import dataclass
from speccompiler.system import facilities
from speccompiler.system.unfinished_files import create_unfinished, sweep

_FREE_SPACE = "free some space, or write to another disk"


@dataclass(frozen=True, slots=True)
class _Finished:
    """A complete file that waits for its name."""

    partial: Path
    final: Path
    lock: FileIO
    """The file still open, which keeps it from being swept."""
    shown: str | None
    """What messages call it; None where the caller adds that."""


class FileGroup:
    """Files that take their names together, on a clean exit; on any exception none does.

    No file system replaces two names in one step: a process that dies in between leaves some
    new and some old. **The file that was finished last comes first**, so that a file that says
    what is in another, and is finished after it, is never the older one.
    """

    def __init__(self) -> None:
        self._finished: list[_Finished] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *unused: object) -> None:
        try:
            if kind is None:
                self._take_names()
        finally:
            for left in self._finished:
                with contextlib.suppress(OSError):
                    left.partial.unlink()
                left.lock.close()

    def add(self, finished: _Finished) -> None:
        """The next file that is complete."""
        self._finished.append(finished)

    def _take_names(self) -> None:
        """Ctrl-C waits until all names are taken: half of them would be worse than either."""
        interrupted: BaseException | None = None
        while self._finished:
            one = self._finished[-1]
            try:
                _take_name(one)
            except (KeyboardInterrupt, SystemExit) as stopped:
                interrupted = stopped
                if one.partial.exists():
                    continue
            except Problem as problem:
                if one.shown is None:
                    raise
                raise SpecError([problem.at(file=one.shown)]) from None
            self._finished.pop()
            one.lock.close()
        if interrupted is not None:
            raise interrupted


@contextmanager
def atomic_file(target: Path, size: int, group: FileGroup | None = None) -> Iterator[FileIO]:
    """A raw file of ``size`` bytes that becomes ``target`` on a clean exit, or of ``group``.

    On any exception the partial file is removed and ``target`` is untouched.
    A replaced file keeps its permissions, a symbolic link keeps pointing to it.
    Space is reserved before the body runs. CS120, CS121.
    """
    folder, mode = _check(target)
    final = Path(os.path.realpath(target))
    sweep(final.parent)
    with contextlib.ExitStack() as stack:
        own = group or stack.enter_context(FileGroup())
        with _create(final, folder) as file:
            partial = Path(file.name)
            try:
                if mode is not None and facilities.PERMISSIONS.here:
                    with contextlib.suppress(OSError):  # a disk without permissions
                        os.fchmod(file.fileno(), mode)
                reserve(file, final.parent, size)
                yield file
                shown = None if group is None else str(target)
                own.add(_Finished(partial, final, _finish(file), shown))
            except BaseException:
                with contextlib.suppress(OSError):
                    file.close()  # Windows removes no open file
                with contextlib.suppress(OSError):
                    partial.unlink()
                raise


def write_failure(error: OSError, progress: str) -> Problem:
    """CS121 for a write that failed after ``progress`` ("3 of 10 samples")."""
    return Problem(
        "CS121", f"writing stopped after {progress}: {writing_reason(error)}", _FREE_SPACE
    )


def check_target(target: Path) -> None:
    """Refuse a place where no file can be written: CS120. Nothing is created."""
    _check(target)


def cannot_create(why: str, hint: str) -> Problem:
    """CS120, before anything is written."""
    return Problem("CS120", f"the output cannot be created: {why}", hint)


def _check(target: Path) -> tuple[str, int | None]:
    """The folder as messages name it, and the permissions of a file to be replaced."""
    folder = str(target.parent)
    try:
        status = os.stat(target)
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(os.path.realpath(target))):
            raise cannot_create(
                f"the folder '{folder}' does not exist", "create the folder first"
            ) from None
        return folder, None
    except OSError as error:
        raise cannot_create(writing_reason(error), "check the path") from None
    except ValueError:  # a null character
        raise cannot_create("the path is not a valid file name", "check the path") from None
    if stat.S_ISDIR(status.st_mode):
        raise cannot_create("this is a folder", "name a file in it, for example 'output.npy'")
    if not stat.S_ISREG(status.st_mode):
        raise cannot_create("this is not an ordinary file", "name a file, or a pipe")
    if not os.access(target, os.W_OK):
        # Replacing needs no right to the old file, but a write-protected one is meant to stay.
        raise cannot_create(
            "a file of this name exists and is write-protected",
            "choose another name, or allow writing to it",
        )
    return folder, stat.S_IMODE(status.st_mode) & 0o777


def _create(final: Path, folder: str) -> FileIO:
    try:
        return create_unfinished(final.parent, final.name)
    except OSError as error:
        if error.errno in FULL:
            raise Problem(
                "CS121", f"nothing could be written: {writing_reason(error)}", _FREE_SPACE
            ) from None
        raise cannot_create(
            f"no file can be made in the folder '{folder}' ({writing_reason(error)})",
            "choose a folder that you may write to",
        ) from None


def reserve(file: FileIO, folder: Path, size: int) -> None:
    """Take the space now: a full disk is better known before hours of work than after.

    CS121.
    """
    # Asked first, so that a hopeless request does not fill the disk for a moment.
    free = check_room(folder, size)
    if not facilities.RESERVED_SPACE.here:
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OverflowError:  # no file can be this long
        raise _no_room(errno.EFBIG, size, free) from None
    except OSError as error:
        if error.errno in FULL:
            raise _no_room(error.errno, size, free) from None
        # Other errors mean that this disk cannot reserve; writing may still work.


def check_room(folder: Path, size: int) -> int:
    """The bytes that are free on a folder's disk; CS121 where they are fewer than ``size``."""
    usage = shutil.disk_usage(folder)
    # Some network disks do not know their size and say 0.
    if usage.total and usage.free < size:
        raise _no_room(errno.ENOSPC, size, usage.free)
    return usage.free


def _no_room(number: int, size: int, free: int) -> Problem:
    return Problem(
        "CS121",
        f"there is no room for the output: {writing_reason(OSError(number, ''))} "
        f"({size} bytes needed, {free} free)",
        _FREE_SPACE,
    )


def _finish(file: FileIO) -> FileIO:
    """Write everything to the disk and close the file; another opening of it keeps its lock.

    CS121 for an error that comes this late.
    """
    lock = FileIO(os.dup(file.fileno()))
    try:
        os.fsync(file.fileno())
        file.close()
    except OSError as error:
        lock.close()
        raise write_failure(error, "all samples") from None
    return lock


def _take_name(finished: _Finished) -> None:
    if not facilities.FILE_LOCKS.here:
        finished.lock.close()
    try:
        os.replace(finished.partial, finished.final)
    except OSError as error:
        raise cannot_create(
            f"it was written, but the name could not be taken ({writing_reason(error)})",
            "choose another name",
        ) from None
