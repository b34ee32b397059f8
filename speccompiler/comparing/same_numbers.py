"""Whether two models give the same numbers for random samples, where their operations differ.

Both graphs are evaluated in float64 by the definitions of the operations. What would take long is
not: an operation with much work has to stand in both graphs, with the same weights and reading the
same numbers, and random numbers then take the place of its result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from speccompiler.comparing.same_operation import ROUNDING, Side, same_operation
from speccompiler.graph import ir
from speccompiler.graph.dims import is_known, known, known_shape
from speccompiler.graph.shapes import multiply_adds
from speccompiler.lowering.states import stateful_layers
from speccompiler.passes import PASSES, run_pass
from speccompiler.passes.fuse_activations import fuse_activations
from speccompiler.validation.validated import ValidatedModel

OPEN = {1: 24, 2: 64}
"""What an open length is for samples with one or two axes beside the channels; else 16."""
MUCH = 20_000_000
"""Multiply-adds, or numbers of a result, for a sample: work that is not done."""
MOST = 40_000_000
"""Numbers of all results together: a larger model is not evaluated."""
SEED = 607
Array = Any


def give_the_same(old: ValidatedModel, new: ValidatedModel, readers: Sequence[Any]) -> bool:
    """False also where it would take too much work or memory. Raises as ``bind`` does."""
    if any(any(stateful_layers(model.spec)) for model in (old, new)):
        return False
    shapes = _shapes(old, new)
    if shapes is None:
        return False
    one, other = (
        _side(model, shapes, reader) for model, reader in zip((old, new), readers, strict=True)
    )
    numbers = max(_numbers(side.graph) for side in (one, other))
    if numbers > MOST:
        return False
    given = _samples(one, shapes, 4 if 4 * numbers < MOST else 1)
    first = _evaluated(one, given)
    second = None if first is None else _evaluated(other, given, (one, first))
    if first is None or second is None or len(one.graph.outputs) != len(other.graph.outputs):
        return False
    pairs = zip(one.graph.outputs, other.graph.outputs, strict=True)
    return all(_agree(first[name], second[partner]) for name, partner in pairs)


def _shapes(old: ValidatedModel, new: ValidatedModel) -> list[tuple[int, ...]] | None:
    """The shape of one sample of each input, that both models take."""
    inputs = [model.graph.inputs for model in (old, new)]
    pairs = list(zip(*([node.shape for node in nodes] for nodes in inputs), strict=False))
    if len(inputs[0]) != len(inputs[1]) or any(len(a) != len(b) for a, b in pairs):
        return None
    return [
        tuple(
            next((n for n in lengths if is_known(n)), OPEN.get(len(a) - 1, 16))
            for lengths in zip(a, b, strict=True)
        )
        for a, b in pairs
    ]


def _side(model: ValidatedModel, shapes: list[tuple[int, ...]], reader: Any) -> Side:
    """Simplified as for a run, but with activations as operations of their own."""
    names = [node.layer for node in model.graph.inputs]
    graph, _ = model.bind(dict(zip(names, shapes, strict=True)))
    for transform in PASSES:
        if transform is not fuse_activations:
            graph = run_pass(transform, graph)
    return Side(graph, reader, graph.by_name())


def _numbers(graph: ir.Graph) -> int:
    return sum(math.prod(map(known, node.shape)) for node in graph)


def _is_much(node: ir.Node) -> bool:
    work = max(known(multiply_adds(node)), math.prod(map(known, node.shape)))
    return work > MUCH and not isinstance(node.op, ir.Input)


def _samples(side: Side, shapes: list[tuple[int, ...]], count: int) -> list[Array]:
    """Numbers small and large; of an input that looks up rows, their indices.

    The last steps or rows of the last sample are 0, which a mask may leave out.
    """
    import numpy as np

    rng = np.random.default_rng(SEED)
    rows = _rows(side)
    found = []
    for node, shape in zip(side.graph.inputs, shapes, strict=True):
        if node.name in rows:
            x = rng.integers(0, rows[node.name], (count, *shape)).astype(np.float64)
        else:
            size = (count, *shape)
            x = rng.standard_normal(size) * 10.0 ** rng.uniform(-1, 1, size)
        if len(shape) > 1 or node.name in rows:
            x[-1, 3 * x.shape[1] // 4 :] = 0
        found.append(x.astype(np.float32).astype(np.float64))
    return found


def _rows(side: Side) -> Mapping[str, int]:
    """For each input that a Lookup reads, however it gets there: how many rows there are."""
    found: dict[str, int] = {}
    for node in side.graph:
        if isinstance(node.op, ir.Lookup):
            left = [*node.inputs]
            while left:
                before = side.nodes[left.pop()]
                left += before.inputs
                if isinstance(before.op, ir.Input):
                    rows = node.op.weight.shape[0]
                    found[before.name] = min(rows, found.get(before.name, rows))
    return found


def _evaluated(
    side: Side, given: list[Array], match: tuple[Side, Mapping[str, Array]] | None = None
) -> dict[str, Array] | None:
    """Outputs, and what operations with much work read and give, by the names of their nodes.

    None where such an operation is not found in the other graph.
    """
    import numpy as np

    from speccompiler.kernels.reference.evaluate import REFERENCE

    rng = np.random.default_rng(SEED)
    much = [node for node in side.graph if _is_much(node)]
    kept = {*side.graph.outputs, *(n for node in much for n in (node.name, *node.inputs))}
    last = {name: i for i, node in enumerate(side.graph) for name in node.inputs}
    inputs = iter(given)
    weights: dict[ir.Operand, Array] = {}
    values: dict[str, Array] = {}
    for i, node in enumerate(side.graph):
        if isinstance(node.op, ir.Input):
            values[node.name] = next(inputs)
        elif not _is_much(node):
            for operand in ir.operands(node.op):
                if operand not in weights:
                    weights[operand] = np.asarray(side.numbers(operand), np.float64)
            read = [values[name] for name in node.inputs]
            with np.errstate(all="ignore"):
                values[node.name] = REFERENCE[type(node.op)](node.op, weights, *read)
        elif match is None:
            size = (len(given[0]), *known_shape(node.shape))
            values[node.name] = rng.standard_normal(size, np.float32)
        else:
            result = _found(side, node, values, *match)
            if result is None:
                return None
            values[node.name] = result
        for name in node.inputs:
            if last[name] == i and name not in kept:
                values.pop(name, None)
    return values


def _found(
    side: Side,
    node: ir.Node,
    values: Mapping[str, Array],
    other: Side,
    others: Mapping[str, Array],
) -> Array | None:
    """What stands for the result of the same operation that reads the same in the other graph."""
    for match in other.graph:
        if (
            _is_much(match)
            and len(match.inputs) == len(node.inputs)
            and same_operation(other, side, match, node)
            and all(
                _agree(others[a], values[b]) for a, b in zip(match.inputs, node.inputs, strict=True)
            )
        ):
            return others[match.name]
    return None


def _agree(value: Array, match: Array) -> bool:
    """Sample by sample, but for rounding; numbers that are not finite show nothing."""
    import numpy as np

    if value.shape != match.shape or not np.isfinite(value).all():
        return False
    axes = tuple(range(1, value.ndim))
    most = np.abs(value).max(axis=axes, keepdims=True, initial=0)
    return bool((np.abs(value - match) <= ROUNDING * most).all())
