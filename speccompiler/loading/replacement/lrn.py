"""The answer for a custom class with the name of an LRN: LRN2D with the arguments in its config.

Keras 1.0 dropped its LRN2D, and people took the class along, most often with the same arguments.
"""

from __future__ import annotations

import math
import re

from speccompiler.source.tree import Mapping, Scalar

NOTE = "LRN2D's formula by its arguments; where its code divides alpha by n, divide it here too"
_NAMES = re.compile(
    r"lrn_?(layer)?(2d)?|local_?response_?normali[sz]ation(2d)?|cross_?channel_?normali[sz]ation",
    re.IGNORECASE,
)


def lrn_answer(kind: str, arguments: Mapping) -> str | None:
    """``{type: LRN2D, alpha: 0.0001, k: 2, beta: 0.75, n: 5}``; None where it does not fit."""
    if not _NAMES.fullmatch(kind):
        return None
    parts = ["type: LRN2D"]
    for name in ("alpha", "k", "beta", "n"):
        entry = arguments.entries.get(name)
        if entry is None:
            continue
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not math.isfinite(value) or not 0 <= value <= 1e30:
            return None
        if name == "n":
            if value != int(value) or value % 2 == 0:
                return None
            value = int(value)
        parts.append(f"{name}: {value!r}")
    return "{" + ", ".join(parts) + "}"
