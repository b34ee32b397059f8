"""A row of the case table, and the variants that many layers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cases.models import array


@dataclass(frozen=True)
class Variant:
    """One argument with another value.

    ``changes`` names what differs from the layer without it: output, shape, name,
    parameters, trainable, penalty, weights (after --apply-constraints); or the code of
    the diagnostic that refuses it, for an argument that a forward pass never reads.
    ``given`` is added on both sides.
    """

    argument: str
    value: Any
    changes: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the value is one that no spec may give."""
        return self.changes.startswith("CS")


@dataclass(frozen=True)
class Case:
    """A layer with its required arguments, an input, and a variant of every argument."""

    layer: str
    arguments: Mapping[str, Any]
    input_shape: tuple[int, ...]
    variants: tuple[Variant, ...]
    before: tuple[Mapping[str, Any], ...] = ()
    """Layers in front, for one that no model begins with."""
    inputs: tuple[str, ...] = ()
    """What it reads of them, where that is not the last."""

    def layers(self, **arguments: Any) -> list[dict[str, Any]]:
        """The layer last, with further arguments."""
        layer = {"type": self.layer, **self.arguments, **arguments}
        if self.inputs:
            layer["inputs"] = list(self.inputs)
        return [*map(dict, self.before), layer]


def common(input_shape: tuple[int, ...], changes: str = "shape") -> tuple[Variant, ...]:
    """The arguments of every layer, for a layer that works on any first length."""
    longer = [input_shape[0] + 3, *input_shape[1:]]
    return (
        Variant("name", "given_name", "name"),
        Variant("trainable", False, "trainable"),
        Variant("input_shape", longer, changes),
        Variant("batch_input_shape", [None, *longer], changes),
        Variant("input_dtype", "int32", "output"),
    )


def kernel(w: tuple[int, ...], b: tuple[int, ...]) -> tuple[Variant, ...]:
    """The arguments of every layer with a kernel and a bias."""
    bias = [0.5 * (-1) ** i for i in range(b[0])]
    given = {"weights": [array(*w), bias]}
    return (
        Variant("init", "he_normal", "output"),
        Variant("init", {"name": "uniform", "scale": 0.2}, "output"),
        Variant("activation", "sigmoid", "output"),
        Variant("activation", {"expr": "where(x > 0, x, 0.3 * x)"}, "output"),
        Variant("weights", given["weights"], "output"),
        Variant("W_regularizer", {"name": "l2", "l": 0.1}, "penalty"),
        Variant("b_regularizer", {"name": "WeightRegularizer", "l1": 0.5}, "penalty", given),
        Variant("activity_regularizer", "activity_l1l2", "penalty"),
        Variant("W_constraint", {"name": "MaxNorm", "m": 0.01}, "weights"),
        Variant("b_constraint", "nonneg", "weights", given),
        Variant("bias", False, "parameters"),
    )


def forward_only(*variants: Variant) -> tuple[Variant, ...]:
    """Arguments that a forward pass never reads: they are at least checked."""
    assert all(v.refused for v in variants), "an argument with an effect has to show it"
    return variants
