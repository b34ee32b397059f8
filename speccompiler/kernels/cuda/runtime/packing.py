"""Weights in the order in which CUDA kernels read them: filters side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.graph.ir import MapWith, Operand, Weight, operands
from speccompiler.kernels.axes import parameter_axes
from speccompiler.kernels.cuda import winograd
from speccompiler.kernels.cuda.choices import winograd_tile
from speccompiler.planning.candidate import known
from speccompiler.planning.plan import Step
from speccompiler.weights.operands import resolve

Array = npt.NDArray[np.float32]
Given = Sequence[npt.NDArray[Any]]
EMPTY = np.zeros(0, np.float32)


def packed_weights(
    steps: Sequence[Step], weights: Mapping[Weight, npt.NDArray[Any]]
) -> list[tuple[Array, Array]]:
    """Weights and bias of each step; those of a shared layer are the same arrays."""
    take = getattr(weights, "take", weights.__getitem__)
    made: dict[object, tuple[Array, Array]] = {}
    found = []
    for step in steps:
        node, wanted = step.node, operands(step.node.op)
        if step.candidate is None or not wanted:
            found.append((EMPTY, EMPTY))
            continue
        shape = node.shape if isinstance(node.op, MapWith) else None
        key: tuple[str, tuple[Operand, ...], object] = (step.candidate.kernel, wanted, shape)
        if key not in made:
            pack = _PACKED[step.candidate.kernel]
            made[key] = pack(step, [resolve(one, take) for one in wanted])
        found.append(made[key])
    return found


def _pack_product(step: Step, given: Given) -> tuple[Array, Array]:
    """(terms, filters), or with points in front, and the bias: filters by fours."""
    weight, *bias = given
    filters = weight.shape[-1]
    missing = -filters % 4
    rows = weight.reshape(-1, filters)
    packed = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, missing))), np.float32)
    padded = np.zeros(filters + missing, np.float32)
    if bias:
        padded[:filters] = bias[0]
    return packed.reshape(-1), padded


def _pack_winograd(step: Step, given: Given) -> tuple[Array, Array]:
    weight, *bias = given
    tile = winograd_tile(step.node, step.source_shape)
    assert tile is not None, f"{step.node.name} has no tile"
    taps = weight.shape[0] if weight.ndim == 5 else 1
    whole = weight.reshape(taps, *tile.kernel, *weight.shape[-2:]).astype(np.float64)
    packed, added = _pack_product(
        step, [winograd.transform_weights(whole.transpose(1, 2, 0, 3, 4), tile), *bias]
    )
    # Behind the bias, for tiles that are computed by the definition.
    as_it_is = np.ascontiguousarray(whole, np.float32).reshape(-1)
    return packed, np.concatenate([added, as_it_is])


def _pack_parameters(step: Step, given: Given) -> tuple[Array, Array]:
    """One period of each parameter after another."""
    first = parameter_axes(step.node)
    shape = known(step.node)[first:]
    periods = [np.broadcast_to(p.reshape(p.shape[first:]), shape).reshape(-1) for p in given]
    return np.concatenate(periods, dtype=np.float32, casting="same_kind"), EMPTY


def _pack_as_it_is(step: Step, given: Given) -> tuple[Array, Array]:
    weight, *bias = (np.ascontiguousarray(array, np.float32).reshape(-1) for array in given)
    return weight, bias[0] if bias else EMPTY


_PACKED: Mapping[str, Callable[[Step, Given], tuple[Array, Array]]] = {
    "gemm": _pack_product,
    "winograd": _pack_winograd,
    "map_with": _pack_parameters,
    "depthwise": _pack_as_it_is,
    "local": _pack_as_it_is,
    "lookup": _pack_as_it_is,
}
"""Kernels that read more than values."""
