"""What kernels share that look at whole rows, which lie along the last axis."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.kernel import CpuKernel
from speccompiler.planning.candidate import KnownShape


class Geometry(NamedTuple):
    """Values of a row."""

    length: int


class RowKernel(CpuKernel):
    """Tasks are rows."""

    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(shape[-1])

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(shape[:-1])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape) + 30 * prod(shape[:-1])


def over_lanes(name: str, word: str, lanes: int) -> str:
    """A function that gives one result of all lanes, in every lane: halves with halves."""
    half = lanes // 2
    step = f"    a = {word}(zip_low(a, a), zip_high(a, a))"
    return "\n".join(["\n\n@jit", f"def {name}(a):", *[step] * half.bit_length(), "    return a"])
