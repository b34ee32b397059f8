"""A real GPU, through the driver alone.

Kernels come as cubins, so that a process whose kernels are in the cache imports no numba,
and a launch costs microseconds.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from ctypes import c_float, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.runtime.cubins import load_cubin
from speccompiler.kernels.cuda.runtime.device import Array, Region
from speccompiler.kernels.cuda.runtime.driver import OUT_OF_MEMORY, Driver
from speccompiler.kernels.cuda.runtime.gpus import Gpu, gpus, open_driver

PORTABLE, NON_BLOCKING = 1, 1
"""Flags: page-locked memory is for every GPU; a stream waits for no other."""


@cache
def devices() -> tuple[CudaDevice, ...]:
    """Every GPU, those that are too old too. Raises ``Problem`` CS133."""
    driver = open_driver()
    return tuple(CudaDevice(driver, gpu) for gpu in gpus(driver))


@dataclass(slots=True, weakref_slot=True)
class _Owned:
    """A handle or an address, which is given back when nobody holds it any longer."""

    value: Any


class CudaDevice:
    """One GPU with its primary context; see ``device.Device`` for what each method does."""

    def __init__(self, driver: Driver, gpu: Gpu) -> None:
        self._driver = driver
        self.name = gpu.name
        self.capability = gpu.capability
        self.multiprocessors = gpu.multiprocessors
        self._number = gpu.number
        self._context: c_void_p | None = None

    def use(self) -> None:
        """Make the context this thread's; the first use creates it."""
        if self._context is None:
            device = self._driver.number("cuDeviceGet", self._number)
            self._context = self._driver.handle("cuDevicePrimaryCtxRetain", device)
        self._driver.call("cuCtxSetCurrent", self._context)

    def free_bytes(self) -> int:
        """As the driver says."""
        free, total = c_size_t(), c_size_t()
        self._driver.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def allocate(self, size: int) -> Region:
        """Device memory; nothing is allocated for no values."""
        address = c_uint64()
        if not size:
            return Region(_Owned(0), 0, 0)
        self._driver.call("cuMemAlloc_v2", ctypes.byref(address), 4 * size)
        return Region(self._owned(address.value, "cuMemFree_v2"), 0, size)

    def pinned(self, size: int) -> Array:
        """Page-locked memory, for every GPU."""
        address = c_void_p()
        status = self._driver.status("cuMemHostAlloc", ctypes.byref(address), 4 * size, PORTABLE)
        if status == OUT_OF_MEMORY:
            raise Problem(
                "CS134",
                f"{4 * size / 2**20:,.1f} MiB of this machine's memory cannot be page-locked, "
                "for copies to the GPU",
                "use a smaller --batch-size, or allow more with ulimit -l",
            )
        self._driver.check("cuMemHostAlloc", status)
        assert address.value is not None, "the driver gave no memory"
        held = (c_float * size).from_address(address.value)
        self._released_with(held, "cuMemFreeHost", address.value)
        return np.ctypeslib.as_array(held)

    def stream(self) -> _Owned:
        """A stream that waits for no other."""
        stream = self._driver.handle("cuStreamCreate", NON_BLOCKING)
        return self._owned(stream.value, "cuStreamDestroy_v2")

    def load(self, text: str, threads: int, resident: int) -> tuple[_Owned, c_void_p]:
        """The module, which has to stay, and its function."""
        code = load_cubin(text, self.capability, threads, resident)
        module = self._driver.handle("cuModuleLoadData", code)
        function = self._driver.handle("cuModuleGetFunction", module, b"kernel")
        return self._owned(module.value, "cuModuleUnload"), function

    def bind(
        self,
        kernel: tuple[_Owned, c_void_p],
        blocks: int,
        threads: int,
        regions: Sequence[Region],
        n: int,
    ) -> tuple[Any, ...]:
        """The arguments of cuLaunchKernel, all but the stream, and what they point to."""
        addresses = [c_uint64(_address(region)) for region in regions]
        values = [*addresses, c_int64(n)]
        pointers = (c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        geometry = (blocks, 1, 1, threads, 1, 1, 0)
        return kernel[1], geometry, pointers, (values, kernel, tuple(regions))

    def launch(self, call: tuple[Any, ...], stream: _Owned) -> None:
        """Queue it."""
        function, geometry, pointers, _ = call
        self._driver.call("cuLaunchKernel", function, *geometry, stream.value, pointers, None)

    def upload(self, source: Array, target: Region, stream: _Owned) -> None:
        """The source is pinned, or stays until the stream has been waited for."""
        assert source.size == target.size, "an upload of another size"
        assert source.flags.c_contiguous, "an upload from several places"
        self._driver.call(
            "cuMemcpyHtoDAsync_v2",
            _address(target),
            source.ctypes.data,
            source.nbytes,
            stream.value,
        )

    def download(self, source: Region, target: Array, stream: _Owned) -> None:
        """The target is pinned."""
        assert source.size == target.size, "a download of another size"
        assert target.flags.c_contiguous, "a download to several places"
        self._driver.call(
            "cuMemcpyDtoHAsync_v2",
            target.ctypes.data,
            _address(source),
            target.nbytes,
            stream.value,
        )

    def record(self, stream: _Owned) -> _Owned:
        """An event."""
        event = self._driver.handle("cuEventCreate", 0)
        owned = self._owned(event.value, "cuEventDestroy_v2")
        self._driver.call("cuEventRecord", event, stream.value)
        return owned

    def wait(self, event: _Owned) -> None:
        """Until the event has happened."""
        self._driver.call("cuEventSynchronize", event.value)

    def seconds(self, first: _Owned, last: _Owned) -> float:
        """By the GPU's clock."""
        milliseconds = c_float()
        self._driver.call("cuEventElapsedTime", ctypes.byref(milliseconds), first.value, last.value)
        return milliseconds.value / 1e3

    def _owned(self, value: Any, release: str) -> _Owned:
        owned = _Owned(value)
        self._released_with(owned, release, value)
        return owned

    def _released_with(self, holder: Any, release: str, value: Any) -> None:
        finalizer = weakref.finalize(holder, _release, self._driver, self._context, release, value)
        # At the process's end the driver gives everything back by itself.
        finalizer.atexit = False


def _release(driver: Driver, context: c_void_p | None, release: str, value: Any) -> None:
    # An object may die at any time, even between two calls that are meant for another GPU.
    present = c_void_p()
    driver.status("cuCtxGetCurrent", ctypes.byref(present))
    driver.status("cuCtxSetCurrent", context)
    driver.status(release, value)
    driver.status("cuCtxSetCurrent", present)


def _address(region: Region) -> int:
    return int(region.memory.value) + 4 * region.start
