"""Read the members of an .npz archive batch by batch: nothing is unpacked whole."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from speccompiler.arrays.npy_input import ArrayInput, open_array, open_stream
from speccompiler.diagnostics import Problem

# What zipfile raises on damaged archives.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, LookupError,
    NotImplementedError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def open_archive(path: Path, names: tuple[str, ...], shown: str) -> Iterator[dict[str, ArrayInput]]:
    """The members ``names`` of an archive; of a single name its only member, whatever it is called.

    Other members are left alone. CS110 to CS115, CS124.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _ZIP_ERRORS as error:
        raise _no_archive(path, shown, str(error)) from None
    with archive:
        members = {
            entry.filename.removesuffix(".npy"): entry
            for entry in archive.infolist()
            if entry.filename.endswith(".npy")
        }
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
        yield {name: _open(archive, members[name], shown) for name in names}


def _no_archive(path: Path, shown: str, error: str) -> Problem:
    """CS111; what else the file is, or why it cannot be read, ``open_array`` says."""
    damaged = Problem(
        "CS111", f"the archive is damaged ({error})", "write or copy the whole file again"
    )
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                return damaged
    except OSError:
        pass
    open_array(path, shown).close()
    return Problem("CS111", "this is a single .npy array and no archive", "name it .npy")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(f"'{name}'" for name in names[:5]) or "none") + more


def _open(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str) -> ArrayInput:
    name = f"{shown}: {entry.filename}"
    if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
        raise Problem(
            "CS111",
            f"member '{entry.filename}' is packed in an unusual way",
            "save it again",
        )
    return open_stream(_Member(archive, entry), name, size=entry.file_size)


class _Member:
    """A member's bytes; what is wrong with the archive is CS112."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        self._name = entry.filename
        with self._problems():
            self._stream = cast(BufferedIOBase, archive.open(entry))

    def readinto(self, buffer: memoryview, /) -> int | None:
        """As of any file; the checksum is compared at the end."""
        with self._problems():
            return self._stream.readinto(buffer)

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except _ZIP_ERRORS as error:
            raise Problem(
                "CS112",
                f"member '{self._name}' cannot be unpacked ({error})",
                "write or copy the whole file again",
            ) from None
