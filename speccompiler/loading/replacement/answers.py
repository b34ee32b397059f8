"""What an owner says that a layer of code computes: an expression in x, or layers.

``x / 127.5 - 1`` is an Activation, ``x[:, :, ::-1]`` a Slice, ``softmax`` and ``Flatten`` are
themselves; ``{type: Cropping2D, ..}`` is a layer, and ``[.., ..]`` one after the other.
"""

from __future__ import annotations

import json
import re
from collections import abc
from typing import Any, get_args

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.diagnostics.wording import described, shown
from speccompiler.frozen import dataclass
from speccompiler.loading.native_form import native_layer
from speccompiler.loading.replacement.subscripts import split_subscript
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.wrapped_model import answers_of
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.schemas.activation import ActivationName
from speccompiler.schemas.registry import LAYERS, own_type
from speccompiler.source.document import Document
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

Answers = abc.Mapping[str, Any]
"""By the name of a layer: an expression, a layer as a mapping, or a list of these."""

_LISTS_LAYERS = re.compile(r"\s*(\{|\[.*[{\"'])", re.DOTALL)
HINT = 'an expression in x ("x / 127.5 - 1"), a layer ("{type: Flatten}"), or a list of these'


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one layer, and the text that says it."""

    name: str
    file: str
    node: TreeNode
    span: Span | None = None
    """Where it is said; None for the whole of the text."""


def source_name(name: str) -> str:
    """The name that findings give to an answer which stands in no file."""
    return f"--replace '{shown(name)}'"


def answer_text(answer: object) -> str:
    """An answer as text; one that Python code gives as data is written as JSON. CS024."""
    if isinstance(answer, str):
        return answer
    try:
        return json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Problem("CS024", f"'replace' is {described(answer)}: no plain data", HINT) from None


def read_answers(
    document: Document, given: Answers | None
) -> tuple[dict[str, Answer], list[Diagnostic]]:
    """All answers by name: the wrapper's, overruled by what the caller gives."""
    found: list[Diagnostic] = []
    answers = {
        name: Answer(name, place.file, node, node.span)
        for name, (place, node) in answers_of(document).items()
    }
    for name, answer in (given or {}).items():
        file = source_name(str(name))
        try:
            text = answer_text(answer)
        except Problem as problem:
            found.append(problem.at(file=file))
            continue
        if not isinstance(answer, str) or _LISTS_LAYERS.match(text):
            read = parse_document(text, file)
            found += read.diagnostics
            if read.root is not None:
                answers[str(name)] = Answer(str(name), file, read.root)
        else:
            span = Span(1, 1, 1, max(2, len(text) + 1))
            answers[str(name)] = Answer(str(name), file, Scalar(text, span))
    return answers, found


def answer_layers(answer: Answer) -> list[WrittenLayer]:
    """The layers of an answer, without their names. Raises ``ProblemAt``: CS078 and others."""
    node = answer.node
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        raise ProblemAt(node.span, Problem("CS078", "this answer says no layer", HINT))
    return [layer for item in items for layer in _layers(item, answer.file)]


def _layers(node: TreeNode, file: str) -> list[WrittenLayer]:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return [_with_file(layer, file) for layer in _expression(node.value, node.span)]
    if not isinstance(node, Mapping):
        value: object = node.value if isinstance(node, Scalar) else []
        raise ProblemAt(node.span, Problem("CS078", f"{described(value)} is no layer", HINT))
    try:
        layer = native_layer(node)
    except Problem as problem:
        raise ProblemAt(node.span, problem) from None
    if layer.reads is not None:
        reads = Problem(
            "CS078",
            "an answer reads what the layer read, and its layers read one another",
            "leave 'inputs' out",
        )
        raise ProblemAt(node.entries["inputs"].key_span, reads)
    if layer.type == "Shared":
        shared = Problem("CS078", "an answer holds layers of its own", "write the layer out")
        raise ProblemAt(layer.type_span, shared)
    return [_with_file(layer, file)]


def _with_file(layer: WrittenLayer, file: str) -> WrittenLayer:
    return WrittenLayer(layer.type, layer.type_span, layer.arguments, answer=file)


def _expression(text: str, span: Span) -> list[WrittenLayer]:
    """The layers of an expression: a Slice for ``x[..]``, an Activation for the rest."""
    bare = text.strip()
    if not bare:
        raise ProblemAt(span, Problem("CS078", "the answer is empty", HINT))
    if own_type(bare) in LAYERS:
        return [_layer(bare, {}, span)]
    if bare in get_args(ActivationName):
        return [_layer("Activation", {"activation": bare}, span)]
    try:
        slices, rest = split_subscript(bare)
    except Problem as problem:
        raise ProblemAt(span, problem) from None
    layers = [_layer("Slice", one, span) for one in slices]
    if rest != "x" or not layers:
        layers.append(_layer("Activation", {"activation": {"expr": rest}}, span))
    return layers


def _layer(kind: str, arguments: abc.Mapping[str, Any], span: Span) -> WrittenLayer:
    node = _node(arguments, span)
    assert isinstance(node, Mapping), "arguments are a mapping"
    return WrittenLayer(kind, span, node)


def _node(value: object, span: Span) -> TreeNode:
    """Plain data as a tree whose nodes all have the same place."""
    if isinstance(value, abc.Mapping):
        return Mapping({k: Entry(span, _node(v, span)) for k, v in value.items()}, span)
    if isinstance(value, list):
        return Sequence(tuple(_node(item, span) for item in value), span)
    assert value is None or isinstance(value, bool | int | float | str), "plain data"
    return Scalar(value, span)
