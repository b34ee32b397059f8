"""Masks travel with values: who makes one, what becomes of it at each layer, and where it ends.

A mask is a node beside the value that it came with: 1 for a step that is there, 0 for one that is
not. Only recurrent layers read it, and since Keras 2.2.3 the mean over steps. The nodes of a mask
that nobody reads are taken out again, so that a model without such layers has none.

    x = Input (T, C)
    m = Mask(x)  with  Kept(x) (T,)      Masking
    a = Map(m)   with  Kept(x)           Activation: passes it on
    r = Recurrent(.., Kept(x))           LSTM: reads it
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import copysign, inf
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph import ir
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.mask_table import PASSES, READERS, drops_masks, release_of, treatment
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.schemas.model import ModelSpec


def kept_steps(b: Builder, x: ir.Node, value: float) -> ir.Node:
    """The mask of a value: which steps have anything that differs from ``value``."""
    return b.add_mask(ir.Kept(value), x)


def kept_numbers(b: Builder, x: ir.Node) -> ir.Node:
    """The mask of numbers of rows: which are not 0 (Keras 1.2.2 layers/embeddings.py:105)."""
    return kept_steps(b, b.add_mask(ir.Reshape((*x.shape, 1)), x), 0.0)


def mean_of_kept(b: Builder, x: ir.Node, mask: ir.Node) -> ir.Node:
    """``(T, C)`` to ``(C,)``: the mean over the steps that are kept; NaN where none is.

    Keras 2.2.4 layers/pooling.py:542.
    """
    steps, channels = x.shape
    column = b.add(ir.Reshape((steps, 1)), mask)
    wide = b.add(ir.Expand((steps, channels)), column)
    total = b.add(ir.GlobalPool("sum"), b.add(ir.Combine("mul"), x, wide))
    count = b.add(ir.GlobalPool("sum"), column)
    return b.add(ir.Combine("quotient"), total, b.add(ir.Expand((channels,)), count))


def in_float32(value: float) -> float:
    """The number as a float32 holds it: what a layer compares with is one."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return copysign(inf, value)


def before_call(b: Builder, layer: Layer, read: Sequence[ir.Node]) -> None:
    """CS210 for a layer that refuses the mask of what it reads.

    Where no layer would ever read the mask, as the caller says with ``b.masks_count``, a native
    spec goes on without it.
    """
    mask = next((mask for x in read if (mask := _arriving(b, x)) is not None), None)
    if mask is None or not b.masks_count:
        return
    if b.place.begins and enters_without(b):
        said = f"Layer {b.layer}_input does not support masking, but was passed an input_mask"
        raise refusal(b, layer, mask, said)
    if treatment(layer, b.semantics) == "refuses":
        raise refusal(b, layer, mask)


def _arriving(b: Builder, x: ir.Node) -> ir.Node | None:
    """The mask that a layer is given: inside of a model of TimeDistributed, that of a step."""
    if b.place.timed and x.name in b.step_masks:
        return b.step_masks[x.name].inside
    return None if b.place.timed else b.mask_of(x)


def enters_without(b: Builder) -> bool:
    """Whether a mask cannot enter a nested model: its inputs do not support masking."""
    return release_of(b.semantics.release) < PASSES["InputLayer"] and not drops_masks(
        b.semantics.release
    )


def after_call(b: Builder, layer: Layer, read: Sequence[ir.Node], value: ir.Node) -> None:
    """Let the value of a call have the mask that its layer passes on. CS211."""
    if b.place.timed and layer.class_name == "InputLayer":
        _pass_all(b, read[0], value)
        return
    match treatment(layer, b.semantics):
        case "own":
            return
        case "passes":
            b.with_mask(value, b.mask_of(read[0]))
        case "averages":
            b.with_mask(value, None)
        case "drops" | "refuses":
            b.with_mask(value, None)
            mask = b.mask_of(read[0])
            if mask is not None:
                mask_ends(b, layer, mask)


def _pass_all(b: Builder, x: ir.Node, value: ir.Node) -> None:
    """The input of a model in a TimeDistributed: its layers read what the TimeDistributed reads."""
    if x.name in b.step_masks:
        b.step_masks[value.name] = b.step_masks[x.name]
    b.with_mask(value, b.mask_of(x))


def mask_ends(b: Builder, layer: Layer, mask: ir.Node) -> None:
    """CS211 for a mask that no layer behind this one will see."""
    reason = f"Keras {b.semantics.release} drops it there"
    if not drops_masks(b.semantics.release):
        reason = (
            f"Keras {b.semantics.release} would refuse it there, and nothing that follows reads it"
        )
    b.note("CS211", f"the mask of '{mask.layer}' ends at this {layer.class_name}: {reason}")


def refusal(b: Builder, layer: Layer, mask: ir.Node, why: str | None = None) -> Problem:
    """CS210 in the words of Keras, with the closest way out."""
    kind = layer.class_name
    said = why or f"Layer {b.layer} does not support masking, but was passed an input_mask"
    return Problem(
        "CS210",
        f'Keras {b.semantics.release} refuses this {kind}: "{said}"; the mask comes from '
        f"'{mask.layer}'",
        _way_out(b, kind, mask),
    )


def _way_out(b: Builder, kind: str, mask: ir.Node) -> str:
    release = release_of(b.semantics.release)
    first = PASSES.get(kind, release)
    if release < first < (2,):
        return f"Keras {'.'.join(map(str, first))} and later pass the mask on"
    if kind == "Dense" and mask.shape:
        return "a TimeDistributed around the Dense passes the mask on"
    if any(isinstance(node.op, ir.Lookup) for node in b.nodes if node.layer == mask.layer):
        return f"write mask_zero: false in '{mask.layer}' where no recurrent layer is to skip steps"
    return (
        f"put '{mask.layer}' behind this layer, or leave it out where no recurrent layer is to "
        "skip steps"
    )


def calls_before_readers(spec: ModelSpec) -> frozenset[str]:
    """The calls whose masks may reach a layer that reads one, by way of any layers."""
    layers = spec.by_call()
    found: set[str] = set()
    for call in reversed(spec.calls):
        if call.name in found or layers[call.name].inner.class_name in READERS:
            found.add(call.name)
            found.update(call.inputs)
    return frozenset(found)


def without_unread(nodes: Sequence[ir.Node], masks: set[str]) -> list[ir.Node]:
    """The nodes but for those of masks that no other node reads."""
    if not masks:
        return list(nodes)
    read: set[str] = set()
    kept: list[ir.Node] = []
    for node in reversed(nodes):
        if node.name in masks and node.name not in read:
            continue
        kept.append(node)
        read.update(node.inputs)
    return kept[::-1]
