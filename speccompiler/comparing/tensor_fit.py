"""Whether the old model's tensors fit into the new model, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.comparing.model_diff import Fit, TensorFit
from speccompiler.graph.ir import Graph, Weight
from speccompiler.schemas.fields import Layer
from speccompiler.validation.validated import ValidatedModel

Stored = Mapping[str, Weight]
"""The tensors of a layer by their names."""


def stored_by_layer(graph: Graph) -> dict[str, dict[str, Weight]]:
    """Every stored tensor, by its layer and its name in it."""
    found: dict[str, dict[str, Weight]] = {}
    for weight in graph.weights():
        found.setdefault(weight.layer, {})[weight.tensor] = weight
    return found


def fits(old: Stored, new: Stored) -> tuple[TensorFit, ...]:
    """What becomes of each tensor of a layer; the new ones come last."""
    found = []
    for name, weight in old.items():
        other = new.get(name)
        if other is None:
            fit = Fit.LOST
        elif other.stored_shape != weight.stored_shape:
            fit = Fit.RESHAPED
        else:
            fit = Fit.KEPT if other.layer == weight.layer else Fit.RENAMED
        found.append(_fit(fit, weight, other))
    found += [_fit(Fit.ADDED, None, new[name]) for name in new if name not in old]
    return tuple(found)


def _fit(fit: Fit, old: Weight | None, new: Weight | None) -> TensorFit:
    return TensorFit(
        fit,
        None if old is None else key(old),
        None if new is None else key(new),
        None if old is None else old.stored_shape,
        None if new is None else new.stored_shape,
    )


def key(weight: Weight) -> str:
    """``conv1/W``, as weight files name it."""
    return f"{weight.layer}/{weight.tensor}"


def draws_weights(model: ValidatedModel, layer: Layer | None = None) -> bool:
    """Whether a run draws weights of this layer, or of any, from the spec's seed.

    Files of weights are not looked into.
    """
    spec = model.spec
    held = model.loaded.document.holder is not None or model.options.weights is not None
    if spec.seed is None or spec.weights is not None or held:
        return False
    layers = spec.layers if layer is None else (layer,)
    return any(each.stored and each.own_weights is None for each in layers)
