"""Graph to graph: each pass does one thing, and is named as its module is.

The order matters, and this is why:

    drop_identities     first, so that no later pass has to look through them
    split_single_channels  before what folds into a Conv and not into a Depthwise
    sink_transposes     brings th layers' transposes together, where they cancel
    fold_padding        needs Pad beside the convolution: after the transposes have gone
    fold_upsampling     after the padding, which stands between the two in most networks
    keep_planes         after both, which would not find a Pad or an Upsample on planes
    fold_normalization  needs MapWith beside the convolution, with no activation in between
    fuse_activations    last: needs Conv beside Map, and Map its only reader

After each pass the nodes that no output needs any more are dropped, because they would count as
readers in the next one, and the shapes of all that is new are derived again.
"""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import verify
from speccompiler.passes.drop_identities import drop_identities
from speccompiler.passes.fold_normalization import fold_normalization
from speccompiler.passes.fold_padding import fold_padding
from speccompiler.passes.fold_upsampling import fold_upsampling
from speccompiler.passes.fuse_activations import fuse_activations
from speccompiler.passes.keep_planes import keep_planes
from speccompiler.passes.rewrite import without_dead_nodes
from speccompiler.passes.sink_transposes import sink_transposes
from speccompiler.passes.split_single_channels import split_single_channels

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    drop_identities,
    split_single_channels,
    sink_transposes,
    fold_padding,
    fold_upsampling,
    keep_planes,
    fold_normalization,
    fuse_activations,
)


def optimize(graph: Graph, trace: Callable[[str, Graph], None] | None = None) -> Graph:
    """Run every pass; ``trace`` is shown each pass's name and result."""
    verify(graph)
    for transform in PASSES:
        graph = run_pass(transform, graph)
        if trace is not None:
            trace(transform.__name__, graph)
    return graph


def run_pass(transform: Pass, graph: Graph) -> Graph:
    """What one pass makes of a graph: no dead nodes, every shape derived again."""
    after = without_dead_nodes(transform(graph))
    if after is not graph:
        verify(after, graph)
    return after
