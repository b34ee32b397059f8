"""What is written of a model so far: nodes, initialisers, names, and the values that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import Any

import numpy as np

from speccompiler.convert.onnx import protobuf
from speccompiler.convert.onnx.protobuf import Array
from speccompiler.convert.onnx.values import Layout, Value, natural
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.graph.operands import Operand, Weight, stored_tensors
from speccompiler.weights.operands import resolve

Arrange = Callable[[Array], Array]
"""What becomes of an operand as the graph reads it to be what ONNX reads."""


@dataclass(slots=True)
class Builder:
    """Rules of ``table.py`` append to it; each gives the value of its node."""

    read_weight: Callable[[Weight], Array]
    model: protobuf.Model = field(default_factory=protobuf.new_model)
    nodes: list[protobuf.Node] = field(default_factory=list)
    """Of the graph, or of the body that is being written."""
    values: dict[str, Value] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    symbols: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Where an open length is seen: an input of the model, and the axis."""
    measured: dict[tuple[str, int], str] = field(default_factory=dict)
    lengths: dict[Dim, str] = field(default_factory=dict)
    batch: tuple[str, int] = ("", 0)
    """Where the number of samples is seen."""
    flipped: dict[str, str] = field(default_factory=dict)
    """Tensors whose steps stand in reverse, and the tensor that has them in order."""
    named: str = ""
    """The node of the graph that is being written; names begin with it."""
    layer: str = ""
    _constants: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    _operands: dict[tuple[Operand, str], str] = field(default_factory=dict)
    _writers: dict[str, protobuf.Node] = field(default_factory=dict)

    # Nodes.

    def emit(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output, whose name is given back."""
        return self.emit_all(kind, inputs, 1, **attributes)[0]

    def emit_all(
        self, kind: str, inputs: Sequence[str], count: int, **attributes: Any
    ) -> list[str]:
        """Append a node with several outputs. An empty name is an input that is left out."""
        name = self.unused(f"{self.named}/{kind}")
        outputs = [name, *(self.unused(f"{name}:{i}") for i in range(1, count))]
        made = protobuf.node(kind, inputs, outputs, name)
        for attribute, value in attributes.items():
            protobuf.set_attribute(made, attribute, value)
        self.nodes.append(made)
        self._writers[name] = made
        return outputs

    def call_writer(self, tensor: str, name: str) -> None:
        """Name the node that a tensor comes from as the graph names the value."""
        made = self._writers.get(tensor)
        if made is not None and made.name == tensor:
            made.name = name

    def is_computed(self, tensor: str) -> bool:
        """Whether a node gives the tensor, and not whoever runs the model."""
        return tensor in self._writers

    @contextmanager
    def body(self) -> Iterator[list[protobuf.Node]]:
        """Nodes that are appended meanwhile belong to a graph inside a node."""
        outer, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outer

    def unused(self, name: str) -> str:
        """The name, or one made of it, which nothing has; it is taken from now on."""
        number, candidate = 1, name
        while candidate in self.taken:
            number += 1
            candidate = f"{name}_{number}"
        self.taken.add(candidate)
        return candidate

    def refuse(self, what: str, hint: str) -> Problem:
        """CS250 for what the layer that is being written needs."""
        return Problem("CS250", f"ONNX cannot say {what}", hint, layer=self.layer)

    # Values.

    def read(self, value: Value, layout: Layout | None = None) -> str:
        """The tensor of a value in this layout, by default as the graph has it."""
        wanted = natural(value.rank) if layout is None else layout
        if wanted not in value.tensors:
            source = value.layout
            axes = [source.index(axis) for axis in wanted]
            value.tensors[wanted] = self.emit("Transpose", value.tensors[source], perm=axes)
        return value.tensors[wanted]

    # What nodes read beside values.

    def constant(self, array: Array) -> str:
        """An initialiser with these numbers: float32, int64 or bool."""
        key = array.dtype.name, array.shape, array.tobytes()
        if key not in self._constants:
            name = self.unused(f"constant_{len(self._constants) + 1}")
            protobuf.fill_tensor(self.model.graph.initializer.add(), name, array)
            self._constants[key] = name
        return self._constants[key]

    def number(self, value: float) -> str:
        """A float32 without axes."""
        with np.errstate(all="ignore"):
            return self.constant(np.array(np.float32(value)))

    def integers(self, values: Sequence[int]) -> str:
        """Numbers of int64 in a row."""
        return self.constant(np.array(values, np.int64))

    def operand(
        self,
        wanted: Operand,
        form: str = "",
        arrange: Arrange | None = None,
        *,
        name: str | None = None,
    ) -> str:
        """An operand as an initialiser, named as its first tensor; written once for each form.

        ``form`` tells apart what one operand is arranged to. Weights are float32 in the file.
        """
        key = wanted, form
        if key not in self._operands:
            array = self.numbers(wanted)
            made = array if arrange is None else arrange(array)
            unique = self.unused(f"{wanted.layer}/{name or _title(wanted)}")
            protobuf.fill_tensor(self.model.graph.initializer.add(), unique, made)
            self._operands[key] = unique
        return self._operands[key]

    def numbers(self, wanted: Operand) -> Array:
        """An operand as the graph reads it, in float32."""
        with np.errstate(all="ignore"):
            return np.asarray(resolve(wanted, self.read_weight)).astype(np.float32)


def _title(wanted: Operand) -> str:
    """The name of a tensor, or what the names of several begin with: W of W_i, W_f and others."""
    names = [weight.tensor for weight in stored_tensors(wanted)]
    first = names[0] if names else "numbers"
    shared = [len({name[:n] for name in names}) <= 1 for n in range(len(first) + 1)]
    return first[: max(n for n, same in enumerate(shared) if same)].rstrip("_") or first
