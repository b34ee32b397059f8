"""The shapes of a model's inputs, as the model or the layers that read them declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.diagnostics.wording import shape_as_written, shown
from speccompiler.loading.connections import Connections
from speccompiler.schemas.fields import Layer, has_argument
from speccompiler.schemas.model import ModelHeader, ModelInput

InputShape = tuple[int | None, ...]


def declared_shapes(layer: Layer) -> dict[str, InputShape]:
    """Every shape of one sample that a layer declares, by the argument that does."""
    shapes: dict[str, InputShape] = {}
    if layer.input_shape is not None:
        shapes["input_shape"] = layer.input_shape
    if layer.batch_input_shape is not None:
        shapes["batch_input_shape"] = layer.batch_input_shape[1:]
    said: Any = layer
    if layer.class_name == "Embedding":  # its input_dim counts the rows of its table
        if said.input_length is not None:
            shapes["input_length"] = (said.input_length,)
    elif has_argument(type(layer), "input_length") and said.input_dim is not None:
        shapes["input_dim"] = (said.input_length, said.input_dim)
    return shapes


def agree(one: InputShape, other: InputShape) -> bool:
    """Whether two shapes can be of the same array; an open length fits any."""
    return len(one) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(one, other, strict=True)
    )


def combine(one: InputShape, other: InputShape) -> InputShape:
    """Two shapes that agree as one: a length that one leaves open is taken from the other."""
    return tuple(b if a is None else a for a, b in zip(one, other, strict=True))


def model_inputs(
    header: ModelHeader, connections: Connections, layers: Sequence[Layer], *, native: bool
) -> tuple[tuple[ModelInput, ...], list[Diagnostic]]:
    """The inputs that nothing contradicts, and CS036 and CS037 for the others."""
    readers = {call.name: call.layer for call in connections.calls}
    by_name = {str(layer.name): layer for layer in layers}
    names = connections.inputs
    inputs: list[ModelInput] = []
    found: list[Diagnostic] = []
    for name in names:
        layer = by_name[readers[name]]
        try:
            given = _for_one_input(header.input_shape, names)
            shape = input_shape(given, layer, native=native)
            if shape is None:
                raise _missing(name, layer, several=len(names) > 1)
            dtype = layer.input_dtype or header.input_dtype
            inputs.append(ModelInput.model_construct(name=name, shape=shape, dtype=dtype))
        except Problem as problem:
            found.append(problem.at(layer=name))
    return tuple(inputs), found


def _for_one_input(shape: InputShape | None, names: Sequence[str]) -> InputShape | None:
    if shape is not None and len(names) > 1:
        listed = ", ".join(f"'{shown(name)}'" for name in names)
        raise Problem(
            "CS037",
            f"the spec's input_shape is for one input, and the model has {len(names)}: {listed}",
            "give each its own, for example inputs: {image: [28, 28, 1], text: [10]}",
        )
    return shape


_EXAMPLES = {1: [100, 32], 3: [16, 112, 112, 3]}
"""Shapes of samples by the number of spatial axes; of images for all others."""


def _missing(name: str, layer: Layer, *, several: bool) -> Problem:
    if several:
        message = f"nothing says the shape of input '{shown(name)}'"
        return Problem("CS036", message, "add input_shape to this layer")
    inner = layer.inner
    example = _EXAMPLES.get(inner.rank, [224, 224, 3])
    if inner.class_name == "ConvLSTM2D" or (inner is not layer and inner.rank == 2):
        example = [16, 64, 64, 3]
    return Problem(
        "CS036",
        "nothing says the shape of the input",
        f"add input_shape, for example input_shape: {example}",
    )


KERAS_ORDER = ("batch_input_shape", "input_dim", "input_length", "input_shape")
"""Which declaration counts where a Keras file has several: Keras 1.2.2 engine/topology.py:334."""


def input_shape(
    model: InputShape | None, first: Layer, *, native: bool = True
) -> InputShape | None:
    """The model's input shape, or None where nothing declares it.

    Raises ``Problem`` CS037 when two declarations contradict each other. In a Keras file the
    first in ``KERAS_ORDER`` counts instead.
    """
    shape = model
    found = declared_shapes(first)
    if not native:
        found = {name: found[name] for name in KERAS_ORDER if name in found}
    for argument, declared in found.items():
        if not declared:
            raise Problem(
                "CS037", f"'{argument}' declares no axis beside the batch axis", argument=argument
            )
        if shape is None:
            shape = declared
        elif agree(shape, declared):
            shape = combine(shape, declared)
        elif native:
            raise Problem(
                "CS037",
                f"'{argument}' says {shape_as_written(declared)}, but {shape_as_written(shape)} "
                "was declared as well",
                "keep one of the two",
                argument=argument,
            )
    if shape is None and first.class_name == "Embedding":
        return (None,)
    last = _last_axis(first)
    if last is None:
        return shape
    if shape is None:
        return (last,)
    return (*shape[:-1], last) if shape[-1] is None else shape


def _last_axis(first: Layer) -> int | None:
    """Where ``input_dim`` is the last axis alone: Keras stores it on every Dense that it built."""
    fields = type(first).model_fields
    if "input_dim" not in fields or "input_length" in fields:
        return None
    said: Any = first
    length: int | None = said.input_dim
    return length
