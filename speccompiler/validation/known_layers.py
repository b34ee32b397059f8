"""What is known of a spec's layers although it has mistakes: for an editor."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph
from speccompiler.loading.certain_part import certain_part
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.lowering.lower import lower
from speccompiler.lowering.ordering_variants import in_other_ordering
from speccompiler.options import LoadOptions
from speccompiler.schemas.model import ModelSpec
from speccompiler.source.document import Document
from speccompiler.validation.validated import decided_semantics


@dataclass(frozen=True, slots=True)
class KnownLayers:
    """The layers that could be lowered, as a graph without outputs."""

    spec: ModelSpec
    """Its calls are those of the graph."""
    graph: Graph
    places: Mapping[str, WrittenLayer]
    """Where each call is written."""


def known_layers(document: Document, options: LoadOptions) -> KnownLayers | None:
    """What can be told of the layers of a document with errors; None where that is nothing.

    A spec that says no ordering is read in the one in which more of its layers fit.
    """
    part = certain_part(document, semantics=options.semantics, dim_ordering=options.dim_ordering)
    if part is None:
        return None
    found = _lowered(part.spec)
    if len(found.calls) < len(part.spec.calls) and part.spec.ordering_told is None:
        other = in_other_ordering(LoadedSpec(document, part.spec, part.places, ()))
        if other is not None and other.spec is not None and part.spec.native:
            again = _lowered(other.spec)
            found = again if len(again.calls) > len(found.calls) else found
    if not found.calls:
        return None
    return KnownLayers(found.spec, found.graph, part.places)


@dataclass(frozen=True, slots=True)
class _Lowered:
    spec: ModelSpec
    graph: Graph
    calls: frozenset[str]


def _lowered(spec: ModelSpec) -> _Lowered:
    graph = lower(spec, decided_semantics(spec), partly=True).graph
    assert graph is not None, "what does not fit is left out"
    calls = frozenset(graph.by_name()) & {call.name for call in spec.calls}
    kept = tuple(call for call in spec.calls if call.name in calls)
    return _Lowered(spec.model_copy(update={"calls": kept}), graph, calls)
