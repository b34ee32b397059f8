"""What a writer of another format is given: graph, weights, inputs, and where it is all from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

import speccompiler
from speccompiler.arrays.caller_arrays import EXACT_DTYPES
from speccompiler.convert.conversion import Converted
from speccompiler.diagnostics.core import SpecError, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Weight
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.input_layer import InputLayer
from speccompiler.schemas.model import ModelSpec
from speccompiler.weights.content_hashes import model_hash


@dataclass(frozen=True, slots=True)
class Given:
    """An input as a file has it."""

    name: str
    dtype: str | None = None
    """What its values are rounded to first, where that is not float32."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from, which a file says."""

    name: str
    text: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ExportSource:
    """A model, under the semantics and the ordering that it was converted to."""

    graph: Graph
    read_weight: Callable[[Weight], npt.NDArray[Any]]
    inputs: tuple[Given, ...]
    origin: Origin


def export_source(converted: Converted) -> ExportSource:
    """The model to be written. Raises ``SpecError``: CS095 without weights."""
    model = converted.model
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    graph = model.graph if not converted.notes else _lowered(converted.spec)
    named = {weight.name: source for weight, source in sources.sources.items()}

    def read(weight: Weight) -> npt.NDArray[Any]:
        return converted.changes.apply(*weight.name, named[weight.name].read())

    inputs = tuple(_inputs(converted.spec, graph))
    return ExportSource(graph, read, inputs, _origin(converted, graph))


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
    source = _file_text(model.loaded.document.shown_file)
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


def _file_text(name: str) -> str:
    """The last part of a path as text, whatever its bytes are."""
    return os.path.basename(name).encode("utf-8", "backslashreplace").decode()
