"""Embedding and Masking (Keras 1.2.2 layers/embeddings.py, core.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Lookup, Mask, Node, Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.masks import in_float32, kept_numbers, kept_steps

if TYPE_CHECKING:
    from speccompiler.schemas.embedding import Embedding
    from speccompiler.schemas.masking import Masking


def lower_embedding(b: Builder, layer: Embedding, x: Node) -> Node:
    """Each number becomes the row of the table that it names; 0 may mark a gap. CS038.

    Samples have any axes since Keras 2.0 (2.0.2 layers/embeddings.py ``compute_output_shape``).
    """
    if len(x.shape) != 1 and not b.semantics.later_keras:
        raise Problem(
            "CS038",
            "Embedding takes samples of shape (steps,), but its input has shape "
            f"{format_shape(x.shape)}",
            "flatten the numbers first",
        )
    shape = (layer.input_dim, layer.output_dim)
    table = Weight(b.layer, "W", shape, (0, 1), shape)
    check_kernel_arguments(b, layer, table)
    mask = kept_numbers(b, x) if layer.mask_zero else None
    return b.with_mask(b.add(Lookup(table), x), mask)


def lower_masking(b: Builder, layer: Masking, x: Node) -> Node:
    """Steps whose values all equal ``mask_value`` become 0, and are masked from here on.

    A mask that came with the input is replaced (Keras 1.2.2 layers/core.py:58).
    """
    value = in_float32(layer.mask_value)
    mask = kept_steps(b, x, value)
    return b.with_mask(b.add(Mask(value), x), mask)
