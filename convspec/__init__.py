"""The package ``speccompiler`` under the name of the command: ``import convspec``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import speccompiler

if TYPE_CHECKING:
    from speccompiler import (
        CompiledModel,
        Diagnostic,
        LayerReport,
        Model,
        Severity,
        ShapeReport,
        SpecError,
        load,
        loads,
    )

__version__ = speccompiler.__version__
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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'convspec' has no attribute '{name}'")
    value: object = getattr(speccompiler, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
