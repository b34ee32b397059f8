"""Regularisers and constraints of a model: what each adds, and which weights break theirs.

A weight's penalty is known when it is loaded; an activity penalty is summed over the
whole run, as Keras does (1.2.2 engine/topology.py:580: not divided by the batch), and divided by
the number of samples where TensorFlow's Keras or Keras 3 wrote the model, as these do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.loading.keras1.releases import tensorflows
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.training import Unknown
from speccompiler.weights.regularizers import L1L2, Eigenvalue, Regularizer

if TYPE_CHECKING:
    from speccompiler.weights import constraints


@dataclass(frozen=True, slots=True)
class Penalty:
    """What one regulariser adds to the loss."""

    layer: str
    term: str
    value: float


def regularizer(layer: Layer, argument: str | None) -> Regularizer | None:
    """The regulariser that an argument of a layer names; None for one that is not known."""
    given = None if argument is None else getattr(layer.inner, argument, None)
    if given is None or isinstance(given, Unknown):
        return None
    # Few models have any.
    from speccompiler.schemas.regularizer import EigenvalueRegularizer, regularizer_object

    described = regularizer_object(given)
    if isinstance(described, EigenvalueRegularizer):
        return Eigenvalue(described.k)
    return L1L2(described.l1, described.l2)


def activity_regularizers(spec: ModelSpec) -> dict[str, L1L2]:
    """Activity regularisers by the calls of layers; CS093 for one that only suits a matrix."""
    found: dict[str, L1L2] = {}
    averaged = tensorflows(spec.keras_version)
    for name, layer in spec.by_call().items():
        term = regularizer(layer, "activity_regularizer")
        if isinstance(term, Eigenvalue):
            raise Problem(
                "CS093",
                f"the eigenvalue penalty of layer '{layer.name}' needs a matrix, not an output",
                "use it as W_regularizer of a Dense layer",
            )
        if term is not None:
            found[name] = replace(term, averaged=averaged)
    return found


def weight_penalties(
    spec: ModelSpec, weights: Mapping[Weight, npt.NDArray[Any]]
) -> tuple[Penalty, ...]:
    """The penalties of weights, in the model's order. Only weights that have one are looked up."""
    layers = {str(layer.name): layer for layer in spec.layers}
    found = []
    for weight in weights:
        layer = layers[weight.layer]
        term = regularizer(layer, layer.stored[weight.tensor].regularizer)
        if term is not None:
            found.append(Penalty(weight.layer, weight.tensor, term.penalty(weights[weight])))
    return tuple(found)


def only_of_matrices(spec: ModelSpec) -> bool:
    """Whether a weight's regulariser may refuse it (CS093), for which it has to be read at once."""
    return any(
        isinstance(regularizer(layer, tensor.regularizer), Eigenvalue)
        for layer in spec.layers
        for tensor in layer.stored.values()
    )


def unknown_effects(spec: ModelSpec, effect: Literal["penalty", "constraint"]) -> list[Problem]:
    """CS075 for each regulariser, or constraint, of a Keras file that means nothing here."""
    found = []
    for layer in spec.layers:
        for name, tensor in layer.stored.items():
            argument = tensor.regularizer if effect == "penalty" else tensor.constraint
            found += _unknown(layer, argument, effect, name)
        if effect == "penalty":
            found += _unknown(layer, "activity_regularizer", effect, "its output")
    return found


def _unknown(layer: Layer, argument: str | None, effect: str, of: str) -> list[Problem]:
    given = None if argument is None else getattr(layer.inner, argument, None)
    if not isinstance(given, Unknown):
        return []
    what = f"the penalty on {of} cannot be counted"
    option = "--penalties"
    if effect == "constraint":
        what, option = f"{of} cannot be projected", "--apply-constraints"
    hint = f"leave {option} out, or write it as one that is known"
    name = None if layer.name is None else str(layer.name)
    return [Problem("CS075", f"{what}: {given.why}", hint, layer=name, argument=argument)]


def constraint(layer: Layer, tensor: str) -> constraints.Constraint | None:
    """The constraint on one of a layer's tensors; None for one that is not known."""
    argument = layer.stored[tensor].constraint
    given = None if argument is None else getattr(layer.inner, argument, None)
    if given is None or isinstance(given, Unknown):
        return None
    from speccompiler.schemas import constraint as constraint_schema
    from speccompiler.weights import constraints

    described = constraint_schema.constraint_object(given)
    match described:
        case constraint_schema.MaxNorm():
            return constraints.MaxNorm(described.m, described.axis)
        case constraint_schema.UnitNorm():
            return constraints.UnitNorm(described.axis)
        case constraint_schema.MinMaxNorm():
            return constraints.MinMaxNorm(
                described.low, described.high, described.rate, described.axis
            )
        case constraint_schema.NonNeg():
            return constraints.NonNeg()


def violations(
    spec: ModelSpec, weights: Mapping[Weight, npt.NDArray[Any]]
) -> tuple[Diagnostic, ...]:
    """A warning CS096 for each weight that breaks its constraint, with the measured norm.

    Only a constrained weight is looked up, one at a time: ``LoadedWeights`` reads it then.
    """
    layers = {str(layer.name): layer for layer in spec.layers}
    found = []
    for weight in weights:
        limit = constraint(layers[weight.layer], weight.tensor)
        if limit is None:
            continue
        try:
            broken = limit.violation(weights[weight])
        except Problem as problem:
            found.append(problem.at(layer=weight.layer))
            continue
        if broken is not None:
            found.append(
                Diagnostic(
                    "CS096",
                    f"{weight.tensor} breaks its {type(limit).__name__} constraint: {broken}",
                    Severity.WARNING,
                    layer=weight.layer,
                    argument=layers[weight.layer].inner.tensors[weight.tensor].constraint,
                    hint="--apply-constraints projects it, as Keras does after an update",
                )
            )
    return tuple(found)


def project(
    spec: ModelSpec, weights: Mapping[Weight, npt.NDArray[Any]]
) -> dict[Weight, npt.NDArray[Any]]:
    """Every weight after its constraint, as Keras applies it once after an update."""
    layers = {str(layer.name): layer for layer in spec.layers}
    projected = {}
    for weight, array in weights.items():
        limit = constraint(layers[weight.layer], weight.tensor)
        projected[weight] = array if limit is None else limit.project(array)
    return projected
