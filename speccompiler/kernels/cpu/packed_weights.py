"""Weights in the order that kernels read them, kept in the cache for the next process.

A file holds the packed weights and bias of one step, and is mapped into memory: what it
takes to find it is the name of their source (a file's state, or a seed), never their values.
So a second run reads no tensor, draws none and transforms none.

Layout: one page with a line of JSON (the whole key, sizes, counts of values that are not
finite), then the weights, then the bias, both float32 of this machine.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.cache import PREFIX, cache_folder, cache_limit, note_use, write_entry
from speccompiler.ir import Conv, Weight
from speccompiler.loaded_weights import LoadedWeights

from ..reference import operand
from .candidate import Candidate
from .sources import pack_weights

Array = npt.NDArray[np.float32]
Packed = tuple[Array, Array]
PAGE = 4096
WORTH_KEEPING = 64 << 10
"""Bytes of weights below which packing takes no longer than opening a file."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a step's packed weights are kept, and the key that says whose they are."""

    path: Path
    key: str


def packed_weights(
    candidate: Candidate, op: Conv, weights: Mapping[Weight, npt.NDArray[Any]], lanes: int
) -> Packed:
    """Weights and bias of a step, from the cache or packed now. Raises ``Problem``."""
    loaded = weights if isinstance(weights, LoadedWeights) else None
    entry = None if loaded is None else _entry(candidate, op, loaded, lanes)
    if loaded is not None and entry is not None:
        found = _read(entry, op, loaded)
        if found is not None:
            return found
    take = weights.__getitem__ if loaded is None else loaded.take
    stored = take(op.weight)
    bias = None if op.bias is None else take(op.bias)
    packed = pack_weights(candidate, operand(op.weight, stored), bias, lanes)
    # What was read while its source changed is nobody's.
    if loaded is not None and entry is not None and entry == _entry(candidate, op, loaded, lanes):
        _write(entry, packed, op, loaded)
    return packed


def _entry(candidate: Candidate, op: Conv, weights: LoadedWeights, lanes: int) -> _Entry | None:
    folder = cache_folder("weights")
    if folder is None or 4 * prod(op.weight.shape) < WORTH_KEEPING:
        return None
    tensors = [op.weight, *([] if op.bias is None else [op.bias])]
    sources = [weights.identity(tensor) for tensor in tensors]
    if None in sources:
        return None
    cut = candidate.schedule
    tile = None if cut is None else "as it is" if cut.chunk else cut.tile
    scheme = f"{candidate.kernel} {tile} {lanes} lanes, {sys.byteorder}, {_code()}"
    key = "\n".join([scheme, *map(repr, tensors), *map(str, sources)])
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    layer = "".join(c if c.isascii() and c.isalnum() else "_" for c in op.weight.layer[:40])
    return _Entry(folder / f"{PREFIX}{layer}_{name}.weights", key)


@cache
def _code() -> str:
    """A hash of all that decides what is packed: our own text, and NumPy's random numbers."""
    package = resources.files("speccompiler")
    digest = hashlib.sha256(np.__version__.encode())
    for name in _DECIDING:
        digest.update((package / name).read_bytes())
    return digest.hexdigest()


_DECIDING = (
    "kernels/cpu/packed_weights.py",
    "kernels/cpu/sources.py",
    "kernels/cpu/register_tile.py",
    "kernels/cpu/winograd.py",
    "kernels/cpu/winograd_tiles.py",
    "kernels/cpu/toom_cook.py",
    "kernels/reference.py",
    "weights.py",
    "tensors/initializers.py",
    "tensors/tensor_info.py",
    "tensors/numpy_files.py",
    "tensors/safetensors_files.py",
    "tensors/hdf5_files.py",
)


def _read(entry: _Entry, op: Conv, weights: LoadedWeights) -> Packed | None:
    try:
        with entry.path.open("rb") as file:
            start = file.read(PAGE)
            size = file.seek(0, 2)
            header = json.loads(start)
            w_size, b_size = header["sizes"]
            if header["key"] != entry.key or size != PAGE + 4 * (w_size + b_size):
                return None
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    note_use(entry.path)
    tensors = (op.weight, op.bias)
    for tensor, count in zip(tensors, header["non_finite"], strict=True):
        if tensor is not None:
            weights.non_finite[tensor] = count
    w = np.frombuffer(mapped, np.float32, w_size, PAGE)
    return w, np.frombuffer(mapped, np.float32, b_size, PAGE + 4 * w_size)


def _write(entry: _Entry, packed: Packed, op: Conv, weights: LoadedWeights) -> None:
    w, b = packed
    header = {
        "key": entry.key,
        "sizes": [w.size, b.size],
        "non_finite": [
            0 if tensor is None else weights.non_finite[tensor] for tensor in (op.weight, op.bias)
        ],
    }
    line = json.dumps(header).encode()
    if len(line) < PAGE and 4 * (w.size + b.size) < cache_limit():
        first = line.ljust(PAGE - 1) + b"\n"
        write_entry(entry.path, [first, w.data, b.data], durable=True)
