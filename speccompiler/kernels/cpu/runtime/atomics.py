"""Atomic operations for numba, by which threads work together on shared memory.

All are sequentially consistent: a thread that sees a value written here also sees all that the
writer wrote before. A place is given by a pointer to int64 and an element's index.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ORDER = "seq_cst"
LONG, INT = ir.IntType(64), ir.IntType(32)
PAUSES = {"x86_64": ("llvm.x86.sse2.pause", None), "aarch64": ("llvm.aarch64.hint", 1)}
"""The instruction that tells a processor that its thread waits in a loop."""


def _place(builder: Any, args: Any) -> Any:
    return builder.gep(args[0], [args[1]])


@intrinsic
def load(typing: Any, pointer: Any, index: Any) -> Any:
    """The value that is there now."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_place(builder, args), ORDER, 8)

    return types.int64(pointer, types.int64), emit


@intrinsic
def store(typing: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Write a value for all to see."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _place(builder, args), ORDER, 8)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.int64), emit


@intrinsic
def add(typing: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Add to a value, and return what was there before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _place(builder, args), args[2], ORDER)

    return types.int64(pointer, types.int64, types.int64), emit


@intrinsic
def exchange_if(typing: Any, pointer: Any, index: Any, old: Any, new: Any) -> Any:
    """Write ``new`` if ``old`` is there, and return whether it was."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.cmpxchg(_place(builder, args), args[2], args[3], ORDER, ORDER)
        return builder.extract_value(found, 1)

    return types.boolean(pointer, types.int64, types.int64, types.int64), emit


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this thread waits; does nothing on processors without that."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        triple = builder.module.triple.split("-")[0]
        if triple in PAUSES:
            name, hint = PAUSES[triple]
            operands = [] if hint is None else [INT(hint)]
            kind = ir.FunctionType(ir.VoidType(), [INT] * len(operands))
            word = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
                builder.module, kind, name
            )
            builder.call(word, operands)
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def call(typing: Any, function: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Call the C function at an address, which may take fewer arguments than these."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # On every 64-bit system four arguments lie in registers, where a function that takes
        # fewer does not look at them.
        kind = ir.FunctionType(INT, [LONG] * 4)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), emit


@intrinsic
def call_kernel(typing: Any, function: Any, lo: Any, hi: Any, arguments: Any) -> Any:
    """Run the tasks ``lo`` to ``hi`` of the kernel at an address, and return 0 for success."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        unread = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(INT, [unread, unread, LONG, LONG, unread])
        # Where numba would put a result and an error; no kernel has any.
        room = cgutils.alloca_once(builder, LONG, size=8)  # type: ignore[no-untyped-call]
        place = builder.bitcast(room, unread)
        kernel = builder.inttoptr(args[0], kind.as_pointer())
        arguments = builder.inttoptr(args[3], unread)
        status = builder.call(kernel, [place, place, args[1], args[2], arguments])
        return builder.sext(status, LONG)

    return types.int64(types.int64, types.int64, types.int64, types.int64), emit


@intrinsic
def at(typing: Any, address: Any) -> Any:
    """The int64 values that lie at an address."""
    pointer = types.CPointer(types.int64)  # type: ignore[no-untyped-call]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64), emit
