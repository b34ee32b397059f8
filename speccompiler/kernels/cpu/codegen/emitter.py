"""What LLVM functions over vectors are written with, where numba would type each statement.

A place in memory is an integer, its address, until it is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils

FLOAT, INT, LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


def turned(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """The columns of a square: as many vectors as each has lanes."""
    lanes = len(rows)
    half, orders = lanes // 2, ir.VectorType(INT, lanes)
    # Rows are zipped with those half a square away, as often as it can be halved.
    for _ in range(half.bit_length()):
        rows = [
            builder.shuffle_vector(a, b, ir.Constant(orders, zipped(lanes, first)))
            for a, b in zip(rows[:half], rows[half:], strict=True)
            for first in (0, half)
        ]
    return list(rows)


def zipped(lanes: int, first: int) -> list[int]:
    """The order that takes the lanes of two vectors in turns, half of them, from ``first`` on."""
    return [first + i // 2 + (i % 2) * lanes for i in range(lanes)]


class Emitter:
    """Writes one function of a module, which is not inlined: it has all registers for itself."""

    def __init__(
        self, module: Any, name: str, result: Any, arguments: Sequence[Any], lanes: int
    ) -> None:
        self.function = ir.Function(module, ir.FunctionType(result, arguments), name)
        self.function.linkage = "internal"
        self.function.attributes.add("noinline")
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.lanes, self.vector = lanes, ir.VectorType(FLOAT, lanes)

    def constant(self, value: float) -> Any:
        """A number in every lane."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, rounded once."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{self.lanes}f32"
        word = cgutils.get_or_insert_function(self.builder.module, kind, name)  # type: ignore[no-untyped-call]
        return self.builder.call(word, [a, b, c])

    def repeat(self, value: Any) -> Any:
        """A float32 in every lane."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, INT(0))
        zeros = ir.Constant(ir.VectorType(INT, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def load(self, place: Any) -> Any:
        """The vector at a place."""
        return self._load(place, self.vector, 4)

    def load_repeated(self, place: Any) -> Any:
        """The float32 at a place, in every lane."""
        return self.repeat(self._load(place, FLOAT, 4))

    def load_integer(self, place: Any) -> Any:
        return self._load(place, LONG, 8)

    def _load(self, place: Any, kind: Any, alignment: int) -> Any:
        value: Any = self.builder.load(self.builder.inttoptr(place, kind.as_pointer()))
        value.align = alignment
        return value

    def store(self, value: Any, place: Any) -> None:
        """Write a vector."""
        pointer = self.builder.inttoptr(place, self.vector.as_pointer())
        stored: Any = self.builder.store(value, pointer)
        stored.align = 4

    def prefetch(self, place: Any, levels: int) -> None:
        """Into L1 (3) or L2 (2). The line need not exist."""
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, INT, INT, INT])
        word = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        address = self.builder.inttoptr(place, _BYTES)
        self.builder.call(word, [address, INT(0), INT(levels), INT(1)])

    def behind(self, place: Any, distance: int) -> Any:
        """The place so many bytes on."""
        return self.builder.add(place, LONG(distance)) if distance else place

    def steps(self, place: Any, step: Any, count: int) -> Any:
        """The place ``count`` steps on."""
        return self.builder.add(place, self.builder.mul(step, LONG(count))) if count else place

    def loop(
        self, count: Any, state: Sequence[Any], body: Callable[[Sequence[Any]], list[Any]]
    ) -> list[Any]:
        """``body`` so many times, perhaps never; each time it gives the next state."""
        builder = self.builder
        before = builder.block
        head, inside, end = (builder.append_basic_block(name) for name in ("head", "in", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        left, *values = phis = [builder.phi(value.type) for value in (count, *state)]
        builder.cbranch(builder.icmp_signed(">", left, LONG(0)), inside, end)
        builder.position_at_end(inside)
        after = [builder.sub(left, LONG(1)), *body(values)]
        for value, first, then in zip(phis, (count, *state), after, strict=True):
            value.add_incoming(first, before)
            value.add_incoming(then, builder.block)
        builder.branch(head)
        builder.position_at_end(end)
        return values

    def choice(
        self, condition: Any, otherwise: Sequence[Any], make: Callable[[], Sequence[Any]]
    ) -> list[Any]:
        """What ``make`` gives where the condition holds, else the values ``otherwise``."""
        builder, before = self.builder, self.builder.block
        with builder.if_then(condition):
            made, inside = make(), builder.block
        chosen = []
        for value, other in zip(made, otherwise, strict=True):
            phi = builder.phi(value.type)
            phi.add_incoming(value, inside)
            phi.add_incoming(other, before)
            chosen.append(phi)
        return chosen
