"""The transforms of a Winograd tile, as text and on arrays: inputs, products, weights.

Each is a short convolution (``toom_cook``) along the height nested with one along the width,
written out as statements over vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.kernels.cpu.codegen.register_tile import VECTORS
from speccompiler.kernels.toom_cook import ShortConvolution, constants, lines
from speccompiler.kernels.winograd_tiles import short_convolutions
from speccompiler.planning.schedule import Tile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def numbered(letter: str, count: int) -> list[str]:
    """``count`` numbered names."""
    return [f"{letter}{i}" for i in range(count)]


def indented(statements: list[str], depth: int = 1) -> list[str]:
    """Statements ``depth`` levels further in."""
    return ["    " * depth + statement for statement in statements]


def _splats(*matrices: ShortConvolution, side: str) -> list[str]:
    """Statements that set the constants which the transforms name."""
    values = constants(*(getattr(matrix, side) for matrix in matrices))
    return [f"{name} = splat(np.float32({value!r}))" for name, value in values.items()]


def transform_input(down: ShortConvolution, across: ShortConvolution) -> str:
    """The text of ``transform_input``: B^T d B of a tile and vector of channels."""
    rows, columns = numbered("row", down.points), numbered("col", across.points)
    text = [f"def transform_input(x, {', '.join(rows + columns)}, first, u, uo, us):"]
    text += indented(_splats(down, across, side="input"))
    for c in range(across.points):
        text += indented([f"a{c} = first + col{c}"])
        text += indented([f"d{r} = load(x, row{r} + a{c})" for r in range(down.points)])
        made = [f"t{r}_{c}" for r in range(down.points)]
        text += indented(lines(down.input, numbered("d", down.points), made))
    for r in range(down.points):
        seen = [f"t{r}_{c}" for c in range(across.points)]
        text += indented(lines(across.input, seen, numbered("o", across.points)))
        at = r * across.points
        text += indented([f"store(u, uo + {at + c} * us, o{c})" for c in range(across.points)])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def transform_output(
    down: ShortConvolution, across: ShortConvolution, pool: tuple[int, int], finished: str
) -> str:
    """The text of ``transform_output``: A^T m A of a tile and vector of filters, bias, pooling.

    It returns whether all is finite. ``finished`` is the text of what is pooled, made of a value
    with its bias, ``{}``.
    """
    text = ["def transform_output(m, mo, ms, y, yo, yrow, ycol, b, bo):"]
    text += indented(_splats(down, across, side="output"))
    text += indented(["bias = load(b, bo)", "zero = splat(np.float32(0))"])
    for c in range(across.points):
        at = [r * across.points + c for r in range(down.points)]
        text += indented([f"d{r} = load(m, mo + {k} * ms)" for r, k in enumerate(at)])
        made = [f"t{r}_{c}" for r in range(down.outputs)]
        text += indented(lines(down.output, numbered("d", down.points), made))
    for r in range(down.outputs):
        seen = [f"t{r}_{c}" for c in range(across.points)]
        made = [f"o{r}_{c}" for c in range(across.outputs)]
        text += indented(lines(across.output, seen, made))
    names = [f"o{r}_{c}" for r in range(down.outputs) for c in range(across.outputs)]
    # Of finite values whose sum overflows, the definition is right as well.
    text += indented(sum_of(names, "seen"))
    text += indented(finished_outputs(down.outputs, across.outputs, pool, finished))
    text += indented(["seen = sub(seen, seen)", "return not any_of(not_equal(seen, seen))"])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def sum_of(names: list[str], target: str) -> list[str]:
    """Statements that add values up by pairs, which wait less for one another."""
    text: list[str] = []
    while len(names) > 1:
        pairs = list(zip(names[::2], names[1::2], strict=False))
        made = [f"e{len(text) + i}" for i in range(len(pairs))]
        text += [f"{m} = add({a}, {b})" for m, (a, b) in zip(made, pairs, strict=True)]
        names = made + names[2 * len(pairs) :]
    return [*text, f"{target} = {names[0]}"]


def finished_outputs(rows: int, columns: int, pool: tuple[int, int], finished: str) -> list[str]:
    """Statements that bring the sums ``o<row>_<column>`` of a tile to their places.

    They need ``bias``, ``zero`` and what ``store`` takes: ``y``, ``yo``, ``yrow`` and ``ycol``.
    """
    names = [f"o{r}_{c}" for r in range(rows) for c in range(columns)]
    text = [f"{name} = {finished.format(f'add({name}, bias)')}" for name in names]
    for r in range(rows // pool[0]):
        for c in range(columns // pool[1]):
            window = [
                f"o{r * pool[0] + i}_{c * pool[1] + j}"
                for i in range(pool[0])
                for j in range(pool[1])
            ]
            value = window[0]
            for name in window[1:]:
                value = f"largest({value}, {name})"
            text += [f"store(y, yo + {r} * yrow + {c} * ycol, {value})"]
    return text


def _transformed(tile: Tile) -> list[str]:
    """Statements that make ``o0`` and so on, G w G^T at each point, of ``d<row>_<column>``.

    The kernel runs them on vectors and ``transform_weights`` on arrays. Both round alike: the
    schedule decides which of them transforms the weights, and may change no bits.
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


def transform_filter(tile: Tile, lanes: int) -> str:
    """The text of ``transform_filter``: G w G^T of some channels by one group of filters."""
    down, across = short_convolutions(tile)
    group = VECTORS * lanes
    places = [(r, s) for r in range(down.taps) for s in range(across.taps)]
    text = ["def transform_filter(w, wo, channels, u, uo, us):"]
    text += indented(_splats(down, across, side="filter"))
    text += indented(["for c in range(channels):"])
    text += indented([f"for n in range(0, {group}, {lanes}):"], 2)
    text += indented(
        [f"d{r}_{s} = load(w, wo + n + {i * group})" for i, (r, s) in enumerate(places)], 3
    )
    text += indented(_transformed(tile), 3)
    text += indented([f"store(u, uo + n + {k} * us, o{k})" for k in range(tile.points)], 3)
    text += indented([f"wo += {len(places) * group}", f"uo += {group}"], 2)
    return "\n\n\n" + "\n".join(["@as_written", *text]) + "\n"


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
