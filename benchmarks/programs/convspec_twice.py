"""The command over a short array and then over a long one; prints the seconds of each.

WORKERS SHORT.zarr LONG.zarr OUTPUT.zarr run MODEL OPTION...

The difference is what the further samples take, without the start of anything. With ``WORKERS`` a
Dask cluster of so many processes, of one thread each, does both.
"""

import contextlib
import io
import sys
import time


def seconds(sources: list[str], output: str, command: list[str]) -> list[float]:
    """Of the command over each source."""
    from speccompiler.cli import main

    found = []
    for source in sources:
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            status = main.run([*command, "--input", source, "--output", output])
        found.append(time.perf_counter() - started)
        if status:
            sys.exit(status)
    return found


if __name__ == "__main__":
    # Workers of a cluster import this file too.
    workers, short, long, output, *command = sys.argv[1:]
    # The first of these runs loads all that the others find.
    sources = [short, short, long]
    if workers == "0":
        found = seconds(sources, output, command)
    else:
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=int(workers), threads_per_worker=1, dashboard_address=None
        ) as cluster:
            address = cluster.scheduler_address
            found = seconds(sources, output, [*command, "--scheduler", address])
    print(*found[1:])
