"""A written layer becomes one that its schema has checked, or findings that say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.merge_code import check_no_code
from speccompiler.loading.written_spec import WrittenLayer, inner_layer
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.registry import LAYERS, WRAPPERS, type_name
from speccompiler.source.document import Document
from speccompiler.source.tree import Mapping, Path, TreeNode, find, span_at, to_data

if TYPE_CHECKING:
    from speccompiler.schemas.shared import Shared

_ACTIVATIONS = ("activation", "inner_activation")
"""The arguments that may hold an expression."""


def layer_span(entry: WrittenLayer, *path: str | int, key: bool = False) -> Span:
    """The place of a value in a layer's arguments; of the layer's type where there is none.

    In a wrapper the arguments of the inner layer are looked through as well.
    """
    arguments: TreeNode | None = entry.arguments
    while isinstance(arguments, Mapping) and path:
        if path[0] in arguments.entries:
            return span_at(arguments, path, key=key)
        arguments = find(arguments, ("layer", "config")) or find(arguments, ("layer",))
    return entry.type_span


def validate_layer(
    document: Document,
    entry: WrittenLayer,
    native: bool,
    diagnostics: list[Diagnostic],
    reads_input: bool,
) -> Layer | Shared | None:
    """The layer, or None; ``diagnostics`` gets what is wrong.

    An answer's layers are native whatever the document is, and stand in a text of their own.
    ``reads_input`` says that the layer may declare the model's input.
    """
    if entry.answer is not None:
        document = replace(document, file=entry.answer)
    strict = native or entry.answer is not None
    return _validated(document, entry, strict, diagnostics, reads_input, strict=strict)


def _validated(
    document: Document,
    entry: WrittenLayer,
    native: bool,
    diagnostics: list[Diagnostic],
    reads_input: bool = False,
    *,
    strict: bool,
) -> Layer | Shared | None:
    """As ``validate_layer``, for a layer that stands in this document.

    ``strict`` says that a person wrote it for convspec: what Keras wrote for training may be
    anything.
    """
    native = native or entry.own
    layer_type = None if entry.unknown else type_name(entry.type, native=native)
    if layer_type is None:
        unknown = _unknown_type(entry, native)
        found = unknown.at(file=document.file, span=entry.type_span)
        diagnostics.append(_mended(found, document, entry, native, ("type",)))
        return None
    schema = _schema(layer_type)
    data: Any = to_data(entry.arguments)
    name = data.get("name")
    owner = name if isinstance(name, str) and name.strip() else None
    foreign: list[Problem] = []
    try:
        check_no_code(layer_type, data)
        if layer_type in WRAPPERS and "layer" in data:
            inner = _inner_layer(document, entry, diagnostics, strict)
            if inner is None:
                return None
            data["layer"] = inner
        data["type"] = layer_type
        if strict:
            layer = schema.model_validate(data)
        else:
            from speccompiler.loading.keras1.later_activations import later_activations
            from speccompiler.loading.keras1.later_arguments import later_arguments
            from speccompiler.loading.training_arguments import as_keras_read

            # What is marked as own is of a later Keras, which has these names.
            foreign += () if native else later_activations(data)
            data |= {str(problem.argument): "linear" for problem in foreign}
            later = () if native else tuple(later_arguments(layer_type, data))
            data = {k: v for k, v in data.items() if all(k != p.argument for p in later)}
            foreign += later
            layer = as_keras_read(schema, data, layer_type, reads_input=reads_input)
    except Problem as problem:
        where: Path = (problem.argument,) if problem.argument else ()
        found = problem.at(file=document.file, span=layer_span(entry, *where), layer=owner)
        diagnostics.append(_mended(found, document, entry, native, where))
        return None
    except ValidationError as error:
        # Few specs have mistakes, and only these need the words for them.
        from speccompiler.loading.schema_errors.problems import schema_problems

        for path, at_key, wrong in schema_problems(error, schema, layer_type):
            span = layer_span(entry, *path, key=at_key)
            found = wrong.at(file=document.file, span=span, layer=owner)
            diagnostics.append(_mended(found, document, entry, native, path))
        layer = None
    # pydantic does not look into expressions, so that nothing has been said of them.
    misread: list[tuple[Path, Problem]] = [((str(p.argument),), p) for p in foreign]
    misread += _wrong_expressions(schema, data)
    for place, wrong in misread:
        found = wrong.at(file=document.file, span=layer_span(entry, *place), layer=owner)
        diagnostics.append(_mended(found, document, entry, native, place))
    return None if misread else layer


def _mended(
    found: Diagnostic, document: Document, entry: WrittenLayer, native: bool, path: Path
) -> Diagnostic:
    """The finding with its fix; what Keras wrote, and what the caller answered, is not edited."""
    if found.remedy is None:
        return found
    if not native or entry.own or entry.answer is not None:
        return replace(found, remedy=None)
    from speccompiler.source.remedied import remedied

    return remedied(found, document, entry.arguments, path)


def _schema(layer_type: str) -> type[Layer | Shared]:
    if layer_type != "Shared":
        return LAYERS[layer_type]
    from speccompiler.schemas.shared import Shared

    return Shared


def _inner_layer(
    document: Document, outer: WrittenLayer, diagnostics: list[Diagnostic], strict: bool
) -> Layer | None:
    """The layer that a wrapper holds, in either spelling, with findings of its own."""
    held = inner_layer(outer)
    if held is None:
        kind = "LSTM" if outer.type == "Bidirectional" else "Dense"
        problem = Problem(
            "CS026",
            "'layer' is a mapping that says a layer",
            f"write layer: {{type: {kind}, output_dim: 10}}, as a layer of its own",
        )
        diagnostics.append(problem.at(file=document.file, span=layer_span(outer, "layer")))
        return None
    entry, native = held
    inner = _validated(document, entry, native, diagnostics, strict=strict and native)
    return inner if isinstance(inner, Layer) else None


def _wrong_expressions(
    schema: type[Layer | Shared], data: Mapping_[str, Any]
) -> Iterator[tuple[Path, Problem]]:
    """What is wrong with each expression of a layer, whatever other arguments make of it."""
    for name in _ACTIVATIONS:
        given = data.get(name)
        if not isinstance(given, dict) or name not in schema.model_fields:
            continue
        try:
            _parse(ExpressionActivation.model_validate(given).expr, schema)
        except ValidationError:
            continue
        except Problem as problem:
            yield (name, "expr"), problem


def _parse(expression: str, schema: type[Layer | Shared]) -> None:
    from speccompiler.expressions.grammar import parse, parse_with_arrays

    # Lists of numbers, one for each channel, are allowed in an Activation layer alone.
    (parse_with_arrays if schema.__name__ == "Activation" else parse)(expression)


def _unknown_type(entry: WrittenLayer, native: bool) -> Problem:
    name = entry.type
    if entry.unknown:
        from speccompiler.loading.keras2.refusals import refusal_of

        return refusal_of(name)
    if name == "Lambda":
        return Problem(
            "CS082",
            "Lambda holds Python code, which convspec never executes, whatever it does",
            "write what it computes as an Activation with {expr: ..} in a native spec, or as "
            "layers",
        )
    # Few files need the names of other releases and frameworks.
    from speccompiler.loading.keras0.refusals import refusal
    from speccompiler.loading.known_types import type_hint, type_remedy

    return refusal(name) or Problem(
        "CS027",
        f"unknown layer type '{shown(name)}'",
        type_hint(name, native),
        remedy=type_remedy(name) if native else None,
    )
