"""Warnings for stored variances that have no square root: they make a whole channel NaN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import first_few
from speccompiler.graph.ir import Weight
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec, RunningStd, SemanticsFields

_SHOWN = 5


def negative_variances(
    spec: ModelSpec, weights: Mapping[Weight, npt.NDArray[Any]]
) -> tuple[Diagnostic, ...]:
    """A warning CS087 for each ``running_std`` that makes values NaN or infinite.

    Only the tensors of BatchNormalization in mode 0 are looked up, one at a time.
    """
    fields = spec.semantics or SemanticsFields(profile="tensorflow")
    stored = Semantics.of(fields, spec).running_std
    layers = {str(layer.name): layer.inner for layer in spec.layers}
    found = []
    for weight in weights:
        if weight.tensor != "running_std":  # BatchNormalization alone has it
            continue
        layer: Any = layers[weight.layer]
        if layer.mode == 0:
            found += _of_one(weight, weights[weight], stored, layer.epsilon)
    return tuple(found)


def _of_one(
    weight: Weight, array: npt.NDArray[Any], stored: RunningStd, epsilon: float
) -> list[Diagnostic]:
    values = array.astype(np.float64).ravel()
    least = values if stored == "root_variance" else values + epsilon
    # A stored deviation is divided by, and must not be 0; of a stored variance a root is taken.
    broken = least == 0 if stored == "deviation" else least < 0
    if stored == "variance":
        broken |= least == 0
    channels = np.flatnonzero(broken)
    if not channels.size:
        return []
    shown = first_few([f"{values[c]:.6g} in channel {c}" for c in channels], _SHOWN)
    why = {
        "variance": f"a variance that, with epsilon {epsilon:g}, is not above 0 has no root to "
        "divide by",
        "root_variance": "a variance below 0 has no root",
        "deviation": f"with epsilon {epsilon:g} it is 0, and divided by",
    }[stored]
    return [
        Diagnostic(
            "CS087",
            f"running_std holds {shown}, of {values.size}: {why}; every value of "
            f"{'that channel' if channels.size == 1 else 'those channels'} is NaN or infinite",
            Severity.WARNING,
            layer=weight.layer,
            hint="check where the weights come from, and the order of the layer's tensors: gamma, "
            "beta, running_mean, running_std",
        )
    ]
