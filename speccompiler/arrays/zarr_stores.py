"""Where a Zarr hierarchy is kept: a folder, or a zip archive. Its files are read, never written.

zarr's own store for folders opens whatever has a chunk's name, and waits for ever where that is
a pipe. This one opens ordinary files only, and reads no more metadata than anybody writes.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import LocalStore

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
"""The files that describe groups and arrays, in Zarr 3 and in Zarr 2."""
MOST_METADATA = 16 << 20
MOST_FILES = 20_000
_MISSING = frozenset({"missing", "folder"})
_UNDER_A_FILE = os.strerror(errno.ENOTDIR).lower()


class FolderStore(LocalStore):  # type: ignore[misc]  # zarr is not followed
    """A folder whose ordinary files are read."""

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """A file's bytes, or a range of them; None where there is none. CS110, CS111."""
        data = await asyncio.to_thread(_bytes_of, Path(self.root), key, byte_range)
        if data is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> list[Any]:
        """As ``get``, one after the other."""
        return [await self.get(key, prototype, wanted) for key, wanted in key_ranges]


def _bytes_of(root: Path, key: str, wanted: Any) -> bytes | None:
    try:
        with open_ordinary(root / key) as stream:
            size = os.fstat(stream.fileno()).st_size
            if key.rpartition("/")[2] in METADATA and size > MOST_METADATA:
                text = f"{quoted(key)} has {size} bytes; at most {MOST_METADATA} are read"
                raise Problem("CS111", text, "check that it is Zarr's metadata")
            first, last = _range(wanted, size)
            stream.seek(first)
            return stream.read(max(0, last - first))
    except NotOrdinary as found:
        if found.kind in _MISSING or found.reason == _UNDER_A_FILE:
            return None
        text = f"{quoted(key)} cannot be read: {found.reason}"
        raise Problem("CS110", text, "check the files of the array") from None


def _range(wanted: Any, size: int) -> tuple[int, int]:
    if isinstance(wanted, RangeByteRequest):
        return wanted.start, min(wanted.end, size)
    if isinstance(wanted, OffsetByteRequest):
        return wanted.offset, size
    if isinstance(wanted, SuffixByteRequest):
        return max(0, size - wanted.suffix), size
    assert wanted is None, f"a range of an unknown kind: {wanted}"
    return 0, size


def folder_state(root: Path, inner: str) -> str:
    """What is known of the content of an array's folder without reading its chunks.

    Names, sizes and times of its files, of ``MOST_FILES`` at most in the order of their names: a
    change behind those is not seen.
    """
    digest, count = sha256(), 0
    for folder, folders, files in os.walk(root / inner):
        folders.sort()
        for name in sorted(files):
            count += 1
            path = os.path.join(folder, name)
            with suppress(OSError):
                status = os.stat(path)
                known = f"{os.path.relpath(path, root)} {status.st_size} {status.st_mtime_ns}\n"
                digest.update(known.encode("utf-8", "surrogateescape"))
            if count >= MOST_FILES:
                break
        if count >= MOST_FILES:
            break
    where = os.path.realpath(root / inner)
    return f"{where}, {count} files {digest.hexdigest()[:16]}"
