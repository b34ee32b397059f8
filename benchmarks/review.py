"""What a review waits for: large models validated, shaped and compared, many files at once.

Whole processes in turns, each beside the goal that it has to stay below.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .files import PROGRAMS
from .processes import Failed
from .results import Review
from .review_specs import Layer, branches, chain, changed, flow_yaml, write_specs

ROUNDS = 3
CONVSPEC = str(Path(sys.executable).parent / "convspec")
CHAIN, GRAPH, FILES = 10_000, 2_000, 1_000
LARGE_GOAL, FILES_GOAL = 3.0, 8.0
"""Seconds of one command."""


@dataclass(frozen=True, slots=True)
class Task:
    """A command, and how long it may take."""

    model: str
    way: str
    arguments: Sequence[str]
    goal_s: float


def tasks(folder: Path, *, layers: int = CHAIN, branched: int = GRAPH, files: int = FILES
) -> Iterator[Task]:  # fmt: skip
    """Every command; the specs are written into the folder."""
    models: dict[str, tuple[str, list[Layer]]] = {
        "chain": (f"chain of {layers:,} layers", chain(layers)),
        "graph": (f"graph of {branched:,} layers", branches(branched)),
    }
    for name, (model, written) in models.items():
        old = write_specs(folder, name, written)
        new = write_specs(folder, f"{name}-new", changed(written))
        for way, file in old.items():
            yield Task(model, way, ("validate", file.name), LARGE_GOAL)
            yield Task(model, way, ("shapes", file.name), LARGE_GOAL)
            yield Task(model, way, ("diff", file.name, new[way].name), LARGE_GOAL)
    many = folder / "many"
    many.mkdir()
    for number in range(files):
        text = flow_yaml(chain(5 + number % 10))
        (many / f"model{number}.yaml").write_text(text, encoding="utf-8")
    yield Task(f"{files:,} files", "flow YAML", ("validate", many.name), FILES_GOAL)


def reviews(**sizes: int) -> Iterator[Review]:
    """The median of each command, all of them in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = list(tasks(folder, **sizes))
        _run(every[0], folder)  # byte code is kept
        runs = [[_run(task, folder) for task in every] for _ in range(ROUNDS)]
    for task, *found in zip(every, *runs, strict=True):
        wall, processor, peak = zip(*found, strict=True)
        yield Review(
            task.arguments[0],
            task.model,
            task.way,
            statistics.median(wall),
            statistics.median(processor),
            max(peak) / 2**20,
            task.goal_s,
        )


def _run(task: Task, folder: Path) -> tuple[float, float, int]:
    """Seconds on the clock, seconds of processor, and bytes of memory at most."""
    # A package that is installed has its byte code.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-S", PROGRAMS / "timed.py", CONVSPEC, *task.arguments],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        check=True,
    )
    status, wall, processor, peak = done.stdout.split()
    # A comparison that finds breaking changes ends with 1.
    if status not in ({"0", "1"} if task.arguments[0] == "diff" else {"0"}):
        raise Failed(f"{' '.join(task.arguments)}\n{done.stderr.strip()}")
    return float(wall), float(processor), int(peak)
