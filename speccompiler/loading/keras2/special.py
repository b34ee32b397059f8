"""Layers of Keras 2 and 3 that need more than other names, by their classes."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.loading.keras2 import convolutions, merges, others, recurrent, windows
from speccompiler.loading.keras2.made import Special

SPECIAL: Mapping[str, Special] = {
    **convolutions.SPECIAL,
    **windows.SPECIAL,
    **merges.SPECIAL,
    **recurrent.SPECIAL,
    **others.SPECIAL,
}
