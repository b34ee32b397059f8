"""ONNX's own classes: the only module that imports the package, and names the versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
)

OPSET = 17
"""The first with LayerNormalization; runtimes of 2022 and later have it."""
IR_VERSION = 8
"""That of the releases which brought opset 17."""

Array: TypeAlias = npt.NDArray[Any]
Node: TypeAlias = Any
Graph: TypeAlias = Any
Model: TypeAlias = Any
Size: TypeAlias = int | str
"""A length, or the name of an open one."""

TYPES = {
    name: int(TensorProto.DataType.Value("FLOAT" if name == "float32" else name.upper()))
    for name in (
        "float32", "float16", "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "bool",
    )
}  # fmt: skip
"""The numbers of element types. What is not float32 stands in ``Cast``, or is a length."""
FLOAT, INT64, BOOL = TYPES["float32"], TYPES["int64"], TYPES["bool"]
EXTERNAL = TensorProto.EXTERNAL
_STORED = {"float32": "<f4", "int64": "<i8", "bool": "?"}


def new_model() -> Model:
    """A model with nothing in it but its versions."""
    made = ModelProto(ir_version=IR_VERSION)
    entry = made.opset_import.add()
    entry.version = OPSET
    return made


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], name: str) -> Node:
    """A node without attributes."""
    return NodeProto(op_type=kind, input=inputs, output=outputs, name=name)


def set_attribute(made: Node, name: str, value: Any) -> None:
    """Give a node an attribute: a number, a text, a list of either, or a graph."""
    attribute = made.attribute.add()
    attribute.name = name
    match value:
        case int():
            attribute.type, attribute.i = AttributeProto.INT, value
        case float():
            attribute.type, attribute.f = AttributeProto.FLOAT, value
        case str():
            attribute.type, attribute.s = AttributeProto.STRING, value.encode()
        case [str(), *_]:
            attribute.type = AttributeProto.STRINGS
            attribute.strings.extend(text.encode() for text in value)
        case [float(), *_]:
            attribute.type = AttributeProto.FLOATS
            attribute.floats.extend(value)
        case list() | tuple():
            attribute.type = AttributeProto.INTS
            attribute.ints.extend(value)
        case _:
            attribute.type = AttributeProto.GRAPH
            attribute.g.CopyFrom(value)


def stored(array: Array) -> Array:
    """The numbers as a file has them: little-endian, in C order."""
    return np.ascontiguousarray(array, _STORED[array.dtype.name])


def fill_tensor(made: Any, name: str, array: Array) -> None:
    """Make a tensor of an array: float32, int64 or bool."""
    made.name, made.data_type = name, TYPES[array.dtype.name]
    made.dims.extend(array.shape)
    made.raw_data = stored(array).tobytes()


def value_info(name: str, kind: int, shape: Sequence[Size] | None) -> Any:
    """An input or output; without a shape one of a subgraph, whose shapes follow."""
    made = ValueInfoProto(name=name, type=TypeProto(tensor_type=TypeProto.Tensor(elem_type=kind)))
    if shape is not None:
        of_tensor = made.type.tensor_type
        of_tensor.shape.SetInParent()
        for size in shape:
            entry = of_tensor.shape.dim.add()
            if isinstance(size, int):
                entry.dim_value = size
            else:
                entry.dim_param = size
    return made


def body(name: str, nodes: Sequence[Node], inputs: Sequence[str], outputs: Sequence[str]) -> Graph:
    """A graph inside a node, of float32 values."""
    return GraphProto(
        name=name,
        node=nodes,
        input=[value_info(one, FLOAT, None) for one in inputs],
        output=[value_info(one, FLOAT, None) for one in outputs],
    )
