"""Compiles a kernel's text to object code, by numba. Only kernels that nobody made come here.

numba types and lowers the functions of a text; LLVM optimises all of them together, once, for
the level of ``system.processor``. numba's own cache is not used: only numba can load what it
stores, and importing numba takes longer than all else that a small run does.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import base, event
from numba.core.base import BaseContext as TargetContext
from numba.core.callconv import CPUCallConv, Status
from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary, JITCPUCodegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.typing.context import BaseContext
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.jit import as_written
from speccompiler.kernels.cpu.runtime.object_code import ObjectCode
from speccompiler.system.processor import Level, target_machine

_FLOATS: Any = types.CPointer(types.float32)  # type: ignore[no-untyped-call]
_INTEGERS: Any = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
_long = types.int64
_BIT = ir.IntType(1)

# Functions of the C library that LLVM may call; those of float32 have an "f" behind.
_MATH_NAMES = """
exp exp2 exp10 log log2 log10 pow sin cos tan sinh cosh tanh asin acos atan atan2 expm1 log1p erf
erfc sqrt fma fabs floor ceil trunc rint nearbyint round roundeven copysign fmod fmin fmax
"""
_MATH = frozenset(_MATH_NAMES.split())
_MEMORY = frozenset({"memset", "memcpy", "memmove"})
_LIBRARY = _MATH | {f"{name}f" for name in _MATH} | _MEMORY


def _pointer_to(pointer: Any) -> Any:
    @intrinsic
    def convert(typing: Any, address: Any) -> Any:
        """The pointer for an address."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(pointer))

        return pointer(types.int64), emit

    return convert


_floats, _integers = _pointer_to(_FLOATS), _pointer_to(_INTEGERS)


def _kernel_entry(kernel: Any) -> tuple[Any, Any]:
    def entry(lo, hi, a):  # type: ignore[no-untyped-def]
        """``a`` are ``object_code.Arguments``."""
        kernel(
            lo,
            hi,
            a[0],
            _floats(a[1]),
            _floats(a[2]),
            _floats(a[3]),
            _floats(a[4]),
            _integers(a[5]),
            _floats(a[6]),
            _integers(a[7]),
        )

    return (_long, _long, _INTEGERS), entry


def _activation_entry(activation: Any) -> tuple[Any, Any]:
    def entry(x, y, rows, x_pitch, y_pitch, count, constants):  # type: ignore[no-untyped-def]
        """``codegen.calls.call_activation``."""
        activation(_floats(x), _floats(y), rows, x_pitch, y_pitch, count, _floats(constants))

    return (_long,) * 7, entry


def _tile_entry(tile: Any) -> tuple[Any, Any]:
    def entry(count, vectors, a):  # type: ignore[no-untyped-def]
        """``codegen.calls.call_tile``."""
        tile(count, vectors, a)

    return (_long, _long, _INTEGERS), entry


_ENTRIES = {"kernel": _kernel_entry, "activation": _activation_entry, "tile": _tile_entry}
"""What a module may define, and how machine code is called that others find."""


_ALL_PASSES = 3
"""LLVM's level of optimising, for a module that does not say its own as ``passes``."""


def compile_kernel(text: str, path: str, symbol: str, level: Level) -> tuple[ObjectCode, bool]:
    """Object code with the entry ``symbol``, and whether a process without numba can load it.

    ``text`` is a module with a jitted function that ``_ENTRIES`` names, and perhaps the level of
    LLVM's ``passes``; ``path`` is where people find it.
    """
    module: dict[str, Any] = {"__name__": symbol}
    exec(compile(text, path, "exec"), module)
    kind = next(kind for kind in _ENTRIES if kind in module)
    arguments, entry = _ENTRIES[kind](module[kind])
    with _linking_only():
        dispatcher: Any = as_written(entry)
        dispatcher.compile(arguments)
        (compiled,) = dispatcher.overloads.values()
        linked = compiled.library._final_module
        passes = module.get("passes", _ALL_PASSES)
        return _object_code(linked, compiled.fndesc.llvm_func_name, symbol, level, passes)


def _object_code(
    linked: Any, name: str, symbol: str, level: Level, passes: int
) -> tuple[ObjectCode, bool]:
    """Machine code of the function ``name`` and all that it calls, under the name ``symbol``."""
    for function in linked.functions:
        # numba numbers names anew in every process: two kernels may use the same one.
        if not function.is_declaration and function.name != name:
            function.linkage = "internal"
    linked.get_function(name).name = symbol
    machine = target_machine(level)
    options = binding.create_pipeline_tuning_options(speed_level=passes)
    options.slp_vectorization = False
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(linked, builder)
    called = _called(str(linked))
    needs = tuple(sorted(called & _LIBRARY))
    return ObjectCode(machine.emit_object(linked), needs), called <= _LIBRARY


@contextlib.contextmanager
def _linking_only() -> Iterator[None]:
    """numba types functions and links their LLVM code, and does nothing more with it.

    It would optimise each function of a kernel, make machine code of it that nobody runs, and
    optimise it again in its caller. Nothing of what is compiled here may be called from Python,
    because it has no address. The lock keeps other threads from compiling meanwhile. Nothing is
    collected either: all that is made stays in use until the end.
    """
    replaced: list[tuple[Any, str, Any]] = [
        (CPUCodeLibrary, "_optimize_functions", _same_layout),
        (CPUCodeLibrary, "_optimize_final_module", lambda library: None),
        (CPUCodeLibrary, "_get_module_for_linking", _shared),
        (JITCodeLibrary, "_finalize_specific", lambda library: None),
        (JITCodeLibrary, "get_pointer_to_function", _no_address),
        (JITCPUCodegen, "_add_module", lambda codegen, module: None),
        (JITCPUCodegen, "set_env", lambda codegen, name, environment: None),
        (event, "broadcast", lambda event: None),
        (CPUCallConv, "_get_return_status", _success),
        *((owner, name, _remembered(owner, name, key)) for owner, name, key in _ANSWERS),
    ]
    with global_compiler_lock:
        kept = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
        collecting = gc.isenabled()
        try:
            gc.disable()
            for owner, name, replacement in replaced:
                setattr(owner, name, replacement)
            yield
        finally:
            for owner, name, method in kept:
                setattr(owner, name, method)
            if collecting:
                gc.enable()


def _same_layout(library: Any, module: Any) -> None:
    """All that is left of optimising a function by itself."""
    module.data_layout = library._codegen._data_layout


def _shared(library: Any) -> Any:
    """The module of a function, for its callers, each of which may have a copy."""
    library._ensure_finalized()
    for function in library._final_module.functions:
        if not function.is_declaration and function.linkage == binding.Linkage.external:
            function.linkage = "linkonce_odr"
    return library._final_module


def _success(convention: Any, builder: Any, code: Any, information: Any) -> Any:
    """How the call of an inner function ended: nothing in a text raises, so nobody looks."""
    yes, no = ir.Constant(_BIT, 1), ir.Constant(_BIT, 0)
    return Status(
        code=code,
        is_ok=yes,
        is_none=no,
        is_error=no,
        is_stop_iteration=no,
        is_python_exc=no,
        is_user_exc=no,
        excinfoptr=information,
    )


def _no_address(library: Any, name: str) -> int:
    """numba links a library when it is first asked for an address in it."""
    library._ensure_finalized()
    return 1


def _by_types(called: Any, function: Any, args: Any, kws: Any) -> Any:
    return (function, args) if isinstance(function, types.Function) and not kws else None


def _by_own_types(function: Any, context: Any, args: Any, kws: Any) -> Any:
    return _by_types(context, function, args, kws)


_ANSWERS: tuple[tuple[Any, str, Any], ...] = (
    (BaseContext, "resolve_function_type", _by_types),
    (types.Function, "get_call_type", _by_own_types),
    (TargetContext, "get_abi_sizeof", lambda context, llvm: str(llvm)),
    (base, "_has_loc", lambda function: function),
)
"""What numba finds out anew at each use of an operator or variable, though the answer is the same.

With each, what the answer hangs on; None where it is to be asked.
"""
_answers: dict[str, dict[Any, Any]] = {name: {} for _, name, _ in _ANSWERS}


def _remembered(owner: Any, name: str, key_of: Any) -> Any:
    ask, answers = getattr(owner, name), _answers[name]

    def answer(*arguments: Any) -> Any:
        key = key_of(*arguments)
        if key is None:
            return ask(*arguments)
        if key not in answers:
            answers[key] = ask(*arguments)
        return answers[key]

    return answer


def _called(assembly: str) -> set[str]:
    """Names outside the module that its functions use; intrinsics are the C functions they become.

    A function that is declared and not used does not count.
    """
    declared, used = set(), set()
    for line in assembly.splitlines():
        names = [a or b for a, b in re.findall(r'@(?:"([^"]+)"|([\w.$-]+))', line)]
        if line.startswith("declare ") or " external " in line.partition("=")[2][:12]:
            declared.add(names[0])
        else:
            used.update(names)
    called = {name for name in declared & used if not name.startswith("llvm.")}
    for name in declared & used - called:
        _, function, *kinds = name.split(".")
        if function in _MEMORY:
            called.add(function)
        elif function in _MATH and kinds:
            called.add(f"{function}f" if kinds[-1].endswith("f32") else function)
    # The remainder of floats is an instruction, and a call in the end.
    if re.search(r"= frem ", assembly):
        called.add("fmodf" if re.search(r"= frem [\w ]*float", assembly) else "fmod")
    return called
