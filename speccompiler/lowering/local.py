"""LocallyConnected1D and 2D (Keras 1.2.2 layers/local.py)."""

from __future__ import annotations

from math import prod

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Local, Node, UnsharedPlaces, Weight
from speccompiler.graph.padding import window_count
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.activations import activated
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import (
    known_channels,
    layout_of,
    own_ordering,
    spatial_input,
)
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.schemas.local import LocallyConnected1D, LocallyConnected2D


def lower_locally_connected(
    b: Builder, layer: LocallyConnected1D | LocallyConnected2D, x: Node
) -> Node:
    """Weights for every position, so that all lengths have to be known (CS045); never reversed."""
    if isinstance(layer, LocallyConnected1D):
        kernel: tuple[int, ...] = (layer.filter_length,)
        stride: tuple[int, ...] = (layer.subsample_length,)
    else:
        kernel, stride = (layer.nb_row, layer.nb_col), layer.subsample
    rank = layer.rank
    x = spatial_input(b, layer, x)
    channels, filters = known_channels(b, layer, x), layer.nb_filter
    counts = [
        window_count(n, k, s, 0, 0) for n, k, s in zip(x.shape[:-1], kernel, stride, strict=True)
    ]
    out = tuple(count for count in counts if isinstance(count, int))
    if len(out) != rank:
        raise Problem(
            "CS045",
            f"{layer.type} has weights for every position, but lengths of its input "
            f"{format_shape(x.shape)} are open",
            "give the whole shape of the input",
        )
    positions = prod(max(n, 0) for n in out)
    features = prod(kernel) * channels
    tf, shape = layout_of(layer) == "tf", (positions, *kernel, channels, filters)
    weight = Weight(
        b.layer,
        "W",
        (positions, features, filters),
        (0, 1, 2) if tf else (0, 2, 3, 1, 4),
        shape,
        split=() if tf else (positions, channels, *kernel, filters),
        variants=UnsharedPlaces(
            tuple(n for n in x.shape[:-1] if isinstance(n, int)), kernel, stride, not tf
        ),
    )
    bias = None
    if layer.bias:
        # Under 'th' too Keras stores (rows, columns, filters), but it reads these numbers in the
        # same order as (filters, rows, columns): local.py:319 and :399, since 1.0.6.
        bias = Weight(
            b.layer,
            "b",
            (*out, filters),
            tuple(range(rank + 1)) if tf else (*range(1, rank + 1), 0),
            (positions, filters),
            split=() if tf else (filters, *out),
            variants="" if tf else "split",
        )
    y = b.add(Local(kernel, stride, weight, bias), x)
    check_kernel_arguments(b, layer, weight, bias)
    return own_ordering(b, layer, activated(b, y, layer.activation))
