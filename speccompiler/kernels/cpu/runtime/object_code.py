"""Machine code of a kernel: how it is stored, and how it becomes callable.

It is stored as a line with the SHA-256 of all that follows, a line with the names of the
C functions that it calls, and an object file in the platform's format. A file that was cut
off or damaged is never executed. Loading takes about a millisecond, and llvmlite alone.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from llvmlite import binding

from speccompiler.frozen import dataclass
from speccompiler.system import facilities
from speccompiler.system.processor import host_level, target_machine

FORMAT = b"convspec object code 1 "


class Arguments(ctypes.Structure):
    """What a kernel is called with beside its tasks: how many samples, then addresses.

    The kernel is given the address of this structure, which must live as long as the call.
    """

    _fields_: ClassVar = [
        (name, ctypes.c_int64) for name in ("samples", "x", "y", "w", "b", "g", "scratch", "f")
    ]
    if TYPE_CHECKING:
        samples: int
        x: int
        y: int


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """An object file; ``needs`` are the functions of the C library that it calls."""

    code: bytes
    needs: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """The content of its file."""
        body = " ".join(self.needs).encode() + b"\n" + self.code
        return FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body

    @staticmethod
    def from_bytes(stored: bytes) -> ObjectCode | None:
        """Read the content of a file; None where it is damaged or has another format."""
        first, _, body = stored.partition(b"\n")
        if first != FORMAT + hashlib.sha256(body).hexdigest().encode():
            return None
        needs, _, code = body.partition(b"\n")
        return ObjectCode(code, tuple(needs.decode().split()))


class _Linker:
    """One linker for all kernels of a process. What it has loaded stays loaded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.started: binding.ExecutionEngine | None = None

    def engine(self) -> binding.ExecutionEngine:
        """LLVM's engine, which also finds the functions of the C library."""
        if self.started is None:
            machine = target_machine(host_level())
            self.started = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
        return self.started

    def misses(self, names: Iterable[str]) -> bool:
        with self.lock:
            self.engine()
            return any(binding.address_of_symbol(name) is None for name in names)

    def address(self, code: bytes, symbol: str) -> int:
        with self.lock:
            engine = self.engine()
            # A thread that compiled the same kernel may have been first.
            found: int = engine.get_function_address(symbol)
            if not found:
                engine.add_object_file(binding.ObjectFileRef.from_data(code))
                engine.finalize_object()
                found = engine.get_function_address(symbol)
        assert found, f"{symbol} is not in its object code"
        return found


_linker = _Linker()


def _after_fork() -> None:
    """The child keeps what is loaded, but not a lock that a thread of the parent held."""
    _linker.lock = threading.Lock()


if facilities.FORK.here:
    os.register_at_fork(after_in_child=_after_fork)

# numba's convention: the places of a result and of an error, then the arguments. 0 is success.
_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_int64,
    ctypes.c_void_p,
)
_Place = ctypes.Array[ctypes.c_char]
# The place of results and errors, which nobody reads: all threads may share it. Each kernel
# keeps it alive, since a thread in machine code lives on while Python clears its modules.
_unread: _Place = ctypes.create_string_buffer(64)


@dataclass(frozen=True, slots=True)
class LoadedKernel:
    """A kernel in the memory of this process. To run the tasks ``lo`` to ``hi``::

        failed = kernel.function(kernel.unread, kernel.unread, lo, hi, address_of_arguments)

    It releases the GIL while it runs. What only kernels call has another signature, and is known
    by its ``address``.
    """

    symbol: str
    address: int
    function: Callable[[_Place, _Place, int, int, int], int]
    unread: _Place


def loadable(object_code: ObjectCode) -> bool:
    """Whether this process has every function that it calls: LLVM aborts if one is missing."""
    return not _linker.misses(object_code.needs)


def link(object_code: ObjectCode, symbol: str) -> LoadedKernel:
    """The kernel ``symbol`` of some object code."""
    address = _linker.address(object_code.code, symbol)
    return LoadedKernel(symbol, address, _SIGNATURE(address), _unread)
