"""The package ``speccompiler`` under the name of the command: ``import convspec``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import speccompiler

__version__ = speccompiler.__version__

if TYPE_CHECKING:
    from speccompiler import *  # noqa: F403
else:
    __all__ = speccompiler.__all__

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'convspec' has no attribute '{name}'")
        return getattr(speccompiler, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
