"""How a child process of this interpreter is started, that imports what this one imports."""

from __future__ import annotations

import os
import sys
from typing import Any


def serving(module: str, **environment: str) -> dict[str, Any]:
    """Arguments for ``Popen``: the child runs ``serve()`` of ``module``.

    It looks for modules where this process does, and nowhere else (``-P``).
    """
    path = os.pathsep.join(filter(None, sys.path))
    return {
        "args": [sys.executable, "-P", "-c", f"from {module} import serve; serve()"],
        "env": {**os.environ, **environment, "PYTHONPATH": path},
    }
