"""The weights of layers with a kernel and a bias: their stored layouts, flipped or not."""

from __future__ import annotations

from speccompiler.graph.ir import Weight
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import layout_of
from speccompiler.schemas.fields import Layer, argument


def kernel_layout(
    layer: Layer, spatial: tuple[int, ...], channels: int, filters: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which Keras stores a kernel, and the axes that make it (*spatial, C, F) of it.

    'tf' stores ``(*spatial, channels, filters)``, 'th' ``(filters, channels, *spatial)``.
    """
    rank = len(spatial)
    if stored_ordering(layer) == "tf":
        return (*spatial, channels, filters), tuple(range(rank + 2))
    return (filters, channels, *spatial), (*range(2, rank + 2), 1, 0)


def stored_ordering(layer: Layer) -> str:
    """The ordering in which the layer's kernels are stored: its own unless it says another.

    Kernels that are fused are Keras 2's, which stores them as 'tf' does.
    """
    if argument(layer.inner, "fused"):
        return "tf"
    said = argument(layer.inner, "kernel_ordering")
    return layout_of(layer) if said in {None, "default"} else str(said)


def reverses(b: Builder, spatial: tuple[int, ...]) -> bool:
    """Whether the kernel is reversed, because the semantics convolve as Theano does."""
    return b.semantics.kernel == "convolve" and any(k > 1 for k in spatial)


def bias_of(b: Builder, filters: int, has_bias: bool) -> Weight | None:
    """One value for each filter, where the layer has a bias."""
    return Weight(b.layer, "b", (filters,), (0,), (filters,)) if has_bias else None
