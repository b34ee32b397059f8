"""What a kernel of the CPU is: one object that holds all that is to be known about it.

Each file of this folder that holds a kernel defines one subclass of ``CpuKernel``; ``table``
lists them. Planning asks what a kernel fits and costs, the executor asks for its text and its
weights. None of it imports numba, nor NumPy before weights are packed, so that plans and reports
are made without them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Combine, Node, Op
from speccompiler.kernels.cpu.functions import Functions
from speccompiler.planning.candidate import Candidate, Geometry, KnownShape
from speccompiler.planning.cells import Cells
from speccompiler.planning.kernel_table import RECKONED_THREADS
from speccompiler.planning.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[np.float32]"
Given: TypeAlias = "Sequence[npt.NDArray[Any]]"
"""The operands of a node as ``graph.operands`` lists them, as arrays."""
WIDTHS = (16, 8, 4)
"""float32 values of a vector, on the machines that texts are written for."""
MOST_LANES = max(WIDTHS)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a step is expected to have: samples in a batch, threads, a pool to take in."""

    batch: int = 1
    threads: int = RECKONED_THREADS
    pool: Node | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a text is written for: a step, vectors of ``lanes``, a sum that it takes in."""

    node: Node
    shape: KnownShape
    lanes: int
    added: Combine | None = None


@dataclass(frozen=True)
class CpuKernel(ABC):
    """One kernel: the steps it fits, its cost, its text, and its weights as the text reads them.

    Shapes are of one sample, and have no open lengths; ``shape`` is that of the first value that
    a node reads. Every text has a function ``kernel(lo, hi, n, x, y, w, b, g, scratch, f)``, which
    does the tasks ``lo`` to ``hi`` of ``n`` samples; ``f`` is what ``functions`` names.
    """

    name: ClassVar[str]
    ops: ClassVar[tuple[type[Op], ...]]
    """The operations that it can do, if ``fits`` agrees."""
    fields: ClassVar[tuple[str, ...]]
    """The names of what ``geometry`` gives, which are those that the text uses.

    A geometry may go on with a list that is as long as the step needs. A field ``y_pitch`` is
    the distance of neighbouring positions in the output. Fields ``x_planes`` and ``y_planes`` are
    1 where input or output lie with their channels first.
    """
    precise: ClassVar[bool] = True
    """Whether it rounds as the direct sum does. Others are taken with ``math: fast`` only."""
    adds: ClassVar[bool] = False
    """Whether it can add its result to what lies where it writes."""
    narrows: ClassVar[bool] = False
    """Whether its text takes narrower vectors where channels are few (``fitting_lanes``)."""

    @property
    def schedule(self) -> Schedule | None:
        """How the tasks are cut, where there is a choice."""
        return None

    @classmethod
    def offered(cls, node: Node, shape: KnownShape, expected: Expected) -> Sequence[Self]:
        """The kernel for a step, once for each way to cut its tasks; none if it does not fit."""
        one = cls()
        return [one] if expected.pool is None and one.fits(node, shape) else []

    @classmethod
    def cheapest(
        cls, node: Node, shape: KnownShape, expected: Expected
    ) -> tuple[float, Self] | None:
        """Of those that are offered the first with the lowest cost, which comes first."""
        offered = [
            (one.nanoseconds(node, shape), one) for one in cls.offered(node, shape, expected)
        ]
        return min(offered, key=itemgetter(0), default=None)

    def fits(self, node: Node, shape: KnownShape) -> bool:
        """Whether it can do a step whose operation is one of ``ops``."""
        return True

    @abstractmethod
    def geometry(self, node: Node, shape: KnownShape) -> Geometry:
        """The integers of ``g``, which are called ``fields``."""

    def with_pitch(self, geometry: Geometry, pitch: int) -> Geometry:
        """The same geometry with positions ``pitch`` values apart in the output."""
        at = self.fields.index("y_pitch")
        return (*geometry[:at], pitch, *geometry[at + 1 :])

    def with_planes(self, geometry: Geometry, reads: bool, writes: bool) -> Geometry:
        """The same geometry for a step that reads or writes channels first."""
        changed = list(geometry)
        for name, planes in (("x_planes", reads), ("y_planes", writes)):
            if planes:
                changed[self.fields.index(name)] = 1
        return tuple(changed)

    def with_sources(self, geometry: Geometry, shapes: Sequence[KnownShape]) -> Geometry:
        """The same geometry for a step that reads values of these shapes."""
        return geometry

    def order(self, node: Node) -> str:
        """What ``pack`` makes of a node's operation, where the operands do not say it."""
        return ""

    @abstractmethod
    def tasks(self, node: Node, shape: KnownShape, n: int) -> int:
        """How many independent tasks ``n`` samples make."""

    @abstractmethod
    def nanoseconds(self, node: Node, shape: KnownShape) -> float:
        """Estimated time of one sample on one core."""

    def scratch(self, node: Node, shape: KnownShape) -> int:
        """float32 values that a thread needs for itself, on any width of vectors."""
        return 0

    def sharing(self, node: Node, shape: KnownShape) -> int:
        """How many neighbouring tasks prepare the same input."""
        return 1

    def rounds(self, node: Node, shape: KnownShape) -> int:
        """Into how many equal runs of tasks they fall, each of which waits for the one before."""
        return 1

    def held(self, node: Node, shape: KnownShape) -> int:
        """float32 values of a sample that tasks leave for later ones of the step.

        Their address then stands in ``w`` behind those of the values that are read.
        """
        return 0

    def cells(self, node: Node, shape: KnownShape) -> Sequence[Cells]:
        """What it computes at a time along each axis but the last, where bits depend on it."""
        return ()

    @abstractmethod
    def text(self, wanted: Wanted) -> str:
        """The module that a step runs."""

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        """All that ``text`` can give for vectors of just so many lanes, whatever the model."""
        return ()

    @classmethod
    def texts_for(cls, node: Node, lanes: int) -> Iterable[str]:
        """Those of its texts that a step of this node may run, whatever its open lengths."""
        widths = [width for width in WIDTHS if width == lanes or (cls.narrows and width < lanes)]
        return [text for width in widths for text in cls.texts(width)]

    def functions(self, wanted: Wanted) -> Functions:
        """What the text calls, and how its sums end."""
        return Functions()

    def pack(self, node: Node, given: Given, lanes: int) -> tuple[Array, Array]:
        """Weights and bias, flat, in the order in which the text reads them."""
        return no_values(), no_values()

    def alone(self) -> CpuKernel:
        """The kernel that computes the same and takes no pool in."""
        return self

    def candidate(self) -> Candidate:
        """What a plan sees of it."""
        return Candidate(
            self.name,
            self.fits,
            self.geometry,
            self.tasks,
            self.nanoseconds,
            self.scratch,
            self.precise,
            self.schedule,
            self.sharing,
            strided="y_pitch" in self.fields,
            adds=self.adds,
            planes="x_planes" in self.fields,
            cells=self.cells,
            held=self.held,
            target_kernel=self,
        )


def fitting_lanes(channels: int, lanes: int) -> int:
    """The widest vectors, up to ``lanes``, that so many channels fill.

    Fewer than 4 channels fill none: they are done as whole rows, on the widest vectors of all,
    or value by value.
    """
    return next((count for count in WIDTHS if count <= min(channels, lanes)), lanes)


@cache
def no_values() -> Array:
    """In the place of weights or of a bias that a kernel does not have."""
    import numpy as np

    return np.zeros(0, np.float32)
