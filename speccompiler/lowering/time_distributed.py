"""TimeDistributed: the inner layer's operations, with the axis of steps in front of their own.

Steps cannot be made samples, because the graph has no batch axis. They are one more spatial axis,
along which every window is 1 long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count, format_shape, same_shape
from speccompiler.lowering.builder import Builder, StepMasks
from speccompiler.lowering.step_masks import (
    given_masks,
    inner_inputs,
    lower_inner,
    with_step_masks,
)
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.time_distributed import TimeDistributed

MOST_AXES = 3
"""The most spatial axes that a kernel has."""
MOST_APART = 256
"""The most steps to which a layer is applied one by one."""


def lower_time_distributed(b: Builder, layer: TimeDistributed, *inputs: ir.Node) -> ir.Node:
    """Lower the inner layer for one step, then give its operations the axis of steps.

    Steps of steps become one axis while the inner layer is applied. CS038, CS059.
    """
    for x in inputs:
        _check_steps(layer, x)
    given = [given_masks(b, x) for x in inputs]
    y, inside = _of_steps(b, layer, inputs, given)
    return with_step_masks(b, y, given, inside)


def _of_steps(
    b: Builder, layer: TimeDistributed, inputs: Sequence[ir.Node], given: Sequence[StepMasks]
) -> tuple[ir.Node, ir.Node | None]:
    """The value, and the mask inside of its steps."""
    count = _count(inputs)
    if isinstance(layer.layer, TimeDistributed):
        return _of_steps_of_steps(b, layer.layer, inputs, given, count)
    one_step = Builder(
        b.semantics,
        b.rules,
        layer=b.layer,
        call=b.call,
        unknown=b.unknown,
        masks_count=b.masks_count,
    )
    firsts = [one_step.add(ir.Input(x.shape[1:])) for x in inputs]
    masks = inner_inputs(one_step, firsts, given)
    try:
        last = lower_inner(one_step, layer.layer, firsts)
    except Problem as problem:
        if problem.code != "CS038" or not _fits_without_steps(b, layer, inputs):
            raise
        raise _is_one_step(layer, inputs[0]) from None
    b.diagnostics += one_step.diagnostics
    inner = [node for node in one_step.nodes if not isinstance(node.op, ir.Input)]
    try:
        shapes = {node.name: node.shape for node in one_step.nodes}
        ops = [
            _with_steps(node.op, shapes[node.inputs[0]], node.shape, count, layer.layer.class_name)
            for node in inner
        ]
    except Problem:
        if not isinstance(count, int) or not 1 <= count <= MOST_APART:
            raise
        return _one_by_one(b, layer.layer, inputs, given, count)
    values = masks | {first.name: x for first, x in zip(firsts, inputs, strict=True)}
    for node, in_a_row in zip(inner, ops, strict=True):
        add = b.add_mask if node.name in one_step.of_masks else b.add
        value, *others = [values[name] for name in node.inputs]
        if isinstance(node.op, ir.Recurrent):
            others = [_turned(b, mask) for mask in others]
        for op in in_a_row:
            # A scan is turned before and after it, and reads its mask itself.
            read = [] if isinstance(op, ir.Transpose) else others
            value = add(op, value, *read)
            others = [] if read else others
        values[node.name] = value
    mask = one_step.mask_of(last)
    return values[last.name], None if mask is None else values[mask.name]


def _of_steps_of_steps(
    b: Builder,
    layer: TimeDistributed,
    inputs: Sequence[ir.Node],
    given: Sequence[StepMasks],
    count: Dim,
) -> tuple[ir.Node, ir.Node | None]:
    """A TimeDistributed of a TimeDistributed: both axes of steps become one for it."""
    joined = []
    for x, masks in zip(inputs, given, strict=True):
        one = b.add(ir.Reshape((x.shape[0] * x.shape[1], *x.shape[2:])), x)
        inside = masks.inside
        if inside is not None and len(inside.shape) > 2:
            shape = (inside.shape[0] * inside.shape[1], *inside.shape[2:])
            inside = b.add_mask(ir.Reshape(shape), inside)
            b.step_masks[one.name] = StepMasks(None, inside)
        joined.append(one)
    y = lower_time_distributed(b, layer, *joined)
    lengths = (count, inputs[0].shape[1])
    made = b.step_masks.get(y.name)
    inside = None if made is None else made.inside
    if inside is not None:
        inside = b.add_mask(ir.Reshape((*lengths, *inside.shape[1:])), inside)
    return b.add(ir.Reshape((*lengths, *y.shape[1:])), y), inside


def _turned(b: Builder, mask: ir.Node) -> ir.Node:
    """The masks of all steps with the axis that a scan goes along in front."""
    value = mask
    for axes in steps((1, 0, *range(2, len(mask.shape)))):
        value = b.add_mask(ir.Transpose(axes), value)
    return value


def _is_one_step(layer: TimeDistributed, x: ir.Node) -> Problem:
    """CS038 for an input that the inner layer takes as it is."""
    return Problem(
        "CS038",
        f"TimeDistributed applies {layer.layer.class_name} to every step, but its input "
        f"{format_shape(x.shape)} is one step",
        f"the axis of steps is missing: an input of shape {_steps_of(x)} has it; "
        "null leaves it open",
    )


def _one_by_one(
    b: Builder,
    layer: Layer,
    inputs: Sequence[ir.Node],
    given: Sequence[StepMasks],
    count: int,
) -> tuple[ir.Node, ir.Node | None]:
    """The layer applied to each step by itself, where it has no axis left for the steps.

    Each step is cut out of all, as a row, and the results are rows side by side.
    """
    said = len(b.diagnostics)
    rows, masks = [], []
    for step in range(count):
        taken = [_row(b.add, x, step, count) for x in inputs]
        for x, of_steps in zip(taken, given, strict=True):
            if of_steps.inside is not None:
                b.with_mask(x, _row(b.add_mask, of_steps.inside, step, count))
        y = lower_inner(b, layer, taken)
        rows.append(y)
        masks.append(b.mask_of(y))
    del b.diagnostics[said:]  # lowering one step has reported them already
    known = [mask for mask in masks if mask is not None]
    inside = _together(b.add_mask, known, count) if known else None
    return _together(b.add, rows, count), inside


def _together(add: Callable[..., ir.Node], parts: Sequence[ir.Node], count: int) -> ir.Node:
    """Values of the steps, one behind the other along a new first axis."""
    shape = parts[0].shape
    rows = [add(ir.Reshape((1, element_count(shape))), part) for part in parts]
    together = add(ir.Concat(0, (1,) * count), *rows) if count > 1 else rows[0]
    return add(ir.Reshape((count, *shape)), together)


def _row(add: Callable[..., ir.Node], x: ir.Node, step: int, count: int) -> ir.Node:
    rows = add(ir.Reshape((count, element_count(x.shape[1:]))), x)
    row = add(ir.Pad(((-step, step + 1 - count),)), rows)
    return add(ir.Reshape(x.shape[1:]), row)


def _check_steps(layer: TimeDistributed, x: ir.Node) -> None:
    """CS038 unless there is an axis of steps for each TimeDistributed, and one more."""
    wrappers, inner = 1, layer.layer
    while isinstance(inner, TimeDistributed):
        wrappers, inner = wrappers + 1, inner.layer
    if len(x.shape) <= wrappers:
        raise Problem(
            "CS038",
            f"TimeDistributed takes steps, but its input has shape {format_shape(x.shape)}",
            "an axis of steps comes before those of the inner layer's input: "
            f"where {format_shape(x.shape)} is one step, write {_steps_of(x)}; null leaves it open",
        )


def _steps_of(x: ir.Node) -> str:
    """The shape of a whole input of which ``x`` is one step."""
    return f"(steps, {format_shape(x.shape)[1:-1].rstrip(',')})"


def _count(inputs: Sequence[ir.Node]) -> Dim:
    """How many steps several inputs have; CS063 where they differ."""
    (count,) = same_shape([(x.shape[0],) for x in inputs])
    return count


def _fits_without_steps(b: Builder, layer: TimeDistributed, inputs: Sequence[ir.Node]) -> bool:
    """Whether the inner layer takes the whole input."""
    trial = Builder(b.semantics, b.rules, layer=b.layer, call=b.call, unknown={})
    try:
        trial.lower(layer.layer, *(trial.add(ir.Input(x.shape)) for x in inputs))
    except Problem:
        return False
    return True


def _with_steps(op: ir.Op, read: ir.Shape, made: ir.Shape, count: Dim, kind: str) -> list[ir.Op]:
    """The operations, one after the other, that do to every step what ``op`` does to one.

    ``op`` makes a value of shape ``made`` of one of shape ``read``.
    """
    match op:
        case ir.Pool(_, (1, _, _), (1, _, _), ((0, 0), *_), ((0, 0), *_)):
            return _joined(op, read, made, count)
        case ir.Conv((1, _, _), (1, _, _), ((0, 0), *_)):
            # So it is for the product of a ConvLSTM2D, whose first axis is that of its own steps.
            return _joined(op, read, made, count)
        case ir.Conv() | ir.Depthwise():
            _check_axes(len(op.kernel), kind)
            return [
                replace(
                    op,
                    kernel=(1, *op.kernel),
                    stride=(1, *op.stride),
                    padding=((0, 0), *op.padding),
                    weight=_longer(op.weight),
                    dilation=(1, *op.dilation) if op.dilation else (),
                )
            ]
        case ir.Pool():
            _check_axes(len(op.kernel), kind)
            none = (0, 0)
            return [
                replace(
                    op,
                    kernel=(1, *op.kernel),
                    stride=(1, *op.stride),
                    padding=(none, *op.padding),
                    zeros=(none, *op.zeros),
                    dilation=(1, *op.dilation) if op.dilation else (),
                )
            ]
        case ir.GlobalPool():
            return [replace(op, kept=op.kept + 1)]
        case ir.Upsample(factors):
            _check_axes(len(factors), kind)
            return [ir.Upsample((1, *factors))]
        case ir.Pad(padding):
            _check_axes(len(padding), kind)
            return [ir.Pad(((0, 0), *padding))]
        case ir.MapWith():
            return [replace(op, parameters=tuple(map(_longer, op.parameters)))]
        case ir.Reshape(shape):
            return [ir.Reshape((count, *shape))]
        case ir.Expand(shape):
            return [ir.Expand((count, *shape))]
        case ir.Slice(start, apart, counts):
            return [ir.Slice((0, *start), (1, *apart), (count, *counts))]
        case ir.Transpose(axes):
            return [ir.Transpose(a) for a in steps((0, *(axis + 1 for axis in axes)))]
        case ir.Concat(axis, lengths):
            return [ir.Concat(axis + 1, lengths)]
        case ir.Recurrent():
            return _scanned(op, made, kind)
        case ir.Dot():
            raise Problem(
                "CS059",
                f"TimeDistributed cannot apply {kind} in mode dot or cos: it would mix the steps",
                f"a known number of steps, up to {MOST_APART}, would be merged one by one",
                argument="layer",
            )
        case _:
            alike = (
                ir.Identity, ir.Map, ir.Softmax, ir.Mask, ir.Normalize, ir.BatchNormalize,
                ir.Lookup, ir.Local, ir.Combine, ir.Resize, ir.Kept,
            )  # fmt: skip
            assert isinstance(op, alike), f"{type(op).__name__} has no rule for steps"
            return [op]


def _joined(op: ir.Op, read: ir.Shape, made: ir.Shape, count: Dim) -> list[ir.Op]:
    """For an operation whose window is 1 along its first axis: steps can be more of that."""
    first, *rest = read
    return [ir.Reshape((count * first, *rest)), op, ir.Reshape((count, *made))]


def _scanned(op: ir.Recurrent, made: ir.Shape, kind: str) -> list[ir.Op]:
    """A scan of all steps at once: they are places of its state, along which its window is 1."""
    if op.carried or (op.masked and op.kernel):
        raise Problem(
            "CS059",
            f"TimeDistributed cannot apply {kind} with a mask or a state of its own to all steps",
            f"a known number of steps, up to {MOST_APART}, would be taken one by one",
            argument="layer",
        )
    _check_axes(len(op.kernel), kind)
    places = replace(
        op,
        kernel=(1, *op.kernel),
        padding=((0, 0), *op.padding),
        weight=_longer(op.weight),
    )
    turned = [ir.Transpose(a) for a in steps((1, 0, *range(2, len(made) + 1)))]
    return [*turned, places, *turned]


def _longer(operand: ir.Operand) -> ir.Operand:
    """The operand with an axis of length 1 in front, which all steps share."""
    if isinstance(operand, ir.Constant):
        return replace(operand, shape=(1, *operand.shape))
    if isinstance(operand, ir.Joined):
        parts = tuple(map(_longer, operand.parts))
        return ir.Joined(parts, operand.axis + (operand.axis >= 0))
    assert isinstance(operand, ir.Weight), "a layer's operands are not derived"
    phases = (1, *operand.phases) if operand.phases else ()
    return replace(operand, shape=(1, *operand.shape), phases=phases)


def _check_axes(rank: int, kind: str) -> None:
    if rank >= MOST_AXES:
        raise Problem(
            "CS059",
            f"TimeDistributed cannot apply {kind}: steps and its {rank} spatial axes are too many",
            f"a known number of steps, up to {MOST_APART}, would be taken one by one",
            argument="layer",
        )
