"""Compiles a kernel's text to object code, by numba. Only kernels that no cache holds come here.

numba's own cache is not used: only numba can load what it stores, and importing numba takes
longer than all else that a small run does. LLVM's code for the kernel is the same either way.
The wrappers that let Python call a kernel are left out, because they need numba's runtime.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from llvmlite import binding
from numba import cfunc, types
from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary, JITCPUCodegen
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic

from speccompiler.kernels.cpu.runtime.object_code import ObjectCode
from speccompiler.system.processor import target_machine

_FLOATS: Any = types.CPointer(types.float32)  # type: ignore[no-untyped-call]
_INTEGERS: Any = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
_long = types.int64

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

    return types.void(_long, _long, _INTEGERS), entry


def _activation_entry(activation: Any) -> tuple[Any, Any]:
    def entry(x, y, rows, x_pitch, y_pitch, count, constants):  # type: ignore[no-untyped-def]
        """``codegen.calls.call_activation``."""
        activation(_floats(x), _floats(y), rows, x_pitch, y_pitch, count, _floats(constants))

    return types.void(*[_long] * 7), entry


def _tile_entry(tile: Any) -> tuple[Any, Any]:
    def entry(count, vectors, a):  # type: ignore[no-untyped-def]
        """``codegen.calls.call_tile``."""
        tile(count, vectors, a)

    return types.void(_long, _long, _INTEGERS), entry


_ENTRIES = {"kernel": _kernel_entry, "activation": _activation_entry, "tile": _tile_entry}
"""What a module may define, and how machine code is called that others find."""


def compile_kernel(text: str, path: str, symbol: str) -> tuple[ObjectCode, bool]:
    """Object code with the entry ``symbol``, and whether a process without numba can load it.

    ``text`` is a module with a jitted function that ``_ENTRIES`` names; ``path`` is where people
    find it.
    """
    module: dict[str, Any] = {"__name__": symbol}
    exec(compile(text, path, "exec"), module)
    kind = next(kind for kind in _ENTRIES if kind in module)
    signature, entry = _ENTRIES[kind](module[kind])
    with _linking_only():
        compiled: Any = cfunc(signature, error_model="numpy")(entry)
    _optimize(compiled._library)
    assembly = _without_wrapper(compiled.inspect_llvm(), compiled.native_name, symbol)
    called = _called(assembly)
    needs = tuple(sorted(called & _LIBRARY))
    parsed = binding.parse_assembly(assembly)
    for function in parsed.functions:
        # numba numbers names anew in every process: two kernels may use the same one.
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"
    code = target_machine().emit_object(parsed)
    return ObjectCode(code, needs), called <= _LIBRARY


_optimize: Any = CPUCodeLibrary._optimize_final_module


@contextlib.contextmanager
def _linking_only() -> Iterator[None]:
    """numba types functions and links their LLVM code, and does nothing more with it.

    It would optimise each function of a kernel, make machine code of it that nobody runs, and
    optimise it again in its caller: two fifths of the time. Nothing of what is compiled here may
    be called from Python, because it has no address. The lock keeps other threads from compiling
    meanwhile.
    """
    left_out: list[tuple[type, str, Any]] = [
        (CPUCodeLibrary, "_optimize_final_module", lambda library: None),
        (JITCodeLibrary, "_finalize_specific", lambda library: None),
        (JITCodeLibrary, "get_pointer_to_function", _no_address),
        (JITCPUCodegen, "_add_module", lambda codegen, module: None),
        (JITCPUCodegen, "set_env", lambda codegen, name, environment: None),
    ]
    with global_compiler_lock:
        kept = [(owner, name, getattr(owner, name)) for owner, name, _ in left_out]
        try:
            for owner, name, replacement in left_out:
                setattr(owner, name, replacement)
            yield
        finally:
            for owner, name, method in kept:
                setattr(owner, name, method)


def _no_address(library: Any, name: str) -> int:
    """numba links a library when it is first asked for an address in it."""
    library._ensure_finalized()
    return 1


def _without_wrapper(assembly: str, wrapper: str, symbol: str) -> str:
    """LLVM's text without the function ``wrapper``, and with what it wraps named ``symbol``."""
    wrapped = wrapper.removeprefix("cfunc.")
    assert wrapped != wrapper, f"{wrapper} is no wrapper that numba 0.60 would make"
    definition = rf'^define [^\n]*@"?{re.escape(wrapper)}"?\(.*?^}}$'
    text, found = re.subn(definition, "", assembly, flags=re.MULTILINE | re.DOTALL)
    assert found == 1, f"{wrapper} is not in its module"
    return re.sub(rf'@"?{re.escape(wrapped)}"?(?=\()', f"@{symbol}", text)


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
