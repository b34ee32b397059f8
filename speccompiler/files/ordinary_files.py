"""Open files that a user names: only ordinary ones, and without ever waiting.

A named pipe without a writer keeps ``open`` waiting for ever, a device may give bytes without
end, and what was a file when it was looked at may be a pipe when it is opened. So a name is
looked at, opened without waiting, and looked at again through what was opened. Readers take no
more bytes than the file had when it was opened, or keep to a limit of their own.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from pathlib import Path
from typing import Any, Literal

from speccompiler.files.system_errors import reading_reason
from speccompiler.system import facilities

Kind = Literal["missing", "folder", "pipe", "device", "socket", "denied", "name", "other"]

_WAIT_SECONDS = 2.0
"""How long the writer of a named pipe may take to open it."""
_FLAGS = os.O_RDONLY | facilities.open_flags("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
_KINDS: tuple[tuple[int, Kind, str], ...] = (
    (stat.S_IFDIR, "folder", "it is a folder"),
    (stat.S_IFIFO, "pipe", "it is a pipe, not an ordinary file"),
    (stat.S_IFCHR, "device", "it is a device, not an ordinary file"),
    (stat.S_IFBLK, "device", "it is a device, not an ordinary file"),
    (stat.S_IFSOCK, "socket", "it is a socket, not an ordinary file"),
)


class NotOrdinary(Exception):
    """Why a name cannot be read; callers put it into a ``Problem`` in their own words."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason


class OrdinaryFile(io.FileIO):
    """A raw file; reading it never waits, but is an ``OSError`` where it would have to."""

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer, as any raw file does."""
        count = super().readinto(buffer)
        if count is None:  # /proc and /sys have files that wait for events
            raise OSError(errno.EAGAIN, "its content is not there yet")
        return count

    def __del__(self) -> None:
        # Without a ResourceWarning: an archive that is kept open closes its file when it is
        # collected, which may be after the file.
        self.close()

    @property
    def size(self) -> int:
        """Bytes that the file has now."""
        return os.fstat(self.fileno()).st_size


class _Pipe(io.FileIO):
    """A pipe of which some bytes have been read already."""

    def __init__(self, number: int, begun: bytes) -> None:
        super().__init__(number, "rb")
        self._begun = begun

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer, as any raw file does."""
        if not self._begun:
            return super().readinto(buffer)
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._begun))
        view[:count], self._begun = self._begun[:count], self._begun[count:]
        return count


def open_raw(path: Path, *, pipes: bool = False) -> io.FileIO:
    """An ordinary file, unbuffered; with ``pipes`` also a pipe that something writes to.

    ``NotOrdinary`` otherwise, and for what the system refuses.
    """
    pipes = pipes and facilities.OPENS_WITHOUT_WAITING.here
    _check(_status(path).st_mode, pipes)
    try:
        number = os.open(path, _FLAGS)
    except OSError as error:
        raise _refused(error) from None
    try:
        mode = os.fstat(number).st_mode
        _check(mode, pipes)
        if stat.S_ISREG(mode):
            return OrdinaryFile(number, "rb")
        begun = _begun(number)
        os.set_blocking(number, True)
        return _Pipe(number, begun)
    except BaseException:
        os.close(number)
        raise


def open_ordinary(path: Path) -> io.BufferedReader:
    """An ordinary file, buffered; ``NotOrdinary`` otherwise."""
    return io.BufferedReader(open_raw(path))


def name_of(stream: io.FileIO | io.BufferedReader, path: Path) -> str:
    """A name under which a library opens the very file that is open here, if the system has one."""
    held = f"/dev/fd/{stream.fileno()}"
    return held if os.path.exists(held) else str(path)


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with open_ordinary(path) as stream:
            return stream.read(count)
    except (NotOrdinary, OSError):
        return b""


def _status(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise _refused(error) from None
    except ValueError:  # a null character
        raise NotOrdinary("name", "it is not a name that a file can have") from None


def _check(mode: int, pipes: bool) -> None:
    if stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode)):
        return
    for bits, kind, reason in _KINDS:
        if stat.S_IFMT(mode) == bits:
            raise NotOrdinary(kind, reason)
    raise NotOrdinary("other", "it is not an ordinary file")


def _refused(error: OSError) -> NotOrdinary:
    if isinstance(error, FileNotFoundError):
        return NotOrdinary("missing", "no such file")
    if isinstance(error, PermissionError):
        return NotOrdinary("denied", "permission denied")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return NotOrdinary("socket", "it is a socket or a device, not an ordinary file")
    return NotOrdinary("other", reading_reason(error))


def _begun(number: int) -> bytes:
    """The first bytes from a pipe; ``NotOrdinary`` where nothing opens it to write to it."""
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            begun = os.read(number, 1 << 16)
        except BlockingIOError:  # a writer is there, and has nothing to say yet
            return b""
        if begun:
            return begun
        if time.monotonic() > end:
            raise NotOrdinary("pipe", "it is a pipe that nothing writes to")
        time.sleep(0.01)
