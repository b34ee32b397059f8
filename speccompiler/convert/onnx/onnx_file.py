"""The file of an ONNX model: complete or not at all, with a second one for weights over 2 GiB."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speccompiler.convert.onnx.protobuf import EXTERNAL, Model
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files.atomic_output import FileGroup, atomic_file, write_failure
from speccompiler.frozen import dataclass
from speccompiler.system.unfinished_files import write_all

MOST_BYTES = 2**31 - 2**24
"""What a file holds: protobuf ends at 2 GiB, and the nodes need some of it."""
LEAST_APART = 1024
"""Smaller tensors stay in the file itself."""
ALIGNMENT = 4096
"""Tensors begin at pages, so that runtimes can map them."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds."""

    nodes: int
    tensors: int
    data: Path | None
    """The file beside it that has the weights."""


def data_path(path: Path) -> Path:
    """Where weights that do not fit into the file go."""
    return path.with_name(f"{path.name}.data")


def needs_data_file(model: Model) -> bool:
    """Whether the weights do not fit into one file."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer) > MOST_BYTES


def write_onnx(path: Path, model: Model) -> Written:
    """Write the model; the weights go beside it where they are too many. CS120, CS121."""
    graph = model.graph
    counts = len(graph.node), len(graph.initializer)
    data = data_path(path) if needs_data_file(model) else None
    with FileGroup() as group:
        if data is not None:
            _write(data, group, list(_moved_out(model, data.name)))
        _write(path, group, [model.SerializeToString(deterministic=True)])
    return Written(*counts, data)


def _moved_out(model: Model, file: str) -> Iterator[bytes]:
    """The bytes of the data file; each tensor says then where in it its numbers are."""
    place = 0
    for tensor in model.graph.initializer:
        numbers = tensor.raw_data
        if len(numbers) < LEAST_APART:
            continue
        start = math.ceil(place / ALIGNMENT) * ALIGNMENT
        yield bytes(start - place)
        yield numbers
        place = start + len(numbers)
        _refer(tensor, {"location": file, "offset": str(start), "length": str(len(numbers))})


def _refer(tensor: Any, where: dict[str, str]) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = EXTERNAL
    for key, value in where.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _write(path: Path, group: FileGroup, parts: list[bytes]) -> None:
    try:
        with atomic_file(path, sum(map(len, parts)), group) as file:
            try:
                for part in parts:
                    write_all(file, part)
            except OSError as error:
                raise write_failure(error, "a part of the model") from None
    except Problem as problem:
        raise SpecError([problem.at(file=str(path))]) from None
