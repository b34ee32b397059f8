"""No plugins of pydantic for the command: it runs nobody's code but its own.

Pydantic imports its loader of plugins even where its users switch them off, and with it
importlib.metadata and email, which take longer than checking a spec does.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType

SWITCH = "PYDANTIC_DISABLE_PLUGINS"
LOADER = "pydantic.plugin._loader"


class NoPlugins(ModuleType):
    """Stands where pydantic keeps its loader, and says what that would: that there are none."""

    def get_plugins(self) -> tuple[()]:
        """No plugins."""
        return ()

    def __getattr__(self, name: str) -> object:
        """What another pydantic may ask, its own loader answers."""
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(LOADER) is self:
            del sys.modules[LOADER]
        return getattr(import_module(LOADER), name)


def look_for_no_plugins() -> None:
    """Unless the user has said which; before pydantic makes its first validator."""
    if os.environ.setdefault(SWITCH, "__all__") == "__all__":
        sys.modules.setdefault(LOADER, NoPlugins(LOADER))
