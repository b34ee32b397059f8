"""What loading a document gives: the spec, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.frozen import dataclass
from speccompiler.loading.layer_validation import layer_span
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.schemas.model import ModelSpec
from speccompiler.source.document import Document
from speccompiler.source.tree import Mapping as Mapping_

if TYPE_CHECKING:
    from speccompiler.loading.replacement.answers import Answers


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A document with the spec it holds (None when it has errors) and all findings."""

    document: Document
    spec: ModelSpec | None
    places: Mapping[str, WrittenLayer]
    """The layers as they were written, by the names of their calls."""
    diagnostics: tuple[Diagnostic, ...]
    answers: Answers | None = None
    """What the caller said that layers compute."""

    def locate(self, diagnostic: Diagnostic, *path: str | int) -> Diagnostic:
        """The same finding with its file, and the place of its layer.

        ``path`` leads to the value that is at fault (default: the finding's argument).
        """
        span = diagnostic.span
        if span is None and diagnostic.layer is not None and diagnostic.layer in self.places:
            argument = () if diagnostic.argument is None else (diagnostic.argument,)
            span = layer_span(self.places[diagnostic.layer], *(path or argument))
        place = self.places.get(diagnostic.layer or "")
        file = self.document.file if place is None or place.answer is None else place.answer
        diagnostic = replace(diagnostic, file=diagnostic.file or file, span=span)
        if diagnostic.remedy is None:
            return diagnostic
        return self._mended(diagnostic, place, path or tuple(filter(None, [diagnostic.argument])))

    def _mended(
        self, found: Diagnostic, place: WrittenLayer | None, path: tuple[str | int, ...]
    ) -> Diagnostic:
        """The finding with its fix; what Keras wrote, and what the caller answered, is not."""
        root = self.document.root
        native = isinstance(root, Mapping_) and "layers" in root.entries
        if not native or (place is not None and (place.own or place.answer is not None)):
            return replace(found, remedy=None)
        from speccompiler.source.remedied import remedied

        return remedied(found, self.document, place.arguments if place else root, path)

    def adding(self, found: Iterable[Diagnostic]) -> LoadedSpec:
        """The same with further findings, each at its place."""
        located = (self.locate(diagnostic) for diagnostic in found)
        return replace(self, diagnostics=(*self.diagnostics, *located))
