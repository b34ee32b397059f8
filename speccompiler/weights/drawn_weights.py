"""Tensors that nothing gives: drawn from a seed by each layer's initialiser."""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.graph.ir import Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.training import Unknown
from speccompiler.weights.sources import DrawnTensor, TensorSource, WeightSources


def drawn_weights(loaded: LoadedSpec, wanted: Iterable[Weight], seed: int) -> WeightSources:
    """A drawn source for each tensor, and CS075 for those that nothing says how to draw."""
    assert loaded.spec is not None, "weights are drawn for a valid spec"
    layers = {str(layer.name): layer for layer in loaded.spec.layers}
    found: dict[Weight, TensorSource] = {}
    refused = []
    for weight in wanted:
        try:
            found[weight] = _drawn(layers[weight.layer], weight, seed)
        except Problem as problem:
            refused.append(loaded.locate(problem.at(layer=weight.layer)))
    return WeightSources(found, tuple(refused))


def _drawn(layer: Layer, weight: Weight, seed: int) -> DrawnTensor:
    tensor, inner = layer.stored[weight.tensor], layer.inner
    init = tensor.drawn if tensor.init is None else getattr(inner, tensor.init)
    factor = 1.0 if tensor.scale is None else getattr(inner, tensor.scale)
    for argument, value in ((tensor.init, init), (tensor.scale, factor)):
        if isinstance(value, Unknown):
            raise Problem(
                "CS075",
                f"{weight.tensor} cannot be drawn from a seed: {value.why}",
                "give --weights FILE, or write one of the initialisers that are known",
                argument=argument,
            )
    parameters: dict[str, float] = {}
    if isinstance(init, ScaledInitializer):
        parameters = {} if init.scale is None else {"scale": init.scale}
        init = init.name
    return DrawnTensor(init, parameters, weight, seed, tensor.fans, factor, tensor.part)


def random_note(sources: WeightSources, file: str) -> Diagnostic | None:
    """The note CS094 that weights are random, which a run with a seed owes its user."""
    drawn = sources.drawn
    if not drawn:
        return None
    layers = {tensor.weight.layer for tensor in drawn}
    return Diagnostic(
        "CS094",
        f"the weights of {len(layers)} {'layer' if len(layers) == 1 else 'layers'} are random, "
        f"drawn from seed {drawn[0].seed}",
        Severity.NOTE,
        file=file,
    )
