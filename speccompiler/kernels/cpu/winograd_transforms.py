"""The transform of Winograd's weights on arrays: as the kernel does it, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.kernels.toom_cook import constants, lines
from speccompiler.kernels.winograd_tiles import short_convolutions
from speccompiler.planning.schedule import Tile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def _transformed(tile: Tile) -> list[str]:
    """Statements that make ``o0`` and so on, G w G^T at each point, of ``d<row>_<column>``.

    The kernel runs the same statements on vectors. Both round alike: the schedule decides which of
    them transforms the weights, and may change no bits.
    """
    down, across = short_convolutions(tile)
    text: list[str] = []
    for s in range(across.taps):
        seen = [f"d{r}_{s}" for r in range(down.taps)]
        text += lines(down.filter, seen, [f"t{p}_{s}" for p in range(down.points)], fused=False)
    for p in range(down.points):
        seen = [f"t{p}_{s}" for s in range(across.taps)]
        made = [f"o{p * across.points + k}" for k in range(across.points)]
        text += lines(across.filter, seen, made, fused=False)
    return text


def transform_weights(weight: npt.NDArray[np.float32], tile: Tile) -> npt.NDArray[np.float32]:
    """(KH, KW, ...) as (points, ...): G w G^T, with the bits that the kernel would make."""
    import numpy as np

    down, across = short_convolutions(tile)
    values: dict[str, Any] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
    for name, value in constants(down.filter, across.filter).items():
        values[name] = np.float32(value)
    for r, s in np.ndindex(down.taps, across.taps):
        values[f"d{r}_{s}"] = weight[r, s]
    # The kernel's own statements, made by us from a table: nothing of a user's is in them.
    with np.errstate(all="ignore"):
        exec("\n".join(_transformed(tile)), values)
    return np.stack([values[f"o{k}"] for k in range(tile.points)])
