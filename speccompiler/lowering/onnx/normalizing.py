"""Batch, instance, layer and group normalisation, norms of vectors, and local responses."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import SCALED, response_share, response_square
from speccompiler.expressions.nodes import Binary, Call, Expression, Number, Parameter, Variable
from speccompiler.graph.ir import Combine, Map, MapWith, Node, Normalize, Operand, Pool
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.onnx.elementwise import expanded
from speccompiler.lowering.onnx.reducing import over
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Known, Value
from speccompiler.lowering.onnx.windows import channels_first, channels_last


def lower_batch_normalization(scope: Scope) -> Value:
    """By the statistics that the file holds."""
    x = scope.floats()
    channels, node = scope.channels(x)
    if scope.integer("training_mode") or not scope.integer("spatial", 1):
        raise scope.refuse("it normalises by the batch, or every value by itself")
    if scope.model.opset < 7 and not scope.integer("is_test", 1):
        raise scope.refuse("it normalises by the batch")
    shape = (channels, *(1,) * (x.rank - 2))
    names = ("the scale", "the shift", "the mean", "the variance")
    found = [scope.vector(scope.needed(i, n), channels, n) for i, n in enumerate(names, start=1)]
    operands = tuple(_beside(scope, known, shape) for known in found)
    return scope.like(x, scope.add(MapWith(_normal(_epsilon(scope)), operands), node))


def _normal(epsilon: float) -> Expression:
    """``(x - mean) / sqrt(variance + epsilon) * scale + shift``."""
    scale, shift, mean, variance = map(Parameter, range(4))
    deviation = Call("sqrt", (Binary("+", variance, Number(epsilon)),))
    normal = Binary("/", Binary("-", Variable(), mean), deviation)
    return Binary("+", Binary("*", normal, scale), shift)


def _beside(scope: Scope, known: Known, shape: tuple[int, ...]) -> Operand:
    return scope.weight(known, tuple(range(len(shape))), shape, shape)


def _epsilon(scope: Scope) -> float:
    epsilon = scope.number("epsilon", 1e-5)
    if not 0 <= epsilon < 1e30:
        raise Problem("CS269", f"'epsilon' is {epsilon:g}")
    return epsilon


def lower_instance_normalization(scope: Scope) -> Value:
    """Each channel of a sample by its own mean and variance."""
    x = scope.floats()
    channels, node = scope.channels(x)
    scale = scope.vector(scope.needed(1, "the scale"), channels, "the scale")
    shift = scope.vector(scope.needed(2, "the shift"), channels, "the shift")
    y = _normalized(scope, node, 1)
    shape = (channels, *(1,) * (x.rank - 2))
    operands = (_beside(scope, scale, shape), _beside(scope, shift, shape))
    return scope.like(x, scope.add(MapWith(SCALED, operands), y))


def _normalized(scope: Scope, x: Node, axis: int) -> Node:
    """All axes from one on, as one, have the mean 0 and the variance 1."""
    shape = x.shape
    y = scope.reshaped(x, (*shape[:axis], element_count(shape[axis:])))
    return scope.reshaped(scope.add(Normalize(_epsilon(scope), 0.0), y), shape)


def lower_group_normalization(scope: Scope) -> Value:
    """Groups of channels; scale and shift for each channel, in operator set 18 for each group."""
    x = scope.floats()
    channels, node = scope.channels(x)
    groups = scope.integer("num_groups")
    if groups < 1 or channels % groups:
        raise Problem("CS269", f"{channels} channels cannot be parted into {groups} groups")
    parted = scope.reshaped(node, (groups, channels // groups, *node.shape[1:]))
    y = scope.reshaped(_normalized(scope, parted, 1), node.shape)
    shape = (channels, *(1,) * (x.rank - 2))
    operands = []
    for index, name in ((1, "the scale"), (2, "the shift")):
        known = scope.needed(index, name)
        if known.shape == (groups,) and groups != channels:
            known = _each(known, channels // groups)
        operands.append(_beside(scope, scope.vector(known, channels, name), shape))
    return scope.like(x, scope.add(MapWith(SCALED, tuple(operands)), y))


def _each(known: Known, times: int) -> Known:
    return known.changed(f"{times} times each", lambda a: a.repeat(times))


def lower_layer_normalization(scope: Scope) -> tuple[Value, ...]:
    """All axes from ``axis`` on; scale and shift have their shape, or one that is repeated.

    The mean and one over the deviation are given too, where anything reads them.
    """
    x = scope.floats()
    axis = scope.axis(scope.integer("axis", -1), x.rank)
    if x.batch >= axis:
        raise scope.mixes(f"a mean is taken along axis {x.batch}")
    y = _normalized(scope, x.node, x.place(axis))
    scale, shift = scope.needed(1, "the scale"), scope.known(2, "the shift")
    rank = len(x.node.shape)
    operands: list[Operand] = []
    for known in (scale, shift):
        if known is None:
            operands.append(scope.numbers([0.0], (1,) * rank))
            continue
        if len(known.shape) > rank:
            raise Problem("CS269", f"a constant of shape {known.shape} does not fit")
        shape = (*(1,) * (rank - len(known.shape)), *known.shape)
        fits = all(n == 1 or n == m for n, m in zip(shape, x.node.shape, strict=True))
        if not fits:
            raise Problem("CS269", f"a constant of shape {known.shape} does not fit")
        operands.append(_beside(scope, known, shape))
    found = (scope.like(x, scope.add(MapWith(SCALED, tuple(operands)), y)),)
    return found if len(scope.node.outputs) == 1 else (*found, *_statistics(scope, x, axis))


def _statistics(scope: Scope, x: Value, axis: int) -> tuple[Value, Value]:
    axes = {x.place(a) for a in range(axis, x.rank)}
    mean = over(scope, x.node, axes, "average")
    away = scope.add(Combine("difference"), x.node, expanded(scope, mean, x.node.shape))
    variance = over(scope, scope.add(Map(parse("x * x")), away), axes, "average")
    inverse = scope.add(Map(parse(f"1 / sqrt(x + {_epsilon(scope)!r})")), variance)
    return scope.like(x, mean), scope.like(x, inverse)


def lower_lp_normalization(scope: Scope) -> Value:
    """Values divided by the norm of their vector; 0 where that is 0."""
    x = scope.floats()
    axis = scope.axis(scope.integer("axis", -1), x.rank)
    p = scope.integer("p", 2)
    if x.batch == axis or p not in {1, 2}:
        raise scope.mixes(f"a norm is taken along axis {axis}")
    y = scope.add(Map(parse("abs(x)" if p == 1 else "x * x")), x.node)
    norm = over(scope, y, {x.place(axis)}, "sum")
    norm = scope.add(
        Map(parse("where(x == 0, 1, x)" if p == 1 else "where(x == 0, 1, sqrt(x))")), norm
    )
    y = scope.add(Combine("quotient"), x.node, expanded(scope, norm, x.node.shape))
    return scope.like(x, y)


def lower_lrn(scope: Scope) -> Value:
    """``x / (bias + alpha / size * sum)**beta``: squares of ``size`` neighbouring channels."""
    x = scope.floats()
    channels, node = scope.channels(x)
    size = scope.integer("size")
    alpha, beta, k = (
        scope.number("alpha", 1e-4),
        scope.number("beta", 0.75),
        scope.number("bias", 1.0),
    )
    if not 1 <= size < 2**31 or not all(0 <= n < 1e30 for n in (alpha, beta, k)):
        raise Problem("CS269", "'size', 'alpha', 'beta' or 'bias' is out of its range")
    before, after = (size - 1) // 2, size // 2
    # Neighbours are at most all channels: more of the window sees zeros alone.
    before, after = min(before, channels - 1), min(after, channels - 1)
    window = before + after + 1
    node = channels_last(scope, node)
    spatial = node.shape[:-1]
    wide = spatial if len(spatial) == 2 else (1, element_count(spatial))
    y = scope.add(Map(response_square(1.0)), node)
    y = scope.reshaped(y, (*wide, channels, 1))
    none = ((0, 0),) * 3
    y = scope.add(Pool("average", (1, 1, window), (1, 1, 1), none, (*none[:2], (before, after))), y)
    y = scope.add(
        Map(response_share(k, alpha * window / size, beta)), scope.reshaped(y, node.shape)
    )
    return scope.like(x, channels_first(scope, scope.add(Combine("mul"), node, y)))
