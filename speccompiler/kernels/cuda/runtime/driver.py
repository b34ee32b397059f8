"""A real GPU, through the driver's own C interface (libcuda), with nothing between.

Kernels come as cubins, so that a process whose kernels are in the cache imports no numba,
and a launch costs microseconds. Signatures are those of cuda.h; names with ``_v2`` are the
ones that its macros mean.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from importlib import util
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda.runtime.cubins import load_cubin, version
from speccompiler.kernels.cuda.runtime.device import Array, Region

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
OUT_OF_MEMORY, NOT_INITIALIZED, NO_DEVICE = 2, 3, 100
_HINTS = {
    NOT_INITIALIZED: "a process that was forked from one that used the GPU cannot use it: start "
    "it by 'spawn', or compile in the child only",
    702: "a GPU that drives a screen ends long kernels: use a smaller --batch-size",
}
"""By status; --explain CS135 says what can be done about any other."""
PORTABLE, NON_BLOCKING = 1, 1
MULTIPROCESSORS, MAJOR, MINOR = 16, 75, 76
"""Numbers of the device attributes."""

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDeviceTotalMem_v2": (POINTER(c_size_t), c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxGetCurrent": (POINTER(c_void_p),),
    "cuMemGetInfo_v2": (POINTER(c_size_t), POINTER(c_size_t)),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemHostAlloc": (POINTER(c_void_p), c_size_t, c_uint),
    "cuMemFreeHost": (c_void_p,),
    "cuMemcpyHtoDAsync_v2": (c_uint64, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_uint64, c_size_t, c_void_p),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamDestroy_v2": (c_void_p,),
    "cuEventCreate": (POINTER(c_void_p), c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventSynchronize": (c_void_p,),
    "cuEventElapsedTime": (POINTER(c_float), c_void_p, c_void_p),
    "cuEventDestroy_v2": (c_void_p,),
    "cuModuleLoadData": (POINTER(c_void_p), c_char_p),
    "cuModuleGetFunction": (POINTER(c_void_p), c_void_p, c_char_p),
    "cuModuleUnload": (c_void_p,),
    "cuLaunchKernel": (
        c_void_p, *(c_uint,) * 7, c_void_p, POINTER(c_void_p), POINTER(c_void_p),
    ),
}  # fmt: skip


class Driver:
    """The library's functions. What they refuse is a ``Problem``: CS134 for memory, else CS135."""

    def __init__(self, library: Any) -> None:
        self._functions: dict[str, Callable[..., int]] = {}
        for name, arguments in _SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes = arguments
            function.restype = c_int
            self._functions[name] = function

    def status(self, name: str, *arguments: Any) -> int:
        """What a function returns: 0 for success."""
        return self._functions[name](*arguments)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that must succeed."""
        self.check(name, self._functions[name](*arguments))

    def check(self, name: str, status: int) -> None:
        """Raise what a function's status means, unless it is success."""
        if status == OUT_OF_MEMORY:
            raise Problem("CS134", "the GPU is out of memory", "use a smaller --batch-size")
        if status:
            raise Problem(
                "CS135",
                f"the GPU's driver reports {self.error(status)} from {name}",
                _HINTS.get(status),
            )

    def error(self, status: int) -> str:
        """A status by its name in cuda.h."""
        text = c_char_p()
        self._functions["cuGetErrorName"](status, ctypes.byref(text))
        return text.value.decode() if text.value else f"error {status}"

    def number(self, name: str, *arguments: Any) -> int:
        """The whole number that a function writes through its first argument."""
        value = c_int()
        self.call(name, ctypes.byref(value), *arguments)
        return value.value

    def handle(self, name: str, *arguments: Any) -> c_void_p:
        """The handle that a function writes through its first argument."""
        value = c_void_p()
        self.call(name, ctypes.byref(value), *arguments)
        return value


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the driver says of a GPU."""

    number: int
    name: str
    capability: tuple[int, int]
    multiprocessors: int
    memory: int


def toolkit_major() -> int | None:
    """CUDA's major version of the installed extra; None without one."""
    # find_spec and not an import: numba-cuda takes half a second.
    if util.find_spec("numba_cuda") is None:
        return None
    found = version("cuda-bindings")
    return None if found is None else int(found.split(".")[0])


@cache
def open_driver() -> Driver:
    """The initialised driver. Raises ``Problem`` CS133: extra, driver or GPU is missing or old."""
    major = toolkit_major()
    if major is None:
        raise Problem(
            "CS133",
            "--target cuda needs numba-cuda, which is not installed",
            "install convspec[cuda13], or convspec[cuda12] for a driver older than 580",
        )
    driver = found_driver()
    newest = driver_version(driver)
    if newest[0] < major:
        raise Problem(
            "CS133",
            f"the NVIDIA driver is too old: it runs CUDA {newest[0]}.{newest[1]}, and "
            f"convspec[cuda{major}] needs {major}.0",
            "update the driver" + (", or install convspec[cuda12]" if newest[0] == 12 else ""),
        )
    status = driver.status("cuInit", 0)
    if status == NO_DEVICE:
        raise _no_gpu()
    if status:
        raise Problem(
            "CS133",
            f"the NVIDIA driver does not start: {driver.error(status)}",
            "nvidia-smi has to work first; restart after a driver update",
        )
    return driver


def found_driver() -> Driver:
    """The driver's library, not yet initialised. Raises ``Problem`` CS133 without one."""
    try:
        return Driver(ctypes.CDLL(LIBRARY))
    except (OSError, AttributeError):
        raise Problem(
            "CS133",
            f"no NVIDIA driver was found ({LIBRARY})",
            "install the driver of your GPU; the CUDA toolkit is not needed",
        ) from None


def driver_version(driver: Driver) -> tuple[int, int]:
    """The newest CUDA version that a driver runs."""
    value = driver.number("cuDriverGetVersion")
    return value // 1000, value % 1000 // 10


def _no_gpu() -> Problem:
    return Problem(
        "CS133",
        "the NVIDIA driver sees no GPU",
        "check nvidia-smi, and CUDA_VISIBLE_DEVICES if it is set",
    )


def gpus(driver: Driver) -> tuple[Gpu, ...]:
    """Every GPU of an initialised driver."""
    found = []
    for number in range(driver.number("cuDeviceGetCount")):
        device = driver.number("cuDeviceGet", number)
        name = ctypes.create_string_buffer(256)
        driver.call("cuDeviceGetName", name, len(name), device)
        total = c_size_t()
        driver.call("cuDeviceTotalMem_v2", ctypes.byref(total), device)
        major, minor, count = (
            driver.number("cuDeviceGetAttribute", attribute, device)
            for attribute in (MAJOR, MINOR, MULTIPROCESSORS)
        )
        text = name.value.decode(errors="replace")
        found.append(Gpu(number, text, (major, minor), count, total.value))
    return tuple(found)


@cache
def devices() -> tuple[CudaDevice, ...]:
    """Every GPU, those that are too old too. Raises ``Problem`` CS133."""
    driver = open_driver()
    found = gpus(driver)
    if not found:
        raise _no_gpu()
    return tuple(CudaDevice(driver, gpu) for gpu in found)


@dataclass(slots=True, weakref_slot=True)
class _Owned:
    """A handle or an address that is given back when nobody holds it any longer."""

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
        """Make the context this thread's; made with the first use."""
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
    # Objects may die anywhere, between two calls that are meant for another GPU too.
    present = c_void_p()
    driver.status("cuCtxGetCurrent", ctypes.byref(present))
    driver.status("cuCtxSetCurrent", context)
    driver.status(release, value)
    driver.status("cuCtxSetCurrent", present)


def _address(region: Region) -> int:
    return int(region.memory.value) + 4 * region.start
