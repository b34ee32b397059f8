"""How a batch is cut into pieces, by the memory that they take on a GPU."""

from __future__ import annotations

from math import prod

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.steps import step_work
from speccompiler.planning.plan import Plan

LINE = 64
"""Regions start at multiples of this many values: 256 bytes, as cudaMalloc's do."""
USABLE = 0.9
"""Share of the free memory that is taken at most."""
WORTH_OVERLAPPING = 8 << 20
"""Bytes of a batch's input and outputs from which copying beside computing pays."""


def aligned(size: int) -> int:
    """The next multiple of ``LINE``."""
    return -(-size // LINE) * LINE


@dataclass(frozen=True, slots=True)
class Demand:
    """float32 values a sample that a lane needs on the device."""

    arena: int
    ends: tuple[int, ...]
    """The values of each input, then of each output."""
    scratch: int

    @classmethod
    def of(cls, plan: Plan) -> Demand:
        """What a plan's steps need."""
        parts = [step_work(step).scratch for step in plan.steps]
        # Each part is aligned on its own, for which a line a part is enough.
        scratch = max((sum(sizes) + LINE * (len(sizes) > 1) for sizes in parts), default=0)
        ends = tuple(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))
        return cls(plan.arena_elements, ends, scratch)

    def size(self, samples: int) -> int:
        """For a piece of so many samples, every region aligned."""
        parts = (self.arena, *self.ends, self.scratch)
        return sum(aligned(part * samples) for part in parts)


@dataclass(frozen=True, slots=True)
class Batch:
    """``size`` samples for so many equal GPUs; ``together`` if the samples see each other."""

    size: int
    devices: int
    together: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Samples of a piece, and lanes of a device."""

    piece: int
    lanes: int


def cut(batch: Batch, demand: Demand, weights: int, room: int) -> Cut:
    """The largest pieces that fit into ``room`` bytes, the memory beside the ``weights``.

    Raises ``Problem`` CS134 where not even one sample fits.
    """
    share = -(-batch.size // batch.devices)
    if share > 1 and 4 * sum(demand.ends) * share >= WORTH_OVERLAPPING and not batch.together:
        share = -(-share // 2)
    if share * batch.devices >= batch.size and _fitting(demand, share, room) == share:
        return Cut(share, 1)
    # More pieces than devices: two lanes each, where memory holds two pieces at all.
    for lanes in () if batch.together else (2, 1):
        piece = _fitting(demand, share, room // lanes)
        if piece:
            return Cut(piece, lanes)
    needed = 4 * demand.size(share if batch.together else 1) + weights
    whole = f"a batch of {share}, which see each other," if batch.together else "one sample"
    raise Problem(
        "CS134",
        f"{whole} needs {_mebibytes(needed)} of GPU memory, "
        f"{_mebibytes(weights)} of it for weights; "
        f"{_mebibytes(room + weights)} can be had",
        "use another GPU (--target cuda:N), --target cpu, or a smaller input",
    )


def _fitting(demand: Demand, most: int, room: int) -> int:
    """The most samples whose memory fits into ``room`` bytes, up to ``most``."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if 4 * demand.size(middle) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
