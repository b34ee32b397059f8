"""Where the machine code of a kernel comes from: a wheel, the per-user cache, or the compiler.

A kernel's symbol has a hash of all that decides its machine code: its text, our own code that
compiles it, and the level of the instruction set. So a changed kernel never meets old code, and
no processor or version of a library has code of its own. A process that finds the code needs
llvmlite alone to run it; otherwise numba is imported to make it. What the cache holds lies
there beside its text, a readable Python module.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from llvmlite.binding import ffi

from speccompiler.kernels.cpu.runtime import prebuilt
from speccompiler.kernels.cpu.runtime.interrupts import interrupts_kept
from speccompiler.kernels.cpu.runtime.object_code import LoadedKernel, ObjectCode, link, loadable
from speccompiler.kernels.cpu.runtime.prebuilt import PrebuiltLibrary
from speccompiler.system.cache import PREFIX, cache_folder, read_entry, write_entry
from speccompiler.system.code_digest import code_digest
from speccompiler.system.fork_lock import hold_while_forking
from speccompiler.system.processor import Level, host_level

VOCABULARY = (
    "speccompiler.kernels.cpu.runtime.compiler",
    "speccompiler.kernels.cpu.runtime.atomics",
    "speccompiler.kernels.cpu.codegen.jit",
    "speccompiler.kernels.cpu.codegen.simd",
    "speccompiler.kernels.cpu.codegen.calls",
    "speccompiler.kernels.cpu.codegen.product_tile",
    "speccompiler.kernels.cpu.codegen.tile",
    "speccompiler.kernels.cpu.codegen.turning",
    "speccompiler.kernels.cpu.depthwise_functions",
    "speccompiler.kernels.cpu.depthwise_sliding",
    "speccompiler.kernels.cpu.winograd_functions",
)
"""Our own code that compiles texts, and what these import; with all that it imports itself."""


def load_kernel(kernel: str, text: str) -> LoadedKernel:
    """The callable kernel of a module's text, found or compiled."""
    return _loaded(kernel, text, host_level())


@cache
def _loaded(kernel: str, text: str, level: Level) -> LoadedKernel:
    symbol = symbol_of(kernel, text, level)
    library = brought(level)
    found = None if library is None else library.find(symbol)
    if found is None or not loadable(found):
        found = _kept_or_made(text, symbol, level)
    linked = link(found, symbol)
    _here.add((kernel, text, level))
    return linked


_here: set[tuple[str, str, Level]] = set()
"""What this process has loaded."""


def _kept_or_made(text: str, symbol: str, level: Level) -> ObjectCode:
    """What the cache holds; otherwise it is compiled, and then held there."""
    folder = cache_folder("kernels")
    if folder is None:
        return _compiled(text, f"<{symbol}>", symbol, level)[0]
    module, machine_code = folder / f"{symbol}.py", folder / f"{symbol}.o"
    _write_module(module, text)
    stored = read_entry(machine_code)
    found = ObjectCode.from_bytes(stored) if stored is not None else None
    # A sound file may be that of another kernel, copied there under this name.
    if found is None or symbol.encode() not in found.code or not loadable(found):
        found, portable = _compiled(text, str(module), symbol, level)
        if portable:
            write_entry(machine_code, [found.to_bytes()])
    return found


def is_loaded(kernel: str, text: str) -> bool:
    """Whether this process has it."""
    return (kernel, text, host_level()) in _here


def is_kept(kernel: str, text: str) -> bool:
    """Whether there is machine code for it, damaged or not."""
    level = host_level()
    symbol, library = symbol_of(kernel, text, level), brought(level)
    if library is not None and symbol in library.kernels:
        return True
    folder = cache_folder("kernels")
    return folder is not None and (folder / f"{symbol}.o").exists()


@cache
def brought(level: Level) -> PrebuiltLibrary | None:
    """The library that the installed wheel has for a level; None where it has none."""
    path = prebuilt.FOLDER / prebuilt.file_name(level)
    return prebuilt.read_library(path, level, VOCABULARY)


@cache
def symbol_of(kernel: str, text: str, level: Level) -> str:
    """The name of a kernel's function in its machine code, and of its files."""
    content = "\n".join([vocabulary(level), level.key, text])
    return f"{PREFIX}{kernel}_{hashlib.sha256(content.encode()).hexdigest()[:24]}"


@cache
def vocabulary(level: Level) -> str:
    """A digest of ``VOCABULARY``; where a wheel brings machine code, without reading sources."""
    library = brought(level)
    return code_digest(*VOCABULARY) if library is None else library.vocabulary


def _compiled(text: str, path: str, symbol: str, level: Level) -> tuple[ObjectCode, bool]:
    from speccompiler.kernels.cpu.runtime.compiler import compile_kernel

    _let_forks_wait_for_numba()
    with interrupts_kept():
        return compile_kernel(text, path, symbol, level)


@cache
def _let_forks_wait_for_numba() -> None:
    """A child may have to compile too, and could not go on with what another thread began."""
    from numba.core.compiler_lock import global_compiler_lock

    hold_while_forking(global_compiler_lock)


hold_while_forking(ffi.lib._lock)
"""What llvmlite holds in each call of LLVM, whoever calls."""


def _write_module(path: Path, text: str) -> None:
    """Write the text for people to read, unless it is there already."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_entry(path, [text.encode()])
