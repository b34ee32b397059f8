"""A device without a GPU: kernel texts run as Python on numba's CUDA simulator.

For tests of the kernels' logic and for looking into one with a debugger; thousands of
times slower than a GPU. numba reads NUMBA_ENABLE_CUDASIM=1 when it is first imported.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda.runtime.device import Array, Region


class Guarded:
    """An array in which an index out of range is an error, as memcheck finds it on a GPU."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __getitem__(self, index: int) -> Any:
        assert 0 <= index < len(self.array), f"read of value {index} of {len(self.array)}"
        return self.array[index]

    def __setitem__(self, index: int, value: Any) -> None:
        assert 0 <= index < len(self.array), f"write of value {index} of {len(self.array)}"
        self.array[index] = value


def _load4(array: Guarded, index: int) -> tuple[Any, Any, Any, Any]:
    assert index % 4 == 0, f"a wide load from {index}"
    return array[index], array[index + 1], array[index + 2], array[index + 3]


def _store4(array: Guarded, index: int, *values: Any) -> None:
    assert index % 4 == 0, f"a wide store to {index}"
    for i, value in enumerate(values):
        array[index + i] = value


def _shared_floats(count: int) -> Guarded:
    """One array for all threads of a block; its first values are garbage, as on a GPU."""
    simulated = import_module("numba.cuda.simulator.kernel")
    # The simulator knows an allocation by the line that makes it, so a kernel may have one only.
    return Guarded(simulated._get_kernel_context().shared.array(count, np.dtype(np.float32)))


def _erf(x: np.float32) -> np.float32:
    return np.float32(math.erf(float(x)))


SIMULATED_FUNCTIONS: dict[str, Any] = {
    "np": np,
    "load4": _load4,
    "store4": _store4,
    "shared_floats": _shared_floats,
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
"""The same as ``device_functions.DEVICE_FUNCTIONS``, over NumPy's float32."""


class SimulatedDevice:
    """Does at once what a GPU would queue. It pretends to have ``memory`` bytes."""

    name = "numba's CUDA simulator"
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

    def load(self, text: str, threads: int, resident: int) -> Callable[..., None]:
        """The text's ``kernel`` as the simulator runs it."""
        cuda = import_module("numba.cuda")
        scope: dict[str, Any] = {**SIMULATED_FUNCTIONS, "cuda": cuda}
        exec(compile(text, "<kernel>", "exec"), scope)
        kernel: Callable[..., None] = cuda.jit(scope["kernel"])
        return kernel

    def bind(
        self, kernel: Any, blocks: int, threads: int, regions: Sequence[Region], n: int
    ) -> Callable[[], None]:
        """All arguments; each array ends where the kernel may touch no more."""
        assert all(r.start % 4 == 0 for r in regions), "a region that begins amid four values"
        arrays = [Guarded(r.memory[r.start : r.start + r.size]) for r in regions]

        def call() -> None:
            with warnings.catch_warnings():
                # IEEE arithmetic: overflow and NaN are values, here as on a GPU.
                warnings.simplefilter("ignore", RuntimeWarning)
                kernel[blocks, threads](*arrays, n)

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
