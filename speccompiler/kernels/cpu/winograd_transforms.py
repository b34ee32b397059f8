"""The transforms of a Winograd tile, as text and on arrays: inputs, products, weights.

Each is a short convolution (``toom_cook``) along the height nested with one along the width. A
tile in a plane goes through a small square of vectors between the two, column by column and then
row by row: so few values are alive that they fit 16 registers. Kernels of 3 and 5 rows have six
points alike, kernels of 3, 5 and 7 places on a line have eight: one text has them all, and picks
what differs when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.kernels.toom_cook import constants, lines
from speccompiler.kernels.winograd_tiles import short_convolutions
from speccompiler.planning.schedule import Tile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PLANE_SIDE, LINE_SIDE = 6, 8
"""Points along an axis that is transformed."""

PLANE = '''
take, gather = line_map(4, 3, "input", @LANES), gathered_map(4, 3, @LANES, 0)
four, two = line_map(4, 3, "output", @LANES), line_map(2, 5, "output", @LANES)
last_four, last_two = last_map(4, 3, @LANES), last_map(2, 5, @LANES)
weigh_three, weigh_five = line_map(4, 3, "filter", @LANES), line_map(2, 5, "filter", @LANES)


@as_written
def transform_input(x, at, row_step, column_step, tall, wide, middle, mo, u, uo, us):
    """B^T d B of a tile and vector of channels."""
    for j in range(wide):
        take(x, at + j * column_step, row_step, middle, mo + j * @LANES, @SIDE * @LANES)
    for i in range(tall):
        take(middle, mo + i * @SIDE * @LANES, @LANES, u, uo + i * @SIDE * us, us)


@as_written
def gather_input(x, at, places, tall, wide, middle, mo, u, uo, us):
    """The same where rows and columns of the input repeat."""
    for j in range(wide):
        gather(x, at + places[@SIDE + j], places, middle, mo + j * @LANES, @SIDE * @LANES)
    for i in range(tall):
        take(middle, mo + i * @SIDE * @LANES, @LANES, u, uo + i * @SIDE * us, us)


@as_written
def transform_output(m, at, ms, rows, columns, wide, middle, mo, bias, floor, y, to, row, next_to):
    """A^T m A of a tile and vector of filters, bias and relu; whether all of it is finite."""
    for j in range(wide):
        if rows == 4:
            four(m, at + j * ms, @SIDE * ms, middle, mo + j * @LANES, @SIDE * @LANES)
        else:
            two(m, at + j * ms, @SIDE * ms, middle, mo + j * @LANES, @SIDE * @LANES)
    seen = splat(np.float32(0))
    for i in range(rows):
        line, place = mo + i * @SIDE * @LANES, to + i * row
        if columns == 4:
            made = last_four(middle, line, @LANES, bias, floor, y, place, next_to)
        else:
            made = last_two(middle, line, @LANES, bias, floor, y, place, next_to)
        seen = add(seen, made)
    # Of finite values whose sum overflows, the definition is right as well.
    seen = sub(seen, seen)
    return not any_of(not_equal(seen, seen))


@as_written
def transform_filter(w, wo, channels, high, broad, tall, middle, mo, u, uo, us):
    """G w G^T of some channels by one group of filters."""
    for _ in range(channels):
        for n in range(0, @GROUP, @LANES):
            for j in range(broad):
                at, to = wo + n + j * @GROUP, mo + j * @LANES
                if high == 3:
                    weigh_three(w, at, broad * @GROUP, middle, to, @SIDE * @LANES)
                else:
                    weigh_five(w, at, broad * @GROUP, middle, to, @SIDE * @LANES)
            for i in range(tall):
                at, to = mo + i * @SIDE * @LANES, uo + n + i * @SIDE * us
                if broad == 3:
                    weigh_three(middle, at, @LANES, u, to, us)
                else:
                    weigh_five(middle, at, @LANES, u, to, us)
        wo += high * broad * @GROUP
        uo += @GROUP
'''
LINE = '''
take, gather = line_map(6, 3, "input", @LANES), gathered_map(6, 3, @LANES, @SIDE)
last_six, last_four = last_map(6, 3, @LANES), last_map(4, 5, @LANES)
last_two = last_map(2, 7, @LANES)
weigh_three, weigh_five = line_map(6, 3, "filter", @LANES), line_map(4, 5, "filter", @LANES)
weigh_seven = line_map(2, 7, "filter", @LANES)


@as_written
def transform_input(x, at, row_step, column_step, tall, wide, middle, mo, u, uo, us):
    """B^T d of a tile and vector of channels."""
    take(x, at, column_step, u, uo, us)


@as_written
def gather_input(x, at, places, tall, wide, middle, mo, u, uo, us):
    """The same where columns of the input repeat."""
    gather(x, at + places[0], places, u, uo, us)


@as_written
def transform_output(m, at, ms, rows, columns, wide, middle, mo, bias, floor, y, to, row, next_to):
    """A^T m of a tile and vector of filters, bias and relu; whether all of it is finite."""
    if columns == 6:
        seen = last_six(m, at, ms, bias, floor, y, to, next_to)
    elif columns == 4:
        seen = last_four(m, at, ms, bias, floor, y, to, next_to)
    else:
        seen = last_two(m, at, ms, bias, floor, y, to, next_to)
    # Of finite values whose sum overflows, the definition is right as well.
    seen = sub(seen, seen)
    return not any_of(not_equal(seen, seen))


@as_written
def transform_filter(w, wo, channels, high, broad, tall, middle, mo, u, uo, us):
    """G w of some channels by one group of filters."""
    for _ in range(channels):
        for n in range(0, @GROUP, @LANES):
            if broad == 3:
                weigh_three(w, wo + n, @GROUP, u, uo + n, us)
            elif broad == 5:
                weigh_five(w, wo + n, @GROUP, u, uo + n, us)
            else:
                weigh_seven(w, wo + n, @GROUP, u, uo + n, us)
        wo += broad * @GROUP
        uo += @GROUP
'''


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
