"""Whole processes: how long from the command to the output file, and how much memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .cases import Case
from .files import PROGRAMS, CaseFiles, write_case
from .results import OURS, Memory, Process
from .speed import differences

MEMORY_RUNS = 3
REPEATS = 5


class Failed(RuntimeError):
    """A program of ours, or a contender's, ended with an error."""


def memory_of(case: Case, contenders: Sequence[str], threads: int) -> tuple[Memory, ...]:
    """Peak of each in a process of its own that reads the model and runs it three times."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        files = write_case(case, Path(folder), contenders, threads)
        for name in contenders:
            program = [sys.executable, str(PROGRAMS / "peak.py"), *files.program(name, MEMORY_RUNS)]
            if name.startswith(OURS):
                _run(program, files, None)  # compiles what is kept between processes
            found.append(Memory(case.name, name, int(_run(program, files, None)) / 2**20))
    return tuple(found)


def processes_of(case: Case, contenders: Sequence[str], threads: int) -> tuple[Process, ...]:
    """First and second run of each, in turns."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        files = write_case(case, Path(folder), contenders, threads)
        for _ in range(REPEATS):
            for name in contenders:
                with tempfile.TemporaryDirectory() as cache:
                    seconds[name].append((_timed(files, name, cache), _timed(files, name, cache)))
        apart = _differences(files, contenders)
    return tuple(
        replace(_process(case, name, seconds[name]), difference=apart[name]) for name in contenders
    )


def _process(case: Case, name: str, seconds: Sequence[tuple[float, float]]) -> Process:
    first, second = zip(*seconds, strict=True)
    return Process(
        case.name, name, statistics.median(first), statistics.median(second), len(seconds), case.bar
    )


def _timed(files: CaseFiles, contender: str, cache: str) -> float:
    started = time.perf_counter()
    _run(files.command(contender), files, cache)
    return time.perf_counter() - started


def _run(command: Sequence[str], files: CaseFiles, cache: str | None) -> str:
    own = {} if cache is None else {"CONVSPEC_CACHE_DIR": cache}
    done = subprocess.run(
        command,
        cwd=files.folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def _differences(files: CaseFiles, contenders: Sequence[str]) -> dict[str, float]:
    """Of the output files; a network that ends in Dense layers has no layout."""
    outputs = {name: np.load(files.output(name)) for name in contenders}
    for name, y in outputs.items():
        if name.startswith("convspec") and y.ndim > 2:
            outputs[name] = np.moveaxis(y, -1, 1)
    return differences(outputs)
