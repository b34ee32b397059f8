"""What the server knows of one version of a text; every feature asks this, none parses again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.language_server.written_layers import NamedLayer, named_layers
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.policy.globs import file_matches
from speccompiler.policy.judgement import judged
from speccompiler.policy.project import shared_name
from speccompiler.policy.settings import Settings
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.shape_report import layer_reports
from speccompiler.source.document import Document
from speccompiler.source.spec_marks import looks_like_spec
from speccompiler.source.texts import parse_document
from speccompiler.validation.known_layers import KnownLayers, known_layers


@dataclass(frozen=True, slots=True)
class InferredLayer:
    """A call whose shape is known, and where it is written."""

    report: LayerReport
    written: WrittenLayer


class Analysis:
    """A text that was read and checked; the shapes are inferred when somebody asks."""

    def __init__(
        self,
        text: str,
        file: str,
        options: LoadOptions | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.text = text
        self.file = file
        self.options = options or LoadOptions()
        self.settings = settings or Settings()
        self.document: Document = parse_document(text, file)
        self.is_spec = looks_like_spec(self.document)
        self.readable = self.document.root is not None

    @cached_property
    def _checked(self) -> tuple[Model | None, tuple[Diagnostic, ...]]:
        if not self.is_spec:
            return None, ()
        try:
            return checked(self.document, self.options)
        except SpecError as error:  # of an option
            return None, error.diagnostics

    @property
    def model(self) -> Model | None:
        """The model, where the text has no errors."""
        return self._checked[0]

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings that ``convspec validate`` reports, but for those on values of weights."""
        if not self.is_spec or self._is_excluded():
            return ()
        model, diagnostics = self._checked
        found = [*diagnostics]
        if model is not None:
            if model.spec.budget is not None:
                from speccompiler.reports.budget import budget_findings

                found += budget_findings(model, model.shapes())
            undecided = model.undecided_finding(Severity.WARNING)
            found += [undecided] if undecided is not None else []
        document = self.document if model is None else model.loaded.document
        return judged(document, found, self.settings, complete=model is not None).shown

    def _is_excluded(self) -> bool:
        """Whether the project passes over the file."""
        if not self.settings.exclude:
            return False
        return file_matches(shared_name(self.file, self.settings.folder), self.settings.exclude)

    @cached_property
    def _known(self) -> KnownLayers | None:
        """The layers whose shapes are known: all, or what is certain despite errors."""
        model = self.model
        if not self.is_spec or not self.readable:
            return None
        if model is None:
            return known_layers(self.document, self.options)
        if model.loaded.document.wrapper is not None:  # its layers stand in another file
            return None
        return KnownLayers(model.spec, model.graph, model.loaded.places)

    @cached_property
    def inferred(self) -> Mapping[str, InferredLayer]:
        """The calls whose shapes are known, by name."""
        known = self._known
        if known is None:
            return {}
        return {
            report.name: InferredLayer(report, known.places[report.name])
            for report in layer_reports(known.spec, known.graph)
        }

    @cached_property
    def tensors(self) -> Mapping[str, list[Weight]]:
        """The tensors that each layer stores, by its name."""
        found: dict[str, list[Weight]] = {}
        for weight in () if self._known is None else self._known.graph.weights():
            found.setdefault(weight.layer, []).append(weight)
        return found

    @cached_property
    def layers(self) -> tuple[NamedLayer, ...]:
        """The layers as they are written, with the names that they have."""
        return named_layers(self.document) if self.is_spec and self.readable else ()

    def shape_of(self, layer: NamedLayer) -> InferredLayer | None:
        """What is known of a layer that is written at this place."""
        return self._by_span.get((layer.written.type_span, layer.written.arguments.span))

    @cached_property
    def _by_span(self) -> Mapping[object, InferredLayer]:
        found: dict[object, InferredLayer] = {}
        for layer in self.inferred.values():
            found.setdefault((layer.written.type_span, layer.written.arguments.span), layer)
        return found
