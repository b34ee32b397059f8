"""A validated model: its graph, its weights, its shape report, its compiled plan.

The pipeline, whole::

    read_document -> load_spec -> lower -> optimize -> make_plan -> CpuExecutor
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speccompiler.arrays.input_checks import by_input
from speccompiler.diagnostics.core import (
    Diagnostic,
    Problem,
    Severity,
    SpecError,
    did_you_mean,
    has_errors,
)
from speccompiler.graph.ir import Graph, Node, Shape
from speccompiler.graph.shapes import format_shape
from speccompiler.loading.argument_checks import (
    check_answers,
    check_choice,
    checked_seed,
    whole_lengths,
)
from speccompiler.loading.lenient import with_unknown
from speccompiler.loading.spec import LoadedSpec, OrderingName, SemanticsName, load_spec
from speccompiler.loading.wrapper import unwrapped
from speccompiler.lowering.by_backend import by_backend
from speccompiler.lowering.inputs import declared_inputs
from speccompiler.lowering.lower import lower
from speccompiler.lowering.other_ordering import fitted
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec
from speccompiler.source.document import Document, DocumentSource, parse_document, read_document
from speccompiler.source.findings import first_few, shown
from speccompiler.weights.find_weights import find_weights
from speccompiler.weights.sources import MatchName, WeightSources

if TYPE_CHECKING:
    from speccompiler.compiled import Array, CompiledModel, Inputs
    from speccompiler.loading.answers import Answers
    from speccompiler.planning.plan import Plan
    from speccompiler.reports.shape_report import ShapeReport


MathName = Literal["fast", "precise"]
InputShapes = Sequence[int | None] | Mapping[str, Sequence[int | None]]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the caller of ``load`` says beside the spec; None leaves it to the spec."""

    weights: Path | None = None
    semantics: SemanticsName | None = None
    dim_ordering: OrderingName | None = None
    seed: int | None = None
    weights_by: MatchName | None = None
    replace: Answers | None = None
    input_shape: InputShapes | None = None
    """Asked for where the model fits for no length that is open."""


@dataclass(frozen=True, repr=False)
class Model:
    """A model without errors. ``diagnostics`` holds its warnings and notes.

    It pickles by its sources: the text of the spec, the options, and the names of the files
    with weights, which must be there where it is unpickled.
    """

    loaded: LoadedSpec
    spec: ModelSpec
    graph: Graph
    """As lowered, before any pass, with the declared input shape (maybe open lengths)."""
    diagnostics: tuple[Diagnostic, ...]
    options: LoadOptions = LoadOptions()

    def __repr__(self) -> str:
        inputs = ", ".join(format_shape(node.shape) for node in self.graph.inputs)
        count = len(self.spec.layers)
        noun = "layer" if count == 1 else "layers"
        return f"<Model '{shown(self.name)}': {count} {noun}, input {inputs}>"

    def _repr_html_(self) -> str:
        return self.shapes()._repr_html_()

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Any, ...]]:
        document, options = self.loaded.document, self.options
        if options.weights is not None:
            options = changed(options, weights=options.weights.absolute())
        return _again, (document.source(), options)

    @property
    def weights_file(self) -> Path | None:
        """The file of weights that the caller named."""
        return self.options.weights

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

    def undecided(self, shapes: Sequence[Shape] | None = None) -> tuple[str, ...]:
        """Layers whose numbers depend on a backend that nothing names; empty when decided.

        ``shapes`` are of one sample of each input; without them open lengths count as any.
        """
        if self.spec.semantics is not None:
            return ()
        return by_backend(self.spec, shapes).differing()

    @cached_property
    def weight_sources(self) -> WeightSources:
        """Where each tensor comes from. Reads headers only."""
        return find_weights(
            self.loaded,
            self.graph,
            # What a spec names around a saved model comes before the weights in that.
            file=self.weights_file
            or (self.loaded.document.holder if self.spec.weights is None else None),
            seed=self.spec.seed,
            by=self.options.weights_by,
        )

    def with_diagnostics(self, diagnostics: tuple[Diagnostic, ...]) -> Model:
        """The same model with other findings; files of weights that were opened stay so."""
        other = changed(self, diagnostics=diagnostics)
        other.__dict__.update(
            (name, self.__dict__[name]) for name in ("weight_sources",) if name in self.__dict__
        )
        return other

    @property
    def names_weights(self) -> bool:
        """Whether the spec or the caller says where weights are, or the file holds them."""
        own = any(getattr(layer.inner, "weights", None) is not None for layer in self.spec.layers)
        held = self.loaded.document.holder is not None
        return own or held or self.spec.weights is not None or self.weights_file is not None

    def shapes(self, input_shape: InputShapes | None = None) -> ShapeReport:
        """The shape report; ``input_shape`` binds open lengths (one sample, no batch axis).

        With several inputs it is a mapping from their names to shapes, here and elsewhere.
        """
        from speccompiler.reports.shape_report import shape_report

        return shape_report(self, self.bind(input_shape)[0])

    def bind(self, input_shape: InputShapes | None) -> tuple[Graph, tuple[Diagnostic, ...]]:
        """The lowered graph for an input of this shape, and warnings that only it brings.

        Raises ``SpecError``.
        """
        if input_shape is None:
            return self.graph, ()
        declared = {node.layer: node.shape for node in self.graph.inputs}
        try:
            given = by_input(input_shape, tuple(declared), "shape")
            shapes = [
                bound_shape(shape, whole_lengths(given[name])) if name in given else shape
                for name, shape in declared.items()
            ]
        except Problem as problem:
            raise SpecError([problem.at(file=self.loaded.document.file)]) from None
        if shapes == list(declared.values()):
            return self.graph, ()
        lowered = lower(self.spec, _semantics(self.spec), shapes, self.graph)
        found = tuple(self.loaded.locate(d) for d in lowered.diagnostics)
        if lowered.graph is None:
            raise SpecError(found)
        known = set(self.diagnostics)
        return lowered.graph, tuple(d for d in found if d not in known)

    def plan(self, input_shape: InputShapes | None = None, layers: Sequence[str] = ()) -> Plan:
        """The plan for an input of this shape; ``layers`` are kept as extra outputs.

        Raises ``SpecError``: CS052 while a length is open, CS050 without semantics.
        """
        from speccompiler.kernels.cpu import table as cpu_kernels
        from speccompiler.passes import optimize
        from speccompiler.planning.plan import make_plan

        return make_plan(optimize(self.tapped(input_shape, layers)[0]), cpu_kernels)

    def tapped(
        self, input_shape: InputShapes | None = None, layers: Sequence[str] = ()
    ) -> tuple[Graph, tuple[Diagnostic, ...]]:
        """What to compile: every length known, ``layers`` as further outputs; see ``bind``.

        Raises ``SpecError``: CS132 for a layer that the model does not have, CS052, CS050.
        """
        self._check_layers(layers)
        graph, warnings = self.bind(input_shape)
        self._check_semantics([node.shape for node in graph.inputs])
        open_inputs = [node for node in graph.inputs if _is_open(node)]
        if open_inputs:
            raise SpecError(self._open_length(node) for node in open_inputs)
        extra = tuple(name for name in dict.fromkeys(layers) if name not in graph.outputs)
        return changed(graph, outputs=(*graph.outputs, *extra)), warnings

    @property
    def has_open_lengths(self) -> bool:
        """Whether a run must say a length that the model leaves open."""
        return any(map(_is_open, self.graph.inputs))

    def open_finding(self) -> Diagnostic | None:
        """CS052 for the first input that has open lengths."""
        return next((self._open_length(node) for node in self.graph.inputs if _is_open(node)), None)

    def check_decided(self, layers: Sequence[str] = ()) -> None:
        """Raise what stops a run of any shape: CS132 for an unknown layer, CS050."""
        self._check_layers(layers)
        self._check_semantics(None)

    def _check_semantics(self, shapes: Sequence[Shape] | None) -> None:
        undecided = self.undecided_finding(shapes=shapes)
        if undecided is not None:
            raise SpecError(self.with_evidence(undecided, shapes))

    def _open_length(self, node: Node) -> Diagnostic:
        """CS052 for an input."""
        several = len(self.spec.inputs) > 1
        name, option = (f" '{node.layer}'", f"{node.layer}=") if several else ("", "")
        return Diagnostic(
            "CS052",
            f"the input{name} {format_shape(node.shape)} has open lengths",
            file=self.loaded.document.file,
            hint=f"give its shape, for example --input-shape {option}{_bound_example(node.shape)}",
        )

    def _check_layers(self, names: Sequence[str]) -> None:
        known = {call.name: None for call in self.spec.calls}
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        if unknown:
            raise SpecError(
                Diagnostic(
                    "CS132",
                    f"no layer '{shown(str(name))}' in {self.name}",
                    file=self.loaded.document.file,
                    hint=did_you_mean(str(name), known) or f"layers: {first_few(list(known), 12)}",
                )
                for name in unknown
            )

    def undecided_finding(
        self, severity: Severity = Severity.ERROR, shapes: Sequence[Shape] | None = None
    ) -> Diagnostic | None:
        """CS050 where nothing names the backend and it would change the numbers."""
        if self.spec.semantics is not None:
            return None
        lowered = by_backend(self.spec, shapes)
        layers = lowered.differing()
        if not layers:
            return None
        names = first_few([f"'{name}'" for name in layers], 5)
        told = lowered.trained_on()
        diagnostic = Diagnostic(
            "CS050",
            "the file does not say which backend it was trained on, and the numbers of "
            f"{names} depend on it",
            severity,
            layer=layers[0],
            hint="a run needs --semantics tensorflow or --semantics theano"
            + ("" if told is None else f"; {told}"),
        )
        return self.loaded.locate(diagnostic)

    def with_evidence(
        self, finding: Diagnostic, shapes: Sequence[Shape] | None = None
    ) -> tuple[Diagnostic, ...]:
        """CS050 with what the weights tell, and what hangs on it, layer by layer."""
        from speccompiler.weights.backend_evidence import differences, names_hint, notes

        sources = self.weight_sources.sources if self.names_weights else {}
        told = names_hint(sources.values())
        hint = f"{finding.hint}; {told}" if told is not None else finding.hint
        found = notes(differences(self.spec, shapes), sources)
        return (changed(finding, hint=hint), *(self.loaded.locate(note) for note in found))

    def compile(
        self,
        target: str = "cpu",
        *,
        batch_size: int | None = None,
        threads: int | None = None,
        input_shape: InputShapes | None = None,
        layers: Sequence[str] = (),
        apply_constraints: bool = False,
        math: MathName = "fast",
        samples: int | None = None,
        tune: bool = False,
    ) -> CompiledModel:
        """Load the weights and make the model ready to run. Raises ``SpecError``.

        ``math="precise"`` leaves out kernels that round more (Winograd): errors stay below
        5e-6 of the largest output over a network instead of 5e-5. ``samples``, where it is
        known, keeps the default batch from being larger. ``tune`` measures how the tasks of
        each step are best cut on this machine, which takes up to minutes and changes no bits;
        later runs find the answer in the cache. A text as ``layers`` is one name.
        """
        from speccompiler.compiled import CompileOptions, compile_model

        try:
            check_choice("math", math, MathName)
        except Problem as problem:
            raise SpecError([problem.at(file=self.loaded.document.file)]) from None
        options = CompileOptions(
            target,
            batch_size,
            threads,
            input_shape,
            (layers,) if isinstance(layers, str) else tuple(layers),
            apply_constraints,
            math == "fast",
            samples,
            tune,
        )
        return compile_model(self, options)

    def run(self, x: Inputs) -> Array | Any:
        """Compile for these arrays and run them once; see ``CompiledModel.run``."""
        try:
            arrays = by_input(x, self.input_names, "array")
        except Problem as problem:
            raise SpecError([problem.at(file=self.loaded.document.file)]) from None
        return self.compile(input_shape=_sample_shapes(arrays)).run(arrays)


def _sample_shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    import numpy as np

    return {name: tuple(np.shape(array)[1:]) for name, array in arrays.items()}


def _is_open(node: Node) -> bool:
    return not all(isinstance(length, int) for length in node.shape)


def _bound_example(shape: Shape) -> str:
    return ",".join(str(d) if isinstance(d, int) else "128" for d in shape)


def bound_shape(declared: Shape, given: tuple[int | None, ...]) -> Shape:
    """The declared shape with its open lengths bound; the same symbol binds once.

    Raises ``Problem`` CS116 (wrong rank), CS117 (wrong length).
    """
    from speccompiler.arrays.input_checks import check_shape

    check_shape(declared, given)
    return tuple(
        d if isinstance(d, int) or g is None else g for d, g in zip(declared, given, strict=True)
    )


def load(
    path: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
) -> Model:
    """Read and validate a model; raises ``SpecError`` with every finding.

    A file that ``model.save()`` wrote holds its weights. ``weights_by`` says how tensors of
    a Keras HDF5 file find their layers: by name, or in the order of the layers; by default
    names decide where they fit, else the order. ``replace`` says what Lambda and custom layers
    compute, by their names: ``{"lambda_1": "x / 127.5 - 1"}``, a layer as a mapping
    (``{"type": "Slice", "axis": -1, "step": -1}``), or a list of these.
    """
    weights = None if weights is None else _weights_path(weights)
    options = LoadOptions(weights, semantics, dim_ordering, seed, weights_by, replace)
    return _checked(read_document(Path(path)), options)


def loads(
    text: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
    file: str = "<text>",
) -> Model:
    """Validate a model that is a text, YAML or JSON; raises ``SpecError``.

    Files that it names are relative to the folder of ``file``, the name that findings show;
    by default to the current folder. See ``load``.
    """
    given: object = text
    if not isinstance(given, str):
        problem = Problem("CS024", f"the text is a {type(given).__name__}, not a str")
        raise SpecError([problem.at(file=file)])
    weights = None if weights is None else _weights_path(weights)
    options = LoadOptions(weights, semantics, dim_ordering, seed, weights_by, replace)
    return _checked(parse_document(text, file), options)


def _weights_path(given: str | os.PathLike[str]) -> Path:
    """The path of a weight file; ``SpecError`` for an empty name, of which Path makes a folder."""
    if not os.fspath(given):
        raise SpecError([Problem("CS100", "cannot read weight file '': the name is empty").at()])
    return Path(given)


def _checked(document: Document, options: LoadOptions) -> Model:
    model, diagnostics = _check(document, options)
    if model is None:
        raise SpecError(diagnostics)
    return model


def _again(source: DocumentSource, options: LoadOptions) -> Model:
    """The model that was pickled."""
    return _checked(source.document(), options)


def check(
    document: Document,
    *,
    weights: Path | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
    input_shape: InputShapes | None = None,
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """Validate a document: the model, or None, and everything that was found.

    ``input_shape`` is what open lengths will be bound to. It is asked for where a model fits
    for no length that is open, such as a Dense that reads a flattened image.

    Raises ``SpecError`` for a keyword that can mean nothing: CS023, CS024, CS025.
    """
    options = LoadOptions(weights, semantics, dim_ordering, seed, weights_by, replace, input_shape)
    return _check(document, options)


def _check(document: Document, options: LoadOptions) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    try:
        check_choice("semantics", options.semantics, SemanticsName)
        check_choice("dim_ordering", options.dim_ordering, OrderingName)
        check_choice("weights_by", options.weights_by, MatchName)
        check_answers(options.replace)
        if options.seed is not None:
            options = changed(options, seed=checked_seed(options.seed))
    except Problem as problem:
        raise SpecError([problem.at()]) from None
    loaded = load_spec(
        unwrapped(document),
        semantics=options.semantics,
        dim_ordering=options.dim_ordering,
        seed=options.seed,
        replace=options.replace,
    )
    model, found = fitted(loaded, partial(_made, options=options))
    return (None if model is None else model.with_diagnostics(found)), found


def _made(loaded: LoadedSpec, options: LoadOptions) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """A validated spec as it is read: its graph, and its weights where it names them."""
    spec = loaded.spec
    if spec is None:
        return None, loaded.diagnostics
    lowered = lower(spec, _semantics(spec))
    if lowered.graph is None and options.input_shape is not None:
        spec = _bound(loaded, spec, options.input_shape)
        lowered = lower(spec, _semantics(spec))
    found = (*loaded.diagnostics, *(loaded.locate(d) for d in lowered.diagnostics))
    if lowered.graph is None or has_errors(found):
        return None, found
    if lowered.unknown:
        layers, notes = with_unknown(spec.layers, lowered.unknown)
        spec = spec.model_copy(update={"layers": layers})
        found += tuple(map(loaded.locate, notes))
    loaded = changed(loaded, spec=spec)
    model = Model(loaded, spec, lowered.graph, found, options)
    if model.names_weights or spec.seed is not None:
        found += model.weight_sources.diagnostics
    return (None if has_errors(found) else model), found


def _bound(loaded: LoadedSpec, spec: ModelSpec, input_shape: InputShapes) -> ModelSpec:
    """The spec with open lengths of its inputs bound; raises ``SpecError`` as ``Model.bind``."""
    declared = dict(zip((entry.name for entry in spec.inputs), declared_inputs(spec), strict=True))
    try:
        given = by_input(input_shape, tuple(declared), "shape")
        shapes = {name: bound_shape(declared[name], whole_lengths(given[name])) for name in given}
    except Problem as problem:
        raise SpecError([problem.at(file=loaded.document.file)]) from None
    inputs = tuple(
        entry.model_copy(
            update={
                "shape": tuple(
                    d if isinstance(d, int) else None for d in shapes.get(entry.name, entry.shape)
                )
            }
        )
        for entry in spec.inputs
    )
    return spec.model_copy(update={"inputs": inputs})


def _semantics(spec: ModelSpec) -> Semantics:
    """The decided rules; shapes are the same under both, so any will do for those."""
    return (
        Semantics.of(spec.semantics, spec)
        if spec.semantics is not None
        else Semantics("correlate", "tensorflow")
    )
