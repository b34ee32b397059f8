"""Child processes that serve requests: how they are started, and how they end with the parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from speccompiler.system import facilities


def serving(module: str, **environment: str) -> dict[str, Any]:
    """Arguments for ``Popen``: the child runs ``serve()`` of ``module``.

    It looks for modules where this process does, and nowhere else (``-P``: not in its folder).
    """
    path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    return {
        "args": [sys.executable, "-P", "-c", f"from {module} import serve; serve()"],
        "env": {**os.environ, **environment, "PYTHONPATH": path},
    }


def requests() -> Iterator[bytes]:
    """In the child: the lines that the parent writes. The child ends with the parent.

    The system closes the pipe even when the parent is killed. A thread waits for that, because
    the work at hand may take many seconds yet; and it sends a signal, because nothing else stops
    a process while it runs code that is not Python.
    """
    lines: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os.kill(os.getpid(), signal.SIGKILL if facilities.KILLING.here else signal.SIGTERM)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()
