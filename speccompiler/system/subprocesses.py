"""How a child process of this interpreter is started, that imports what this one imports."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
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


def requests() -> Iterator[bytes]:
    """In the child: the lines that the parent writes. It ends with the parent.

    The system closes the pipe of a parent that was killed, too. Who only looked for the next line
    after the work at hand would go on with that for many seconds; nothing may stop a process that
    is in foreign code but a signal.
    """
    lines: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()
