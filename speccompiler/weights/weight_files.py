"""Named tensors from .npy, .npz, .safetensors and HDF5 files, or a folder, header first.

Names, shapes and dtypes are known without reading any array data; nothing in a file is
executed. Whatever is wrong is a ``Problem`` that names the file: CS100 it cannot be read,
CS101 it is damaged or not what its name says, CS102 its numbers cannot be used,
CS103 it has no such tensor, CS104 a package is missing.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.files.hdf5_files import open_hdf5
from speccompiler.files.ordinary_files import Kind, NotOrdinary
from speccompiler.files.tensor_info import (
    Opened,
    StoredLayer,
    TensorInfo,
    check_dtype,
    quoted,
    to_float32,
)
from speccompiler.weights.digests import tensor_digest
from speccompiler.weights.file_formats import ENDINGS, Format, format_of
from speccompiler.weights.folder_files import folder_files
from speccompiler.weights.numpy_files import open_npy, open_npz
from speccompiler.weights.safetensors_files import open_safetensors

_OPENERS: Mapping[Format, Callable[[Path], Opened]] = {
    "npy": open_npy,
    "npz": open_npz,
    "safetensors": open_safetensors,
    "hdf5": open_hdf5,
}
_NAMES_SHOWN = 12
_MOST_SIGNS = 8
"""How many '#' of a reference may stand in the names of folders."""
WEIGHT_FILE = "weight file"
_PICKLED = "pickled objects are code and are never loaded; where you trust the file"


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
    """What the file says that the digest of its tensors is (``content_digest``)."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """What it says of each of them, where it says so; ``read`` holds it to that."""

    @property
    def unnamed(self) -> bool:
        """True for .npy, whose one tensor has no name of its own."""
        return self.format == "npy"

    def unchanged_state(self) -> str | None:
        """The file's state, where it is now what it was when it was opened; None otherwise."""
        now = _joined_state(self.parts) if self.parts else file_state(self.path)
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
            raise Problem(problem.code, problem.message, unpickling(self, info)) from None

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


@dataclass(frozen=True, slots=True)
class Reference:
    """A tensor named by a spec: a file, and the key inside it where one is given."""

    path: Path
    key: str | None


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
    states = _joined_state(listed.arrays)
    for name, part in listed.named:
        file = open_weights(part)
        for key, info in file.tensors.items():
            # Alone it is as if it had been given itself.
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


def _joined_state(paths: Sequence[Path]) -> str | None:
    states = [file_state(path) for path in paths]
    return None if None in states else " ".join(filter(None, states))


def unpickling(file: WeightFile, info: TensorInfo) -> str:
    """A hint: the line of Python that makes an .npz of pickled arrays, where they are trusted."""
    name = file.path.name.replace('"', '\\"')
    load = f'numpy.load("{name}", allow_pickle=True, encoding="latin1")'
    if file.format is None:
        line = (
            'import numpy, pathlib; numpy.savez("weights.npz", **{f"{p.stem}/{i}": a for p in '
            f'pathlib.Path("{name}").glob("*.npy") for i, a in enumerate(numpy.load(p, '
            'allow_pickle=True, encoding="latin1"))})'
        )
        return f"{_PICKLED}: {line}"
    if len(info.shape) > 1 and file.format == "npz":  # numbers, each an object
        line = (
            'import numpy; numpy.savez("weights.npz", **{k: a.astype("float32") for k, a in '
            f"{load}.items()}})"
        )
        return f"{_PICKLED}: {line}"
    if file.format == "npz":
        load += f'["{info.name}"]'
    if info.shape:
        line = f'import numpy; numpy.savez("weights.npz", *{load})'
    else:  # a dictionary, of arrays or of lists of them
        line = (
            f'import numpy; d = {load}.item(); numpy.savez("weights.npz", **{{(f"{{k}}/{{i}}" if '
            "isinstance(v, list) else k): a for k, v in d.items() for i, a in enumerate(v if "
            "isinstance(v, list) else [v])})"
        )
    return f"{_PICKLED}: {line}"


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

    Files and folders may have a ``#`` in their names, and weight files any ending: it counts
    behind the first part that is a file, else behind the first known ending, else the first
    in the file's name counts. Nothing is opened: ``open_weights(reference.path)
    .find(reference.key)`` checks it.
    """
    name, key = _split(text, base)
    if key == "":
        raise Problem(
            "CS103",
            f"reference {quoted(text)} ends in '#' and names no tensor",
            "write the tensor's name after '#', or leave '#' out for a file of one tensor",
        )
    return Reference(base / name, key)


def _split(text: str, base: Path) -> tuple[str, str | None]:
    if "#" not in text or _is_file(base / text):
        return text, None
    places = [place for place, sign in enumerate(text) if sign == "#"]
    for place in places[:_MOST_SIGNS]:
        if _is_file(base / text[:place]):
            return text[:place], text[place + 1 :]
    endings = "|".join(re.escape(ending) for ending in ENDINGS)
    parts = re.match(rf"(.*?(?:{endings}))(?:#(.*))?$", text, re.IGNORECASE | re.DOTALL)
    if parts is not None:
        return parts[1], parts[2]
    name, _, key = text.partition("#")
    return name, key


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


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
        raise Problem("CS100", f"cannot read {what} {shown}: {reason}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problem("CS100", f"cannot read {what} {shown}: {reason}") from error


def _names(tensors: Mapping[str, TensorInfo]) -> str:
    names = [quoted(name) for name in list(tensors)[:_NAMES_SHOWN]]
    more = len(tensors) - len(names)
    if more:
        return ", ".join(names) + f" and {more} more"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" or {names[-1]}"
