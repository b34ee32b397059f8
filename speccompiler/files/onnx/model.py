"""What an ONNX file says, as data. Names are those of onnx.proto; numbers stay in the file.

model     = opsets, graph: nodes, initializers, inputs, outputs
node      = op_type, inputs and outputs (names of values, "" for none), attributes
attribute = float | int | bytes | Tensor | Body | tuple of floats, ints, bytes
          | a word for all others
body      = nodes, initializers, inputs, outputs: the graph of a branch or of a step
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from speccompiler.files.protobuf import Region
from speccompiler.frozen import dataclass

DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
    24: "float8e8m0",
    25: "uint2",
    26: "int2",
}
"""The types of elements, TensorProto.DataType, by NumPy's names where it has them."""


class External(NamedTuple):
    """Where a tensor's numbers lie in a file beside the model."""

    location: str
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the file; ``pieces`` are the places of its numbers.

    ``stored`` says how they lie there: "raw", or "floats", "doubles", "varints".
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stored: str
    pieces: tuple[Region, ...]
    external: External | None = None


class Unread(NamedTuple):
    """An attribute that is nothing which is read: a type, a sparse tensor, graphs."""

    what: str


@dataclass(frozen=True, slots=True)
class Body:
    """A graph inside a node: a branch of ``If``, or a step of ``Scan``."""

    nodes: tuple[OnnxNode, ...]
    initializers: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def captured(self) -> tuple[str, ...]:
        """The values around the node that the body reads, each once."""
        own = {*self.initializers, *self.inputs}
        own.update(name for node in self.nodes for name in node.outputs)
        read = (*(name for node in self.nodes for name in node.reads), *self.outputs)
        return tuple(dict.fromkeys(name for name in read if name and name not in own))


Attribute = (
    float
    | int
    | bytes
    | Tensor
    | Body
    | Unread
    | tuple[float, ...]
    | tuple[int, ...]
    | tuple[bytes, ...]
)


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operation. ``number`` is its place in the file, from 0 on."""

    number: int
    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    captured: tuple[str, ...] = ()
    """What the bodies of the node read of the values around it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Its inputs, and what its bodies read of the values around it."""
        return (*self.inputs, *self.captured)

    @property
    def label(self) -> str:
        """The node as messages name it: ``node 12 'conv1' (Conv)``."""
        from speccompiler.diagnostics.wording import quoted, shown

        name = f" {quoted(self.name)}" if self.name else ""
        return f"node {self.number}{name} ({shown(self.op_type)})"


@dataclass(frozen=True, slots=True)
class OnnxValue:
    """An input or an output. A length is a number, a name, or None; no ``shape`` is none said.

    ``dtype`` is "" for what is no tensor.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """One file. ``state`` is what ``file_state`` said of it and of the files beside it."""

    path: Path
    ir_version: int
    opsets: Mapping[str, int]
    name: str
    nodes: tuple[OnnxNode, ...]
    initializers: Mapping[str, Tensor]
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    functions: frozenset[tuple[str, str]]
    """Domain and name of operations that the file defines itself."""
    trains: bool
    """Whether it says how it is trained."""
    sparse: frozenset[str]
    """Names of initializers that are sparse."""

    @property
    def opset(self) -> int:
        """The version of the standard operations."""
        return self.opsets.get("", self.opsets.get("ai.onnx", 1))

    @property
    def external_paths(self) -> tuple[Path, ...]:
        """The files beside the model that hold its tensors, each once."""
        held = [t for t in self.initializers.values() if t.external is not None]
        names = dict.fromkeys(t.external.location for t in held if t.external is not None)
        return tuple(self.path.parent / name for name in names)
