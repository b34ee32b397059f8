"""An opened weight file: its named tensors, known without reading their numbers.

Nothing in a file is executed. Whatever is wrong is a ``Problem`` that names the file: CS100 it
cannot be read, CS101 it is damaged or not what its name says, CS102 its numbers cannot be used,
CS103 it has no such tensor, CS104 a package is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.hdf5_files import open_hdf5
from speccompiler.files.ordinary_files import Kind, NotOrdinary
from speccompiler.files.system_errors import reading_reason
from speccompiler.files.tensor_info import (
    Opened,
    StoredLayer,
    TensorInfo,
    check_dtype,
    to_float32,
)
from speccompiler.frozen import dataclass
from speccompiler.weights.files.file_formats import Format, format_of
from speccompiler.weights.files.file_state import file_state, joined_state
from speccompiler.weights.files.folder_files import folder_files
from speccompiler.weights.files.numpy_files import open_npy, open_npz
from speccompiler.weights.files.pickled_arrays import unpickling_hint
from speccompiler.weights.files.safetensors_files import open_safetensors
from speccompiler.weights.files.tensor_digests import joint_digest, tensor_digest

_OPENERS: Mapping[Format, Callable[[Path], Opened]] = {
    "npy": open_npy,
    "npz": open_npz,
    "safetensors": open_safetensors,
    "hdf5": open_hdf5,
}
_NAMES_SHOWN = 12
WEIGHT_FILE = "weight file"


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
    keras_version: str | None = None
    """What a Keras HDF5 file says wrote it."""
    format: Format | None = None
    """None for a folder."""
    what: str = WEIGHT_FILE
    """What messages call it."""
    parts: tuple[Path, ...] = ()
    """The files of a folder."""
    left: tuple[str, ...] = ()
    """The files in a folder that hold no arrays."""
    sha256: str | None = None
    """The digest of all its tensors, where the file itself says it (``tensor_digests``)."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The digest of each tensor, where the file says it; ``read`` compares it."""

    @property
    def unnamed(self) -> bool:
        """True for .npy, whose one tensor has no name of its own."""
        return self.format == "npy"

    def unchanged_state(self) -> str | None:
        """The file's state, where it is now what it was when it was opened; None otherwise."""
        now = joined_state(self.parts) if self.parts else file_state(self.path)
        return self.state if self.state == now else None

    def find(self, key: str | None) -> TensorInfo:
        """The tensor under ``key``, or the only one if there is no key; CS103 otherwise."""
        shown = quoted(self.path.name)
        if key is None:
            if len(self.tensors) == 1:
                return next(iter(self.tensors.values()))
            if not self.tensors:
                raise Problem("CS103", f"{self.what} {shown} holds no tensors")
            raise Problem(
                "CS103",
                f"{self.what} {shown} holds {len(self.tensors)} tensors and the reference names "
                "none of them",
                f"write '{self.path.name}#NAME', where NAME is {_names(self.tensors)}",
            )
        info = self.tensors.get(key) or self.tensors.get(key.strip("/"))
        if info is None:
            hint = did_you_mean(key, self.tensors)
            if hint is None and self.tensors:
                hint = f"it holds {_names(self.tensors)}"
            text = f"{self.what} {shown} holds no tensor {quoted(key)}"
            raise Problem("CS103", text, hint)
        return info

    def check_dtype(self, info: TensorInfo) -> None:
        """Raise CS102 unless the tensor's numbers convert to float32."""
        try:
            check_dtype(info)
        except Problem as problem:
            if info.dtype != "object" or self.format not in ("npy", "npz", None):
                raise
            hint = unpickling_hint(self.path, self.format, info)
            raise Problem(problem.code, problem.message, hint) from None

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor ``name`` as a C-contiguous float32 array; CS101 to CS103, CS127."""
        info = self.find(name)
        self.check_dtype(info)
        with _naming(self.path, self.what):
            stored = self.load(info)
        said = self.digests.get(info.name)
        if said is not None and tensor_digest(stored) != said:
            raise Problem(
                "CS127",
                f"'{self.path.name}' was changed or damaged after it was written: its tensor "
                f"{quoted(info.name)} is not what its digest says",
                "convert the model again, or copy the file again",
            )
        return to_float32(stored, name)

    def computed_digest(self) -> str:
        """The digest of all tensors (``tensor_digests``), each of which is read for it.

        Whatever the file's format and the order of its tensors. Raises ``Problem`` as ``read``.
        """
        shapes = {name: info.shape for name, info in self.tensors.items()}
        return joint_digest(shapes, {name: tensor_digest(self.read(name)) for name in shapes})


def open_weights(path: Path, what: str = WEIGHT_FILE) -> WeightFile:
    """Open a weight file by its content and read its headers; CS100, CS101, CS104.

    A folder of .npy and .npz files is one, too. ``what`` is what messages call it.
    """
    if os.path.isdir(path):
        return _open_folder(path)
    with _naming(path, what):
        found = format_of(path)
        state = file_state(path)
        opened = _OPENERS[found](path)
    return WeightFile(
        path,
        opened.tensors,
        opened.load,
        state,
        opened.layers,
        keras_version=opened.keras_version,
        format=found,
        what=what,
        sha256=opened.sha256,
        digests=opened.digests,
    )


def _open_folder(path: Path) -> WeightFile:
    """The arrays of a folder's files as those of one file, named by file and member."""
    listed = folder_files(path)
    tensors: dict[str, TensorInfo] = {}
    owners: dict[str, tuple[WeightFile, str]] = {}
    states = joined_state(listed.arrays)
    for name, part in listed.named:
        file = open_weights(part)
        for key, info in file.tensors.items():
            # The only file of a folder is read as if it had been given itself.
            inside = key if len(listed.named) == 1 else f"{name}/{key}"
            joined = name if file.unnamed else inside
            if joined in tensors:
                first, _ = owners[joined]
                raise Problem(
                    "CS101",
                    f"the files {quoted(first.path.name)} and {quoted(part.name)} in "
                    f"{quoted(str(path))} both hold {quoted(joined)}",
                    "keep one of them in the folder",
                )
            tensors[joined] = replace(info, name=joined)
            owners[joined] = (file, key)

    def load(info: TensorInfo) -> NDArray[Any]:
        file, key = owners[info.name]
        with _naming(file.path, file.what):
            return file.load(file.tensors[key])

    return WeightFile(path, tensors, load, states, parts=listed.arrays, left=listed.left)


_ADVICE: Mapping[Kind, str] = {
    "missing": "check the name",
    "denied": "check its permissions",
    "pipe": "write it to a file, and name that",
    "device": "write it to a file, and name that",
    "socket": "write it to a file, and name that",
}
_REASONS: Mapping[Kind, str] = {
    "pipe": "it is not an ordinary file",
    "device": "it is not an ordinary file",
    "socket": "it is not an ordinary file",
}


@contextmanager
def _naming(path: Path, what: str) -> Iterator[None]:
    """Put the file's name into whatever goes wrong with it."""
    shown = quoted(str(path))
    try:
        yield
    except Problem as problem:
        if problem.code != "CS101":
            raise
        text = f"{shown} is not a valid {what}: {problem.message}"
        raise Problem("CS101", text, problem.hint or "write or copy the file again") from problem
    except NotOrdinary as refused:
        reason = _REASONS.get(refused.kind, refused.reason)
        text = f"cannot read {what} {shown}: {reason}"
        raise Problem("CS100", text, _ADVICE.get(refused.kind)) from None
    except OSError as error:
        text = f"cannot read {what} {shown}: {reading_reason(error)}"
        raise Problem("CS100", text, "check the disk that it is on") from error


def _names(tensors: Mapping[str, TensorInfo]) -> str:
    names = [quoted(name) for name in tensors]
    if len(names) > _NAMES_SHOWN:
        return first_few(names, _NAMES_SHOWN)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" or {names[-1]}"
