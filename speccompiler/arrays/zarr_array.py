"""What a Zarr array is made by: its shape, how its values are stored, what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.arrays.chunk_layout import ChunkLayout
from speccompiler.frozen import dataclass

ATTRIBUTE = "convspec"
"""The array's attribute under which everything stands that convspec says of it."""


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """What is made: how the values are stored, and what is said of them."""

    shape: tuple[int, ...]
    layout: ChunkLayout
    attributes: Mapping[str, Any]
    """Under ``ATTRIBUTE``; plain data."""
    dimension_names: tuple[str, ...] | None = None
