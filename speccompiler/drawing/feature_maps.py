"""What a layer gives for one sample as a picture: a small map for each channel, in a grid.

Values become colours of viridis, dark for the least and light for the largest of a map; what is
not finite is magenta, and a map of one value is of its middle colour. An image is a map for each
channel; of steps or slices in front of it the middle one is shown. A sequence is a strip for each
channel, from the first step on the left to the last. A vector is a row of squares, wrapped.
"""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass

Range = Literal["map", "layer"]
Array = npt.NDArray[Any]
SMALLEST, LARGEST = 64, 320
"""A side of a map in pixels: small ones are enlarged, large ones reduced."""
STRIP = 12
SQUARE = 16
ACROSS = 32
"""Values of a vector in a row."""
WIDEST = 2048
GAP = 2
NOT_FINITE = (255, 0, 255)
BETWEEN = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """A grid of maps, and what it shows in words."""

    pixels: npt.NDArray[np.uint8]
    """Rows, columns, red green blue."""
    words: str


def feature_maps(value: Array, channels: int | None, most: int, span: Range) -> FeatureMaps:
    """Draw the value of one sample; ``channels`` is their axis, None for the last.

    Of more channels than ``most`` only the first are drawn. ``span`` is whose least and largest
    values are the darkest and the lightest: each map's own, or those of all the layer's.
    """
    if value.ndim < 2:
        return _vector(value.reshape(-1), most)
    moved = np.moveaxis(value, value.ndim - 1 if channels is None else channels, 0)
    words = ""
    while moved.ndim > 3:
        middle = moved.shape[1] // 2
        words += f", slice {middle + 1} of {moved.shape[1]}"
        moved = moved[:, middle]
    count = len(moved)
    shown = moved[:most]
    ends = None if span == "map" else _ends(shown)
    if moved.ndim == 2:
        tiles = [_sized(_coloured(row[None], ends), STRIP, stretch=True) for row in shown]
        pixels, what = _grid(tiles, 1), f"strips of {moved.shape[1]}"
    else:
        tiles = [_sized(_coloured(image, ends), SMALLEST) for image in shown]
        pixels = _grid(tiles, _columns(tiles))
        what = f"maps of {moved.shape[1]}x{moved.shape[2]}"
    number = f"{count} {what}" if count <= most else f"{most} of {count} {what}"
    return FeatureMaps(pixels, f"{number}{words}{_range(shown)}")


def _vector(value: Array, most: int) -> FeatureMaps:
    """A square for each value; one map."""
    shown = value[: most * ACROSS]
    colours = _coloured(shown[None], None)[0]
    tiles = [np.broadcast_to(c, (SQUARE, SQUARE, 3)).astype(np.uint8) for c in colours]
    count = f"{len(shown)} of {len(value)}" if len(shown) < len(value) else f"{len(value)}"
    return FeatureMaps(_grid(tiles, ACROSS), f"{count} values{_range(shown)}")


def _ends(values: Array) -> tuple[float, float]:
    """The least and the largest of the finite values."""
    finite = values[np.isfinite(values)].astype(np.float64)
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _coloured(values: Array, ends: tuple[float, float] | None) -> npt.NDArray[np.uint8]:
    """Colours of a map; ``ends`` are its own where none are given."""
    from matplotlib import colormaps

    low, high = _ends(values) if ends is None else ends
    finite = np.isfinite(values)
    share = np.full(values.shape, 0.5)
    if high > low:
        # Halves, because the difference of two large numbers may be too large for a float.
        half = high / 2 - low / 2
        share = (np.where(finite, values, low).astype(np.float64) / 2 - low / 2) / half
    viridis: Any = colormaps["viridis"]
    table = (viridis(np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    colours = table[np.clip(share * 255, 0, 255).round().astype(int)]
    colours[~finite] = NOT_FINITE
    found: npt.NDArray[np.uint8] = colours
    return found


def _sized(
    pixels: npt.NDArray[np.uint8], smallest: int, *, stretch: bool = False
) -> npt.NDArray[np.uint8]:
    """Enlarged in whole steps, or reduced by averaging, to a size that can be looked at.

    With ``stretch`` the rows alone are enlarged to ``smallest``.
    """
    rows, columns = pixels.shape[:2]
    if stretch:
        wider = max(1, 512 // max(1, columns))
        pixels = pixels.repeat(smallest, 0).repeat(wider, 1)
        return _reduced(pixels, smallest, WIDEST)
    if not rows or not columns:
        return np.zeros((smallest, smallest, 3), np.uint8)
    factor = max(1, -(-smallest // max(rows, columns)))
    return _reduced(pixels.repeat(factor, 0).repeat(factor, 1), LARGEST, LARGEST)


def _reduced(pixels: npt.NDArray[np.uint8], rows: int, columns: int) -> npt.NDArray[np.uint8]:
    """No larger than that, in proportion."""
    share = max(pixels.shape[0] / rows, pixels.shape[1] / columns)
    if share <= 1:
        return pixels
    from PIL import Image

    height = pixels.shape[0] if pixels.shape[0] <= rows else max(1, int(pixels.shape[0] / share))
    size = (max(1, int(pixels.shape[1] / share)), height)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _columns(tiles: list[npt.NDArray[np.uint8]]) -> int:
    """So many that the grid is about as wide as it is high."""
    height, width = tiles[0].shape[:2]
    wide = int((len(tiles) * height / width) ** 0.5 + 0.99)
    return max(1, min(len(tiles), wide))


def _grid(tiles: list[npt.NDArray[np.uint8]], columns: int) -> npt.NDArray[np.uint8]:
    """Tiles of one size in rows."""
    height, width = tiles[0].shape[:2] if tiles else (1, 1)
    columns = max(1, min(columns, len(tiles)))
    rows = -(-len(tiles) // columns)
    shape = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3)
    pixels = np.empty(shape, np.uint8)
    pixels[:] = BETWEEN
    for index, tile in enumerate(tiles):
        y = GAP + index // columns * (height + GAP)
        x = GAP + index % columns * (width + GAP)
        pixels[y : y + height, x : x + width] = tile
    return pixels


def _range(values: Array) -> str:
    finite = values[np.isfinite(values)]
    text = f", {finite.min():.4g} to {finite.max():.4g}" if finite.size else ", nothing finite"
    broken = values.size - finite.size
    return f"{text}, {broken} not finite" if broken else text


def png(maps: FeatureMaps, title: str) -> bytes:
    """The picture as a file, by Pillow, which comes with the extra ``pictures``."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_itxt("Title", title)
    said.add_itxt("Description", maps.words)
    out = io.BytesIO()
    Image.fromarray(maps.pixels).save(out, "PNG", pnginfo=said)
    return out.getvalue()
