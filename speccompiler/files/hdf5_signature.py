"""Recognise HDF5 files by their signature, whatever their name.

It stands at the beginning, or behind a user block at 512, 1024, 2048 bytes and so on (HDF5
file format specification, II.A).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
"""An archive is no user block, though what is stored in it may begin where one would end."""
_FIRST_BLOCK = 512
_LARGEST_BLOCK = 64 << 20
"""Nobody writes longer user blocks, and each length that is tried costs a seek."""


def is_hdf5(stream: BinaryIO) -> bool:
    """Whether an open file is HDF5; it is left at any position."""
    size = min(os.fstat(stream.fileno()).st_size, _LARGEST_BLOCK)
    offset = 0
    while True:
        stream.seek(offset)
        found = stream.read(len(SIGNATURE))
        if found == SIGNATURE:
            return True
        if found.startswith(_ZIP):
            return False
        offset = 2 * offset or _FIRST_BLOCK
        if offset + len(SIGNATURE) > size:
            return False


def begins_as_hdf5(path: Path) -> bool:
    """Whether a file is HDF5; False where it cannot be read, which its reader will report."""
    try:
        with open_ordinary(path) as stream:
            return is_hdf5(stream)
    except (NotOrdinary, OSError):
        return False
