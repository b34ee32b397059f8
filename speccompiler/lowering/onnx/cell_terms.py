"""What the nodes of a step make of its states and its input, as terms without any layout.

    term = state | x | bias             channels from ``first`` to before ``last``
         | product(term)                with columns of a kernel
         | made(term)                   by an activation
         | sum, difference, mul(a, b)
         | other                        nothing that a cell does

Axes only come in other orders on the way: a node's ``axes`` say which axis of a state each of its
own is, and places may stand as one axis. So cells with channels first and last are one term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speccompiler.expressions.nodes import Binary, Expression, Parameter, Variable, substitute
from speccompiler.frozen import dataclass
from speccompiler.graph import ir

X = Variable()
MOST_PARTS = 200
"""Of a term: no cell has so many."""
_SYMBOLS = {"sum": "+", "difference": "-", "mul": "*"}

Axes = tuple[int | tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """``parts`` are terms; ``what`` is a state's number, an operand, an activation."""

    kind: str
    parts: tuple[Term, ...] = ()
    what: object = None
    first: int = 0
    last: int = 0
    size: int = 1


@dataclass(frozen=True, slots=True)
class Window:
    """How all products look at a state: ``order`` are its axes as they stand there."""

    order: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: ir.Padding


class Unknown(Exception):
    """A step does what no cell does."""


class Terms:
    """The terms of nodes in topological order, for one guess of a state's axis of channels."""

    def __init__(self, nodes: Sequence[ir.Node], given: Mapping[str, Term], channel: int) -> None:
        self._channel = channel
        self._found: dict[str, tuple[Term, Axes]] = {}
        self._shapes: dict[str, ir.Shape] = {}
        self.window: Window | None = None
        for node in nodes:
            self._shapes[node.name] = node.shape
            if isinstance(node.op, ir.Input):
                self._found[node.name] = given[node.name], tuple(range(len(node.shape)))
            else:
                self._found[node.name] = self._of(node)

    def whole(self, name: str) -> Term:
        """The term of a node whose axes are a state's. Raises ``Unknown``."""
        term, axes = self._found[name]
        if axes != tuple(range(len(axes))):
            raise Unknown
        return term

    def _of(self, node: ir.Node) -> tuple[Term, Axes]:
        read = [self._found[name] for name in node.inputs]
        term, axes = read[0]
        shape = self._shapes[node.inputs[0]]
        match node.op:
            case ir.Identity():
                return term, axes
            case ir.Transpose(order):
                return term, tuple(axes[axis] for axis in order)
            case ir.Reshape():
                return term, self._reshaped(axes, shape, node.shape)
            case ir.Map(expression):
                return _made(expression, term), axes
            case ir.Softmax() if axes[-1] == self._channel:
                return _made("softmax", term), axes
            case ir.Combine(mode, None) if mode in _SYMBOLS:
                if any(other != axes for _, other in read):
                    return OTHER, axes
                for other, _ in read[1:]:
                    term = _combined(mode, term, other)
                return term, axes
            case ir.MapWith(Binary("+", Variable(), Parameter(0)), (operand,), None):
                return self._with_bias(term, axes, operand), axes
            case ir.Slice():
                return self._cut(term, axes, node.op, shape), axes
            case ir.Conv():
                return self._product(term, axes, node.op), axes
            case _:
                return OTHER, axes

    def _reshaped(self, axes: Axes, shape: ir.Shape, wanted: ir.Shape) -> Axes:
        """Places as one axis, or that axis as places again."""
        if wanted == shape:
            return axes
        if len(wanted) == 2 and wanted[-1] == shape[-1] and len(axes) > 2:
            places = tuple(axis for axis in axes[:-1] if isinstance(axis, int))
            return (places, axes[-1])
        places = next((axis for axis in axes[:1] if isinstance(axis, tuple)), ())
        if len(axes) == 2 and len(wanted) == len(places) + 1 and wanted[-1] == shape[-1]:
            return (*places, axes[-1])
        raise Unknown

    def _with_bias(self, term: Term, axes: Axes, operand: ir.Operand) -> Term:
        shape = operand.shape
        at = axes.index(self._channel) if self._channel in axes else -1
        if at < 0 or any(n != 1 for axis, n in enumerate(shape) if axis != at):
            return OTHER
        return _combined("sum", term, Term("bias", (), operand, 0, shape[at]))

    def _cut(self, term: Term, axes: Axes, op: ir.Slice, shape: ir.Shape) -> Term:
        """Some of the channels."""
        start, count = 0, 0
        for axis, first, step, n, length in zip(
            axes, op.start, op.step, op.count, shape, strict=True
        ):
            if axis != self._channel:
                if (first, step, n) != (0, 1, length):
                    return OTHER
            elif step == 1 and isinstance(first, int) and isinstance(n, int):
                start, count = first, n
        return _part(term, start, start + count) if count else OTHER

    def _product(self, term: Term, axes: Axes, op: ir.Conv) -> Term:
        ones = (*op.stride, *op.repeats, *op.dilation, op.groups)
        if axes[-1] != self._channel or op.bias or op.activation or any(n != 1 for n in ones):
            return OTHER
        order = tuple(
            axis for each in axes for axis in (each if isinstance(each, tuple) else (each,))
        )
        places = len(order) - 1
        window = Window(order, op.kernel, op.padding)
        if len(op.kernel) != len(axes) - 1 or len(axes) != len(order):
            # A matrix product of each place.
            if any(k != 1 for k in op.kernel) or any(pair != (0, 0) for pair in op.padding):
                return OTHER
            window = Window(order, (1,) * places, ((0, 0),) * places)
        if self.window not in {None, window}:
            return OTHER
        self.window = window
        return _term("product", (term,), op.weight, 0, op.filters)


OTHER = Term("other")


def _term(kind: str, parts: tuple[Term, ...], what: object, first: int = 0, last: int = 0) -> Term:
    if any(part.kind == "other" for part in parts):
        return OTHER
    size = 1 + sum(part.size for part in parts)
    if size > MOST_PARTS:
        raise Unknown
    return Term(kind, parts, what, first, last, size)


def _made(activation: Expression | str, term: Term) -> Term:
    """An activation of a term; two of them are one."""
    if term.kind == "made" and not isinstance(activation, str):
        if isinstance(term.what, str):
            return OTHER
        inner: Expression = term.what  # type: ignore[assignment]  # an activation
        return _term("made", term.parts, substitute(activation, inner))
    return _term("made", (term,), activation)


def _combined(mode: str, one: Term, other: Term) -> Term:
    """Two terms; formulas of the same one are one formula."""
    bases = [term.parts[0] if term.kind == "made" else term for term in (one, other)]
    formulas = [term.what if term.kind == "made" else X for term in (one, other)]
    if bases[0] == bases[1] and not any(isinstance(formula, str) for formula in formulas):
        left, right = formulas  # none is a text, as was just checked
        return _term("made", (bases[0],), Binary(_SYMBOLS[mode], left, right))  # type: ignore[arg-type]
    return _term(mode, (one, other), None)


def _part(term: Term, first: int, last: int) -> Term:
    """Some channels of a term."""
    if term.kind in {"state", "x", "bias", "product"}:
        if last > term.last - term.first:
            return OTHER
        return Term(
            term.kind, term.parts, term.what, term.first + first, term.first + last, term.size
        )
    if term.kind == "made" and isinstance(term.what, str):
        return OTHER
    parts = tuple(_part(part, first, last) for part in term.parts)
    return _term(term.kind, parts, term.what) if parts else OTHER
