"""CS180 to CS182: tiles."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS180": Code(
        "a layer that needs all positions",
        "In tiles, a part of the output is computed from a part of the image: with the halo that "
        "its windows reach, the numbers are those of the whole. A layer that adds up, pools or "
        "normalises over a whole axis, or has weights of its own at every position, has no such "
        "part along that axis.",
        "Leave that axis whole, with a tile as long as the axis, as the hint says. Where every "
        "axis is needed as a whole, run without tiles.",
    ),
    "CS181": Code(
        "nothing to cut",
        "Tiles cut the axes of the first input that are not channels: an image's rows and columns, "
        "the steps of a signal. This input has none.",
        "Run it without tiles: a batch holds as many samples as fit into memory.",
    ),
    "CS182": Code(
        "no such tile",
        "A tile counts positions of the first input along each axis that is cut, in the order of "
        "the input's axes without its channels.",
        "Give as many sizes as the message says, one number for all axes, or 'auto' for the "
        "largest tiles that fit into memory.",
        Kind.IO,
    ),
}
