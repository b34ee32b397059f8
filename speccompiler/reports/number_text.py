"""Counts, sizes and durations as people read them."""

from __future__ import annotations

from speccompiler.graph.dims import Dim, format_dim


def count(value: Dim) -> str:
    """``14,714,688``; an open size as its formula."""
    return f"{value:,}" if isinstance(value, int) else format_dim(value)


def scaled(value: Dim) -> str:
    """``15.3 G`` for large counts, the number itself for small ones."""
    if not isinstance(value, int):
        return format_dim(value)
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)


def size(value: Dim) -> str:
    """``12.2 MiB``; an open size as its formula, in bytes."""
    if not isinstance(value, int):
        return f"{format_dim(value)} B"
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= bytes_:
            return f"{value / bytes_:.1f} {unit}"
    return f"{value} B"


def seconds(value: float) -> str:
    """``1.24 s``, ``31.5 ms``, ``84 us``."""
    if value >= 1:
        return f"{value:.2f} s"
    if value >= 1e-3:
        return f"{value * 1e3:.3g} ms"
    return f"{value * 1e6:.0f} us"
