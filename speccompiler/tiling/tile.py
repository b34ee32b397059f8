"""One tile: a part of each output, and the parts of the inputs that it is computed from."""

from __future__ import annotations

from speccompiler.arrays.boxes import Box
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Tile:
    """Boxes of one sample, without the samples' axis."""

    inputs: tuple[Box, ...]
    """Of each input of the model, halo and all, within the input."""
    outputs: tuple[Box, ...]
    """Of each output that a run gives. The tiles' boxes cover every output exactly once."""
