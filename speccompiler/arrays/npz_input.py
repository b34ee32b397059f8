"""Read the members of an .npz archive batch by batch: nothing is unpacked whole."""

from __future__ import annotations

import functools
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box
from speccompiler.arrays.chunked_batches import batches_of_boxes
from speccompiler.arrays.npy_batches import Batches, c_order_stream, read_up_to
from speccompiler.arrays.npy_boxes import read_box
from speccompiler.arrays.npy_header import NpyHeader
from speccompiler.arrays.npy_input import (
    array_input,
    check_size,
    file_identity,
    header_of,
    is_transposed,
    open_array,
    open_stream,
    refused,
)
from speccompiler.arrays.positioned import LOCAL_GAP, PositionedFile
from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import first_few
from speccompiler.files import npz_format
from speccompiler.files.npz_format import METHODS, SIGNATURES, ZIP_ERRORS, Archive, ArchiveError
from speccompiler.files.ordinary_files import NotOrdinary, first_bytes
from speccompiler.system import facilities

_AGAIN = "write or copy the whole file again"
_LOCAL_HEADER = 30


def is_archive(path: Path) -> bool:
    """Whether a file is an archive: its first bytes say it, or its name where they do not."""
    begin = first_bytes(path, 6)
    if begin.startswith(SIGNATURES):
        return True
    return path.suffix.lower() == ".npz" and not begin.startswith(b"\x93NUMPY")


@contextmanager
def open_archive(path: Path, names: tuple[str, ...], shown: str) -> Iterator[dict[str, ArrayInput]]:
    """The members ``names`` of an archive; of a single name its only member, whatever it is called.

    Other members are left alone. CS110 to CS115, CS124.
    """
    archive = _opened(path, shown)
    with archive:
        members = _members(archive)
        if len(names) == len(members) == 1:
            members = dict(zip(names, members.values(), strict=True))
        missing = [name for name in names if name not in members]
        if missing:
            raise Problem(
                "CS124",
                f"the archive has no member {', '.join(map(repr, missing))}; it holds "
                f"{_listed(list(members))}",
                "members are named as the model's inputs: numpy.savez(file, "
                f"{', '.join(f'{name}=..' for name in names)})",
            )
        opened = {name: _open(archive, members[name], shown) for name in names}
        yield {name: replace(source, path=str(path)) for name, source in opened.items()}


def open_file(path: Path, shown: str, name: str | None = None) -> ArrayInput:
    """The array of a .npy file, the one of this name in an archive, or its only one.

    CS110 to CS115, CS124.
    """
    if not is_archive(path):
        return open_array(path, shown)
    archive = _opened(path, shown)
    try:
        members = _members(archive)
        if name is not None and name not in members:
            raise Problem(
                "CS124",
                f"the archive has no member '{name}'; it holds {_listed(list(members))}",
                did_you_mean(name, members),
            )
        if name is None and len(members) != 1:
            example = f", or name one: {shown}::{next(iter(members))}" if members else ""
            raise Problem(
                "CS124",
                f"the archive holds {len(members)} arrays: {_listed(list(members))}",
                f"give a file of one array, as numpy.save writes it{example}",
            )
        member = next(iter(members.values())) if name is None else members[name]
        return replace(_open(archive, member, shown), _close=archive.close)
    except BaseException:
        archive.close()
        raise


def _members(archive: Archive) -> dict[str, zipfile.ZipInfo]:
    return {
        entry.filename.removesuffix(".npy"): entry
        for entry in archive.infolist()
        if entry.filename.endswith(".npy")
    }


def _opened(path: Path, shown: str) -> Archive:
    """CS110, CS111; what else the file is, or why it cannot be read, ``open_array`` says."""
    try:
        return npz_format.open_archive(path)
    except NotOrdinary as found:
        if found.kind != "pipe":
            raise refused(found) from None
        raise Problem(
            "CS110",
            "an archive cannot be read from a pipe",
            "give the file itself, or .npy through the pipe",
        ) from None
    except ArchiveError as error:
        if not first_bytes(path, 2).startswith(b"PK") and "in front" not in str(error):
            open_array(path, shown).close()
            text = "this is a single .npy array and no archive"
            raise Problem("CS111", text, "name it .npy") from None
        raise Problem("CS111", f"the archive is damaged ({error})", _AGAIN) from None


def _listed(names: list[str]) -> str:
    return first_few([f"'{name}'" for name in names], 5) or "none"


def _open(archive: Archive, entry: zipfile.ZipInfo, shown: str) -> ArrayInput:
    name = f"{shown}: {entry.filename}"
    if entry.flag_bits & 1 or entry.compress_type not in METHODS:
        raise Problem(
            "CS111",
            f"member '{entry.filename}' is packed in an unusual way",
            "save it again",
        )
    boxes, header = None, None
    if entry.compress_type == zipfile.ZIP_STORED:
        header = header_of(_Member(archive, entry), lambda: b"", name)
        check_size(header, entry.file_size - header.data_offset)
        if facilities.POSITIONED_READS.here:
            member = StoredMember(archive, entry, header.data_offset)
            boxes = functools.partial(read_box, member, header)
    if header is None or boxes is None:
        return open_stream(_Member(archive, entry), name, size=entry.file_size)
    return replace(
        array_input(header, name, _batches(archive, entry, header, boxes), lambda: None),
        _box=boxes,
        identity=f"{file_identity(archive.file, archive.path)}, {entry.filename}, "
        f"{header.as_text()}",
    )


def _batches(
    archive: Archive,
    entry: zipfile.ZipInfo,
    header: NpyHeader,
    boxes: Callable[[Box], npt.NDArray[np.float32]],
) -> Callable[[int], Batches]:
    """A member that is stored as it is: unpacked in order, so that its checksum is compared."""
    if is_transposed(header):
        return lambda n: batches_of_boxes(header.shape, boxes, n)

    def batches(batch_size: int) -> Batches:
        member = _Member(archive, entry)
        read_up_to(member, header.data_offset)
        return c_order_stream(member, header, batch_size)

    return batches


class StoredMember:
    """A member's bytes from any place; its checksum is compared where they are read in order."""

    gap = LOCAL_GAP

    def __init__(self, archive: Archive, entry: zipfile.ZipInfo, header_bytes: int) -> None:
        """``header_bytes`` have been read already. CS112."""
        self._entry = entry
        number = archive.file.fileno()
        self._place = PositionedFile(number, _data_offset(PositionedFile(number), entry))
        header = bytearray(header_bytes)
        self._place.read_at(memoryview(header), 0)
        self._at, self._sum = header_bytes, zlib.crc32(header)
        self._turn = threading.Lock()

    def read_at(self, view: memoryview, offset: int) -> int:
        """See ``Positioned``. CS110, CS112."""
        got = self._place.read_at(view, offset)
        with self._turn:
            if offset == self._at:
                self._sum = zlib.crc32(view[:got], self._sum)
                self._at += got
                if self._at == self._entry.file_size and self._sum != self._entry.CRC:
                    name = self._entry.filename
                    text = f"member '{name}' cannot be unpacked (Bad CRC-32 for file '{name}')"
                    raise Problem("CS112", text, _AGAIN)
        return got


def _data_offset(place: PositionedFile, entry: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin (PKWARE APPNOTE 4.3.7). CS112."""
    local = bytearray(_LOCAL_HEADER)
    got = place.read_at(memoryview(local), entry.header_offset)
    if got < len(local) or not local.startswith(b"PK\x03\x04"):
        raise Problem("CS112", f"member '{entry.filename}' cannot be unpacked", _AGAIN)
    name_bytes, extra_bytes = struct.unpack_from("<HH", local, 26)
    return entry.header_offset + len(local) + int(name_bytes) + int(extra_bytes)


class _Member:
    """A member's bytes; what is wrong with the archive is CS112."""

    def __init__(self, archive: Archive, entry: zipfile.ZipInfo) -> None:
        self._name = entry.filename
        with self._problems():
            self._stream = cast(BufferedIOBase, archive.open(entry))

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a buffer, as any file does; the checksum is compared at the end."""
        with self._problems():
            return self._stream.readinto(buffer)

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except ZIP_ERRORS as error:
            raise Problem(
                "CS112", f"member '{self._name}' cannot be unpacked ({error})", _AGAIN
            ) from None
