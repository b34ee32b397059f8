"""Named tensors from .npy, .npz, .safetensors and HDF5 files, header first.

Names, shapes and dtypes are known without reading any array data; nothing in a file is
executed. Whatever is wrong is a ``Problem`` that names the file: CS100 it cannot be read,
CS101 it is damaged or not what its name says, CS102 its numbers cannot be used,
CS103 it has no such tensor, CS104 a package is missing.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics import Problem, did_you_mean
from speccompiler.tensors.hdf5_files import open_hdf5
from speccompiler.tensors.numpy_files import open_npy, open_npz
from speccompiler.tensors.safetensors_files import open_safetensors
from speccompiler.tensors.tensor_info import (
    Opened,
    StoredLayer,
    TensorInfo,
    check_dtype,
    quoted,
    to_float32,
)

_OPENERS: Mapping[str, Callable[[Path], Opened]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".safetensors": open_safetensors,
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
}
_BEGINNINGS = {
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz",
    b"\x89HDF\r\n\x1a\n": ".h5",
}
_KNOWN = "weights are read from .npy, .npz, .safetensors, .h5 and .hdf5 files"
_NAMES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class WeightFile:
    """An opened weight file; holds no open handle.

    ``tensors`` is in the file's order; that of HDF5 is by name.
    """

    path: Path
    tensors: Mapping[str, TensorInfo]
    load: Callable[[TensorInfo], NDArray[Any]]
    """Reads one tensor as it is stored; ``read`` is what callers want."""
    state: str | None = None
    """What ``file_state`` said before it was opened."""
    layers: tuple[StoredLayer, ...] | None = None
    """The layers that a Keras HDF5 file lists, in order."""
    sha256: str | None = None
    """What the file says that the digest of its tensors is (``content_digest``)."""

    def unchanged_state(self) -> str | None:
        """The file's state, where it is now what it was when it was opened; None otherwise."""
        return self.state if self.state == file_state(self.path) else None

    @property
    def unnamed(self) -> bool:
        """True for .npy, whose one tensor has no name of its own."""
        return self.path.suffix.lower() == ".npy"

    def find(self, key: str | None) -> TensorInfo:
        """The tensor under ``key``, or the only one if there is no key; CS103 otherwise."""
        shown = quoted(self.path.name)
        if key is None:
            if len(self.tensors) == 1:
                return next(iter(self.tensors.values()))
            if not self.tensors:
                raise Problem("CS103", f"weight file {shown} holds no tensors")
            raise Problem(
                "CS103",
                f"weight file {shown} holds {len(self.tensors)} tensors and the reference names "
                "none of them",
                f"write '{self.path.name}#NAME', where NAME is {_names(self.tensors)}",
            )
        info = self.tensors.get(key) or self.tensors.get(key.strip("/"))
        if info is None:
            hint = did_you_mean(key, self.tensors)
            if hint is None and self.tensors:
                hint = f"it holds {_names(self.tensors)}"
            text = f"weight file {shown} holds no tensor {quoted(key)}"
            raise Problem("CS103", text, hint)
        return info

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor ``name`` as a C-contiguous float32 array; CS101 to CS103."""
        info = self.find(name)
        check_dtype(info)
        with _naming(self.path):
            stored = self.load(info)
        return to_float32(stored, name)


@dataclass(frozen=True, slots=True)
class Reference:
    """A tensor named by a spec: a file, and the key inside it where one is given."""

    path: Path
    key: str | None


def open_weights(path: Path) -> WeightFile:
    """Open a weight file by its extension and read its headers; CS100, CS101, CS104."""
    opener = _OPENERS.get(path.suffix.lower())
    _check_readable(path)
    if opener is None:
        ending = f"extension '{path.suffix}'" if path.suffix else "a name without extension"
        raise Problem("CS100", f"cannot read weight file {quoted(str(path))}: {ending}", _KNOWN)
    state = file_state(path)
    with _naming(path):
        opened = opener(path)
    return WeightFile(path, opened.tensors, opened.load, state, opened.layers, opened.sha256)


def file_state(path: Path) -> str | None:
    """A text that changes whenever a file's content does; None where that is not certain.

    It is not while the next change could still get the same time: file systems count time
    in steps of up to 10 ms, and some in steps of two seconds.
    """
    try:
        place, status = os.path.realpath(path), os.stat(path)
    except (OSError, ValueError):
        return None
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    step = 2_000_000_000 if changed % 1_000_000_000 == 0 else 50_000_000
    if time.time_ns() - changed <= step:
        return None
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{place!r} {status.st_dev} {status.st_ino} {status.st_size} {times}"


def resolve_reference(text: str, base: Path) -> Reference:
    """Split ``kernel.npy`` or ``model.npz#conv1/W``; the path is relative to ``base``.

    A ``#`` counts only after a known extension, so that folders may hold one. Nothing is
    opened: ``open_weights(reference.path).find(reference.key)`` checks it.
    """
    endings = "|".join(re.escape(e) for e in _OPENERS)
    parts = re.match(rf"(.*?(?:{endings}))(?:#(.*))?$", text, re.IGNORECASE | re.DOTALL)
    if parts is None:
        raise Problem("CS100", f"{quoted(text)} does not name a weight file", _KNOWN)
    if parts[2] == "":
        raise Problem(
            "CS103",
            f"reference {quoted(text)} ends in '#' and names no tensor",
            "write the tensor's name after '#', or leave '#' out for a file of one tensor",
        )
    return Reference(base / parts[1], parts[2])


def _check_readable(path: Path) -> None:
    shown = quoted(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
    except FileNotFoundError as error:
        raise Problem("CS100", f"cannot read weight file {shown}: no such file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Problem("CS100", f"cannot read weight file {shown}: {reason.lower()}") from error
    if stat.S_ISDIR(mode):
        raise Problem("CS100", f"cannot read weight file {shown}: it is a folder")
    if not stat.S_ISREG(mode):
        raise Problem("CS100", f"cannot read weight file {shown}: it is not an ordinary file")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name into whatever goes wrong with it."""
    shown = quoted(str(path))
    try:
        yield
    except Problem as problem:
        if problem.code != "CS101":
            raise
        text = f"{shown} is not a valid weight file: {problem.message}"
        raise Problem("CS101", text, problem.hint or _other_format(path)) from problem
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problem("CS100", f"cannot read weight file {shown}: {reason}") from error


def _other_format(path: Path) -> str:
    """A hint: the format the first bytes speak of, or to write the file again."""
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError:  # it has gone meanwhile
        start = b""
    for beginning, ending in _BEGINNINGS.items():
        if start.startswith(beginning) and _OPENERS[ending] is not _OPENERS[path.suffix.lower()]:
            return f"its content looks like a {ending} file: give it that extension"
    return "write or copy the file again"


def _names(tensors: Mapping[str, TensorInfo]) -> str:
    names = [quoted(name) for name in list(tensors)[:_NAMES_SHOWN]]
    more = len(tensors) - len(names)
    if more:
        return ", ".join(names) + f" and {more} more"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" or {names[-1]}"
