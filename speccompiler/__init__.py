"""convspec: compile and run models of Keras 0.1 to 3, ONNX and text specs.

    import speccompiler
    model = speccompiler.load("model.yaml", weights="weights.npz")
    y = model.compile(target="cpu", threads=2).run(x)

Importing this loads neither NumPy nor numba; what needs them does. ``import convspec`` gives
the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic as Diagnostic
from speccompiler.diagnostics.core import Severity as Severity
from speccompiler.diagnostics.core import SpecError as SpecError

# The names that are loaded when they are first asked for stand twice: here for type checkers,
# and in ``_HOME`` for Python.
if TYPE_CHECKING:
    from speccompiler.comparing.model_diff import ModelDiff as ModelDiff
    from speccompiler.compiled import CompiledModel as CompiledModel
    from speccompiler.model import Model as Model
    from speccompiler.model import diff as diff
    from speccompiler.model import load as load
    from speccompiler.model import loads as loads
    from speccompiler.reports.layer_report import LayerReport as LayerReport
    from speccompiler.reports.shape_report import ShapeReport as ShapeReport

__version__ = "0.2.0"

_HOME = {
    "CompiledModel": "compiled",
    "LayerReport": "reports.layer_report",
    "Model": "model",
    "ModelDiff": "comparing.model_diff",
    "ShapeReport": "reports.shape_report",
    "diff": "model",
    "load": "model",
    "loads": "model",
}
"""The module of each name that is imported when it is first asked for."""

# Hidden from type checkers, for which a module with ``__getattr__`` has every name.
if not TYPE_CHECKING:
    __all__ = sorted([*_HOME, "Diagnostic", "Severity", "SpecError"])

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'speccompiler' has no attribute '{name}'")
        from importlib import import_module

        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
