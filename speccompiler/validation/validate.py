"""Document to validated model: load, lower, find the weights; every finding on the way."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError, has_errors
from speccompiler.loading.argument_checks import check_answers, check_choice, checked_seed
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.spec import OrderingName, SemanticsName, load_spec
from speccompiler.loading.wrapped_model import unwrapped
from speccompiler.lowering.lower import lower
from speccompiler.lowering.other_ordering import fitted
from speccompiler.options import LoadOptions
from speccompiler.source.document import Document
from speccompiler.validation.input_shapes import bound_spec
from speccompiler.validation.validated import ValidatedModel, decided_semantics, names_weights
from speccompiler.weights.find_weights import find_weights
from speccompiler.weights.sources import MatchName, WeightSources

M = TypeVar("M", bound=ValidatedModel)
Found = tuple[Diagnostic, ...]


def validate(document: Document, options: LoadOptions, kind: type[M]) -> tuple[M | None, Found]:
    """The model, of a ``kind`` that adds methods to ``ValidatedModel``, and every finding.

    The model is None where there are errors. Raises ``SpecError`` for an option that can mean
    nothing: CS023, CS024, CS025.
    """
    options = _checked(options)
    loaded = load_spec(
        unwrapped(document),
        semantics=options.semantics,
        dim_ordering=options.dim_ordering,
        seed=options.seed,
        replace=options.replace,
    )
    make = partial(_made, options=options, kind=kind)
    # An ONNX model has no dim_ordering that could be another.
    model, found = make(loaded) if document.onnx is not None else fitted(loaded, make)
    return (None if model is None else replace(model, diagnostics=found)), found


def _checked(options: LoadOptions) -> LoadOptions:
    try:
        check_choice("semantics", options.semantics, SemanticsName)
        check_choice("dim_ordering", options.dim_ordering, OrderingName)
        check_choice("weights_by", options.weights_by, MatchName)
        check_answers(options.replace)
        seed = None if options.seed is None else checked_seed(options.seed)
    except Problem as problem:
        raise SpecError([problem.at()]) from None
    return replace(options, seed=seed)


def _made(loaded: LoadedSpec, options: LoadOptions, kind: type[M]) -> tuple[M | None, Found]:
    """The model of a spec as it is read: its graph, and its weights where it names them."""
    spec = loaded.spec
    if spec is None:
        return None, loaded.diagnostics
    lowered = lower(spec, decided_semantics(spec))
    if lowered.graph is None and options.input_shape is not None:
        try:
            spec = bound_spec(spec, options.input_shape)
        except Problem as problem:
            raise SpecError([problem.at(file=loaded.document.file)]) from None
        lowered = lower(spec, decided_semantics(spec))
    found = (*loaded.diagnostics, *(loaded.locate(d) for d in lowered.diagnostics))
    if lowered.graph is None or has_errors(found):
        return None, found
    if lowered.unknown:
        from speccompiler.loading.training_arguments import with_unknown

        layers, notes = with_unknown(spec.layers, lowered.unknown)
        spec = spec.model_copy(update={"layers": layers})
        found += tuple(map(loaded.locate, notes))
    loaded = replace(loaded, spec=spec)
    if not options.look_for_weights and names_weights(loaded, options):
        model = kind(loaded, spec, lowered.graph, WeightSources({}, ()), found, options)
        return model, found
    if spec.onnx is not None:
        from speccompiler.weights.onnx_weights import onnx_weights

        sources = onnx_weights(loaded, lowered.graph, lowered.tensors, options.weights)
        found += sources.diagnostics
        model = kind(loaded, spec, lowered.graph, sources, found, options)
        return (None if has_errors(found) else model), found
    sources = find_weights(
        loaded,
        lowered.graph,
        # What a spec names around a saved model comes before the weights in that.
        file=options.weights or (loaded.document.holder if spec.weights is None else None),
        seed=spec.seed,
        by=options.weights_by,
    )
    if names_weights(loaded, options) or spec.seed is not None:
        found += sources.diagnostics
    model = kind(loaded, spec, lowered.graph, sources, found, options)
    return (None if has_errors(found) else model), found
