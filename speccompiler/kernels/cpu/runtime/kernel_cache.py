"""Kernels as readable Python modules in the per-user cache, each with its machine code.

A kernel's name has a hash of its text and of all else that decides its machine code: the
vector operations that it imports, the processor, and the versions of numba and llvmlite.
So a changed kernel never meets old code. A process that finds the machine code needs
llvmlite alone to run it; otherwise numba is imported to make it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import util
from pathlib import Path

import llvmlite

from speccompiler.kernels.cpu.runtime.interrupts import interrupts_kept
from speccompiler.kernels.cpu.runtime.object_code import LoadedKernel, ObjectCode, link, loadable
from speccompiler.system.cache import PREFIX, cache_folder, read_entry, write_entry
from speccompiler.system.code_digest import code_digest, imports
from speccompiler.system.processor import host_description


@cache
def load_kernel(kernel: str, text: str) -> LoadedKernel:
    """The callable kernel of a module's text, found in the cache or compiled."""
    symbol = _symbol(kernel, text)
    folder = cache_folder("kernels")
    if folder is None:
        return link(_compiled(text, f"<{symbol}>", symbol)[0], symbol)
    module, machine_code = folder / f"{symbol}.py", folder / f"{symbol}.o"
    _write_module(module, text)
    stored = read_entry(machine_code)
    found = ObjectCode.from_bytes(stored) if stored is not None else None
    # A sound file may be that of another kernel, copied there under this name.
    if found is None or symbol.encode() not in found.code or not loadable(found):
        found, portable = _compiled(text, str(module), symbol)
        if portable:
            write_entry(machine_code, [found.to_bytes()])
    return link(found, symbol)


def is_kept(kernel: str, text: str) -> bool:
    """Whether the cache has machine code for it, damaged or not."""
    folder = cache_folder("kernels")
    return folder is not None and (folder / f"{_symbol(kernel, text)}.o").exists()


@cache
def _symbol(kernel: str, text: str) -> str:
    content = "\n".join([_toolchain(), _vocabulary(text), host_description(), text])
    return f"{PREFIX}{kernel}_{hashlib.sha256(content.encode()).hexdigest()[:24]}"


def _compiled(text: str, path: str, symbol: str) -> tuple[ObjectCode, bool]:
    from speccompiler.kernels.cpu.runtime.compiler import compile_kernel

    with interrupts_kept():
        return compile_kernel(text, path, symbol)


@cache
def _toolchain() -> str:
    """The versions of what turns a text into machine code, beside the processor."""
    return f"numba {_numba_version()}, llvmlite {llvmlite.__version__}"


def _vocabulary(text: str) -> str:
    """A hash of our own code that compiles a text, and of what the text imports."""
    imported = imports(text, __package__ or "")
    return code_digest("speccompiler.kernels.cpu.runtime.compiler", *imported)


def _numba_version() -> str:
    """Without importing numba, and without the slow search through all installed packages."""
    spec = util.find_spec("numba")
    if spec is not None and spec.origin is not None:
        try:
            return Path(spec.origin).with_name("_version.py").read_text(encoding="utf-8")
        except OSError:
            pass
    from importlib import metadata

    return metadata.version("numba")


def _write_module(path: Path, text: str) -> None:
    """Write the text for people to read, unless it is there already."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_entry(path, [text.encode()])
