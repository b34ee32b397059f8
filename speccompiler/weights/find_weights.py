"""Find a source for every tensor of a model: a file, the spec itself, or its initialiser.

Sources are found and their shapes checked from headers alone: no array data is read, and NumPy
is loaded only where a file is opened. A file that the caller gives replaces every weight that
the spec names. Else a layer's own ``weights`` come before the spec's ``weights`` file, and what
neither gives is drawn when there is a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.diagnostics.wording import first_few
from speccompiler.graph.ir import Graph, Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.schemas.fields import Layer
from speccompiler.weights.backend_names import backend_warnings
from speccompiler.weights.sources import MatchName, WeightSources

TensorName = tuple[str, str]
"""Layer name and tensor name, e.g. ``("conv1", "W")``."""


def find_weights(
    loaded: LoadedSpec,
    graph: Graph,
    *,
    file: Path | None,
    seed: int | None,
    by: MatchName | None = None,
) -> WeightSources:
    """A source for each tensor. ``file`` is the caller's; paths in a spec are relative to it."""
    spec = loaded.spec
    assert spec is not None, "weights are looked for in a valid spec"
    layers = {str(layer.name): layer for layer in spec.layers}
    wanted = _in_keras_order(graph, layers)
    own = WeightSources({}, ())
    rest = wanted
    if file is None:
        having = {name for name, layer in layers.items() if _has_own_weights(layer)}
        if having:
            from speccompiler.weights.own_weights import own_weights

            own = own_weights(loaded, {n: w for n, w in wanted.items() if n[0] in having})
        rest = {name: weight for name, weight in wanted.items() if name[0] not in having}
    if file is not None or spec.weights is not None:
        from speccompiler.weights.model_file import weights_of_file

        others = wanted.keys() - rest.keys() if file is None else ()
        found = weights_of_file(loaded, rest, others, file, by)
    elif rest and seed is not None:
        from speccompiler.weights.drawn_weights import drawn_weights

        found = drawn_weights(loaded, rest.values(), seed)
    else:
        found = WeightSources({}, (_none_given(loaded, rest),) if rest else ())
    sources = {**own.sources, **found.sources}
    warnings = backend_warnings(spec.semantics, sources.values())
    return WeightSources(sources, (*own.diagnostics, *found.diagnostics, *warnings))


def _in_keras_order(graph: Graph, layers: Mapping[str, Layer]) -> dict[TensorName, Weight]:
    """Every tensor by its name, in the order of the model's layers and of Keras in each."""
    found = {(w.layer, w.tensor): w for w in graph.weights()}
    listed = ((name, tensor) for name, layer in layers.items() for tensor in layer.stored)
    return {name: found[name] for name in listed if name in found}


def _has_own_weights(layer: Layer) -> bool:
    return layer.own_weights is not None


def _none_given(loaded: LoadedSpec, rest: Mapping[TensorName, Weight]) -> Diagnostic:
    names = first_few([f"'{layer}/{tensor}'" for layer, tensor in rest], 4)
    return Diagnostic(
        "CS095",
        f"no weights for {names}",
        file=loaded.document.file,
        hint="give --weights FILE, or --seed N to draw them at random by each layer's init",
    )
