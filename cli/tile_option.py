"""The option ``--tile``: how large the parts of an image are that are computed one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Sizes = int | tuple[int, ...] | Literal["auto"]


class TileOption(click.ParamType[Sizes]):
    """``512,512``, ``512`` for every axis that is cut, or ``auto``."""

    name = "tile"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What may be given."""
        return "SIZES"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Sizes:
        """Whole numbers of 1 or more, separated by commas."""
        if not isinstance(value, str):
            converted: Sizes = value  # click converts what it has converted already
            return converted
        text = value.strip("()[] ")
        if text == "auto":
            return "auto"
        try:
            sizes = tuple(int(part) for part in text.split(","))
        except ValueError:
            self.fail(f"'{value}' is no tile; write it as 512,512, as 512, or auto", param, ctx)
        if min(sizes) < 1:
            self.fail(f"'{value}' has a size below 1", param, ctx)
        return sizes[0] if len(sizes) == 1 else sizes


def tile_option(function: F) -> F:
    """Computes images part by part."""
    return click.option(
        "--tile",
        type=TileOption(),
        help="Compute images in tiles, with the bits of the whole: positions of the first input "
        "along each axis that is cut (512,512), one number for all (512), or auto, the largest "
        "that fit into memory.",
    )(function)
