"""The layers that a text lists, with the names that they have or get, even with mistakes in it."""

from __future__ import annotations

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.loading.layer_names import layer_names
from speccompiler.loading.spellings import read_written
from speccompiler.loading.written_spec import WrittenLayer, own_name
from speccompiler.schemas.shared import Shared
from speccompiler.source.document import Document
from speccompiler.source.saved_models import text_at


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """A layer of the list, or one of the header's inputs."""

    name: str
    says_name: bool
    written: WrittenLayer
    is_header_input: bool

    @property
    def name_span(self) -> Span:
        """Where its name stands; of a layer that says none, its type."""
        entry = self.written.arguments.entries.get("name")
        return self.written.type_span if entry is None or not self.says_name else entry.value.span

    @property
    def line(self) -> int:
        """The line that a person takes for the layer's: that of its type."""
        return self.head.line

    @property
    def head(self) -> Span:
        """Its type, or where it begins if an anchor elsewhere gives it the type."""
        kind, whole = self.written.type_span, self.written.arguments.span
        elsewhere = self.is_native and not _within(kind, whole)
        return whole if elsewhere else kind

    @property
    def is_native(self) -> bool:
        """Whether its arguments stand beside its type."""
        return "type" in self.written.arguments.entries


def named_layers(document: Document) -> tuple[NamedLayer, ...]:
    """The layers of a document in the order written."""
    written = read_written(document)
    called = [_call(layer) for layer in written.layers]
    names = layer_names(written.layers, called)
    return tuple(
        NamedLayer(name, own_name(layer) is not None, layer, number < written.header_inputs)
        for number, (name, layer) in enumerate(zip(names, written.layers, strict=True))
    )


def _call(layer: WrittenLayer) -> Shared | None:
    """A ``Shared`` call, whose name hangs on the layer that it calls."""
    of = text_at(layer.arguments, "layer") if layer.type == "Shared" else None
    if of is None:
        return None
    return Shared.model_construct(type="Shared", layer=of, name=own_name(layer))


def _within(inner: Span, outer: Span) -> bool:
    start, end = (inner.line, inner.column), (inner.end_line, inner.end_column)
    return (outer.line, outer.column) <= start and end <= (outer.end_line, outer.end_column)
