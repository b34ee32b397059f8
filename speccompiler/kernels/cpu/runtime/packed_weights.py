"""Weights in the order that kernels read them, kept in the cache for the next process.

A file holds the packed weights and bias of one step, and is mapped into memory. It is found by
where the weights come from (the state of a file, or a seed), never by their values: a second
run reads no tensor, draws none and transforms none.

A file has the weights, then the bias, both float32 in this machine's byte order, then unused
room, and at the end one page. The page has its own SHA-256 and a line of JSON: the whole key,
sizes, counts of values that are not finite, checksums of all before the page. A process uses a
file only after it has compared the checksums, once for each state of the file.

Large files are as long as whole large pages, and weights begin where one does: a file system may
then keep them in large pages, and kernels that stream through 100 MB wait less for page tables
(ResNet50: by 5%).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import MapWith, Node, Operand, Weight, operands, stored_tensors
from speccompiler.kernels.cpu.runtime.checksums import checksums
from speccompiler.kernels.cpu.runtime.mapped_file import file_content
from speccompiler.kernels.cpu.table import kernel_of
from speccompiler.planning.candidate import Candidate
from speccompiler.system.cache import PREFIX, cache_folder, cache_limit, note_use, write_entry
from speccompiler.system.code_digest import code_digest
from speccompiler.system.memory import LARGE_PAGE
from speccompiler.weights.loaded_weights import LoadedWeights
from speccompiler.weights.operands import resolve

Array = npt.NDArray[np.float32]
Packed = tuple[Array, Array]
PAGE = 4096
WORTH_LARGE_PAGES = 4 << 20
"""Bytes from which on a file is filled up to whole large pages: by a quarter at most."""
WORTH_KEEPING = 64 << 10
"""Bytes of weights below which packing takes no longer than opening a file, unless the weights
have to be drawn: importing what draws them takes longer."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a step's packed weights are kept, and the key that says whose they are."""

    path: Path
    key: str


def packed_weights(
    candidate: Candidate, node: Node, weights: Mapping[Weight, npt.NDArray[Any]], lanes: int
) -> Packed:
    """Weights and bias of a step, from the cache or packed now. Raises ``Problem``."""
    wanted = operands(node.op)
    loaded = weights if isinstance(weights, LoadedWeights) else None
    entry = None if loaded is None else _entry(candidate, node, loaded, lanes)
    if loaded is not None and entry is not None:
        found = _read(entry, _tensors(wanted), loaded)
        if found is not None:
            return found
    take = weights.__getitem__ if loaded is None else loaded.take
    given = [resolve(one, take) for one in wanted]
    packed = kernel_of(candidate).pack(node, given, lanes)
    # If its source changed meanwhile, nobody knows what was read.
    if loaded is not None and entry is not None and entry == _entry(candidate, node, loaded, lanes):
        _write(entry, packed, _tensors(wanted), loaded)
    return packed


def _tensors(wanted: Sequence[Operand]) -> tuple[Weight, ...]:
    """The stored tensors that a step's operands are made of, each once."""
    return tuple(dict.fromkeys(tensor for one in wanted for tensor in stored_tensors(one)))


def _entry(candidate: Candidate, node: Node, weights: LoadedWeights, lanes: int) -> _Entry | None:
    """Where a step's weights are kept; None if they are too small, or come from nowhere known.

    The key has how operands are made of tensors, and what packing looks at beside them.
    """
    folder, wanted = cache_folder("weights"), operands(node.op)
    tensors = _tensors(wanted)
    small = 4 * sum(prod(one.shape) for one in wanted[:1]) < WORTH_KEEPING
    if folder is None or (small and not any(map(weights.is_drawn, tensors))):
        return None
    sources = [weights.identity(tensor) for tensor in tensors]
    if None in sources:
        return None
    order = kernel_of(candidate).order(node)
    scheme = f"{candidate.layout} {order} {lanes} lanes, {sys.byteorder}, {_code()}"
    beside = [repr(node.shape)] if isinstance(node.op, MapWith) else []
    key = "\n".join([scheme, *beside, *map(repr, wanted), *map(str, sources)])
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    layer = "".join(c if c.isascii() and c.isalnum() else "_" for c in wanted[0].layer[:40])
    return _Entry(folder / f"{PREFIX}{layer}_{name}.weights", key)


@cache
def _code() -> str:
    """A hash of all that decides what is packed: our own code, and NumPy's random numbers."""
    return f"NumPy {np.__version__}, {code_digest(*_DECIDING, alone=_ALONE)}"


_DECIDING = (
    "speccompiler.kernels.cpu.table",
    "speccompiler.weights.operands",
    "speccompiler.weights.files.weight_file",
    "speccompiler.weights.initializers",
)
"""The modules that pack, make operands of tensors, read and draw them; with all they import."""
_ALONE = ("speccompiler.kernels.cpu.runtime.packed_weights", "speccompiler.weights.sources")
"""Modules between these. What else they import reads specs, and decides nothing here."""

_State = tuple[str, int, int, int, int, int]
_sound: set[_State] = set()
"""Files whose sums were found right, as they were then."""


def _read(entry: _Entry, tensors: Sequence[Weight], weights: LoadedWeights) -> Packed | None:
    note_use(entry.path)
    try:
        with open(entry.path, "rb", buffering=0) as file:
            size = file.seek(0, 2)
            header = _header(file, size)
            if header is None or header["key"] != entry.key:
                return None
            w_size, b_size = header["sizes"]
            counts = dict(zip(tensors, header["non_finite"], strict=True))
            content = file_content(file, size)
            state = _state(entry.path, os.fstat(file.fileno()))
            if state not in _sound:
                if checksums([content[: size - PAGE]]) != header["sums"]:
                    return None
                _sound.add(state)
    except (OSError, MemoryError):
        return None
    for tensor, count in counts.items():
        weights.non_finite[tensor.name] = count
    w = np.frombuffer(content, np.float32, w_size)
    return w, np.frombuffer(content, np.float32, b_size, 4 * w_size)


def _header(file: FileIO, size: int) -> dict[str, Any] | None:
    """The last page of a file; None where it is not what ``_last_page`` made."""
    file.seek(max(0, size - PAGE))
    page = file.read(PAGE) or b""
    if len(page) != PAGE or page[:_SUM] != hashlib.sha256(page[_SUM:]).hexdigest().encode():
        return None
    header: dict[str, Any] = json.loads(page[_SUM:])
    return header if size == _file_size(sum(header["sizes"])) else None


_SUM = 64
"""Length of a SHA-256 in hexadecimal digits."""


def _last_page(header: dict[str, Any]) -> bytes | None:
    """The last page of a file; None if the header does not fit."""
    line = json.dumps(header).encode()
    if len(line) >= PAGE - _SUM:
        return None
    rest = line.ljust(PAGE - _SUM - 1) + b"\n"
    return hashlib.sha256(rest).hexdigest().encode() + rest


def _state(path: Path, status: os.stat_result) -> _State:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (str(path), status.st_dev, status.st_ino, status.st_size, *times)


def _file_size(values: int) -> int:
    """Bytes of a file with so many weights and biases."""
    least = 4 * values + PAGE
    whole = LARGE_PAGE if least >= WORTH_LARGE_PAGES else 4
    return -(-least // whole) * whole


def _write(
    entry: _Entry, packed: Packed, tensors: Sequence[Weight], weights: LoadedWeights
) -> None:
    w, b = packed
    size = _file_size(w.size + b.size)
    if size >= cache_limit():
        return
    # A file system makes a large page only of what one write brings.
    values = w.data.cast("B")
    whole = len(values) // LARGE_PAGE * LARGE_PAGE
    rest = (bytes(values[whole:]) + b.tobytes()).ljust(size - PAGE - whole, b"\0")
    last = _last_page(
        {
            "key": entry.key,
            "sizes": [w.size, b.size],
            "non_finite": [weights.non_finite[tensor.name] for tensor in tensors],
            "sums": checksums([values[:whole], memoryview(rest)]),
        }
    )
    if last is not None:
        write_entry(entry.path, [values[:whole], rest + last])
