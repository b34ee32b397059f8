"""Every kind of file is known by the bytes that programs write first."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from speccompiler.files.file_kinds import _SIGNATURES, FileKind, kind_of


def _hdf5(folder: Path) -> bytes:
    with h5py.File(folder / "a.h5", "w") as file:
        file["a"] = np.zeros(2)
    return (folder / "a.h5").read_bytes()


def _archive(*members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in members:
            archive.writestr(member, "text")
    return out.getvalue()


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(2))
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        (FileKind.HDF5, _hdf5),
        (FileKind.ZIP, lambda _: _archive("a.npy")),
        (FileKind.EMPTY_ZIP, lambda _: _archive()),
        (FileKind.NPY, lambda _: _npy()),
        (FileKind.GZIP, lambda _: gzip.compress(b"text")),
        (FileKind.BZIP2, lambda _: bz2.compress(b"text")),
        (FileKind.XZ, lambda _: lzma.compress(b"text")),
        *((FileKind.PICKLE, lambda _, p=p: pickle.dumps([1], p)) for p in range(2, 6)),
        # torch.save of PyTorch 1.5: its magic number as a pickle of protocol 2.
        (FileKind.TORCH, lambda _: pickle.dumps(0x1950A86A20F9469CFC6C, 2)),
        (FileKind.TFLITE, lambda _: b"\x1c\0\0\0TFL3"),
        (FileKind.OTHER, lambda _: b"convspec: 1\n"),
        (FileKind.OTHER, lambda _: b""),
        (FileKind.OTHER, lambda _: pickle.dumps([1], 0)),
    ],
)
def test_what_programs_write(
    kind: FileKind, write: Callable[[Path], bytes], tmp_path: Path
) -> None:
    assert kind_of(write(tmp_path)) is kind


def test_each_kind_has_a_signature_that_no_other_hides() -> None:
    for offset, signature, kind in _SIGNATURES:
        assert kind_of(bytes(offset) + signature) is kind
    assert {kind for _, _, kind in _SIGNATURES} == set(FileKind) - {FileKind.OTHER}
