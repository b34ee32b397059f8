"""Open a .npz archive: an ordinary file, whole, with every name once.

What is wrong is an ``ArchiveError``; callers say it in their own words. zipfile takes the last
of two members of one name, and passes over bytes in front of an archive, both without a word:
another reader may see other arrays in such a file.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from speccompiler.diagnostics.wording import quoted
from speccompiler.files.ordinary_files import open_raw

# What zipfile raises on damaged archives, found by feeding it some.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins; the second is that of an empty one."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How NumPy packs members."""


class ArchiveError(Exception):
    """What is wrong with an archive, in plain words."""


class Archive(zipfile.ZipFile):
    """Closes the stream that it was given, as zipfile does only with what it opens itself."""

    def __init__(self, stream: FileIO, path: Path) -> None:
        self.file = stream
        self.path = path
        super().__init__(cast(BinaryIO, stream))

    def close(self) -> None:
        """Close the archive and its stream."""
        super().close()
        self.file.close()


def open_archive(path: Path) -> Archive:
    """The archive, open; ``ArchiveError``, and ``NotOrdinary`` for what is no file.

    The archive holds the file that was checked, whatever the name leads to by now.
    """
    stream = open_raw(path)
    try:
        archive = Archive(stream, path)
        _check(archive)
    except ZIP_ERRORS as error:
        stream.close()
        raise ArchiveError(f"it is not a sound zip archive ({error})") from None
    except BaseException:
        stream.close()
        raise
    return archive


def _check(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if members and min(member.header_offset for member in members) > 0:
        raise ArchiveError("bytes stand in front of the archive")
    seen = set()
    for member in members:
        if member.filename in seen:
            raise ArchiveError(f"the archive holds two members {quoted(member.filename)}")
        seen.add(member.filename)
