"""How the functions of a kernel's text are compiled: ``@jit``, and ``@as_written``.

numba does no more with them than it must. No wrappers for Python or C are made, and passes are
left out that look for what no text has: closures, generators, array expressions, ``with``. Only
another jitted function may call such a function, Python must not.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.typed_passes import (
    NativeLowering,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typed_passes import NoPythonBackend as Backend
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    IRProcessing,
    ReconstructSSA,
    RewriteSemanticConstants,
    TranslateByteCode,
)

_PASSES = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    # ``if`` of a constant that was put into the text.
    RewriteSemanticConstants,
    DeadBranchPrune,
    ReconstructSSA,
    NopythonTypeInference,
    PreLowerStripPhis,
    NativeLowering,
    Backend,
)


class Compiler(CompilerBase):
    """numba's compiler with the passes that texts need, in numba's order."""

    def define_pipelines(self) -> list[Any]:
        """The only pipeline."""
        passes: Any = PassManager("kernels")  # type: ignore[no-untyped-call]
        for one in _PASSES:
            passes.add_pass(one, one.__name__)
        passes.finalize()
        return [passes]


_INNER: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": Compiler,
}

jit = njit(fastmath={"contract"}, **_INNER)
"""Products and sums become fused multiply-adds; of LLVM's fast-math nothing else."""

as_written = njit(fastmath=False, **_INNER)
"""Nothing is fused. numba hands a caller's ``fastmath`` down to functions that name none."""
