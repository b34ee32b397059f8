"""Tensors of HDF5 files, by the full path of their datasets.

Soft and external links are not followed, and a dataset whose numbers lie in another file
is refused: opening a weight file never opens a second file.
"""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics import Problem
from speccompiler.tensors.tensor_info import (
    ITEM_SIZES,
    Opened,
    TensorInfo,
    check_size,
    invalid,
    quoted,
)

from .hdf5_contents import Contents, read_contents

_DEEPEST = 32
_DENSEST = 2048
"""Most bytes of numbers for a byte of storage; deflate reaches 1032."""

_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError)
_UNUSABLE_KINDS = {"O": "object", "S": "text", "U": "text", "V": "structured", "c": "complex"}


def read_hdf5(path: Path) -> Contents:
    """Everything but the numbers; CS101, CS107, and CS104 if h5py is not installed."""
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            tensors, links = _list_datasets(h5py, file)
            return read_contents(h5py, file, tensors, links)
    except _ERRORS as error:
        raise invalid(f"it is not a sound HDF5 file ({error})") from error


def open_hdf5(path: Path) -> Opened:
    """The datasets of a .h5 file."""
    h5py = _h5py()
    contents = read_hdf5(path)

    def load(info: TensorInfo) -> NDArray[Any]:
        try:
            with h5py.File(path, "r") as file:
                dataset = file[info.name]
                if _dataset_info(info.name, dataset) != info:
                    raise invalid(f"tensor {quoted(info.name)} changed while the file was in use")
                values: NDArray[Any] = np.asarray(dataset[()])
                return values
        except _ERRORS as error:
            text = f"tensor {quoted(info.name)} cannot be read ({error})"
            raise invalid(text) from error

    return Opened(contents.tensors, load, contents.layers)


def _h5py() -> Any:
    try:
        return import_module("h5py")
    except ImportError as error:
        raise Problem(
            "CS104",
            "HDF5 files need the package h5py, which is not installed",
            'pip install "convspec[hdf5]"',
        ) from error


def _list_datasets(h5py: Any, file: Any) -> tuple[dict[str, TensorInfo], dict[str, str]]:
    """Every dataset reachable by hard links, each group entered once, and the other links."""
    tensors: dict[str, TensorInfo] = {}
    links: dict[str, str] = {}
    waiting = [("", file, 0)]
    entered = set()
    while waiting:
        prefix, group, depth = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in entered:
            continue
        entered.add(address)
        if depth > _DEEPEST:
            raise invalid(f"its groups are nested deeper than {_DEEPEST}")
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                links[prefix + name] = _described(h5py, link)
                continue
            member = group[name]
            if isinstance(member, h5py.Group):
                waiting.append((f"{prefix}{name}/", member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                tensors[prefix + name] = _dataset_info(prefix + name, member)
    return dict(sorted(tensors.items())), links


def _described(h5py: Any, link: Any) -> str:
    if isinstance(link, h5py.ExternalLink):
        return f"link to {quoted(str(link.path))} in the file {quoted(str(link.filename))}"
    return f"soft link to {quoted(str(link.path))}"


def _dataset_info(name: str, dataset: Any) -> TensorInfo:
    shape: tuple[int, ...] | None = dataset.shape
    if shape is None:
        return TensorInfo(name, (), "empty")
    kind = dataset.dtype.kind
    info = TensorInfo(name, shape, _UNUSABLE_KINDS.get(kind, dataset.dtype.name))
    check_size(info)
    if dataset.external or dataset.is_virtual:
        raise invalid(f"tensor {quoted(name)} keeps its data in another file")
    if info.dtype in ITEM_SIZES:
        _check_stored_size(info, dataset)
    return info


def _check_stored_size(info: TensorInfo, dataset: Any) -> None:
    """Refuse a shape whose numbers are not in the file, before they are allocated."""
    stored = int(dataset.id.get_storage_size())
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    needed = math.ceil(info.data_bytes / _DENSEST) if packed else info.data_bytes
    if stored < needed:
        raise invalid(
            f"tensor {quoted(info.name)} of shape {info.shape} needs {info.data_bytes} bytes of "
            f"{info.dtype}, but {stored} are stored"
        )
