"""The C interface of NVIDIA's driver (libcuda), called directly.

Signatures are those of cuda.h; names with ``_v2`` are the ones that its macros mean.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any

from speccompiler.diagnostics.core import Problem

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
OUT_OF_MEMORY, NOT_INITIALIZED, NO_DEVICE = 2, 3, 100
"""What a function may return, by number in cuda.h."""
_HINTS = {
    NOT_INITIALIZED: "a process that was forked from one that used the GPU cannot use it: start "
    "it by 'spawn', or compile in the child only",
    702: "a GPU that drives a screen ends long kernels: use a smaller --batch-size",
}
"""What to do, by what a function returned; --explain CS135 has what can be done about others."""

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
    """The library's functions. A refusal raises ``Problem``: CS134 for memory, else CS135."""

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
