"""Kernel text -> PTX -> machine code of a GPU.

Neither step needs a GPU: numba.cuda makes PTX, and nvJitLink, which holds the assembler
ptxas, makes a cubin that every driver of the same CUDA major version loads. numba.cuda is used
here and in ``device_functions`` alone, and that is where something else would take its place.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

Capability = tuple[int, int]
CAPABILITIES: tuple[Capability, ...] = ((7, 5), (8, 0), (9, 0))
"""What kernels are checked for without a GPU: Turing, Ampere, Hopper."""


@dataclass(frozen=True, slots=True)
class Cubin:
    """Machine code of one function, ``kernel``, and what the assembler says of it."""

    code: bytes
    registers: int
    spills: int
    """Bytes of registers that are stored to memory and loaded from it."""


def compile_ptx(text: str, capability: Capability, threads: int, resident: int = 1) -> str:
    """PTX of a kernel's text for blocks of ``threads``; its entry is called ``kernel``.

    ``resident`` blocks are to fit on a multiprocessor, which bounds the registers.
    """
    cuda, types = import_module("numba.cuda"), import_module("numba.core.types")
    from speccompiler.kernels.cuda.device_functions import DEVICE_FUNCTIONS, POINTER, of_floats

    scope: dict[str, Any] = dict(DEVICE_FUNCTIONS)
    exec(compile(text, "<kernel>", "exec"), scope)
    for name in ("activate", "gate"):
        if name in scope:
            scope[name] = of_floats(scope[name])
    signature = (POINTER, POINTER, POINTER, POINTER, types.int64)
    bounds = (threads, resident)
    ptx, _ = cuda.compile_ptx(scope["kernel"], signature, cc=capability, launch_bounds=bounds)
    found = re.search(r"\.entry\s+(\w+)\(", ptx)
    assert found is not None, "PTX without an entry"
    return str(ptx).replace(found[1], "kernel")


def assemble(ptx: str, capability: Capability) -> Cubin:
    """Machine code of PTX for a GPU of this compute capability.

    Raises ``Problem`` CS133 where the GPU is newer than the assembler.
    """
    from cuda.bindings import nvjitlink  # pyright: ignore  # an extra

    data = ptx.encode()
    options = [f"-arch=sm_{capability[0]}{capability[1]}", "-O3", "-Xptxas=-v"]
    try:
        handle = nvjitlink.create(len(options), options)
    except nvjitlink.nvJitLinkError:
        major, minor = toolkit_version()
        raise Problem(
            "CS133",
            f"the assembler of CUDA {major}.{minor} makes no code for compute capability "
            f"{capability[0]}.{capability[1]}",
            f"update it: pip install --upgrade 'convspec[cuda{major}]' numba-cuda",
        ) from None
    try:
        try:
            nvjitlink.add_data(handle, nvjitlink.InputType.PTX, data, len(data), "kernel")
            nvjitlink.complete(handle)
        except nvjitlink.nvJitLinkError as error:
            said = _log(nvjitlink.get_error_log_size, nvjitlink.get_error_log, handle)
            raise AssertionError(f"a kernel's PTX is refused: {error}\n{said}") from None
        code = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, code)
        said = _log(nvjitlink.get_info_log_size, nvjitlink.get_info_log, handle)
    finally:
        nvjitlink.destroy(handle)
    used = re.search(r"Used (\d+) registers", said)
    spilled = re.findall(r"(\d+) bytes spill", said)
    return Cubin(bytes(code), int(used[1]) if used else 0, sum(map(int, spilled)))


def _log(size: Any, get: Any, handle: int) -> str:
    text = bytearray(size(handle))
    if text:
        get(handle, text)
    return text.decode(errors="replace")


@cache
def toolkit_version() -> tuple[int, int]:
    """CUDA version of the assembler: drivers of its major version load what it makes."""
    from cuda.bindings import nvjitlink  # pyright: ignore  # an extra

    major, minor = nvjitlink.version()
    return int(major), int(minor)
