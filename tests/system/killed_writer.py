"""A process that is killed while it writes a file."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

WRITER = """
import sys, time
from pathlib import Path
from speccompiler.system.unfinished_files import create_unfinished
file = create_unfinished(Path(sys.argv[1]), sys.argv[2])
file.write(b"begun")
print(flush=True)
time.sleep(600)
"""


@contextmanager
def writer(folder, name):
    """A process that is writing a file, until it is killed at the end."""
    command = [sys.executable, "-c", WRITER, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        yield
        process.kill()
