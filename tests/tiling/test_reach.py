"""How far a value sees is told twice: by reports, for any length, and by tiles, for one image.

A report follows the window of one position backwards; a tile asks for the box of some positions.
"""

from __future__ import annotations

from hypothesis import given

from speccompiler.graph.ir import Graph
from speccompiler.graph.receptive_fields import sights
from speccompiler.tiling.layouts import layouts_of
from speccompiler.tiling.needs import needs_of
from speccompiler.tiling.parts import whole_spans
from tests.cases import build
from tests.tiling.random_networks import Network, networks
from tests.tiling.test_random_networks import few


def seen(graph: Graph, place: int) -> tuple[int, int]:
    """The most positions that one of the output's reads along an axis, and its receptive field."""
    layouts, (name,) = layouts_of(graph), graph.outputs
    source, sight = graph.inputs[0].name, sights(graph)[name]
    ((part,), whole) = layouts.layouts[name][place], whole_spans(layouts.layouts[name])
    own = next(i for i, a in enumerate(layouts.layouts[source]) if a and a[0].root == part.root)
    most = 0
    for position in range(part.length):
        box = (*whole[:place], ((position, position + 1),), *whole[place + 1 :])
        needs = needs_of(graph, layouts, {name: box}, lambda root: True, {})
        ((first, last),) = needs[source][own]
        most = max(most, last - first)
    reach = sight.axes and sight.axes[place]
    return most, reach.receptive_field if reach else most


@few(40)
@given(network=networks())
def test_no_position_sees_more_than_its_receptive_field(network: Network) -> None:
    graph = network.model().graph
    layouts = layouts_of(graph)
    blocked = {obstacle.root for obstacle in layouts.obstacles}
    given = {axis[0].root for axis in layouts.layouts[graph.inputs[0].name] if axis} - blocked
    for place, axis in enumerate(layouts.layouts[graph.outputs[0]]):
        if len(axis) == 1 and axis[0].root in given:
            most, field = seen(graph, place)
            assert most <= field


def test_in_the_middle_of_a_long_signal_one_sees_just_that() -> None:
    layers = [
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 5, "subsample_length": 2},
        {"type": "AtrousConvolution1D", "nb_filter": 2, "filter_length": 3, "atrous_rate": 4},
        {"type": "UpSampling1D", "length": 3},
        {"type": "MaxPooling1D", "pool_length": 4, "stride": 2, "border_mode": "same"},
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 4, "border_mode": "same"},
    ]
    most, field = seen(build(layers, (200, 3)).graph, 0)
    assert most == field
