"""The outputs of a Winograd tile by the definition, where its values are not finite.

A NaN or an infinity then reaches the outputs whose windows see it and no others, and sums that
are infinite stay so. The tile's inputs are read a block of channels at a time into the small
zeroed patch of ``winograd``; each weight is loaded once for four outputs. Zeros around the data
are multiplied like other values, as the definition has it.
"""

from __future__ import annotations

SPREAD = 4
"""Outputs that are computed together: chains that do not wait for one another."""

_DEFINE = """

@as_written
def define(x, sample, image, h0, w0, g, f, w, as_it_is, b, bo, scratch, patch, totals):
    \"""Compute a tile of one vector of filters into the patch, with bias and relu.

    Its sums over the blocks so far wait at ``totals``.
    \"""
    @GEOMETRY
    blocks = (channels + @LANES - 1) // @LANES
    zero = splat(np.float32(0))
    last, wide = rows * columns - 1, columns + broad - 1
    for t in range(rows * columns):
        store(scratch, totals + t * @LANES, zero)
    for q in range(kd):
        z = image * sd + q * apart_d - pd
        known = z >= 0 and z < depth * repeat_d
        base = (sample * depth + z // repeat_d) * height * width * channels
        for block in range(blocks):
            first = block * @LANES
            read_patch(x, base, h0, w0, g, known, first, scratch, patch)
            for t in range(0, rows * columns, @SPREAD):
                # The last ones are computed twice where there are no more: both have the same bits.
@OUTPUTS
@BEGIN
                wo = as_it_is + (q * blocks + block) * @LANES * high * broad * @GROUP
                for k in range(min(@LANES, channels - first)):
                    for i in range(high):
                        p = patch + i * wide * @LANES + k
                        for j in range(broad):
                            weight = load(w, wo)
@TERMS
                            p += @LANES
                            wo += @GROUP
                # A block's sum by itself: chains stay short.
@TOTALS
@ADDED
    bias, floor, spoiled = load(b, bo), splat(floor_of(f[@RELU])), splat(spoiled_by(f[@RELU]))
    for t in range(rows * columns):
        value = add(load(scratch, totals + t * @LANES), bias)
        store(scratch, patch + t * @LANES, rectify(value, floor, spoiled))
"""


def definition() -> str:
    """The text of ``define``, which needs ``read_patch``."""
    text = _DEFINE
    for name, depth, line in (
        ("@OUTPUTS", 16, "t# = min(t + #, last)"),
        ("@BEGIN", 16, "p# = (t# // columns * wide + t# % columns) * @LANES\n"
                       f"{' ' * 16}s# = zero"),
        ("@TERMS", 28, "s# = fma(broadcast(scratch, p + p#), weight, s#)"),
        ("@TOTALS", 16, "o# = add(load(scratch, totals + t# * @LANES), s#)"),
        ("@ADDED", 16, "store(scratch, totals + t# * @LANES, o#)"),
    ):  # fmt: skip
        lines = [" " * depth + line.replace("#", str(i)) for i in range(SPREAD)]
        text = text.replace(name, "\n".join(lines))
    return text.replace("@SPREAD", str(SPREAD))
