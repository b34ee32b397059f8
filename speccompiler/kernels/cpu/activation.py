"""An activation on its own, where no convolution before it could take it in."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import activation_text, with_functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Values of one sample."""

    values: int


TASK_VALUES = 4096
"""Values of a task."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: chunks of @TASK values."""
    @GEOMETRY
    last = min(hi * @TASK, n * values)
    whole = last - (last - lo * @TASK) % @LANES
    for i in range(lo * @TASK, whole, @LANES):
        store(y, i, activate(load(x, i)))
    if whole < last:
        rest = first_lanes(last - whole)
        store_where(y, whole, rest, activate(load_where(x, whole, rest)))
'''


def source(lanes: int, activation: str) -> str:
    """The module's text, for one vector width and activation."""
    return fill(
        HEADER + activation + with_functions(DRIVER),
        Geometry._fields,
        LANES=lanes,
        TASK=TASK_VALUES,
    )


class MapKernel(CpuKernel):
    """Tasks are chunks of values, wherever in a sample they lie."""

    name = "map"
    ops = (ir.Map,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-n * prod(known(node)) // TASK_VALUES)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The time that tanh takes; other activations take between half and twice as long."""
        return prod(known(node)) / 1.5

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes, activation_text(op_of(wanted.node).activation))
