"""What a step is made of: starts of kernels, and the values that each reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speccompiler.graph.ir import Node
from speccompiler.kernels.cuda import memory_kernels
from speccompiler.kernels.cuda.gemm import Gemm
from speccompiler.planning.candidate import three as filled

Three = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """One of the values that a step reads, by its number."""

    index: int


Part = Source | str | int
"""A value that the step reads, its output ``Y``, or the number of a part of the scratch."""
X = Source(0)
Y = "y"


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a kernel.

    ``second`` stands where the weights would, for a kernel that reads two values.
    """

    name: str
    text: str
    threads: int
    blocks: Callable[[int], int]
    """Blocks for so many samples."""
    reads: Part = X
    writes: Part = Y
    product: Gemm | None = None
    """What is multiplied, where the tile could be another."""
    resident: int = 1
    """Blocks that a multiprocessor is to hold: bounds the registers of a thread."""
    second: Part | None = None


@dataclass(frozen=True, slots=True)
class StepCode:
    """A step's launches in order, and the scratch parts they use: float32 values a sample."""

    launches: tuple[Launch, ...]
    scratch: tuple[int, ...] = ()


def three(values: Any, fill: int) -> Three:
    """Spatial values as 3-D, filled in front."""
    z, v, u = filled(values, fill)
    return z, v, u


def op_of(node: Node) -> Any:
    """A node's operation, whose kind is known from the table."""
    return node.op


def flat(
    name: str,
    text: str,
    elements: int,
    of: int,
    reads: Part = X,
    second: Part | None = None,
) -> Launch:
    """A kernel whose threads take ``of`` values each of ``elements`` a sample."""

    def blocks(n: int) -> int:
        return memory_kernels.flat_blocks(elements, n, of)

    return Launch(name, text, memory_kernels.THREADS, blocks, reads, second=second)
