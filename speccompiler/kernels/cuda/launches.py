"""What a step is made of: starts of kernels, and the values that each reads and writes."""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.gemm_geometry import Gemm


@dataclass(frozen=True, slots=True)
class Source:
    """One of the values that a step reads, by its number."""

    index: int


Part = Source | str | int
"""A value that the step reads, its output ``Y``, or the number of a part of its scratch."""
X = Source(0)
Y = "y"


@dataclass(frozen=True, slots=True)
class Product:
    """The start of a matrix product, whose tile is chosen later: it changes no bits."""

    geometry: Gemm
    reads: Part = X
    writes: Part = Y


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a kernel."""

    name: str
    text: str
    threads: int
    """Threads of a block."""
    blocks: Callable[[int], int]
    """Number of blocks for so many samples."""
    reads: Part = X
    writes: Part = Y
    second: Part | None = None
    """What a kernel of two values reads where others read their weights."""
    resident: int = 1
    """Blocks that a multiprocessor is to hold, which bounds the registers of a thread."""
    product: Product | None = None
    """The product that this is, for which another tile may be taken."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a kernel does in one step: its starts in order, and the scratch between them.

    Each part of the scratch is a number of float32 values a sample.
    """

    starts: tuple[Launch | Product, ...]
    scratch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StepCode:
    """The same with a tile for every product."""

    launches: tuple[Launch, ...]
    scratch: tuple[int, ...] = ()
