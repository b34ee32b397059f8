"""An image larger than a plan's memory: exact tiles beside torch's overlap and crop.

The network is examples/specs/fcn_upsampling.yaml, with the weights of the case that equals it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Case, Conv, Pool, Up
from .files import PROGRAMS
from .results import Tiled
from .tensors import Array, parameters
from .watching import watched

SPEC = Path(__file__).resolve().parents[1] / "examples/specs/fcn_upsampling.yaml"
FILTERS = 4
LAYERS = (
    *(Conv(16), Pool(), Conv(32), Pool(), Conv(32)),
    *(Up(), Conv(16), Up(), Conv(16), Conv(FILTERS, 1, relu=False)),
)
"""The layers of the spec; its sigmoid is the programs' own."""
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5", "score")
HALO = 16
"""Pixels on each side that an output may depend on, 11 by the convolutions' sizes and strides, and
rounded up to the pools' stride of 4, on which tiles have to begin."""
ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Sizes:
    """Lengths of a side."""

    whole: int = 4096
    """Run as a whole too."""
    large: int = 8192
    tile: int = 1024


def tiled(threads: int, sizes: Sizes, *, torch: bool) -> Iterator[Tiled]:
    """The smaller image whole and in tiles, then the larger one in tiles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_model(folder, torch=torch)
        _write_image(folder, sizes.whole)
        runners = _runners(torch=torch)
        for runner in runners:
            whole = runner.run(folder, sizes.whole, 0, threads)
            yield whole
            runner.output(folder).rename(runner.whole(folder))
            in_tiles = runner.run(folder, sizes.whole, sizes.tile, threads)
            apart = difference(runner.whole(folder), runner.output(folder))
            yield replace(in_tiles, difference=apart)
            runner.whole(folder).unlink()
        _write_image(folder, sizes.large)
        for runner in runners:
            yield runner.run(folder, sizes.large, sizes.tile, threads)
            runner.output(folder).unlink()


@dataclass(frozen=True, slots=True)
class _Runner:
    """A program that runs the image; its command is made from output, tile and threads."""

    name: str
    command: Callable[[Path, int, int], Sequence[str]]

    def output(self, folder: Path) -> Path:
        """Where it writes."""
        return folder / f"{self.name.replace(' ', '_')}.npy"

    def whole(self, folder: Path) -> Path:
        """Where the image that was run as a whole is kept."""
        return self.output(folder).with_suffix(".whole.npy")

    def run(self, folder: Path, size: int, tile: int, threads: int) -> Tiled:
        """A whole process; tile 0 is none."""
        found = watched(self.command(self.output(folder), tile, threads), folder)
        peak = found.peak_bytes / 2**20
        return Tiled(f"3x{size}x{size}", self.name, tile, found.seconds, peak)


def _runners(*, torch: bool) -> Sequence[_Runner]:
    ours = [_Runner(f"convspec {math}", partial(_ours, math)) for math in ("fast", "precise")]
    if not torch:
        return ours
    layouts = {"torch": "contiguous", "torch channels last": "channels_last"}
    return [*ours, *(_Runner(name, partial(_torch, layout)) for name, layout in layouts.items())]


def _ours(math: str, output: Path, tile: int, threads: int) -> list[str]:
    return [
        *(sys.executable, "-m", "speccompiler", "run", str(SPEC)),
        *("--weights", "weights.npz", "--input", "last.npy", "--output", str(output)),
        *("--math", math, "--threads", str(threads)),
        *(["--tile", f"{tile},{tile}"] if tile else []),
    ]


def _torch(layout: str, output: Path, tile: int, threads: int) -> list[str]:
    numbers = (FILTERS, tile, HALO if tile else 0, threads)
    program = [sys.executable, str(PROGRAMS / "torch_tiled.py"), "model.pt", "first.npy"]
    return [*program, str(output), *map(str, numbers), layout]


def _case(size: int) -> Case:
    return Case("fcn_upsampling", LAYERS, (1, 3, size, size), network=True)


def _write_model(folder: Path, *, torch: bool) -> None:
    """The weights by the spec's names, and the module."""
    case = _case(64)
    with_weights = [own for own in parameters(case) if own is not None]
    tensors: dict[str, Array] = {}
    for name, own in zip(CONVOLUTIONS, with_weights, strict=True):
        tensors[f"{name}/W"] = np.ascontiguousarray(own.weight.transpose(2, 3, 1, 0))
        tensors[f"{name}/b"] = own.bias
    np.savez(folder / "weights.npz", **tensors)  # type: ignore[arg-type]  # numpy takes a flag there too
    if torch:
        import torch as torch_

        from .torch_model import torch_module

        torch_.save(torch_module(case), folder / "model.pt")


def _write_image(folder: Path, size: int) -> None:
    """The same image with its channels first and last, without holding it."""
    rng = np.random.default_rng(8)
    first = _open(folder / "first.npy", (1, 3, size, size))
    last = _open(folder / "last.npy", (1, size, size, 3))
    for row in range(0, size, ROWS_AT_ONCE):
        rows = rng.random((3, min(ROWS_AT_ONCE, size - row), size), np.float32)
        first[0, :, row : row + ROWS_AT_ONCE] = rows
        last[0, row : row + ROWS_AT_ONCE] = rows.transpose(1, 2, 0)


def _open(file: Path, shape: tuple[int, ...]) -> Any:
    return np.lib.format.open_memmap(file, "w+", np.float32, shape)


def difference(one: Path, other: Path) -> float:
    """Largest difference of two files, over the largest value; 0 only where all bits are equal."""
    a, b = np.load(one, mmap_mode="r"), np.load(other, mmap_mode="r")
    largest = apart = 0.0
    equal = True
    for at in np.ndindex(a.shape[:2]) if a.shape[1] <= FILTERS else [(0,)]:
        for row in range(0, a[at].shape[0], ROWS_AT_ONCE):
            left, right = (each[at][row : row + ROWS_AT_ONCE] for each in (a, b))
            largest = max(largest, float(np.abs(left).max()))
            apart = max(apart, float(np.abs(left - right).max()))
            equal = equal and left.tobytes() == right.tobytes()
    return 0.0 if equal else max(apart / largest, float(np.finfo(np.float32).tiny))
