"""Keras 2's and 3's layers of several inputs as a Merge."""

from __future__ import annotations

from collections.abc import Mapping as Table

from speccompiler.loading.keras0.tree_building import added, changed, scalar
from speccompiler.loading.keras2.made import Made, Special
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import value_of, without
from speccompiler.source.tree import Mapping

_MODES = {
    "Add": "sum",
    "Subtract": "sub",
    "Multiply": "mul",
    "Average": "ave",
    "Maximum": "max",
    "Minimum": "min",
    "Concatenate": "concat",
    "Dot": "dot",
}
_ELEMENTWISE = frozenset(_MODES) - {"Concatenate", "Dot"}


def _merge(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """Since Keras 2.1 unequal shapes are broadcast."""
    span = config.span
    config = changed(config, {"axis": "concat_axis", "axes": "dot_axes"}, ())
    config = added(config, mode=scalar(_MODES[kind], span))
    if kind in _ELEMENTWISE and not reading.writer.before(2, 1):
        config = added(config, broadcast=scalar(True, span))
    if value_of(config, "normalize") is False:
        config = without(config, "normalize")
    return [Made("Merge", config)]


SPECIAL: Table[str, Special] = dict.fromkeys(_MODES, _merge)
