"""What spatial layers share: their rank, their ordering, and what a bad input is told."""

from __future__ import annotations

from typing import Literal

from speccompiler.diagnostics import Problem
from speccompiler.dims import Dim, format_dim
from speccompiler.ir import Node
from speccompiler.shapes import format_shape

AXES = {1: "(steps, channels)", 2: "(rows, columns, channels)", 3: "(dim1, dim2, dim3, channels)"}
AXES_TH = {2: "(channels, rows, columns)", 3: "(channels, dim1, dim2, dim3)"}


def check_rank(x: Node, rank: int, ordering: str, layer_type: str) -> None:
    """Raise CS038 unless ``x`` has ``rank`` spatial axes and a channel axis."""
    if len(x.shape) == rank + 1:
        return
    wanted = AXES_TH.get(rank, "") if ordering == "th" else AXES[rank]
    raise Problem(
        "CS038",
        f"{layer_type} takes samples of shape {wanted}, but its input has shape "
        f"{format_shape(x.shape)}",
        _rank_hint(len(x.shape), rank, ordering),
    )


def _rank_hint(found: int, rank: int, ordering: str) -> str:
    if found == rank + 2:
        return "a shape is given without the batch axis"
    if found == rank:
        grey = "(1, rows, columns)" if ordering == "th" and rank > 1 else "(rows, columns, 1)"
        return f"the channel axis may be missing: a grey image is {grey}"
    if found == 1:
        return "a Reshape before it can give the values their axes back"
    return (
        f"the {found - 1}-D layer of this kind would fit" if found in {2, 3, 4} else "add a Reshape"
    )


def known_channels(channels: Dim, layer_type: str) -> int:
    """The channel count of an input, which a kernel needs to be a number (CS045)."""
    if isinstance(channels, int):
        return channels
    raise Problem(
        "CS045",
        f"{layer_type} needs a known number of channels, but the channel axis of its input is "
        f"open ({format_dim(channels)})",
        "only spatial lengths may be null",
    )


def swapped(ordering: str) -> Literal["th", "tf"]:
    """The other ordering."""
    return "tf" if ordering == "th" else "th"
