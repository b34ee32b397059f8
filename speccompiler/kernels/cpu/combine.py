"""Elementwise sum, product, mean, maximum or quotient of several values, and an activation.

All values are read once and together, so that no result of two of them is ever written.

w: the address of each value
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.graph.ir import CombineMode
from speccompiler.kernels.cpu.activation import TASK_VALUES
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import activation_text
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Values of one sample."""

    values: int


WORDS = {
    "sum": "add(s, {next})",
    "ave": "add(s, {next})",
    "mul": "mul(s, {next})",
    "max": "largest(s, {next})",
    "quotient": "div(s, {next})",
}


def source(lanes: int, mode: CombineMode, count: int, activation: str | None) -> str:
    """The module's text for ``count`` values."""

    def combined(word: str, rest: str) -> list[str]:
        first, *others = [f"{word}(v{index}, i{rest})" for index in range(count)]
        lines = [f"s = {first}", *(f"s = {WORDS[mode].format(next=other)}" for other in others)]
        lines += ["s = div(s, number)"] if mode == "ave" else []
        return [*lines, "s = activate(s)"] if activation is not None else lines

    lines = [
        "",
        "",
        "@jit",
        "def kernel(lo, hi, n, x, y, w, b, g, scratch, f):",
        f'    """Tasks: chunks of {TASK_VALUES} values."""',
        "    @GEOMETRY",
        *(f"    v{index} = values_at(w, {index})" for index in range(count)),
        f"    number = splat(np.float32({count}))",
        f"    last = min(hi * {TASK_VALUES}, n * values)",
        f"    whole = last - (last - lo * {TASK_VALUES}) % @LANES",
        f"    for i in range(lo * {TASK_VALUES}, whole, @LANES):",
        *(f"        {line}" for line in combined("load", "")),
        "        store(y, i, s)",
        "    if whole < last:",
        "        i, rest = whole, first_lanes(last - whole)",
        *(f"        {line}" for line in combined("load_where", ", rest")),
        "        store_where(y, whole, rest, s)",
        "",
    ]
    words = "\nfrom speccompiler.kernels.cpu.codegen.simd import values_at\n\ndiv = v.div\n"
    return fill(
        HEADER + words + (activation or "") + "\n".join(lines),
        Geometry._fields,
        LANES=lanes,
    )


class CombineKernel(CpuKernel):
    """Tasks are chunks of values, as those of an activation."""

    name = "combine"
    ops = (ir.Combine,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-n * prod(known(node)) // TASK_VALUES)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """About 20 GB/s to and from memory, and an activation as ``MapKernel`` has it."""
        activation = 0.0 if op_of(node).activation is None else prod(shape) / 1.5
        return (1 + len(node.inputs)) * prod(shape) / 5 + activation

    def text(self, wanted: Wanted) -> str:
        op = op_of(wanted.node)
        activation = None if op.activation is None else activation_text(op.activation)
        return source(wanted.lanes, op.mode, len(wanted.node.inputs), activation)
