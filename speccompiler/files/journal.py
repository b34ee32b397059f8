"""A file of lines that are on the disk when ``add`` returns; what a crash tore off is left out."""

from __future__ import annotations

import os
import threading
import zlib
from io import FileIO
from pathlib import Path

from speccompiler.files.synced import sync_folder
from speccompiler.system.unfinished_files import write_all


class Journal:
    """Lines of text, each with a checksum in front of it."""

    def __init__(self, path: Path) -> None:
        """Read the lines that are whole, and go on behind them. Raises ``OSError``."""
        self._path = path
        self._turn = threading.Lock()
        self._file = FileIO(path, "a+")
        self._file.seek(0)
        content = self._file.read()
        lines, good = _whole_lines(content)
        self.lines: tuple[str, ...] = lines
        """Those that it was opened with."""
        self.count = len(lines)
        if good < len(content):
            self._file.truncate(good)
        sync_folder(path.parent)

    def add(self, line: str) -> None:
        """Return when the line is on the disk. Raises ``OSError``; then it is not there."""
        assert "\n" not in line, "a line is one"
        data = line.encode()
        with self._turn:
            size = os.fstat(self._file.fileno()).st_size
            try:
                write_all(self._file, b"%08x %s\n" % (zlib.crc32(data), data))
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(size)
                raise
            self.count += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _whole_lines(content: bytes) -> tuple[tuple[str, ...], int]:
    """The lines up to the first that is not whole, and where it begins."""
    found: list[str] = []
    good = 0
    for line in content.split(b"\n")[:-1]:
        checksum, _, data = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(data):
            break
        found.append(data.decode())
        good += len(line) + 1
    return tuple(found), good
