"""What the text of every kernel begins with, and how numbers and names get into it.

A text is a Python module with a jitted function ``kernel``. Where it says ``@NAME``, ``fill``
puts a constant; ``@GEOMETRY`` becomes the lines that unpack ``g``, the integers of one layer.
"""

from __future__ import annotations

from collections.abc import Sequence

LINE = 16
"""float32 values of a cache line."""

HEADER = """import math

import numpy as np

from speccompiler.kernels.cpu.codegen.jit import as_written, jit
from speccompiler.kernels.cpu.codegen.simd import vectors

v = vectors(@LANES)
load, store, broadcast, splat = v.load, v.store, v.broadcast, v.splat
prefetch, prefetch_near = v.prefetch, v.prefetch_near
load_where, store_where, first_lanes = v.load_where, v.store_where, v.first_lanes
fma, maximum, largest = v.fma, v.maximum, v.largest
add, sub, mul = v.add, v.sub, v.mul
"""


def fill(text: str, fields: Sequence[str], **values: int | str) -> str:
    """Put the geometry's ``fields`` and constants into a kernel's text."""
    values["GEOMETRY"] = _unpacked(fields)
    # Longer names come first, because one may begin like another.
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"@{name}", str(values[name]))
    assert text.count("@") == text.count("@jit") + text.count("@as_written"), (
        "a constant has no value"
    )
    return text


def filled(text: str, **statements: Sequence[str]) -> str:
    """Put statements into the lines that are ``@NAME`` alone, at the indent that these have."""
    lines = []
    for line in text.split("\n"):
        name = line.strip().removeprefix("@").lower()
        if line.strip().startswith("@") and name in statements:
            indent = line[: line.index("@")]
            lines += [indent + statement for statement in statements[name]]
        else:
            lines.append(line)
    return "\n".join(lines)


def _unpacked(fields: Sequence[str]) -> str:
    """Lines that give the integers of ``g`` the names of their fields, four to a line."""
    lines = []
    for first in range(0, len(fields), 4):
        names = fields[first : first + 4]
        values = ", ".join(f"g[{first + i}]" for i in range(len(names)))
        lines.append(f"{', '.join(names)} = {values}")
    return "\n    ".join(lines)
