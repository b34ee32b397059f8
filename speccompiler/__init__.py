"""convspec: compile and run Keras 1.x convolutional models from a text spec.

    import speccompiler
    model = speccompiler.load("model.yaml", weights="weights.npz")
    y = model.compile(target="cpu", threads=2).run(x)

Importing this loads neither NumPy nor numba; what needs them does. ``import convspec`` gives
the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError

if TYPE_CHECKING:
    from speccompiler.compiled import CompiledModel
    from speccompiler.model import Model, load, loads
    from speccompiler.reports.shape_report import LayerReport, ShapeReport

__version__ = "0.2.0"
__all__ = [
    "CompiledModel",
    "Diagnostic",
    "LayerReport",
    "Model",
    "Severity",
    "ShapeReport",
    "SpecError",
    "load",
    "loads",
]

_HOME = {
    "CompiledModel": "compiled",
    "LayerReport": "reports.shape_report",
    "Model": "model",
    "ShapeReport": "reports.shape_report",
    "load": "model",
    "loads": "model",
}
"""The module of each name that is imported when it is first asked for."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'speccompiler' has no attribute '{name}'")
    from importlib import import_module

    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
