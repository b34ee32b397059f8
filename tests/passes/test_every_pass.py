"""Every pass of ``PASSES`` on a graph where it has something to do: before, after, the values.

A new pass joins by a case here. The reference target, which runs both graphs, judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from speccompiler import passes
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.graph import ir
from speccompiler.graph.shapes import verify
from speccompiler.passes import PASSES, Pass, run_pass
from tests.completeness import assert_rows
from tests.passes.small_graphs import (
    FIRST,
    IMAGE,
    LAST,
    RELU,
    SOURCE,
    assert_same_values,
    conv,
    graph,
)


@dataclass(frozen=True)
class Case:
    """A graph before and after one pass."""

    before: ir.Graph
    after: ir.Graph


POINTWISE = conv(kernel=(1, 1))
SCALE = ir.Weight("n", "gamma", (2,), (0,), (1, 2))
SHIFT = ir.Weight("n", "beta", (2,), (0,), (1, 2))
AFFINE = Binary("+", Binary("*", Variable(), Parameter(0)), Parameter(1))
IMAGE_POOL = ir.Pool("max", (2, 2), (2, 2), ((0, 0), (0, 0)), ((0, 0), (0, 0)))
PLANE_POOL = ir.Pool("max", (1, 2, 2), (1, 2, 2), ((0, 0),) * 3, ((0, 0),) * 3)
FOLDED = ir.Conv(
    (3,),
    (1,),
    ((0, 0),),
    ir.Derived(Binary("*", Parameter(0), Parameter(1)), (conv().weight, SCALE, SHIFT), (3, 2, 2)),
    ir.Derived(
        Binary("+", Binary("*", Parameter(0), Parameter(1)), Parameter(2)),
        (conv().bias, SCALE, SHIFT),
        (2,),
    ),
)

THREE = ("in", ir.Input((7, 3)))


def _tensor(name: str, *shape: int) -> ir.Weight:
    return ir.Weight("c", name, shape, tuple(range(len(shape))), shape)


ONES = ir.Conv((3,), (1,), ((1, 1),), _tensor("W", 3, 1, 3), _tensor("b", 3), groups=3)
DEPTHWISE = ir.Depthwise((3,), (1,), ((1, 1),), ONES.weight, (), ONES.bias)
PAIRS = ir.Conv(
    (2,), (1,), ((0, 0),), _tensor("V", 2, 1, 6), _tensor("v", 6), RELU.activation,
    dilation=(2,), groups=3,
)  # fmt: skip
TWO_EACH = ir.Depthwise(
    (2,),
    (1,),
    ((0, 0),),
    ir.Weight("c", "V", (2, 1, 6), (0, 1, 3, 2), (2, 2, 3), split=(2, 1, 3, 2)),
    (2,),
    ir.Weight("c", "v", (6,), (1, 0), (6,), split=(3, 2)),
    RELU.activation,
)

CASES: Mapping[str, Case] = {
    "drop_identities": Case(
        graph(SOURCE, ("c", conv(), "in"), ("i", ir.Identity(), "c"), ("m", RELU, "i")),
        graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c")),
    ),
    "split_single_channels": Case(
        graph(THREE, ("c", ONES, "in"), ("d", PAIRS, "c")),
        graph(THREE, ("c", DEPTHWISE, "in"),
              ("d:depthwise", TWO_EACH, "c"), ("d:reshape", ir.Reshape((5, 2, 3)), "d:depthwise"),
              ("d:transpose", ir.Transpose((0, 2, 1)), "d:reshape"),
              ("d", ir.Reshape((5, 6)), "d:transpose")),
    ),
    "sink_transposes": Case(
        graph(IMAGE, ("a", LAST, "in"), ("c", POINTWISE, "a"), ("f", FIRST, "c"), ("m", RELU, "f"),
              ("l", LAST, "m"), ("d", POINTWISE, "l")),
        graph(IMAGE, ("a", LAST, "in"), ("c", POINTWISE, "a"), ("m:map", RELU, "c"),
              ("d", POINTWISE, "m:map")),
    ),
    "fold_padding": Case(
        graph(SOURCE, ("p", ir.Pad(((1, 2),)), "in"), ("c", conv(), "p")),
        graph(SOURCE, ("c", conv(padding=((1, 2),)), "in")),
    ),
    "fold_upsampling": Case(
        graph(SOURCE, ("u", ir.Upsample((2,)), "in"), ("c", conv(), "u")),
        graph(SOURCE, ("c", replace(conv(), repeats=(2,)), "in")),
    ),
    "keep_planes": Case(
        graph(IMAGE, ("t", LAST, "in"), ("p", IMAGE_POOL, "t"), ("c", POINTWISE, "p"),
              ("g", ir.GlobalPool("max"), "t"), ("u", ir.Upsample((2, 3)), "p"),
              ("f", FIRST, "u"), outputs=("c", "g", "f")),
        graph(IMAGE,
              ("p:reshape", ir.Reshape((2, 5, 4, 1)), "in"), ("p:pool", PLANE_POOL, "p:reshape"),
              ("p:reshape'", ir.Reshape((2, 2, 2)), "p:pool"), ("p", LAST, "p:reshape'"),
              ("c", POINTWISE, "p"),
              ("g:reshape", ir.Reshape((2, 5, 4, 1)), "in"),
              ("g:globalpool", ir.GlobalPool("max", 1), "g:reshape"),
              ("g", ir.Reshape((2,)), "g:globalpool"),
              ("u:reshape", ir.Reshape((2, 2, 2, 1)), "p:reshape'"),
              ("u:upsample", ir.Upsample((1, 2, 3)), "u:reshape"),
              ("f", ir.Reshape((2, 4, 6)), "u:upsample"), outputs=("c", "g", "f")),
    ),
    "fold_normalization": Case(
        graph(SOURCE, ("c", conv(), "in"), ("n", ir.MapWith(AFFINE, (SCALE, SHIFT)), "c")),
        graph(SOURCE, ("n", FOLDED, "in")),
    ),
    "fuse_activations": Case(
        graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c")),
        graph(SOURCE, ("m", replace(conv(), activation=ACTIVATIONS["relu"]), "in")),
    ),
}  # fmt: skip


def test_every_pass_has_a_case_and_a_module_of_its_name() -> None:
    names = [step.__name__ for step in PASSES]
    assert_rows("CASES (tests/passes/test_every_pass.py)", CASES, names)
    assert list(CASES) == names, "cases stand in the order of PASSES"
    for step in PASSES:
        assert step.__module__ == f"speccompiler.passes.{step.__name__}"
        assert step.__doc__ is not None
        assert "->" in step.__doc__, f"{step.__name__} shows no graph before and after"
        assert passes.__doc__ is not None
        assert f"    {step.__name__} " in passes.__doc__, f"{step.__name__}: why it stands there"


@pytest.mark.parametrize("step", PASSES, ids=lambda step: step.__name__)
def test_a_pass_changes_the_graph_and_no_value(step: Pass) -> None:
    case = CASES[step.__name__]
    made = run_pass(step, case.before)
    assert made == replace_layers(case.after, made)
    assert_same_values(case.before, made)
    assert run_pass(step, made) == made


def replace_layers(wanted: ir.Graph, made: ir.Graph) -> ir.Graph:
    """The graph with the layers that another says: rows do not say them."""
    layers = {node.name: node.layer for node in made}
    nodes = tuple(replace(n, layer=layers.get(n.name, n.layer)) for n in wanted)
    return ir.Graph(nodes, wanted.outputs)


def leaves_a_dead_node(made: ir.Graph) -> ir.Graph:
    """A pass that adds what nothing reads."""
    first = made.nodes[0]
    dead = ir.Node("dead", RELU, (first.name,), first.shape, first.layer)
    return ir.Graph((*made.nodes, dead), made.outputs)


def test_dead_nodes_are_dropped_after_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    made = graph(SOURCE, ("c", conv(), "in"))
    verify(leaves_a_dead_node(made))
    assert run_pass(leaves_a_dead_node, made) == made
    monkeypatch.setattr(passes, "PASSES", (leaves_a_dead_node, leaves_a_dead_node))
    seen: list[ir.Graph] = []
    assert passes.optimize(made, lambda _, result: seen.append(result)) == made
    assert seen == [made, made]
