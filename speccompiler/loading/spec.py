"""Document to validated spec: the schema stage, whole.

Everything wrong with the layers is found in one go; each finding points at the
key or the value that is at fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Literal

from pydantic import ValidationError

from speccompiler.diagnostics import Diagnostic, Problem, Span, has_errors
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.core import Activation
from speccompiler.schemas.fields import NATIVE_ORDERING, Layer
from speccompiler.schemas.merge import Shared
from speccompiler.schemas.model import (
    ModelHeader,
    ModelSpec,
    SemanticsFields,
)
from speccompiler.schemas.profiles import Profile
from speccompiler.schemas.registry import (
    ALIASES,
    KERAS_CLASSES,
    LAYERS,
    NATIVE_LAYERS,
    OTHER_KERAS_LAYERS,
    RECURRENT_LAYERS,
)
from speccompiler.schemas.wrappers import TimeDistributed
from speccompiler.source.document import Document
from speccompiler.source.findings import shown
from speccompiler.source.tree import Mapping as Node
from speccompiler.source.tree import Node as TreeNode
from speccompiler.source.tree import Scalar, find, span_at, to_data

from .answers import Answers, read_answers
from .connections import connect, item_names, unknown_reads
from .entries import Entries, read_entries
from .inputs import model_inputs
from .keras0 import refusal
from .keras_models import LayerEntry
from .known_types import type_hint
from .lenient import as_keras_read, ignored_declarations, passed_over
from .merge_code import check_no_code
from .old_versions import as_then_read, stored_twice, unnamed_release, with_its_defaults
from .open_layers import open_layers, with_hints
from .orderings import ordering_of, resolve_orderings
from .replacing import replaced
from .schema_errors import schema_problems
from .wrapper import overruled

SemanticsName = Profile
OrderingName = Literal["th", "tf"]


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A document with the spec it holds (None when it has errors) and all findings."""

    document: Document
    spec: ModelSpec | None
    places: Mapping[str, LayerEntry]
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
        return changed(diagnostic, file=diagnostic.file or file, span=span)


def layer_span(entry: LayerEntry, *path: str | int, key: bool = False) -> Span:
    """Where a layer, or a value in its arguments, stands; its type where there is no such.

    A wrapper's arguments are also those of the layer that it holds.
    """
    arguments: TreeNode | None = entry.arguments
    while isinstance(arguments, Node) and path:
        if path[0] in arguments.entries:
            return span_at(arguments, path, key=key)
        arguments = find(arguments, ("layer", "config")) or find(arguments, ("layer",))
    return entry.type_span


def load_spec(
    document: Document,
    *,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    replace: Answers | None = None,
) -> LoadedSpec:
    """Validate a document. The keywords override what the spec says."""
    diagnostics = list(document.diagnostics)
    if document.root is None:
        return LoadedSpec(document, None, {}, tuple(diagnostics))
    entries = read_entries(document)
    diagnostics += entries.diagnostics
    answers, found = read_answers(document, replace)
    diagnostics += found + (replaced(entries, answers) if answers else [])
    unanswered = open_layers(entries)
    header = overruled(document, _validate_header(document, entries, diagnostics))
    readers = {call.layer for call in entries.calls or () if not call.reads}
    validated = [
        _validate_answered(document, entry, entries.native, diagnostics, number in readers)
        for number, entry in enumerate(entries.layers)
    ]
    diagnostics = with_hints(diagnostics, unanswered, entries.native, answers)
    names = _layer_names(entries.layers, validated)
    places = dict(zip(names, entries.layers, strict=True))
    _report_duplicates(document, names, entries.layers, diagnostics)
    if has_errors(diagnostics) or header is None:
        wrong = LoadedSpec(document, None, places, ())
        diagnostics += [wrong.locate(d) for d in unknown_reads(entries, names)]
        diagnostics.sort(key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
        return LoadedSpec(document, None, places, tuple(diagnostics))

    items = [item for item in validated if item is not None]
    layers = tuple(
        item.model_copy(update={"name": name})
        for item, name in zip(items, names, strict=True)
        if isinstance(item, Layer)
    )
    connections, found = connect(entries, items, names, header.outputs)
    places |= {} if connections is None else connections.places
    loaded = LoadedSpec(document, None, places, ())
    diagnostics += [loaded.locate(d) for d in found]
    if connections is None:
        return LoadedSpec(document, None, places, tuple(diagnostics))
    if not entries.native:
        layers, found = with_its_defaults(layers, entries.keras_version)
        diagnostics += [loaded.locate(d) for d in found]
        layers, found = as_then_read(layers, entries.keras_version)
        found += [*passed_over(layers), *ignored_declarations(places, layers)]
        found += [*unnamed_release(layers, entries.keras_version), *stored_twice(layers)]
        diagnostics += [loaded.locate(d) for d in found]
    unsaid = frozenset(str(layer.name) for layer in layers if ordering_of(layer) == "default")
    decided = dim_ordering or header.dim_ordering or (NATIVE_ORDERING if entries.native else None)
    layers, found = resolve_orderings(layers, decided)
    diagnostics += [loaded.locate(d) for d in found]
    inputs, found = model_inputs(header, connections, layers, native=entries.native)
    diagnostics += [loaded.locate(d) for d in found]
    if has_errors(diagnostics):
        return LoadedSpec(document, None, places, tuple(diagnostics))
    spec = ModelSpec(
        name=header.name or _document_name(document),
        semantics=_semantics(header, entries, semantics),
        dim_ordering=decided,
        ordering_told="option" if dim_ordering else "spec" if header.dim_ordering else None,
        unsaid=unsaid,
        inputs=inputs,
        seed=header.seed if seed is None else seed,
        weights=header.weights,
        weights_sha256=header.weights_sha256,
        keras_version=entries.keras_version,
        verify=header.verify,
        native=entries.native,
        layers=layers,
        calls=connections.calls,
        outputs=connections.outputs,
    )
    return LoadedSpec(document, spec, places, tuple(diagnostics), replace)


def _semantics(
    header: ModelHeader, entries: Entries, override: SemanticsName | None
) -> SemanticsFields | None:
    if override is not None:
        return SemanticsFields(profile=override)
    if isinstance(header.semantics, SemanticsFields):
        return header.semantics
    if header.semantics is not None:
        return SemanticsFields(profile=header.semantics)
    if entries.semantics is not None:
        return SemanticsFields(profile=entries.semantics)
    return SemanticsFields(profile="tensorflow") if entries.native else None


def _document_name(document: Document) -> str:
    stem = document.file.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    # A file's name may be bytes that are no text; a model's is text.
    return stem.encode("utf-8", "backslashreplace").decode().strip("<>") or "model"


def _validate_header(
    document: Document, entries: Entries, diagnostics: list[Diagnostic]
) -> ModelHeader | None:
    if not entries.native:
        return ModelHeader(convspec=1)
    node = entries.header
    if node is None:
        return None
    try:
        header = ModelHeader.model_validate(to_data(node))
        if header.weights_sha256 is not None and header.weights is None:
            problem = Problem(
                "CS026",
                "'weights_sha256' is the digest of the tensors in 'weights', which is not given",
                "name the file: weights: FILE",
            )
            span = span_at(node, ("weights_sha256",))
            diagnostics.append(problem.at(file=document.file, span=span))
        return header
    except ValidationError as error:
        for path, at_key, problem in schema_problems(error, ModelHeader, "the spec"):
            span = span_at(node, path, key=at_key)
            diagnostics.append(problem.at(file=document.file, span=span))
        return None


_EXPRESSION = ("activation", "expr")


def _validate_answered(
    document: Document,
    entry: LayerEntry,
    native: bool,
    diagnostics: list[Diagnostic],
    reads_input: bool,
) -> Layer | Shared | None:
    """A layer of the document, or of an answer: that is native, and stands in another text."""
    if entry.answer is not None:
        document, native = changed(document, file=entry.answer), True
    return _validate_layer(document, entry, native, diagnostics, reads_input)


def _validate_layer(
    document: Document,
    entry: LayerEntry,
    native: bool,
    diagnostics: list[Diagnostic],
    reads_input: bool = False,
) -> Layer | Shared | None:
    """The layer, or None with what is wrong; ``reads_input`` is asked of Keras files alone."""
    layer_type = ALIASES.get(entry.type, entry.type)
    if not native:
        layer_type = KERAS_CLASSES.get(layer_type, layer_type)
    schema: type[Layer | Shared] | None = LAYERS.get(layer_type)
    if layer_type == "Shared" and native:
        schema = Shared
    if layer_type in NATIVE_LAYERS and not native:
        schema = None  # a class of the author's own, whatever it does
    if schema is None:
        unknown = _unknown_type(entry.type, native)
        diagnostics.append(unknown.at(file=document.file, span=entry.type_span))
        return None
    data: Any = to_data(entry.arguments)
    name = data.get("name")
    try:
        check_no_code(layer_type, data)
        if schema is TimeDistributed and "layer" in data:
            inner = _inner_layer(document, entry, diagnostics)
            if inner is None:
                return None
            data["layer"] = inner
        data["type"] = layer_type
        if native:
            layer = schema.model_validate(data)
        else:
            layer = as_keras_read(schema, data, layer_type, reads_input=reads_input)
        _check_expression(layer)
        return layer
    except Problem as problem:
        span = layer_span(entry, *([problem.argument] if problem.argument else _EXPRESSION))
        owner = name if isinstance(name, str) and name.strip() else None
        diagnostics.append(problem.at(file=document.file, span=span, layer=owner))
        return None
    except ValidationError as error:
        owner = name if isinstance(name, str) and name.strip() else None
        for path, at_key, found in schema_problems(error, schema, layer_type):
            span = layer_span(entry, *path, key=at_key)
            diagnostics.append(found.at(file=document.file, span=span, layer=owner))
        # No field says what an expression may hold, and so none of them was asked.
        if (wrong := _wrong_expression(schema, data)) is not None:
            span = layer_span(entry, *_EXPRESSION)
            diagnostics.append(wrong.at(file=document.file, span=span, layer=owner))
        return None


def _inner_layer(
    document: Document, outer: LayerEntry, diagnostics: list[Diagnostic]
) -> Layer | None:
    """The layer that a wrapper holds, in either spelling, with findings of its own."""
    node = outer.arguments.entries["layer"].value
    entries = node.entries if isinstance(node, Node) else {}
    key, native = ("type", True) if "type" in entries else ("class_name", False)
    kind = entries[key].value if key in entries else None
    arguments = node if native else entries["config"].value if "config" in entries else None
    if (
        not isinstance(kind, Scalar)
        or not isinstance(kind.value, str)
        or not isinstance(arguments, Node)
    ):
        problem = Problem(
            "CS026",
            "'layer' is a mapping that says a layer",
            "write layer: {type: Dense, output_dim: 10}, as a layer of its own",
        )
        diagnostics.append(problem.at(file=document.file, span=layer_span(outer, "layer")))
        return None
    inner = _validate_layer(
        document, LayerEntry(kind.value, kind.span, arguments), native, diagnostics
    )
    return inner if isinstance(inner, Layer) else None


def _check_expression(layer: Layer | Shared) -> None:
    """Raise what is wrong with an activation's expression, if it has one."""
    activation = getattr(layer, "activation", None)
    if isinstance(activation, ExpressionActivation):
        _parse(activation.expr, type(layer))


def _wrong_expression(schema: type[Layer | Shared], data: Any) -> Problem | None:
    """What is wrong with the expression of a layer that other arguments make invalid."""
    try:
        if "activation" in schema.model_fields:
            _parse(ExpressionActivation.model_validate(data.get("activation")).expr, schema)
    except ValidationError:
        pass
    except Problem as problem:
        return problem
    return None


def _parse(expression: str, schema: type[Layer | Shared]) -> None:
    from speccompiler.expressions.grammar import parse, parse_with_arrays

    # Numbers beside the channels are for a layer of its own.
    (parse_with_arrays if issubclass(schema, Activation) else parse)(expression)


def _unknown_type(name: str, native: bool) -> Problem:
    if name == "Lambda":
        return Problem(
            "CS082",
            "Lambda holds Python code, which convspec never executes, whatever it does",
            "write what it computes as an Activation with {expr: ..} in a native spec, or as "
            "layers",
        )
    if name in RECURRENT_LAYERS:
        return Problem(
            "CS028",
            f"{name} is recurrent, and convspec runs no recurrent layers",
            "it steps through time with a state; what is convolutional before and after it can "
            "be run as models of their own",
        )
    if name in OTHER_KERAS_LAYERS:
        return Problem(
            "CS028",
            f"{name} is a Keras 1.x layer that convspec does not run",
            "it holds Python code; an elementwise function can be written as an Activation with "
            "{expr: ..}",
        )
    return refusal(name) or Problem(
        "CS027",
        f"unknown layer type '{shown(name)}'",
        type_hint(name, native),
    )


def _layer_names(entries: list[LayerEntry], layers: list[Layer | Shared | None]) -> list[str]:
    """Given names, and Keras's automatic ones (``convolution2d_1``) for the rest."""
    given: list[str | None] = []
    for entry, layer in zip(entries, layers, strict=True):
        written = entry.arguments.entries.get("name")
        value = getattr(written.value, "value", None) if written is not None else None
        given.append(layer.name if layer is not None else value if isinstance(value, str) else None)
    given = item_names(layers, given)
    taken = {name for name in given if name is not None}
    counts: Counter[str] = Counter()
    names = []
    for entry, name in zip(entries, given, strict=True):
        base = ALIASES.get(entry.type, entry.type).lower()
        while name is None:
            counts[base] += 1
            candidate = f"{base}_{counts[base]}"
            name = None if candidate in taken else candidate
        names.append(name)
    return names


def _report_duplicates(
    document: Document, names: list[str], entries: list[LayerEntry], diagnostics: list[Diagnostic]
) -> None:
    first: dict[str, LayerEntry] = {}
    for name, entry in zip(names, entries, strict=True):
        if name in first:
            line = layer_span(first[name], "name").line
            problem = Problem(
                "CS029",
                f"two layers are named '{shown(name)}'; the first is on line {line}",
                "weights and reports find a layer by its name: give each its own",
            )
            diagnostics.append(problem.at(file=document.file, span=layer_span(entry, "name")))
        first.setdefault(name, entry)
