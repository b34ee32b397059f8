"""The standard streams, replaced so that writing to them works for every command.

``prepare`` is called once, before anything is read, opened or written.

* What a stream cannot encode is escaped (``\\u4e2d``), so that a character in a spec cannot stop a
  finding from being shown.
* A closed standard output acts like one whose reader has gone: the first write to it is a
  ``BrokenPipeError``. A closed standard error acts like ``/dev/null``: failing to write there
  never ends a command.
* Descriptors 0 to 2 are always occupied. Otherwise a file that is opened later would get one of
  them, and what a library writes to descriptor 2 would go into that file.
* A stream that is not ready (``O_NONBLOCK``, of a terminal that is shared) is waited for.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import time
from typing import Any, BinaryIO, cast

from speccompiler.diagnostics.core import Problem
from speccompiler.system import facilities


def prepare() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr``; a closed ``sys.stdin`` stays None."""
    if sys.stdin is None and _is_free(0):
        _take(0, os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:
        if _is_free(1):
            reader, writer = os.pipe()
            _take(1, writer)
            if reader != 1:
                os.close(reader)
        sys.stdout = _reopened(1)
    if sys.stderr is None:
        if _is_free(2):
            _take(2, os.open(os.devnull, os.O_WRONLY))
        sys.stderr = _reopened(2)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            setattr(sys, name, _Escaping(stream, may_fail=name == "stdout"))


def standard_input(code: str) -> BinaryIO:
    """The bytes of standard input. Raises ``Problem`` ``code`` where it is closed."""
    if sys.stdin is None:
        raise Problem(code, "standard input is closed", "send the file to it, or name the file")
    return cast(BinaryIO, sys.stdin.buffer)


def sayable(text: str) -> str:
    """A text as standard output will show it, so that its columns can be counted."""
    encoding = getattr(sys.stdout, "speaks", None) or getattr(sys.stdout, "encoding", None)
    return _escaped(text, encoding or "utf-8")


def _escaped(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _is_free(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _take(number: int, descriptor: int) -> None:
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)


def _reopened(number: int) -> io.TextIOWrapper:
    return open(number, "w", encoding="utf-8", closefd=False)


class _Escaping(io.TextIOWrapper):
    """Takes a text stream's place, and its file."""

    def __init__(self, stream: io.TextIOWrapper, *, may_fail: bool) -> None:
        self.speaks = codecs.lookup(stream.encoding).name
        lines = stream.line_buffering or not may_fail
        buffer = stream.detach()
        raw = buffer.detach() if isinstance(buffer, io.BufferedWriter) else buffer
        super().__init__(
            io.BufferedWriter(_Patient(cast(io.RawIOBase, raw), may_fail=may_fail)),
            # click writes UTF-8 to a stream that says it is ASCII. Escaped text is both.
            encoding="utf-8" if self.speaks == "ascii" else self.speaks,
            errors="backslashreplace",
            line_buffering=lines,
        )

    def write(self, text: str) -> int:
        """Write the text, with what the stream cannot encode escaped; its length."""
        super().write(_escaped(text, "ascii") if self.speaks == "ascii" else text)
        return len(text)


class _Patient(io.RawIOBase):
    """A file to write to: waits until it is ready, and drops what fails unless it ``may_fail``."""

    def __init__(self, raw: io.RawIOBase, *, may_fail: bool) -> None:
        self._raw = raw
        self._may_fail = may_fail

    def writable(self) -> bool:
        """Always: it is made for output only."""
        return True

    def fileno(self) -> int:
        """That of the file that is written to."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """That of the file that is written to."""
        return self._raw.isatty()

    def write(self, data: Any) -> int:
        """Write the bytes; how many were written, or dropped."""
        count = memoryview(data).nbytes
        try:
            while (written := self._raw.write(data)) is None:
                self._wait()
        except OSError:
            if self._may_fail:
                raise
            return count
        return written

    def _wait(self) -> None:
        if not facilities.WAITING_FOR_PIPES.here:
            time.sleep(0.01)
            return
        import select

        with contextlib.suppress(ValueError):  # a number that select cannot take
            select.select([], [self.fileno()], [], 1.0)
