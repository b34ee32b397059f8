"""How an output is cut into chunks and shards, and how these are stored.

A chunk is what is compressed as one; a shard is a file of whole chunks. ``cell`` is the larger of
the two: what one writer writes as a whole. Nothing here needs the library that writes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

Method = Literal["none", "zstd", "gzip", "blosc"]
ITEM_BYTES = 4
FEW_BYTES = 1 << 22
"""Samples are put together in one chunk up to here."""
MOST_BYTES = 1 << 26
"""A chunk of one sample that is larger is cut."""
INPUT_BYTES = 1 << 28
"""The most that samples of one chunk read: a chunk is computed by one worker, and again by a run
that goes on after it was killed. A network that gives ten numbers for an image would otherwise
have one chunk for a million of them."""
MANY_CHUNKS = 100_000
"""From here on the files of an array are a burden for a file system."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A method, and how hard it tries.

    Activations behind a ReLU shrink to 0.45 or 0.55 under each of the methods, others to 0.9;
    zstd at level 1 is the fastest of those that reach it.
    """

    method: Method = "zstd"
    level: int = 1
    codec: str = "zstd"
    """Of blosc."""
    shuffle: str = "shuffle"
    """Of blosc: ``noshuffle``, ``shuffle`` (bytes) or ``bitshuffle``."""

    def __str__(self) -> str:
        if self.method == "none":
            return "none"
        if self.method == "blosc":
            return f"blosc:{self.codec}:{self.level}:{self.shuffle}"
        return f"{self.method}:{self.level}"


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """What a caller asks for; None leaves it to convspec. -1 is a whole axis.

    Numbers are for the axes of the whole array, samples first; axes without one are whole.
    """

    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    compression: Compression = Compression()
    fill_value: float = 0.0


@dataclass(frozen=True, slots=True)
class ChunkLayout:
    """How one array is stored."""

    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None
    compression: Compression
    fill_value: float

    @property
    def cell(self) -> tuple[int, ...]:
        """What one writer writes as a whole: a shard, or a chunk where there are none."""
        return self.shards or self.chunks

    def files(self, shape: Sequence[int]) -> int:
        """How many files the values take."""
        return math.prod(math.ceil(n / c) for n, c in zip(shape, self.cell, strict=True))

    def __str__(self) -> str:
        shards = "" if self.shards is None else f" in shards of {_times(self.shards)}"
        return (
            f"chunks of {_times(self.chunks)}{shards}, compression {self.compression}, "
            f"fill value {self.fill_value}"
        )


def laid_out(
    options: ChunkOptions,
    name: str,
    shape: tuple[int, ...],
    steps: Sequence[int],
    input_bytes: int = 0,
) -> ChunkLayout:
    """The layout of the output ``name`` of a shape, samples first. CS190.

    ``steps`` are how far apart the boxes of the run's tiles begin along each axis of a sample:
    its lengths where samples are run as a whole. ``input_bytes`` are what a sample reads.
    """
    for option, given in (("chunks", options.chunks), ("shards", options.shards)):
        if given is not None and len(given) > len(shape):
            raise Problem(
                "CS190",
                f"--{option} has {len(given)} numbers; the output '{name}' has {len(shape)} axes",
                f"its shape is {shape}, samples first",
            )
    shards = None if options.shards is None else _lengths(options.shards, shape)
    if options.chunks is not None:
        chunks = _lengths(options.chunks, shape)
    else:
        most = max(1, INPUT_BYTES // max(1, input_bytes))
        chunks = _default_chunks(shape, steps, shards, most)
    layout = ChunkLayout(chunks, shards, options.compression, options.fill_value)
    _check_shards(layout, name)
    _check_tiles(layout, name, shape, steps)
    return layout


def _lengths(given: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers for every axis. A chunk longer than the array is as long as it."""
    whole = (*given, *(-1 for _ in shape[len(given) :]))
    return tuple([n if g == -1 else min(g, n) for g, n in zip(whole, shape, strict=True)])


def _default_chunks(
    shape: tuple[int, ...],
    steps: Sequence[int],
    shards: tuple[int, ...] | None,
    most_samples: int,
) -> tuple[int, ...]:
    """A tile of as many samples as make some MiB, or as are read for a chunk.

    A very large one is halved where it can be.

    Where there are shards, a chunk is a part of one: an axis along which a shard holds no whole
    tiles is not cut again.
    """
    within = shape if shards is None else shards
    one = [min(n, step) for n, step in zip(within[1:], steps, strict=True)]
    if shards is not None:
        one = [n if whole % n == 0 else whole for n, whole in zip(one, within[1:], strict=True)]

    def halves(axis: int) -> bool:
        free = shards is None and steps[axis] >= shape[axis + 1]
        return one[axis] > 1 and (free or one[axis] % 2 == 0)

    while math.prod(one) * ITEM_BYTES > MOST_BYTES and any(map(halves, range(len(one)))):
        longest = max(filter(halves, range(len(one))), key=one.__getitem__)
        one[longest] = math.ceil(one[longest] / 2)
    most = min(FEW_BYTES // (math.prod(one) * ITEM_BYTES), most_samples)
    if within[0] <= most:
        return (within[0], *one)
    samples = 1
    while 2 * samples <= most and (shards is None or within[0] % (2 * samples) == 0):
        samples *= 2
    return (samples, *one)


def _check_shards(layout: ChunkLayout, name: str) -> None:
    for axis, (shard, chunk) in enumerate(
        zip(layout.shards or layout.chunks, layout.chunks, strict=True)
    ):
        if shard % chunk:
            raise Problem(
                "CS190",
                f"a shard of the output '{name}' is {shard} long along axis {axis} and its chunks "
                f"{chunk}: a shard is made of whole chunks",
                f"give --shards a multiple of {chunk}, or --chunks a divisor of {shard}",
            )


def _check_tiles(
    layout: ChunkLayout, name: str, shape: tuple[int, ...], steps: Sequence[int]
) -> None:
    """A cell is written as a whole: it holds whole tiles, or lies in one, along every axis."""
    what = "chunks" if layout.shards is None else "shards"
    for axis, (cell, step) in enumerate(zip(layout.cell[1:], steps, strict=True), 1):
        whole = shape[axis]
        if step < whole and cell < whole and cell % step and step % cell:
            raise Problem(
                "CS190",
                f"the {what} of the output '{name}' are {cell} long along axis {axis} and the "
                f"tiles {step}: each is written as a whole, and so has to hold whole tiles or to "
                "lie within one",
                f"give --{what} a multiple or a divisor of {step} there, or -1 for the whole axis",
            )


def _times(lengths: Sequence[int]) -> str:
    return "x".join(map(str, lengths))
