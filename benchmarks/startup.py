"""How long short commands take, beside processes that do as little as they could."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .cases import NETWORKS
from .files import CaseFiles, write_case
from .processes import Failed
from .results import Start

ROUNDS = 15
LENET = next(case for case in NETWORKS if case.name.startswith("lenet"))
PEER = "onnxruntime"
CONVSPEC = str(Path(sys.executable).parent / "convspec")
TEXTS = "import pydantic, yaml, click"
"""What reads a text, checks it and has a command line."""
NUMBERS = "import numpy, llvmlite.binding, pydantic, yaml, click"
"""The same, and what runs machine code on arrays."""

_BLOCK = """\
  - {{type: Convolution2D, name: conv{0}a, nb_filter: {1}, nb_row: 3, nb_col: 3, border_mode: same, activation: relu}}
  - {{type: Convolution2D, name: conv{0}b, nb_filter: {1}, nb_row: 3, nb_col: 3, border_mode: same, activation: relu}}
  - {{type: MaxPooling2D, name: pool{0}}}
  - {{type: Dropout, name: drop{0}, p: 0.25}}
"""  # noqa: E501 - lines of a spec
TWENTY_LAYERS = "".join(
    [
        "convspec: 1\nname: twenty\ndim_ordering: tf\ninput_shape: [64, 64, 3]\nlayers:\n",
        *(_BLOCK.format(k, filters) for k, filters in enumerate((16, 32, 64, 64))),
        "  - {type: Flatten, name: flat}\n",
        "  - {type: Dense, name: hidden, output_dim: 256, activation: relu}\n",
        "  - {type: Dropout, name: drop, p: 0.5}\n",
        "  - {type: Dense, name: class, output_dim: 10, activation: softmax}\n",
    ]
)


@dataclass(frozen=True, slots=True)
class Race:
    """A command, and the process that it is measured beside."""

    name: str
    command: Sequence[str]
    floor: str
    """A statement of Python, or the peer that does the same."""
    bar: float | None = None
    """Largest ratio of their times."""


def races(files: CaseFiles, *, peer: bool) -> tuple[Race, ...]:
    """What a user waits for most often, the cache of kernels warm."""
    run = files.command("convspec fast")
    beside = (Race("run lenet", run, PEER, 2.0),) if peer else ()
    return (
        Race("validate, 20 layers", (CONVSPEC, "validate", "twenty.yaml"), TEXTS, 2.0),
        *beside,
        Race("run lenet", run, NUMBERS),
        Race("shapes, 20 layers", (CONVSPEC, "shapes", "twenty.yaml"), TEXTS),
        Race("schema", (CONVSPEC, "schema"), TEXTS),
        Race("--help", (CONVSPEC, "--help"), TEXTS),
    )


def starts(threads: int, *, peer: bool) -> tuple[Start, ...]:
    """Every race, all processes in turns: what else the machine does meets all of them."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        names = ["convspec fast", *([PEER] if peer else [])]
        files = write_case(LENET, Path(folder), names, threads)
        (files.folder / "twenty.yaml").write_text(TWENTY_LAYERS, encoding="utf-8")
        every = races(files, peer=peer)
        commands = {race.name: race.command for race in every}
        for race in every:
            peers = files.command(PEER) if race.floor == PEER else None
            commands[race.floor] = peers or (sys.executable, "-c", race.floor)
        for _ in range(2):  # byte code, then kernels and packed weights are kept
            for command in commands.values():
                _seconds(command, files, cache)
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                seconds[name].append(_seconds(command, files, cache))
    return tuple(
        Start(
            race.name,
            race.floor,
            statistics.median(seconds[race.name]),
            statistics.median(seconds[race.floor]),
            min(seconds[race.name]),
            min(seconds[race.floor]),
            race.bar,
        )
        for race in every
    )


def _seconds(command: Sequence[str], files: CaseFiles, cache: str) -> float:
    # A package that is installed has its byte code.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=files.folder,
        env={**kept, "CONVSPEC_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stderr.strip()}")
    return taken
