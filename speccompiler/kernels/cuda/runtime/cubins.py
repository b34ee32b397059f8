"""Machine code of kernels in the per-user cache.

An entry's name is a hash of the kernel's text and of all else that decides its machine code. A
process that finds the machine code imports no numba to run it. An entry is a line with the
SHA-256 of what follows, and then the cubin; a damaged one is made again.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata

from speccompiler.diagnostics.core import Problem
from speccompiler.system.cache import PREFIX, cache_folder, read_entry, write_entry
from speccompiler.system.code_digest import code_digest, imports

FORMAT = b"convspec cubin 1 "
PACKAGES = (
    *("llvmlite", "numba", "numba-cuda", "nvidia-nvjitlink", "nvidia-nvvm"),
    # For CUDA 12 the assembler, and nvcc's package, which holds the compiler.
    *("nvidia-nvjitlink-cu12", "nvidia-cuda-nvcc-cu12"),
)


def load_cubin(text: str, capability: tuple[int, int], threads: int, resident: int) -> bytes:
    """The machine code of a kernel's text, found in the cache or made now."""
    deciding = [_toolchain(text), repr((capability, threads, resident)), text]
    digest = hashlib.sha256("\n".join(deciding).encode()).hexdigest()[:24]
    folder = cache_folder("kernels")
    path = None if folder is None else folder / f"{PREFIX}cuda_{digest}.cubin"
    stored = None if path is None else read_entry(path)
    code = None if stored is None else _checked(stored)
    if code is None:
        code = _made(text, capability, threads, resident)
        if path is not None:
            write_entry(path, [FORMAT + hashlib.sha256(code).hexdigest().encode() + b"\n", code])
    return code


def _made(text: str, capability: tuple[int, int], threads: int, resident: int) -> bytes:
    """Raises ``Problem`` CS133 where a library that does it cannot be loaded."""
    from speccompiler.kernels.cuda.runtime.compiler import assemble, compile_ptx

    try:
        return assemble(compile_ptx(text, capability, threads, resident), capability).code
    except (ImportError, OSError, RuntimeError) as error:
        said = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise Problem(
            "CS133",
            f"CUDA's compilers cannot be loaded: {said}",
            "install convspec[cuda13], or convspec[cuda12] for a driver older than 580; "
            "numba-cuda alone is without them",
        ) from None


def _checked(stored: bytes) -> bytes | None:
    first, _, code = stored.partition(b"\n")
    return code if first == FORMAT + hashlib.sha256(code).hexdigest().encode() else None


def _toolchain(text: str) -> str:
    """What turns a text into machine code: packages, our own code, and what the text imports."""
    imported = imports(text, __package__ or "")
    own = code_digest("speccompiler.kernels.cuda.runtime.compiler", *imported)
    return "\n".join([*_versions(), own])


@cache
def _versions() -> tuple[str, ...]:
    return tuple(f"{name} {version(name)}" for name in PACKAGES)


def version(package: str) -> str | None:
    """Version of an installed package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
