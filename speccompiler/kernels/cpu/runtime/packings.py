"""The packed weights of a model, shared by all executors that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy.typing as npt

from speccompiler.graph.ir import MapWith, Weight, operands
from speccompiler.kernels.axes import parameter_axes
from speccompiler.kernels.cpu.kernel import Array, no_values
from speccompiler.kernels.cpu.runtime.packed_weights import packed_weights
from speccompiler.kernels.cpu.table import kernel_of
from speccompiler.planning.candidate import known
from speccompiler.planning.plan import Step
from speccompiler.system.fork_lock import ForkLock


class Packing:
    """Weights and bias in the order in which some steps read them."""

    __slots__ = ("__weakref__", "b", "w")

    def __init__(self, w: Array, b: Array) -> None:
        self.w = w
        self.b = b


class Packings:
    """Each packing is there once, and no longer than an executor needs it."""

    def __init__(self, weights: Mapping[Weight, npt.NDArray[Any]], lanes: int) -> None:
        self._weights = weights
        self._lanes = lanes
        self._made: WeakValueDictionary[object, Packing] = WeakValueDictionary()
        self._lock = ForkLock()

    def of(self, step: Step) -> Packing:
        """Weights and bias of a step, packed unless they are there. Raises ``Problem``."""
        node, candidate = step.node, step.candidate
        if candidate is None:
            return _NOTHING
        # A kernel without operands may pack constants of its operation.
        beside = operands(node.op) or node.op
        # Parameters that stand beside values are repeated until they fill their axes.
        period = known(node)[parameter_axes(node) :] if isinstance(node.op, MapWith) else None
        key = candidate.layout, kernel_of(candidate).order(node), beside, period
        found = self._made.get(key)
        if found is None:
            with self._lock.now:
                found = self._made.get(key)
                if found is None:
                    found = Packing(*packed_weights(candidate, node, self._weights, self._lanes))
                    self._made[key] = found
        return found


_NOTHING = Packing(no_values(), no_values())
