"""An activation on its own, where no convolution before it could take it in."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.functions import ACTIVATION, CONSTANTS, Finish, Functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Values of one sample."""

    values: int


TASK_VALUES = 4096
"""Values of a task."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: chunks of @TASK values."""
    @GEOMETRY
    first, last = lo * @TASK, min(hi * @TASK, n * values)
    call_activation(f[@ACTIVATION], x, first, y, first, 1, 0, 0, last - first, f[@CONSTANTS])
'''
TEXT = fill(
    HEADER + "\nfrom speccompiler.kernels.cpu.codegen.calls import call_activation\n" + DRIVER,
    Geometry._fields,
    LANES=4,
    TASK=TASK_VALUES,
    ACTIVATION=ACTIVATION,
    CONSTANTS=CONSTANTS,
)
"""The only one: all vectors are in the activation."""


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
        return TEXT

    @classmethod
    def texts(cls, lanes: int) -> Sequence[str]:
        return (TEXT,)

    def functions(self, wanted: Wanted) -> Functions:
        return Functions(Finish(activation=op_of(wanted.node).activation))
