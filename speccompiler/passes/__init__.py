"""Graph to graph: each pass does one thing, and every shape is derived again after it.

The order matters, and this is why:

    drop_identities    first, so that no later pass has to look through them
    sink_transposes    brings th layers' transposes together, where they cancel
    fold_padding       needs Pad beside the convolution: after the transposes have gone
    drop_unread        what the passes before it leave behind would count as readers
    fold_upsampling    after the padding, which stands between the two in most networks
    drop_unread        as before
    fold_normalization needs MapWith beside the convolution, with no activation in between
    fuse_activations   last: needs Conv beside Map, and Map its only reader
"""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import verify
from speccompiler.passes.activations import fuse_activations
from speccompiler.passes.identities import drop_identities
from speccompiler.passes.normalization import fold_normalization
from speccompiler.passes.padding import fold_padding
from speccompiler.passes.transposes import sink_transposes
from speccompiler.passes.unread import drop_unread
from speccompiler.passes.upsampling import fold_upsampling

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    drop_identities,
    sink_transposes,
    fold_padding,
    drop_unread,
    fold_upsampling,
    drop_unread,
    fold_normalization,
    fuse_activations,
)


def optimize(graph: Graph, trace: Callable[[str, Graph], None] | None = None) -> Graph:
    """Run every pass; ``trace`` is shown each pass's name and result."""
    verify(graph)
    for step in PASSES:
        graph = step(graph)
        verify(graph)
        if trace is not None:
            trace(step.__name__, graph)
    return graph
