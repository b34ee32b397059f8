"""Masks and TimeDistributed: that of the axis of steps, and those inside of each step.

Keras 1.x passes the mask of the steps on and gives the inner layer none (1.2.2
layers/wrappers.py:86). A model that is applied to every step makes masks of its own, which travel
inside of it: here its layers stand one by one, each in a TimeDistributed, with the masks inside
of the steps beside those of the steps. From Keras 2.1.6 on the inner layer is given what the mask
says of its step, and its own mask is what TimeDistributed passes on (2.2.4
layers/wrappers.py:96-217); Keras 3 gives it too, and passes the mask of the steps on.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.graph import ir
from speccompiler.lowering.builder import Builder, StepMasks
from speccompiler.lowering.mask_table import READERS, release_of, treatment
from speccompiler.lowering.masks import after_call, before_call, refusal
from speccompiler.schemas.fields import Layer

HANDS_ON = (2, 1, 6)
"""The release from which an inner layer is given the mask of its step."""
PASSES_ITS_OWN = (3,)
"""The release from which the mask of the steps is passed on whatever the inner layer does."""
NO_MASKS = StepMasks(None, None)


def given_masks(b: Builder, x: ir.Node) -> StepMasks:
    """The masks that a TimeDistributed has of its input."""
    if b.place.timed and x.name in b.step_masks:
        return b.step_masks[x.name]
    outer = b.mask_of(x)
    handed = outer if release_of(b.semantics.release) >= HANDS_ON else None
    return StepMasks(outer, handed)


def with_step_masks(
    b: Builder, y: ir.Node, given: Sequence[StepMasks], inside: ir.Node | None
) -> ir.Node:
    """The value of a TimeDistributed with the mask that it passes on.

    ``inside`` is the mask of the inner layer's value, with the axis of steps in front.
    """
    outer = next((masks.outer for masks in given if masks.outer is not None), None)
    if outer is None and inside is None:
        return y
    if any(y.name == node.name for node in b.nodes) and y.layer != b.call:
        y = b.add(ir.Identity(), y)
    b.step_masks[y.name] = StepMasks(outer, inside)
    seen = outer
    if HANDS_ON <= release_of(b.semantics.release) < PASSES_ITS_OWN:
        seen = inside if inside is not None or outer is None else any_of(b, outer)
    return b.with_mask(y, seen)


def any_of(b: Builder, mask: ir.Node) -> ir.Node:
    """Whether anything of a step is kept: a mask of the first axis alone."""
    if len(mask.shape) < 2:
        return mask
    apart = b.add_mask(ir.Reshape((*mask.shape, 1)), mask)
    pooled = b.add_mask(ir.GlobalPool("max", 1), apart)
    return b.add_mask(ir.Reshape(mask.shape[:1]), pooled)


def inner_inputs(
    one_step: Builder, firsts: Sequence[ir.Node], given: Sequence[StepMasks]
) -> dict[str, ir.Node]:
    """Give each input of the inner layer the mask of a step; the masks of all steps by its node."""
    found = {}
    for first, masks in zip(firsts, given, strict=True):
        if masks.inside is not None:
            node = one_step.add_mask(ir.Input(masks.inside.shape[1:]))
            one_step.with_mask(first, node)
            found[node.name] = masks.inside
    return found


def lower_inner(b: Builder, layer: Layer, inputs: Sequence[ir.Node]) -> ir.Node:
    """The value of an inner layer, with the mask that it passes on. CS210."""
    before_call(b, layer, inputs)
    mask = b.mask_of(inputs[0])
    if mask is not None and not mask.shape and reads_masks(b, layer):
        raise refusal(b, layer, mask, "the mask has no axis of the steps of this layer")
    value = b.lower(layer, *inputs)
    after_call(b, layer, inputs, value)
    return value


def reads_masks(b: Builder, layer: Layer) -> bool:
    """Whether a mask changes what a layer computes."""
    return layer.class_name in READERS or treatment(layer, b.semantics) == "averages"
