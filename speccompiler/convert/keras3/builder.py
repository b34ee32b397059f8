"""The layers of Keras that are written so far, and the value that each node of the graph has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.convert.keras3.mask_rules import MaskKey, carried_mask
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.ir import Shape
from speccompiler.graph.operands import Operand, Weight
from speccompiler.weights.operands import resolve

Array = npt.NDArray[Any]
TO_ONNX = "write it as ONNX instead: .onnx"
"""What helps where no layer of Keras 3 does: ONNX says more."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a call: which layer, which of its calls, which of its outputs."""

    layer: KerasLayer
    call: int
    output: int
    shape: Shape
    """Of one sample, with the channels last."""
    mask: MaskKey | None = None
    """The mask that Keras 3 lets it carry."""


@dataclass(frozen=True, slots=True)
class LayerCall:
    """What a call of a layer reads, and the mask that it is given beside that."""

    read: tuple[Value, ...] = ()
    mask: Value | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        return self.read if self.mask is None else (*self.read, self.mask)


@dataclass(slots=True, eq=False)
class KerasLayer:
    """A layer as ``config.json`` has it, its calls, and its tensors."""

    kind: str
    config: dict[str, Any]
    tensors: dict[str, list[Array]]
    """By the group under the layer's own: "", or "cell" of a recurrent one."""
    name: str = ""
    calls: list[LayerCall] = field(default_factory=list)


@dataclass(slots=True)
class Builder:
    """Rules of ``table.py`` append to it; each gives the value of its node."""

    read_weight: Callable[[Weight], Array]
    layers: list[KerasLayer] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    named: str = ""
    """The node of the graph that is being written; names of layers begin with it."""
    alone: frozenset[str] = frozenset()
    """Nodes whose value one other node reads, and nobody else."""
    repeats_by_merge: frozenset[str] = frozenset()
    """Repetitions along axes of length 1 that need no layer, since merges repeat, too."""
    masks_made: frozenset[MaskKey] = frozenset()
    """The masks of the graph that a layer of Keras may make beside its value."""
    nodes: Mapping[str, ir.Node] = field(default_factory=dict)
    """The graph's, by their names."""
    layer: str = ""
    _shared: dict[Any, KerasLayer] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        read: Sequence[Value] | Value,
        shape: Shape,
        *,
        key: tuple[Operand | None, ...] = (),
        tensors: dict[str, list[Array]] | None = None,
        mask: Value | None = None,
        makes: MaskKey | None = None,
        **config: Any,
    ) -> Value:
        """A layer that reads values, or another call of one with the same tensors.

        ``key`` are the operands that its tensors are made of, ``mask`` is given to the call beside
        what it reads, ``makes`` is the mask of its value that it makes itself.
        """
        inputs = (read,) if isinstance(read, Value) else tuple(read)
        same = (kind, repr(config), tuple(v.shape for v in inputs), key)
        made = self._shared.get(same) if key else None
        if made is None:
            made = KerasLayer(kind, config, tensors or {})
            self.layers.append(made)
            if key:
                self._shared[same] = made
        call = LayerCall(inputs, mask)
        made.calls.append(call)
        masks, rank = [value.mask for value in inputs], len(inputs[0].shape) + 1
        carried = makes or carried_mask(kind, config, masks, rank=rank, given=mask is not None)
        return Value(made, len(made.calls) - 1, 0, shape, carried)

    def numbers(self, operand: Operand) -> Array:
        """An operand as the graph reads it, in float32."""
        with np.errstate(all="ignore"):
            return np.asarray(resolve(operand, self.read_weight)).astype(np.float32)

    def name_new(self, start: int, value: Value) -> None:
        """Name the layers of a node: one as the node, the others after their kind, too.

        It is the one that has tensors; where none has, the one that gives the value.
        """
        new = self.layers[start:]
        first = next((layer for layer in new if layer.tensors), value.layer)
        for layer in new:
            kind = "" if layer is first else f"_{snake_case(layer.kind)}"
            layer.name = self.unused(f"{self.title()}{kind}")

    def name_whole(self, layer: KerasLayer) -> None:
        """Name a layer as the node, where it is a part of it and nothing else of it is written."""
        if layer.name.startswith(f"{self.title()}_") and self.title() not in self.taken:
            layer.name = self.unused(self.title())

    def title(self) -> str:
        """The name of the node as a layer's: without a slash, which Keras 3 refuses."""
        return re.sub(r"[/:@]+", "_", self.named)

    def unused(self, name: str) -> str:
        """The name, or one made of it, which nothing has."""
        number, candidate = 1, name
        while candidate in self.taken:
            number += 1
            candidate = f"{name}_{number}"
        self.taken.add(candidate)
        return candidate

    def refuse(self, what: str, hint: str = TO_ONNX) -> Problem:
        """CS251 for what the layer that is being written needs."""
        return Problem("CS251", f"no layer of Keras 3 is {what}", hint, layer=self.layer)


def snake_case(kind: str) -> str:
    """The name of a class as Keras 3 writes it in files: ``conv2d_transpose``."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
