"""What the CUDA target knows of a kernel. Each kernel is such an object, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Node, Op
from speccompiler.kernels.cuda.estimates import moved
from speccompiler.kernels.cuda.launches import Work
from speccompiler.planning.candidate import Candidate, Geometry, KnownShape, known
from speccompiler.planning.cells import Cells

Array = npt.NDArray[np.float32]
Packed = tuple[Array, Array]
"""Weights and bias in the order in which a kernel reads them, each as one row of values."""
Given = Sequence[npt.NDArray[Any]]
"""A step's operands, the weights first."""
EMPTY = np.zeros(0, np.float32)


def _always(node: Node, shape: KnownShape) -> bool:
    return True


def _no_scratch(node: Node, shape: KnownShape) -> int:
    return 0


def _no_cells(node: Node, shape: KnownShape) -> Sequence[Cells]:
    return ()


def _no_geometry(node: Node, shape: KnownShape) -> Geometry:
    """The geometry stands in the kernel's text."""
    return ()


def _outputs(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(known(node))


def pack_as_they_are(node: Node, shape: KnownShape, given: Given) -> Packed:
    """Weights and bias in the order in which they come."""
    weight, *bias = (np.ascontiguousarray(array, np.float32).reshape(-1) for array in given)
    return weight, bias[0] if bias else EMPTY


@dataclass(frozen=True, slots=True)
class CudaKernel:
    """The steps that a kernel fits, what they cost, and how they are done.

    Functions take a step's node and the shape of the first value that it reads, without
    samples and with every length known.
    """

    name: str
    ops: tuple[type[Op], ...]
    work: Callable[[Node, KnownShape], Work]
    """Texts, blocks, threads, what is read and written."""
    fits: Callable[[Node, KnownShape], bool] = _always
    """Whether it does this step, whose operation is one of its own."""
    nanoseconds: Callable[[Node, KnownShape], float] = moved
    """Estimated time of one sample."""
    scratch: Callable[[Node, KnownShape], int] = _no_scratch
    """float32 values a sample between its launches."""
    precise: bool = True
    """Rounds as the direct sum does; others are taken with ``--math fast`` only."""
    pack: Callable[[Node, KnownShape, Given], Packed] = pack_as_they_are
    """Weights and bias as it reads them."""
    cells: Callable[[Node, KnownShape], Sequence[Cells]] = _no_cells
    """What it computes at a time along each axis but the last, where bits depend on it."""
    joint: Callable[[Node, Sequence[KnownShape]], Work] | None = None
    """The same as ``work`` from the shapes of all values that it reads, where those are needed."""
    as_for: Callable[[Node, KnownShape], CudaKernel] | None = None
    """The kernel that does other lengths as it does this step; None where it always does."""

    def alike(self, node: Node, shape: KnownShape) -> CudaKernel:
        """The kernel for a part of a step, with the bits of the whole."""
        return self if self.as_for is None else self.as_for(node, shape)

    @property
    def candidate(self) -> Candidate:
        """The kernel as a plan sees it."""
        return Candidate(
            self.name,
            self.fits,
            _no_geometry,
            _outputs,
            self.nanoseconds,
            self.scratch,
            precise=self.precise,
            cells=self.cells,
            target_kernel=self,
        )
