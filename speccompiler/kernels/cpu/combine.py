"""Elementwise sum, difference, product, mean, extreme or quotient of values, and an activation.

All values are read once and together, so that no result of two of them is ever written.

w: the address of each value
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.graph.ir import CombineMode
from speccompiler.kernels.cpu.activation import TASK_VALUES
from speccompiler.kernels.cpu.codegen.text import HEADER, fill, filled
from speccompiler.kernels.cpu.functions import RELU, Functions, functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Values of one sample, how many there are of these, and what their result is divided by."""

    values: int
    operands: int
    divisor: int


WORDS: Mapping[CombineMode, str] = {
    "sum": "add", "ave": "add", "mul": "mul", "max": "largest", "min": "smallest",
    "difference": "sub", "quotient": "div",
}  # fmt: skip
"""What joins a value to those before it."""
BLOCK = 4
"""Vectors that are in registers together."""

DRIVER = '''
from speccompiler.kernels.cpu.codegen.calls import finish, floor_of, spoiled_by
from speccompiler.kernels.cpu.codegen.simd import values_at

div, rectify, smallest = v.div, v.rectify, v.smallest


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: chunks of @TASK values."""
    @GEOMETRY
    floor, spoiled = splat(floor_of(f[@RELU])), splat(spoiled_by(f[@RELU]))
    parts = splat(np.float32(divisor))
    for task in range(lo, hi):
        first, last = task * @TASK, min(task * @TASK + @TASK, n * values)
        i = first
        while i + @STEP <= last:
            other = values_at(w, 0)
            @FIRST
            for k in range(1, operands):
                other = values_at(w, k)
                @NEXT
            if divisor != 1:
                @DIVIDED
            @STORED
            i += @STEP
        while i < last:
            some = first_lanes(min(last - i, @LANES))
            s0 = load_where(values_at(w, 0), i, some)
            for k in range(1, operands):
                s0 = @WORD(s0, load_where(values_at(w, k), i, some))
            if divisor != 1:
                s0 = div(s0, parts)
            store_where(y, i, some, rectify(s0, floor, spoiled))
            i += @LANES
        finish(f, y, first, 1, 0, last - first)
'''


@cache
def source(lanes: int, word: str) -> str:
    """The module's text, for one vector width and what joins two values."""
    sums = [f"s{s}" for s in range(BLOCK)]
    places = [f"i + {s * lanes}" for s in range(BLOCK)]
    together = list(zip(sums, places, strict=True))
    driver = filled(
        DRIVER,
        first=[f"{s} = load(other, {at})" for s, at in together],
        next=[f"{s} = {word}({s}, load(other, {at}))" for s, at in together],
        divided=[f"{s} = div({s}, parts)" for s in sums],
        stored=[f"store(y, {at}, rectify({s}, floor, spoiled))" for s, at in together],
    )
    return fill(
        HEADER + driver,
        Geometry._fields,
        LANES=lanes,
        STEP=BLOCK * lanes,
        TASK=TASK_VALUES,
        RELU=RELU,
        WORD=word,
    )


class CombineKernel(CpuKernel):
    """Tasks are chunks of values, as those of an activation."""

    name = "combine"
    ops = (ir.Combine,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        count = len(node.inputs)
        return Geometry(prod(shape), count, count if op_of(node).mode == "ave" else 1)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-n * prod(known(node)) // TASK_VALUES)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """About 20 GB/s to and from memory, and an activation as ``MapKernel`` has it."""
        activation = 0.0 if op_of(node).activation is None else prod(shape) / 1.5
        return (1 + len(node.inputs)) * prod(shape) / 5 + activation

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, word) for word in dict.fromkeys(WORDS.values())]

    def text(self, wanted: Wanted) -> str:
        mode: CombineMode = op_of(wanted.node).mode
        return source(wanted.lanes, WORDS[mode])

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Iterable[str]:
        return [source(lanes, WORDS[op_of(node).mode])]

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).activation)
