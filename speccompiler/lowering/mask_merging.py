"""The mask of what a Merge gives, from those of its inputs.

Keras 1.2.2 engine/topology.py:1509 (``maskmerge_*`` among the goldens), Keras 2.3.1
layers/merge.py:184 and :380, Keras 3.15 layers/merging/base_merge.py and concatenate.py.

    sum, mul, ave, ..    kept where every mask that there is says so; from Keras 3.4 on kept where
                         any does, and no mask as soon as an input has none
    concat, features     the same; from Keras 3.4 on an input without a mask counts as all kept
    concat, steps        the masks one after the other
    dot, cos             none
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Combine, Concat, Node
from speccompiler.graph.shapes import may_be_equal
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.mask_table import release_of
from speccompiler.lowering.masks import kept_steps, mask_ends, refusal
from speccompiler.schemas.merge import Merge

ANY_KEEPS = (3, 4)
"""The release of Keras from which one mask that keeps a step is enough."""
FIRST_WITH_ONES = (1, 0, 7)
"""The release from which concat knew a mask for an input without one."""


def merged_mask(b: Builder, layer: Merge, inputs: Sequence[Node]) -> Node | None:
    """The mask that passes on, or None. CS210 where Keras refuses, CS211 where none needs it."""
    masks = [b.mask_of(x) for x in inputs]
    known = [mask for mask in masks if mask is not None]
    if not known or layer.mode in {"dot", "cos"}:
        return None
    try:
        if layer.mode == "concat":
            return _joined(b, layer, inputs, masks, known)
        return _elementwise(b, layer, masks, known)
    except Problem:
        if b.masks_count:
            raise
        mask_ends(b, layer, known[0])
        return None


def _elementwise(
    b: Builder, layer: Merge, masks: Sequence[Node | None], known: Sequence[Node]
) -> Node | None:
    release = release_of(b.semantics.release)
    if layer.mode == "max" and release < (2,):
        raise refusal(b, layer, known[0], "Invalid merge mode: max")
    if release >= ANY_KEEPS and None in masks:
        return None
    return _together(b, layer, known)


def _together(b: Builder, layer: Merge, known: Sequence[Node]) -> Node:
    """Kept where all are, or from Keras 3.4 on where any is."""
    if not all(_may_match(known[0], mask) for mask in known):
        raise refusal(b, layer, known[0], "the masks have different shapes")
    if len(known) == 1:
        return known[0]
    any_keeps = release_of(b.semantics.release) >= ANY_KEEPS
    return b.add_mask(Combine("max" if any_keeps else "mul"), *known)


def _may_match(one: Node, other: Node) -> bool:
    """Whether two masks have one shape, or could have once the open lengths are known."""
    if len(one.shape) != len(other.shape):
        return False
    return all(may_be_equal(n, m) for n, m in zip(one.shape, other.shape, strict=True))


def _joined(
    b: Builder,
    layer: Merge,
    inputs: Sequence[Node],
    masks: Sequence[Node | None],
    known: Sequence[Node],
) -> Node | None:
    release = release_of(b.semantics.release)
    missing = None in masks
    if missing and release < FIRST_WITH_ONES:
        raise refusal(b, layer, known[0], "list indices must be integers or slices, not Tensor")
    # The shapes of what Keras joins: a mask with one more axis, or ones for an input without.
    broad = release >= ANY_KEEPS
    parts = [
        x.shape if mask is None or broad else (*mask.shape, 1)
        for x, mask in zip(inputs, masks, strict=True)
    ]
    rank = len(parts[0]) + 1
    axis = layer.concat_axis + rank if layer.concat_axis < 0 else layer.concat_axis
    fitting = all(len(part) + 1 == rank for part in parts) and 0 < axis < rank
    fitting = fitting and all(len(mask.shape) + 2 == rank for mask in known)
    if not fitting:
        raise refusal(b, layer, known[0], "the masks have other axes than the inputs")
    if axis == rank - 1:
        return None if broad and missing else _together(b, layer, known)
    if missing and not broad and any(part[-1] != 1 for part in parts):
        raise refusal(
            b, layer, known[0], "all dimensions except for the concatenation axis must match"
        )
    nan = float("nan")
    whole = [kept_steps(b, x, nan) if m is None else m for x, m in zip(inputs, masks, strict=True)]
    return b.add_mask(Concat(axis - 1, tuple(m.shape[axis - 1] for m in whole)), *whole)
