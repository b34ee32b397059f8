"""Copies a value as it is: an output that is also the input, or another output."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape


class Geometry(NamedTuple):
    """Values of one sample."""

    values: int


DRIVER = """

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    \"\"\"One task.\"\"\"
    @GEOMETRY
    count = n * values
    whole = count // @LANES * @LANES
    for i in range(0, whole, @LANES):
        store(y, i, load(x, i))
    for i in range(whole, count):
        y[i] = x[i]
"""


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, Geometry._fields, LANES=lanes)


class CopyKernel(CpuKernel):
    """One task. No operation asks for it: a plan adds such steps at its end."""

    name = "copy"
    ops = ()
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return 1

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape) / 4

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)
