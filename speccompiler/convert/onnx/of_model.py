"""A loaded model as an ONNX model: its weights, the names of its inputs, and where it is from."""

from __future__ import annotations

import speccompiler
from speccompiler.arrays.caller_arrays import EXACT_DTYPES
from speccompiler.convert.conversion import Converted
from speccompiler.convert.onnx.export import Given, Origin, exported, file_text
from speccompiler.convert.onnx.protobuf import Array, Model
from speccompiler.diagnostics.core import Problem, SpecError, has_errors
from speccompiler.graph.ir import Graph, Weight
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.input_layer import InputLayer
from speccompiler.schemas.model import ModelSpec
from speccompiler.weights.content_hashes import model_hash


def onnx_model(converted: Converted) -> Model:
    """The model, under the semantics and the ordering that it was converted to.

    Raises ``SpecError``: CS095 without weights, CS250 for what ONNX cannot say.
    """
    model = converted.model
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    graph = model.graph if not converted.notes else _lowered(converted.spec)
    named = {weight.name: source for weight, source in sources.sources.items()}

    def read(weight: Weight) -> Array:
        return converted.changes.apply(*weight.name, named[weight.name].read())

    try:
        return exported(graph, read, _inputs(converted.spec, graph), _origin(converted, graph))
    except Problem as problem:
        where = model.weights_file if problem.code != "CS250" else None
        raise model.refused(problem, where) from None


def _lowered(spec: ModelSpec) -> Graph:
    assert spec.semantics is not None, "a converted spec says whose numbers it gives"
    graph = lower(spec, Semantics.of(spec.semantics)).graph
    assert graph is not None, "a converted spec can be lowered"
    return graph


def _inputs(spec: ModelSpec, graph: Graph) -> list[Given]:
    """An InputLayer's name is its input's; of another layer's input it is ``<layer>_input``."""
    layers, entries = spec.by_call(), {entry.name: entry for entry in spec.inputs}
    taken = set(layers)
    found = []
    for node in graph.inputs:
        name, entry = node.layer, entries.get(node.layer)
        if entry is None or not isinstance(layers[name], InputLayer):
            name = f"{name}_input" if entry is not None else node.name
            while name in taken:
                name += "_"
            taken.add(name)
        dtype = None if entry is None or entry.dtype in EXACT_DTYPES else entry.dtype
        found.append(Given(name, dtype))
    return found


def _origin(converted: Converted, graph: Graph) -> Origin:
    model = converted.model
    source = file_text(model.loaded.document.shown_file)
    semantics = converted.spec.semantics
    facts = {
        "convspec_version": speccompiler.__version__,
        "source": source,
        "semantics": "" if semantics is None else semantics.profile,
        "keras_version": model.spec.keras_version or "",
        "model_sha256": model_hash(graph),
        "weights_sha256": model.weights_hash,
    }
    text = " ".join([f"Made by convspec convert from {source}.", *converted.notes])
    kept = {key: value for key, value in facts.items() if value}
    return Origin(model.name, text, kept)
