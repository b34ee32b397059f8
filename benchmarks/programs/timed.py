"""Runs a command; prints its exit status, seconds on the clock, of processor, and peak bytes.

COMMAND ARGUMENT...

The peak that a parent is told counts what the parent itself held when the command began: this
one holds next to nothing. What the command prints is thrown away, but not its errors.
"""

import os
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(process.returncode, taken, usage.ru_utime + usage.ru_stime, peak)
