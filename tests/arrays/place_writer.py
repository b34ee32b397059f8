"""Writes two outputs task by task in an unfinished place, as a process that tests kill.

``python place_writer.py FOLDER`` writes them. ``python place_writer.py FOLDER every-step`` writes
into ``FOLDER/0``, ``FOLDER/1`` and so on, each in a process of its own that dies at the system
call of that number when all is written, among those that give things their names; the last one
dies at none.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from speccompiler.arrays.boxes import Box, slices
from speccompiler.arrays.chunk_layout import ChunkLayout, Compression
from speccompiler.arrays.output_place import hold_place
from speccompiler.arrays.planned_output import PlannedOutput
from speccompiler.arrays.zarr_array import ZarrArray

SHAPE = (24, 6, 5)
VALUES = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
HEADER = "the same run"


def planned(folder: Path) -> list[PlannedOutput]:
    """A Zarr array in shards, and a .npy file."""
    layout = ChunkLayout((1, 3, 5), (2, 6, 5), Compression(), 0.0)
    return [
        PlannedOutput(str(folder / "y.zarr"), SHAPE, ZarrArray(SHAPE, layout, {})),
        PlannedOutput(str(folder / "y.a.npy"), SHAPE),
    ]


def box_of(task: int) -> Box:
    """The samples of a task."""
    return ((2 * task, 2 * task + 2), (0, 6), (0, 5))


def write(
    folder: Path, stop: int | None = None, at_the_end: Callable[[], object] = lambda: None
) -> list[int]:
    """Do what is left, up to a task; the tasks that were done."""
    done = []
    with hold_place(str(folder / "y.zarr")) as place:
        outputs = place.open(planned(folder))
        if place.header is None:
            place.begin(HEADER)
        assert place.header in {None, HEADER}
        for task in range(SHAPE[0] // 2):
            if str(task) in place.records:
                continue
            if task == stop:
                raise RuntimeError("stopped")
            box = box_of(task)
            for output in outputs:
                output.put(box, VALUES[slices(box)])
            for output in outputs:
                output.sync(box)
            place.record(str(task))
            done.append(task)
        at_the_end()
        place.complete()
    return done


def die_at(step: int) -> None:
    """Kill this process at a call that gives something its name, or takes something away."""
    left = [step]

    def dying(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **more)

        setattr(os, name, call)

    for name in ("rename", "replace", "unlink", "rmdir", "mkdir"):
        dying(name)


def every_step(folder: Path) -> None:
    """A process for each step. zarr is imported here, once, and not used before the fork."""
    import zarr.codecs
    import zarr.storage  # noqa: F401

    step, ended = 0, 1
    while ended:
        child = os.fork()
        if not child:
            write(folder / str(step), at_the_end=partial(die_at, step))
            os._exit(0)
        ended = os.waitpid(child, 0)[1]
        assert ended in {0, signal.SIGKILL}, "it fails"
        step += 1


if __name__ == "__main__":
    (every_step if sys.argv[2:] else write)(Path(sys.argv[1]))
