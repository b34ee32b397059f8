"""A node as a layer: what it says beside values and weights, so that it can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.diagnostics.core import Problem
from speccompiler.files.onnx.model import Attribute, Body, OnnxModel, OnnxNode, Tensor, Unread
from speccompiler.files.onnx.tensors import read_tensor
from speccompiler.files.ordinary_files import NotOrdinary
from speccompiler.schemas.onnx_node import OnnxNode as Layer

MOST_SHOWN = 16
"""Numbers of a constant that count as what a node says."""


Constants = Mapping[str, Tensor]
"""The tensors that the file holds, by the names of the values: initializers and constants."""


def constants_of(model: OnnxModel) -> Constants:
    """Initializers, and what nodes give that are constants."""
    found = dict(model.initializers)
    for node in model.nodes:
        value = node.attributes.get("value")
        if node.op_type == "Constant" and isinstance(value, Tensor) and node.outputs:
            found.setdefault(node.outputs[0], value)
    return found


def layer_of(
    model: OnnxModel, constants: Constants, node: OnnxNode, name: str, output: int
) -> Layer:
    """The layer of one output of a node."""
    return Layer.model_construct(
        name=name,
        op_type=node.op_type,
        domain=node.domain,
        attributes={key: _shown(value) for key, value in sorted(node.attributes.items())},
        given=tuple(_given(model, constants.get(name)) for name in node.inputs),
        output=output,
        read=node.inputs,
    )


def _shown(value: Attribute | str) -> Any:
    if isinstance(value, Tensor):
        return f"{value.dtype} {'x'.join(map(str, value.shape))}"
    if isinstance(value, Body):
        return tuple(node.op_type for node in value.nodes)
    if isinstance(value, Unread):
        return value.what
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple):
        return tuple(_shown(one) for one in value)
    return value


def _given(model: OnnxModel, tensor: Tensor | None) -> Any:
    """The numbers of a small constant of whole numbers, or of a single one."""
    if tensor is None or tensor.external is not None:
        return None
    count = 1
    for length in tensor.shape:
        count *= length
    if count > (MOST_SHOWN if tensor.dtype.startswith(("int", "uint", "bool")) else 1):
        return None
    try:
        values = read_tensor(model.path, tensor, tensor.name)
    except (Problem, NotOrdinary, OSError):
        return None
    return tuple(values.ravel().tolist())
