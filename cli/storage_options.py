"""The options that say how a chunked output of ``convspec run`` is stored."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from speccompiler.arrays.chunk_layout import Compression, Method
from speccompiler.frozen import dataclass

F = TypeVar("F", bound=Callable[..., Any])
_LEVELS: dict[str, tuple[int, int]] = {"zstd": (0, 22), "gzip": (0, 9), "blosc": (0, 9)}
"""The lowest and the highest of each method. For zstd 0 is the library's default, 3."""
_CODECS = ("zstd", "lz4", "lz4hc", "zlib", "blosclz")
_SHUFFLES = ("shuffle", "bitshuffle", "noshuffle")


@dataclass(frozen=True, slots=True)
class Storing:
    """What was asked for; None where nothing was."""

    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    compression: Compression | None = None
    fill_value: float | None = None


class LengthsOption(click.ParamType[tuple[int, ...]]):
    """``16,128,-1``: lengths along the axes of an array."""

    name = "lengths"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Whole numbers of 1 or more, or -1."""
        if isinstance(value, tuple):
            return value
        try:
            lengths = tuple(int(part) for part in str(value).strip("()[] ").split(","))
        except ValueError:
            self.fail(f"'{value}' is no list of lengths; write it as 16,128,128", param, ctx)
        if any(length < 1 and length != -1 for length in lengths):
            self.fail(f"'{value}' has a length below 1; -1 is a whole axis", param, ctx)
        return lengths


class CompressionOption(click.ParamType[Compression]):
    """``none``, ``zstd:3``, ``gzip:6``, ``blosc:lz4:5:bitshuffle``."""

    name = "compression"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Compression:
        """A method, and what it takes behind colons; what is left out has a default."""
        if isinstance(value, Compression):
            return value
        name, *more = str(value).lower().split(":")
        if name == "none" and not more:
            return Compression("none")
        if name not in _LEVELS:
            self.fail(f"'{value}' is none of none, zstd, gzip, blosc", param, ctx)
        method: Method = "zstd" if name == "zstd" else "gzip" if name == "gzip" else "blosc"
        codec, shuffle = _CODECS[0], _SHUFFLES[0]
        if method == "blosc" and more and more[0] in _CODECS:
            codec, *more = more
        if method == "blosc" and len(more) == 2 and more[1] in _SHUFFLES:
            more, shuffle = more[:1], more[1]
        low, high = _LEVELS[name]
        level = more[0] if more else "1"
        if len(more) > 1 or not level.isascii() or not level.isdecimal() or int(level) > high:
            form = f"{name}[:LEVEL] with a level from {low} to {high}"
            if method == "blosc":
                form = (
                    f"blosc[:CODEC][:LEVEL[:SHUFFLE]] with a codec of {', '.join(_CODECS)}, a "
                    f"level from {low} to {high}, a shuffle of {', '.join(_SHUFFLES)}"
                )
            self.fail(f"'{value}' is not understood; write it as {form}", param, ctx)
        return Compression(method, int(level), codec, shuffle)


class FillOption(click.ParamType[float]):
    """``0``, ``nan`` or another number."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """A number that float32 holds."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"'{value}' is no number; nan is one", param, ctx)
        if math.isfinite(number) and abs(number) > 3.4028235e38:
            self.fail(f"'{value}' is larger than a float32 can be", param, ctx)
        return number


def storage_options(function: F) -> F:
    """``--chunks`` and the rest."""
    for option in (
        click.option(
            "--fill-value",
            type=FillOption(),
            metavar="NUMBER",
            help="What stands for a chunk that is missing: a number, or nan. Default: 0.",
        ),
        click.option(
            "--compression",
            type=CompressionOption(),
            metavar="METHOD[:LEVEL]",
            help="none, zstd, gzip or blosc (blosc:CODEC:LEVEL:SHUFFLE). Default: zstd:1 for "
            "Zarr; HDF5 takes none, its default, and gzip.",
        ),
        click.option(
            "--shards",
            type=LengthsOption(),
            metavar="LENGTHS",
            help="Put whole chunks of a Zarr output into files of these lengths.",
        ),
        click.option(
            "--chunks",
            type=LengthsOption(),
            metavar="LENGTHS",
            help="Chunks of a Zarr or HDF5 output along each axis, samples first, for example "
            "16,128,128; -1, or no number, is a whole axis. Default: whole samples, or tiles, of "
            "about 4 MiB.",
        ),
    ):
        function = option(function)
    return function
