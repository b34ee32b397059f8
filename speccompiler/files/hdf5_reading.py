"""HDF5 through h5py: what a file holds, and the numbers of one tensor.

Soft and external links are not followed, and a dataset whose numbers lie in another file
is refused: opening a weight file never opens a second file. This runs in a process of its
own (``hdf5_worker``), and is the only module that imports h5py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.wording import quoted
from speccompiler.files.archived_hdf5 import ZIP_SIGNATURE, weights_inside
from speccompiler.files.hdf5_contents import Contents, Place
from speccompiler.files.hdf5_structure import read_contents
from speccompiler.files.ordinary_files import NotOrdinary, name_of, open_ordinary
from speccompiler.files.tensor_info import (
    ITEM_SIZES,
    TensorInfo,
    changed_meanwhile,
    check_size,
    invalid,
    wrong_stored_size,
)

_DEEPEST = 32
_DENSEST = 2048
"""The most bytes of numbers that a stored byte may stand for; deflate reaches 1032."""

ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What h5py raises for damaged files, found by feeding it some."""
_UNUSABLE_KINDS = {"O": "object", "S": "text", "U": "text", "V": "structured", "c": "complex"}


def read_hdf5(path: str) -> Contents:
    """Everything but the numbers; CS101 and CS107."""
    try:
        with _opened_at(path) as (file, start):
            tensors, links, places = _list_datasets(file, start)
            return read_contents(file, tensors, links, places)
    except ERRORS as error:
        raise invalid(f"it is not a sound HDF5 file ({error})") from error


def read_dataset(path: str, info: TensorInfo) -> NDArray[Any]:
    """The numbers of one tensor, as they are stored; CS101."""
    try:
        with opened(path) as file:
            dataset = file[info.name]
            if _dataset_info(info.name, dataset) != info:
                raise changed_meanwhile(info)
            return np.asarray(dataset[()])
    except ERRORS as error:
        raise invalid(f"tensor {quoted(info.name)} cannot be read ({error})") from error


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """An ordinary file through the library; CS101 where it is another thing by now.

    Of a ``.keras`` archive it is the file of the weights in it.
    """
    with _opened_at(path) as (file, _):
        yield file


@contextmanager
def _opened_at(path: str) -> Iterator[tuple[Any, int]]:
    """The file, and where it begins in the one that holds it."""
    try:
        with open_ordinary(Path(path)) as stream:
            archived = stream.read(len(ZIP_SIGNATURE)) == ZIP_SIGNATURE
            inside = weights_inside(stream) if archived else None
            with h5py.File(inside or name_of(stream, Path(path)), "r") as file:
                yield file, 0 if inside is None else inside.start
    except NotOrdinary as refused:
        raise invalid(refused.reason) from None


def _list_datasets(
    file: Any,
    start: int,
) -> tuple[dict[str, TensorInfo], dict[str, str], dict[str, Place]]:
    """Every dataset reachable by hard links, each group entered once, and the other links."""
    tensors: dict[str, TensorInfo] = {}
    places: dict[str, Place] = {}
    links: dict[str, str] = {}
    for name, member in walked(file):
        if not isinstance(member, h5py.Dataset):
            links[name] = described_link(member)
            continue
        info = _dataset_info(name, member)
        tensors[name] = info
        place = _place(info, member, start)
        if place is not None:
            places[name] = place
    return dict(sorted(tensors.items())), links, places


def walked(file: Any) -> Iterator[tuple[str, Any]]:
    """The path of every dataset and of every link that is not followed, with what it is."""
    waiting = [("", file, 0)]
    entered = set()
    while waiting:
        prefix, group, depth = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr  # pyright: ignore[reportAttributeAccessIssue]
        if address in entered:
            continue
        entered.add(address)
        if depth > _DEEPEST:
            raise invalid(f"its groups are nested deeper than {_DEEPEST}")
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield prefix + name, link
                continue
            member = group[name]
            if isinstance(member, h5py.Group):
                waiting.append((f"{prefix}{name}/", member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                yield prefix + name, member


def _place(info: TensorInfo, dataset: Any, start: int) -> Place | None:
    """Where the numbers lie in one piece as they are; None for what only h5py can read.

    ``start`` is where the HDF5 file begins in the one that holds it.
    """
    offset = dataset.id.get_offset()
    plain = info.dtype in ITEM_SIZES and dataset.dtype.itemsize == ITEM_SIZES[info.dtype]
    if offset is None or not plain or dataset.id.get_create_plist().get_nfilters():
        return None
    return Place(start + int(offset), "|b1" if info.dtype == "bool" else dataset.dtype.str)


def described_link(link: Any) -> str:
    """What a link leads to, for a person."""
    if isinstance(link, h5py.ExternalLink):
        return f"link to {quoted(str(link.path))} in the file {quoted(str(link.filename))}"
    return f"soft link to {quoted(str(link.path))}"


def _dataset_info(name: str, dataset: Any) -> TensorInfo:
    shape: tuple[int, ...] | None = dataset.shape
    if shape is None:
        return TensorInfo(name, (), "empty")
    kind: str = dataset.dtype.kind
    info = TensorInfo(name, shape, _UNUSABLE_KINDS.get(kind) or dataset.dtype.name)
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
        raise wrong_stored_size(info, stored)
