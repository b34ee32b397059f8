"""How the functions of a kernel's text are compiled: ``@jit``, and ``@as_written``.

Neither makes wrappers for Python or C, which numba would otherwise compile for every function of
a kernel: an eighth of the time. Nobody needs them. Only another jitted function may call such
a function, Python must not.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_INNER: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

jit = njit(fastmath={"contract"}, **_INNER)
"""Products and sums become fused multiply-adds; of LLVM's fast-math nothing else."""

as_written = njit(fastmath=False, **_INNER)
"""Nothing is fused. numba hands a caller's ``fastmath`` down to functions that name none."""
