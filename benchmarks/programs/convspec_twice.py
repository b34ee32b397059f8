"""The command over a short array and then over a long one; prints the seconds of each.

SHORT.zarr LONG.zarr OUTPUT.zarr run MODEL OPTION...

The difference is what the further samples take, without the start of anything.
"""

import contextlib
import io
import sys
import time

if __name__ == "__main__":
    # Workers of a cluster import this file too.
    from speccompiler.cli import main

    short, long, output, *command = sys.argv[1:]
    found = []
    # The first of these runs loads all that the others find.
    for source in (short, short, long):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            status = main.run([*command, "--input", source, "--output", output])
        found.append(time.perf_counter() - started)
        if status:
            sys.exit(status)
    print(*found[1:])
