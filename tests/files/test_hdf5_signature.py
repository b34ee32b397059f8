"""HDF5 is told by its signature."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.files.hdf5_signature import SIGNATURE, begins_as_hdf5


@pytest.mark.parametrize(
    ("begins", "at", "found"),
    [
        (b"", 0, True),
        (b"", 4096, True),
        (b"", 4095, False),
        # A .keras file, in which weights happen to stand where a user block would end.
        (b"PK\x03\x04", 4096, False),
    ],
)
def test_an_archive_with_weights_inside_is_no_hdf5(
    tmp_path: Path, begins: bytes, at: int, found: bool
) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(begins.ljust(at, b"\0") + SIGNATURE + bytes(100))
    assert begins_as_hdf5(path) is found
