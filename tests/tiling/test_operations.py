"""Boxes of operations that few layers have: groups, dilations, centres of pixels, repeated axes.

Of a random box of the output the tile's graph is computed on the reference, from just the boxes
of the inputs that it is said to need: the values are those of the whole, bit by bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.graph import ir
from speccompiler.graph.dims import known_shape
from speccompiler.graph.operands import Operand
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.tiling.layouts import Layouts, exact_factor, layouts_of
from speccompiler.tiling.needs import needs_of
from speccompiler.tiling.parts import Spans, boxes_of
from speccompiler.tiling.tile_graph import tile_graph
from speccompiler.weights.operands import resolve
from tests.kernels.graphs import graph, inputs_of, tensor, weights_of

NONE = ((0, 0),) * 2


def conv(channels: int, filters: int, **given: Any) -> ir.Conv:
    kernel = given.pop("kernel", (3, 2))
    weight = tensor("c", "W", *kernel, channels, filters)
    made = {"stride": (1, 1), "padding": ((1, 2), (0, 3)), "bias": None} | given
    return ir.Conv(kernel, weight=weight, **made)


def depthwise(channels: int, **given: Any) -> ir.Depthwise:
    weight = tensor("d", "W", 3, 3, 2, channels)
    return ir.Depthwise((3, 3), (2, 1), ((2, 1), (4, 0)), weight, **given)


POOLS = [
    ir.Pool(mode, (3, 2), (1, 2), ((1, 2), (0, 1)), ((2, 0), (-1, 1)), (2, 3))
    for mode in ("max", "average")
]
CASES = {
    "groups": graph([(11, 9, 6)], ("c", conv(2, 6, groups=3, dilation=(2, 1)))),
    "groups and repeats": graph([(7, 6, 4)], ("c", conv(2, 2, groups=2, repeats=(2, 3)))),
    "depthwise": graph([(13, 12, 3)], ("d", depthwise(3, dilation=(2, 3)))),
    "largest": graph([(13, 12, 2)], ("p", POOLS[0])),
    "mean": graph([(13, 12, 2)], ("p", POOLS[1])),
    "two by two": graph([(6, 5, 2)], ("r", ir.Resize((12, 20), True, False, True))),
    "nearest": graph([(6, 5, 2)], ("r", ir.Resize((18, 10), False, False, True))),
    "branches": graph(
        [(8, 6, 3)],
        ("r", ir.Resize((16, 12), True, False, True)),
        ("u", ir.Upsample((2, 2)), "in0"),
        ("s", ir.Combine("difference"), "r", "u"),
    ),
    "gates": graph(
        [(8, 6, 3), (1, 6, 1)],
        ("p", ir.Pool("max", (2, 1), (2, 1), NONE, NONE), "in0"),
        ("e", ir.Expand((4, 6, 3)), "in1"),
        ("s", ir.Combine("min"), "p", "e"),
    ),
}  # fmt: skip


def evaluated(made: ir.Graph, tensors: dict[Operand, Any], xs: list[Any]) -> Any:
    (value,) = run_reference(made, tensors, *xs).values()
    return value


def uncut(layouts: Layouts) -> set[int]:
    return {obstacle.root for obstacle in layouts.obstacles}


@pytest.mark.parametrize("name", CASES)
def test_a_box_is_made_of_the_boxes_that_it_needs(name: str) -> None:
    made = CASES[name]
    layouts, (output,) = layouts_of(made), made.outputs
    weights, xs = weights_of(made), inputs_of(made, batch=1)
    tensors = {o: resolve(o, weights.__getitem__) for o in made.operands()}
    whole = evaluated(made, tensors, xs)
    rng, kept = np.random.default_rng(5), uncut(layouts)
    assert any(len(axis) == 1 and axis[0].root not in kept for axis in layouts.layouts[output])
    for _ in range(25):
        box: Spans = tuple(
            tuple(
                (0, part.length) if part.root in kept else span(rng, part.length) for part in axis
            )
            for axis in layouts.layouts[output]
        )
        cut = lambda root: root not in kept  # noqa: E731
        needs = needs_of(made, layouts, {output: box}, cut, {})
        tile = tile_graph(made, layouts, needs, {output: box}, cut)
        parts = [
            x[(slice(None), *within(layouts, node.name, needs[node.name]))]
            for x, node in zip(xs, made.inputs, strict=True)
        ]
        assert [known_shape(node.shape) for node in tile.inputs] == [p.shape[1:] for p in parts]
        value = evaluated(tile, tensors, parts)
        assert np.array_equal(value, whole[(slice(None), *within(layouts, output, box))]), box


def span(rng: np.random.Generator, length: int) -> tuple[int, int]:
    first = int(rng.integers(0, length))
    return first, int(rng.integers(first, length)) + 1


def within(layouts: Layouts, name: str, box: Spans) -> list[slice]:
    return [slice(*interval) for interval in boxes_of(layouts.layouts[name], box)]


def test_parts_grow_as_the_whole_does_by_powers_of_two() -> None:
    """Other factors round centres differently, but for the nearest pixel."""
    bilinear, nearest = (ir.Resize((1, 1), b, False, True) for b in (True, False))
    assert exact_factor(bilinear, 5, 20) == 4
    assert exact_factor(bilinear, 5, 15) is None
    assert exact_factor(nearest, 5, 15) == 3
    assert exact_factor(bilinear, 5, 12) is None
    assert exact_factor(bilinear, 1 << 22, 1 << 24) is None
