"""What an output says of itself: the model it is of, and what its axes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler import __version__
from speccompiler.drawing.layer_graph import LayerNode, layer_graph
from speccompiler.options import CompileOptions
from speccompiler.reports.shape_report import shape_report
from speccompiler.schemas.fields import Layer
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.content_hashes import model_hash

SAMPLE, CHANNEL, FEATURE = "sample", "channel", "feature"
_SPATIAL = {1: ("step",), 2: ("y", "x"), 3: ("z", "y", "x")}


def output_attributes(
    model: ValidatedModel, options: CompileOptions, layer: str, inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Plain data for the attributes of an output; ``inputs`` are the arrays by input names.

    The hashes are of content (``content_hashes``): tensors are read for them, once. ``SpecError``.
    """
    found: dict[str, Any] = {
        "version": __version__,
        "model": model.name,
        "output": layer,
        "model_hash": model_hash(model.graph),
        "weights_hash": model.weights_hash,
        "semantics": _semantics(model),
        "math": options.math,
        "inputs": dict(inputs),
    }
    if options.apply_constraints:
        found["constraints_applied"] = True
    return found


def _semantics(model: ValidatedModel) -> str | None:
    """``theano``, with what a spec overrides; None where no layer's numbers depend on it."""
    given = model.spec.semantics
    if given is None:
        return None
    more = [
        f"{field.alias or name}={value}"
        for name, field in type(given).model_fields.items()
        if name != "profile" and (value := getattr(given, name)) is not None
    ]
    return " ".join([str(given.profile), *more])


def axis_names(model: ValidatedModel) -> dict[str, tuple[str, ...]]:
    """For each layer whose axes have a meaning their names, samples first.

    Channels first or last is for a layer with spatial axes to say; one that works value by value
    leaves them as they are. Of a reshaped value nothing is known.
    """
    layers = model.spec.by_call()
    found: dict[str, tuple[str, ...] | None] = {}
    for node in layer_graph(shape_report(model.spec, model.graph)).nodes:
        read = [found[key] for key in node.reads]
        found[node.key] = _names(layers[node.key], read, node) if node.reads else None
    return {name: axes for name, axes in found.items() if axes is not None}


def _names(
    layer: Layer, read: list[tuple[str, ...] | None], node: LayerNode
) -> tuple[str, ...] | None:
    inner, axes = layer.inner, len(node.output_shape)
    if inner is layer and (inner.keeps_places or inner.merges):
        same = read[0]
        return same if same is not None and len(same) == axes + 1 else None
    if axes == 1:
        return (SAMPLE, FEATURE)
    if inner is not layer or axes != inner.rank + 1 or inner.rank not in _SPATIAL:
        return None
    spatial = _SPATIAL[inner.rank]
    if inner.uses_ordering and getattr(inner, "dim_ordering", None) == "th":
        return (SAMPLE, CHANNEL, *spatial)
    return (SAMPLE, *spatial, CHANNEL)
