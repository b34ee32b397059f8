"""A spec without errors: what validation established, and what it can tell of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, SpecError, did_you_mean
from speccompiler.diagnostics.wording import first_few, shown
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Shape
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.options import InputShapes, LoadOptions
from speccompiler.schemas.model import ModelSpec
from speccompiler.system.cached_value import cached_value
from speccompiler.validation.input_shapes import bound_shapes, is_open, open_finding
from speccompiler.weights.sources import WeightSources

if TYPE_CHECKING:
    from speccompiler.lowering.by_backend import ByBackend


def decided_semantics(spec: ModelSpec) -> Semantics:
    """The rules that the spec decides on. Where it does not, any will do for its shapes."""
    return (
        Semantics.of(spec.semantics, spec)
        if spec.semantics is not None
        else Semantics("correlate", "tensorflow")
    )


@dataclass(frozen=True, repr=False)
class ValidatedModel:
    """A model without errors. ``diagnostics`` holds its warnings and notes."""

    loaded: LoadedSpec
    spec: ModelSpec
    graph: Graph
    """As lowered, before any pass, with the declared input shape (maybe open lengths)."""
    weight_sources: WeightSources
    """Where each tensor comes from. Only headers were read."""
    diagnostics: tuple[Diagnostic, ...]
    options: LoadOptions

    @property
    def name(self) -> str:
        """The spec's name, or its file's."""
        return self.spec.name

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs, in the order that a run takes them."""
        return tuple(given.name for given in self.spec.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs, in the order that a run gives them."""
        return self.spec.outputs

    @property
    def file(self) -> str:
        """The file that holds the model, or the name that stands for it."""
        return self.loaded.document.file

    @property
    def weights_file(self) -> Path | None:
        """The file of weights that the caller named."""
        return self.options.weights

    @property
    def names_weights(self) -> bool:
        """Whether the spec or the caller says where weights are, or the file holds them."""
        return names_weights(self.loaded, self.options)

    @cached_value
    def weights_hash(self) -> str:
        """A hash of all tensors' content, as ``content_hashes`` makes it; reads them, once.

        Raises ``SpecError``.
        """
        from speccompiler.weights.content_hashes import weights_hash

        try:
            return weights_hash(self.weight_sources.sources)
        except Problem as problem:
            raise self.refused(problem, self.weights_file) from None

    def refused(self, problem: Problem, file: Path | str | None = None) -> SpecError:
        """The error that a problem makes: at its layer, or about ``file``, by default the spec."""
        named = None if file is None else str(file)
        return SpecError([self.loaded.locate(problem.at(file=named))])

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Raise ``SpecError`` where there is a problem."""
        found = [self.loaded.locate(problem.at()) for problem in problems]
        if found:
            raise SpecError(found)

    # What nothing decides.

    def by_backend(self, shapes: Sequence[Shape] | None = None) -> ByBackend | None:
        """The model by TensorFlow's rules and by Theano's; None where the spec names one.

        ``shapes`` are of one sample of each input; without them open lengths count as any.
        """
        if self.spec.semantics is not None:
            return None
        if shapes is None or list(shapes) == [node.shape for node in self.graph.inputs]:
            return self._by_backend
        from speccompiler.lowering.by_backend import by_backend

        return by_backend(self.spec, shapes)

    @cached_value
    def _by_backend(self) -> ByBackend:
        from speccompiler.lowering.by_backend import by_backend

        return by_backend(self.spec)

    def undecided(self, shapes: Sequence[Shape] | None = None) -> tuple[str, ...]:
        """Layers whose numbers depend on a backend that nothing names; see ``by_backend``."""
        lowered = self.by_backend(shapes)
        return () if lowered is None else lowered.differing

    def undecided_finding(self, severity: Severity = Severity.ERROR) -> Diagnostic | None:
        """CS050 where nothing names the backend and it would change the numbers."""
        lowered = self.by_backend()
        finding = None if lowered is None else lowered.finding(severity)
        return None if finding is None else self.loaded.locate(finding)

    def check_semantics(self, shapes: Sequence[Shape] | None = None) -> None:
        """Raise CS050 with what the weights tell, and what hangs on it, layer by layer."""
        lowered = self.by_backend(shapes)
        if lowered is None or not lowered.differing:
            return
        from speccompiler.weights.backend_evidence import evidence

        sources = self.weight_sources.sources if self.names_weights else {}
        raise SpecError(map(self.loaded.locate, evidence(lowered, sources)))

    # Open lengths.

    @property
    def has_open_lengths(self) -> bool:
        """Whether a run must say a length that the model leaves open."""
        return any(map(is_open, self.graph.inputs))

    def open_lengths(self, graph: Graph | None = None) -> list[Diagnostic]:
        """CS052 for each input of the graph, by default the model's, that has open lengths."""
        several = len(self.spec.inputs) > 1
        return [
            self.loaded.locate(open_finding(node, several=several))
            for node in (graph or self.graph).inputs
            if is_open(node)
        ]

    def bind(self, input_shape: InputShapes | None) -> tuple[Graph, tuple[Diagnostic, ...]]:
        """The lowered graph for an input of this shape, and warnings that only it brings.

        Raises ``SpecError``.
        """
        if input_shape is None:
            return self.graph, ()
        declared = {node.layer: node.shape for node in self.graph.inputs}
        try:
            shapes = bound_shapes(declared, input_shape)
        except Problem as problem:
            raise self.refused(problem) from None
        if shapes == declared:
            return self.graph, ()
        semantics = decided_semantics(self.spec)
        lowered = lower(self.spec, semantics, list(shapes.values()), self.graph)
        found = tuple(self.loaded.locate(d) for d in lowered.diagnostics)
        if lowered.graph is None:
            raise SpecError(found)
        known = set(self.diagnostics)
        return lowered.graph, tuple(d for d in found if d not in known)

    # What is to be compiled.

    def tapped(
        self, input_shape: InputShapes | None = None, layers: Sequence[str] = ()
    ) -> tuple[Graph, tuple[Diagnostic, ...]]:
        """What to compile: every length known, ``layers`` as further outputs; see ``bind``.

        Raises ``SpecError``: CS132 for a layer that the model does not have, CS052, CS050.
        """
        self.check_layers(layers)
        graph, warnings = self.bind(input_shape)
        self.check_semantics([node.shape for node in graph.inputs])
        found = self.open_lengths(graph)
        if found:
            raise SpecError(found)
        extra = tuple(name for name in dict.fromkeys(layers) if name not in graph.outputs)
        return replace(graph, outputs=(*graph.outputs, *extra)), warnings

    def check_layers(self, names: Sequence[str]) -> None:
        """Raise CS132 for names of layers that the model does not have."""
        known = {call.name: None for call in self.spec.calls}
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        if unknown:
            raise SpecError(
                Diagnostic(
                    "CS132",
                    f"no layer '{shown(str(name))}' in {self.name}",
                    file=self.file,
                    hint=did_you_mean(str(name), known) or f"layers: {first_few(list(known), 12)}",
                )
                for name in unknown
            )


def names_weights(loaded: LoadedSpec, options: LoadOptions) -> bool:
    """Whether anything says where weights are, or the document's file holds them."""
    spec = loaded.spec
    assert spec is not None, "weights are named in a valid spec"
    own = any(layer.own_weights is not None for layer in spec.layers)
    held = loaded.document.holder is not None
    return own or held or spec.weights is not None or options.weights is not None
