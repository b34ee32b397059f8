"""The arguments of a Merge as Keras 0.x had them."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.loading.keras0.layers import Reading
from speccompiler.loading.keras0.tree_building import added, changed, sequence
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Sequence


def merge_config(reading: Reading, config: Mapping) -> Mapping:
    """``dot_axes`` was a list of axes for each input; one axis of each is what can be summed."""
    entry = config.entries.get("dot_axes")
    if entry is None or not isinstance(entry.value, Sequence):
        return config
    pair = [list(i.items) if isinstance(i, Sequence) else [i] for i in entry.value.items]
    if text_at(config, "mode") not in {"dot", "cos"}:
        return changed(config, {}, {"dot_axes"})
    if [len(axes) for axes in pair] != [1, 1]:
        problem = Problem("CS063", "'dot_axes' sums over several axes, and a Merge sums over one")
        reading.refuse(entry.value.span, problem)
        return changed(config, {}, {"dot_axes"})
    axes = sequence(entry.value.span, [axis for (axis,) in pair])
    return added(config, dot_axes=axes)
