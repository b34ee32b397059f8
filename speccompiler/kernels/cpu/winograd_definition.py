"""The outputs of a Winograd tile by the definition, where its values are not finite.

A NaN or an infinity then reaches the outputs whose windows see it and no others, and sums that
are infinite stay so. The tile's inputs are read a block of channels at a time into the small
zeroed patch of ``winograd``; each weight is loaded once for all outputs of the tile. Zeros around
the data are multiplied like other values, as the definition has it.
"""

from __future__ import annotations

from speccompiler.planning.schedule import Tile

HEAD = '''

@jit
def define(x, image, h0, w0, g, w, as_it_is, b, bo, scratch, patch):
    """Compute a tile of one vector of filters, up to the activation that comes after pooling."""
    @GEOMETRY@TOGETHER
    blocks = (channels + @LANES - 1) // @LANES
    bias, zero = load(b, bo), splat(np.float32(0))
'''

LOOPS = """    for q in range(kd):
        z = image % out_depth * sd + q * apart_d - pd
        known = z >= 0 and z < depth * repeat_d
        base = (image // out_depth * depth + z // repeat_d) * height * width * channels
        for block in range(blocks):
            first = block * @LANES
            read_patch(x, base, h0, w0, apart_h, apart_w, height if known else 0, width, channels,
                       first, repeat_h, repeat_w, scratch, patch)
@BEGIN            for k in range(min(@LANES, channels - first)):
                wo = as_it_is + ((q * blocks + block) * @LANES + k) * @TAPS * @GROUP
                for i in range(@HIGH):
                    for j in range(@BROAD):
                        weight = load(w, wo)
                        p = patch + (i * @WIDE + j) * @LANES + k
@TERMS                        wo += @GROUP
@ADDED"""

PLACES = """    y, yo, yrow, ycol = scratch, patch, @POOLED_COLUMNS * @LANES, @LANES
"""


def definition(tile: Tile, finished: list[str]) -> str:
    """The text of ``define``; ``finished`` are the statements that bring sums to their places."""
    places = [(r, c) for r in range(tile.rows) for c in range(tile.columns)]
    terms = [
        f"s{r}_{c} = fma(broadcast(scratch, p + {r * tile.wide + c} * @LANES), weight, s{r}_{c})"
        for r, c in places
    ]
    loops = LOOPS
    for name, depth, lines in (
        ("@BEGIN", 12, [f"s{r}_{c} = zero" for r, c in places]),
        ("@TERMS", 24, terms),
        # A block's sum by itself: chains stay short.
        ("@ADDED", 12, [f"o{r}_{c} = add(o{r}_{c}, s{r}_{c})" for r, c in places]),
    ):
        loops = loops.replace(name, "".join(f"{' ' * depth}{line}\n" for line in lines))
    begin = [f"    o{r}_{c} = zero" for r, c in places]
    end = [f"    {line}" for line in finished]
    text = HEAD + "\n".join(begin) + "\n" + loops + PLACES + "\n".join(end) + "\n"
    return text.replace("@HIGH", str(tile.kernel[0])).replace("@BROAD", str(tile.kernel[1]))
