"""A device without a GPU: kernel texts run as Python, one thread of a block after another.

For tests of the kernels' logic and for looking into one with a debugger; thousands of times
slower than a GPU. A barrier is a ``yield``: all threads of a block run up to it in turn. What
memcheck and racecheck find on a GPU is an error here.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.runtime.device import Array, Region

BARRIER = "cuda.syncthreads()"


class Guarded:
    """An array in which an index out of range is an error."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __getitem__(self, index: int) -> Any:
        assert 0 <= index < len(self.array), f"read of value {index} of {len(self.array)}"
        return self.array[index]

    def __setitem__(self, index: int, value: Any) -> None:
        assert 0 <= index < len(self.array), f"write of value {index} of {len(self.array)}"
        self.array[index] = value


@dataclass()
class Index:
    """The place of a thread or a block, or the size of a block."""

    x: int


class Block:
    """One block of threads: what its text calls ``cuda``."""

    def __init__(self, index: int, threads: int) -> None:
        self.blockIdx = Index(index)
        self.blockDim = Index(threads)
        self.threadIdx = Index(0)
        self.barriers = 0
        """How many barriers its threads have passed."""
        self._shared: SharedMemory | None = None

    def shared_floats(self, count: int) -> SharedMemory:
        """One array for all threads of the block; its first values are garbage, as on a GPU."""
        if self._shared is None:
            self._shared = SharedMemory(count, self)
        return self._shared

    def run(self, kernel: Callable[..., Iterator[None] | None], *arguments: Any) -> None:
        """All threads from barrier to barrier, which have to be the same for all of them."""
        waiting = []
        for thread in range(self.blockDim.x):
            self.threadIdx.x = thread
            # Without a barrier this runs the thread to its end.
            started = kernel(*arguments)
            if started is not None:
                waiting.append(started)
        while waiting:
            arrived = []
            for thread, steps in enumerate(waiting):
                self.threadIdx.x = thread
                arrived += [steps for _ in steps_to_barrier(steps)]
            assert len(arrived) in (0, len(waiting)), "a barrier that only some threads reach"
            waiting = arrived
            self.barriers += 1


def steps_to_barrier(steps: Iterator[None]) -> list[None]:
    """Run a thread up to its next barrier: one value, or none where it ends before."""
    for at_barrier in steps:
        return [at_barrier]
    return []


class SharedMemory(Guarded):
    """Memory in which a value that a thread writes is no other's until the next barrier."""

    def __init__(self, count: int, block: Block) -> None:
        super().__init__(np.full(count, np.nan, np.float32))
        self._block = block
        self._written = [(-1, -1)] * count
        """For each value the barriers before it was last written, and by which thread."""
        self._read = [(-1, -1)] * count
        """The same of reading, -1 for several threads."""

    def __getitem__(self, index: int) -> Any:
        value = super().__getitem__(index)
        now, thread = self._block.barriers, self._block.threadIdx.x
        since, writer = self._written[index]
        assert since != now or writer == thread, f"race for shared value {index}"
        since, reader = self._read[index]
        self._read[index] = now, thread if since != now or reader == thread else -1
        return value

    def __setitem__(self, index: int, value: Any) -> None:
        super().__setitem__(index, value)
        mine = self._block.barriers, self._block.threadIdx.x
        for since, thread in (self._written[index], self._read[index]):
            assert since != mine[0] or thread == mine[1], f"race for shared value {index}"
        self._written[index] = mine


def _load4(array: Guarded, index: int) -> tuple[Any, Any, Any, Any]:
    assert index % 4 == 0, f"a wide load from {index}"
    return array[index], array[index + 1], array[index + 2], array[index + 3]


def _store4(array: Guarded, index: int, *values: Any) -> None:
    assert index % 4 == 0, f"a wide store to {index}"
    for i, value in enumerate(values):
        array[index + i] = value


def _erf(x: np.float32) -> np.float32:
    return np.float32(math.erf(float(x)))


SIMULATED_FUNCTIONS: dict[str, Any] = {
    "np": np,
    "load4": _load4,
    "store4": _store4,
    "fma": lambda a, b, c: a * b + c,
    # Over arrays, since NumPy takes the root for a single exponent of 0.5, even of -infinity.
    "power": lambda a, b: np.power(np.array([a]), np.array([b]))[0],
    "absolute": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    **{name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "sqrt")},
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "tanh", "sinh", "cosh")},
    "atan": np.arctan,
    "erf": _erf,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "product": lambda a, b: a * b,
}
"""``device_functions.DEVICE_FUNCTIONS`` over NumPy's float32, but what a block has of its own."""


class SimulatedDevice:
    """Does at once what a GPU would queue. It pretends to have ``memory`` bytes."""

    name = "a simulated GPU"
    capability = (7, 5)
    multiprocessors = 1

    def __init__(self, memory: int = 1 << 30) -> None:
        self._free = memory
        self.calls: list[str] = []
        """What was asked of it, in order: tests read it."""

    def use(self) -> None:
        """There is nothing to choose."""

    def free_bytes(self) -> int:
        """What is left of the memory that it pretends to have."""
        return self._free

    def allocate(self, size: int) -> Region:
        """NaN everywhere: nothing may be read before it is written."""
        if 4 * size > self._free:
            raise Problem("CS134", f"{4 * size} bytes of GPU memory were not to be had")
        self._free -= 4 * size
        return Region(np.full(size, np.nan, np.float32), 0, size)

    def pinned(self, size: int) -> Array:
        """Any memory will do."""
        return np.empty(size, np.float32)

    def stream(self) -> int:
        """A number, for ``calls``."""
        self.calls.append("stream")
        return self.calls.count("stream")

    def load(self, text: str, threads: int, resident: int) -> dict[str, Any]:
        """The names that the text defines, and those that it calls."""
        scope = dict(SIMULATED_FUNCTIONS)
        exec(compile(text.replace(BARRIER, "yield"), "<kernel>", "exec"), scope)
        return scope

    def bind(
        self, kernel: dict[str, Any], blocks: int, threads: int, regions: Sequence[Region], n: int
    ) -> Callable[[], None]:
        """All arguments; each array ends where the kernel may touch no more."""
        assert all(r.start % 4 == 0 for r in regions), "a region that begins amid four values"
        arrays = [Guarded(r.memory[r.start : r.start + r.size]) for r in regions]

        def call() -> None:
            with warnings.catch_warnings():
                # IEEE arithmetic: overflow and NaN are values, here as on a GPU.
                warnings.simplefilter("ignore", RuntimeWarning)
                for index in range(blocks):
                    block = Block(index, threads)
                    kernel.update(cuda=block, shared_floats=block.shared_floats)
                    block.run(kernel["kernel"], *arrays, n)

        return call

    def launch(self, call: Callable[[], None], stream: int) -> None:
        """Run a kernel to its end."""
        self.calls.append(f"launch {stream}")
        call()

    def upload(self, source: Array, target: Region, stream: int) -> None:
        """Copy."""
        self.calls.append(f"upload {stream}")
        target.memory[target.start : target.start + target.size] = source

    def download(self, source: Region, target: Array, stream: int) -> None:
        """Copy."""
        self.calls.append(f"download {stream}")
        target[:] = source.memory[source.start : source.start + source.size]

    def record(self, stream: int) -> float:
        """The time."""
        return time.perf_counter()

    def wait(self, event: float) -> None:
        """Everything is done already."""

    def seconds(self, first: float, last: float) -> float:
        """By the host's clock."""
        return last - first
