"""How large a value is drawn: square roots, so that 224 rows and 7 fit on one page.

A length along an axis of an image is drawn as its square root, the longest of the picture as
``longest``; channels are as thick as the square root of their number, the most as ``thickest``.
Twice the length is 1.4 times the size. A vector is a bar as long as the square root of its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from speccompiler.drawing.units import Extent
from speccompiler.frozen import dataclass

NOTE = "Sizes are to scale by square roots: rows, columns, and channels as thickness."


@dataclass(frozen=True, slots=True)
class Size:
    """Of a drawn value: thickness along the flow, height, depth into the page."""

    thickness: float
    height: float
    depth: float
    slices: int = 1
    """Images that stand one behind the other: steps of a clip, slices of a volume."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Pixels for the square root of a length, of channels, and of a vector's length."""

    length: float
    channels: float
    vector: float
    least: float

    @staticmethod
    def of(extents: Iterable[Extent], longest: float, thickest: float, least: float) -> Scale:
        """The scale at which the largest values are as large as is said."""
        known = list(extents)
        images = [extent for extent in known if extent.spatial]
        vectors = [extent.channels for extent in known if not extent.spatial]
        lengths = [max(extent.rows, extent.columns) for extent in images]
        return Scale(
            longest / sqrt(max(lengths, default=1)),
            thickest / sqrt(max((extent.channels for extent in images), default=1)),
            longest / sqrt(max(vectors, default=1)),
            least,
        )

    def size(self, extent: Extent) -> Size:
        """The size of a value."""
        if not extent.spatial:
            return Size(self.least * 2, self._at_least(self.vector, extent.channels), 0.0)
        wide = len(extent.spatial) > 1
        return Size(
            self._at_least(self.channels, extent.channels),
            self._at_least(self.length, extent.rows),
            self._at_least(self.length, extent.columns) if wide else 0.0,
            min(extent.slices, 8),
        )

    def _at_least(self, factor: float, length: int) -> float:
        return max(self.least, factor * sqrt(length))
