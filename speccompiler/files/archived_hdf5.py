"""The HDF5 file inside a ``.keras`` archive, read where it lies: Keras stores it unpacked."""

from __future__ import annotations

import io
import zipfile
from typing import Any, BinaryIO

from speccompiler.files.keras_archives import WEIGHTS, check_members
from speccompiler.files.npz_format import ZIP_ERRORS, ArchiveError
from speccompiler.files.tensor_info import invalid

_HEADER = 30
"""Bytes of a member's local header before its name (PKWARE's APPNOTE 4.3.7)."""
ZIP_SIGNATURE = b"PK\x03\x04"


class Window(io.RawIOBase):
    """A part of a file as a file of its own, to read."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self.start = start
        """Where it begins in the file."""
        self._stream, self._size, self._at = stream, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Within the part; behind its end there is nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As many bytes as are there."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at))
        self._stream.seek(self.start + self._at)
        data = self._stream.read(wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def weights_inside(stream: BinaryIO) -> Window:
    """The weights of an archive that is open; CS101 where it has none that can be read."""
    try:
        with zipfile.ZipFile(stream) as archive:
            check_members(archive.infolist())
            member = archive.getinfo(WEIGHTS) if WEIGHTS in archive.namelist() else None
    except (*ZIP_ERRORS, zipfile.LargeZipFile) as error:
        raise invalid(f"it is not a sound .keras archive ({error})") from None
    except ArchiveError as error:
        raise invalid(str(error)) from None
    if member is None:
        raise invalid(f"this .keras archive holds no {WEIGHTS}")
    if member.compress_type != zipfile.ZIP_STORED:
        raise invalid(
            f"{WEIGHTS} in this .keras archive is packed, which Keras never does: unzip it, and "
            "give it with --weights"
        )
    stream.seek(member.header_offset)
    header = stream.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(ZIP_SIGNATURE):
        raise invalid("it is not a sound .keras archive: a member is not where the list says")
    lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    start = member.header_offset + _HEADER + sum(lengths)
    stream.seek(0, io.SEEK_END)
    if start + member.file_size > stream.tell() or member.file_size != member.compress_size:
        raise invalid("it is not a sound .keras archive: a member ends behind the file")
    return Window(stream, start, member.file_size)
