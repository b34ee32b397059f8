"""convspec: compile and run Keras 1.x convolutional models from a text spec.

    import speccompiler
    model = speccompiler.load("model.yaml", weights="weights.npz")
    y = model.compile(target="cpu", threads=2).run(x)

Importing this loads neither NumPy nor numba; what needs them does.
"""

from __future__ import annotations

from .diagnostics import Diagnostic, Severity, SpecError

__version__ = "0.1.0"
__all__ = ["Diagnostic", "Severity", "SpecError", "load"]


def __getattr__(name: str) -> object:
    if name == "load":
        from .model import load

        return load
    if name == "Model":
        from .model import Model

        return Model
    raise AttributeError(f"module 'speccompiler' has no attribute '{name}'")
