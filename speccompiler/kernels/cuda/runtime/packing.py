"""Weights in the order in which CUDA kernels read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from speccompiler.graph.ir import MapWith, Operand, Weight, operands
from speccompiler.kernels.cuda.kernel import EMPTY, Packed
from speccompiler.kernels.cuda.table import kernel_of
from speccompiler.planning.plan import Step
from speccompiler.weights.operands import resolve


def packed_weights(
    steps: Sequence[Step], weights: Mapping[Weight, npt.NDArray[Any]]
) -> list[Packed]:
    """Weights and bias of each step; those of a shared layer are the same arrays."""
    take = getattr(weights, "take", weights.__getitem__)
    made: dict[object, Packed] = {}
    found = []
    for step in steps:
        node, wanted = step.node, operands(step.node.op)
        if step.candidate is None or not wanted:
            found.append((EMPTY, EMPTY))
            continue
        shape = node.shape if isinstance(node.op, MapWith) else None
        key: tuple[str, tuple[Operand, ...], object] = (step.candidate.kernel, wanted, shape)
        if key not in made:
            pack = kernel_of(step.candidate).pack
            given = [resolve(one, take) for one in wanted]
            made[key] = pack(node, step.source_shape, given)
        found.append(made[key])
    return found
