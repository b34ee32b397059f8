"""A node while it is lowered: what it reads and says, and the graph that its operations join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.expressions.nodes import Expression, Negate, Number
from speccompiler.files.onnx.model import OnnxModel, OnnxNode, Tensor, Unread
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, Expr, format_dim, is_known, symbols
from speccompiler.graph.ir import Constant, Node, Op, Reshape, Shape, Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.last_axis import permuted
from speccompiler.lowering.onnx.values import BATCH, SAMPLES, Known, Value
from speccompiler.lowering.onnx.values import dims as lengths

Read = Value | Known | None
MOST_IN_GRAPH = 1 << 18
"""Numbers of a constant that stand in the graph itself, since they depend on open lengths."""
EXACT_WHOLE = 1 << 24


@dataclass(slots=True)
class Scope:
    """The node, its inputs, and where its operations go."""

    b: Builder
    model: OnnxModel
    tensors: dict[tuple[str, str], Known]
    """The constants that are weights, by their layers and names."""
    owners: dict[str, str]
    """The layer that each of them belongs to: the first that reads it."""
    exported: int | None = None
    """The number of samples that the file names for its inputs, where it names one."""
    # Set before any rule is called: a scope is made once, and moves on from node to node.
    node: OnnxNode = field(default=None)  # type: ignore[assignment]
    inputs: tuple[Read, ...] = ()
    around: Mapping[str, Read] = field(default_factory=dict)
    """The values so far, by their names: bodies read them as well."""
    read_later: frozenset[int] | None = None
    """The outputs that something reads; None where nobody knows."""
    effort: int = 0
    """How many numbers were read and computed so far to know large constants."""
    most_effort: int = 1 << 30
    """The most of them; a model with large weights may have as many times more."""

    def wants(self, output: int) -> bool:
        """Whether something reads an output."""
        named = output < len(self.node.outputs) and bool(self.node.outputs[output])
        return named and (self.read_later is None or output in self.read_later)

    # What is wrong.

    def refuse(self, message: str, hint: str | None = None) -> Problem:
        """CS262: the operation is known, and this use of it is not supported."""
        return Problem("CS262", message, hint)

    def mixes(self, what: str) -> Problem:
        """CS263 for what makes samples depend on each other, or loses their axis."""
        return Problem(
            "CS263",
            f"{what}, along which samples lie",
            "samples are computed one by one: export the model so that their axis stays apart",
        )

    # Attributes.

    def said(self, name: str, kind: type | tuple[type, ...], default: Any) -> Any:
        """An attribute of a kind, or its default. CS269 for another kind."""
        found = self.node.attributes.get(name)
        if found is None:
            return default
        if isinstance(found, Unread):
            raise self.refuse(f"attribute {quoted(name)} is {found.what}")
        if isinstance(found, bool) or not isinstance(found, kind):
            raise Problem("CS269", f"attribute {quoted(name)} has another type than it may have")
        return found

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        return int(self.said(name, int, default))

    def number(self, name: str, default: float) -> float:
        """A number."""
        return float(self.said(name, (float, int), default))

    def word(self, name: str, default: str) -> str:
        """A text."""
        found: bytes = self.said(name, bytes, default.encode())
        return found.decode("utf-8", "backslashreplace")

    def integers(self, name: str, default: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """A list of whole numbers."""
        found = self.said(name, tuple, default)
        if found is not None and not all(isinstance(n, int) for n in found):
            raise Problem("CS269", f"attribute {quoted(name)} has another type than it may have")
        return None if found is None else tuple(found)

    def tensor(self, name: str) -> Tensor | None:
        """A tensor."""
        found: Tensor | None = self.said(name, Tensor, None)
        return found

    # Inputs.

    def input(self, index: int) -> Read:
        """What an input is; None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int = 0) -> Value:
        """An input that a run computes. CS262 for a constant, CS269 for none."""
        found = self.input(index)
        if isinstance(found, Value):
            return found
        if found is None:
            raise Problem("CS269", f"input {index + 1} is missing")
        raise self.refuse(f"input {index + 1} is a constant, and a value is needed there")

    def floats(self, index: int = 0) -> Value:
        """An input that a run computes, and that holds floats. CS264."""
        found = self.value(index)
        if found.whole:
            raise Problem(
                "CS264",
                f"input {index + 1} holds whole numbers; the operation is supported for floats",
            )
        return found

    def known(self, index: int, what: str) -> Known | None:
        """An input that has to be a constant, or is left out. CS262."""
        found = self.input(index)
        if isinstance(found, Value):
            raise self.refuse(
                f"{what} depends on the model's input; only constants are supported there",
                "make it a constant of the model (an initializer)",
            )
        return found

    def needed(self, index: int, what: str) -> Known:
        """An input that has to be a constant. CS262, CS269."""
        found = self.known(index, what)
        if found is None:
            raise Problem("CS269", f"{what} is missing")
        return found

    def dims(self, index: int, what: str) -> tuple[Dim, ...] | None:
        """A constant of whole numbers, of which some may be open lengths."""
        found = self.known(index, what)
        if found is None:
            return None
        if found.size > 1024:
            raise Problem("CS269", f"{what} holds {found.size} numbers")
        array = found.array().ravel()
        if array.dtype == object:
            if not all(isinstance(n, int | np.integer | Expr) for n in array.tolist()):
                raise Problem("CS269", f"{what} holds no whole numbers")
            return lengths(array)
        if array.dtype.kind not in "iu":
            raise Problem("CS269", f"{what} holds no whole numbers")
        return tuple(int(n) for n in array.tolist())

    def whole(self, index: int, what: str) -> tuple[int, ...] | None:
        """A constant of whole numbers, none of which is open. CS262."""
        found = self.dims(index, what)
        if found is not None and not all(isinstance(n, int) for n in found):
            raise self.refuse(f"{what} depends on a length that is open", OPEN)
        return found  # type: ignore[return-value]  # all are numbers, as was just checked

    def axes(self, index: int, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """``axes``: an input in newer operator sets, an attribute in older ones."""
        found = self.whole(index, "axes")
        return self.integers("axes", default) if found is None else found

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front. CS269 for none of a value of this rank."""
        if not -rank <= axis < rank:
            raise Problem("CS269", f"axis {axis} is none of a value with {rank} axes")
        return axis % rank

    # The graph.

    def add(self, op: Op, *nodes: Node) -> Node:
        """Append an operation. CS263 where the number of samples would become another length."""
        node = self.b.add(op, *nodes)
        if any(not isinstance(n, int) and SAMPLES in symbols(n) for n in node.shape):
            raise self.mixes("the number of samples becomes a length of another axis than the one")
        return node

    def like(self, x: Value, node: Node) -> Value:
        """A value with the axes of another, where nothing has moved."""
        return Value(node, x.rank, x.batch)

    def reshaped(self, x: Node, shape: Shape) -> Node:
        """The values in another shape."""
        return x if x.shape == shape else self.add(Reshape(shape), x)

    def transposed(self, x: Node, axes: Sequence[int]) -> Node:
        """The values with their axes in another order."""
        same = tuple(axes) == tuple(range(len(axes)))
        return x if same else permuted(self.b, x, tuple(axes))

    def channels(self, x: Value, what: str = "channels") -> tuple[int, Node]:
        """The number of channels, the axis behind that of samples, and the node of the value.

        CS038 for too few axes, CS045 for an open number, CS263 where samples lie elsewhere.
        """
        if x.batch != 0:
            raise self.mixes(f"axis {x.batch} is one of the channels or of the image")
        if x.rank < 2:
            raise Problem("CS038", f"a value of shape {self.shown(x)} has no axis of {what}")
        count = x.node.shape[0]
        if not is_known(count):
            raise Problem("CS045", f"the number of {what} is open ({format_dim(count)})", OPEN)
        return count, x.node

    def shown(self, x: Value) -> str:
        """The shape of a value for people, samples as N."""
        return format_shape(x.shape).replace(format_dim(BATCH), "N")

    # Constants.

    def scalar(self, known: Known) -> float | None:
        """The number of a constant that holds one; None for another, and for one not finite."""
        if known.size != 1 or known.dtype == "object":
            return None
        value = float(known.array().ravel()[0])
        return value if np.isfinite(value) else None

    def weight(
        self,
        known: Known,
        axes: Sequence[int],
        shape: Sequence[int],
        split: Sequence[int] = (),
        *,
        phases: Sequence[int] = (),
    ) -> Weight:
        """A constant as an operand: ``transpose(stored, axes).reshape(shape)``."""
        if not (known.is_float or known.dtype.startswith(("int", "uint", "bool"))):
            raise Problem("CS264", f"the tensor {quoted(known.name)} holds {known.dtype}")
        owner = self.owners.setdefault(known.name, self.b.layer)
        self.tensors[owner, known.name] = known
        split = () if tuple(split) == known.shape else tuple(split)
        return Weight(
            owner, known.name, known.shape, tuple(axes), tuple(shape), split=split,
            phases=tuple(phases),
        )  # fmt: skip

    def numbers(self, values: Any, shape: Sequence[int]) -> Constant:
        """Numbers that the graph itself holds. CS266 for too many."""
        array = np.asarray(values, np.float64).ravel()
        self.check_count(array.size)
        return Constant(self.b.layer, tuple(array.tolist()), tuple(shape))

    def check_count(self, count: int) -> None:
        """CS266 for more numbers than the graph itself may hold."""
        if count > MOST_IN_GRAPH:
            raise Problem("CS266", f"a constant of {count} numbers would stand in the graph")

    def vector(self, known: Known, length: int, what: str) -> Known:
        """A constant that has to be a vector of this length. CS269."""
        if known.shape != (length,):
            raise Problem("CS269", f"{what} has shape {known.shape}, expected ({length},)")
        return known


OPEN = "give the input's lengths numbers (--input-shape)"


def as_number(value: float) -> Expression:
    """A finite number in an expression."""
    return Number(abs(value)) if value >= 0 else Negate(Number(-value))
