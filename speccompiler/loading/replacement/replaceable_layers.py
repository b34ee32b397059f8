"""Layers whose meaning a file does not hold: Lambdas, custom classes, a Merge by a function."""

from __future__ import annotations

from collections.abc import Iterator

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.loading.merge_code import CODE
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec, inner_layer
from speccompiler.schemas.registry import type_name
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping


@dataclass(frozen=True, slots=True)
class ReplaceableLayer:
    """A layer for which its owner may say what it computes."""

    name: str
    type: str
    span: Span
    arguments: Mapping
    number: int
    """Its place among the layers of the spec, or that of the TimeDistributed that holds it."""
    inside: bool = False
    """Whether it is inside of a TimeDistributed."""
    unknown: bool = False
    """Whether it is a class of Keras 2 or later that convspec does not have."""

    @property
    def is_code(self) -> bool:
        """Whether it is a Lambda."""
        return self.type == "Lambda"


def replaceable_layers(written: WrittenSpec) -> list[ReplaceableLayer]:
    """All layers that have a name and that convspec cannot run as they are."""
    return [
        found
        for number, layer in enumerate(written.layers)
        if layer.answer is None
        for found in _replaceable(layer, number, written.native)
    ]


def _replaceable(layer: WrittenLayer, number: int, native: bool) -> Iterator[ReplaceableLayer]:
    if not _is_known(layer, native) or _merges_by_code(layer):
        name = _text(layer.arguments, "name")
        if name is not None:
            yield ReplaceableLayer(
                name,
                layer.type,
                layer.type_span,
                layer.arguments,
                number,
                unknown=layer.unknown,
            )
        return
    held = inner_layer(layer) if layer.type == "TimeDistributed" else None
    if held is None:
        return
    inner, native = held
    if not _is_known(inner, native):
        name = _text(inner.arguments, "name")
        if name is not None:
            yield ReplaceableLayer(
                name,
                inner.type,
                inner.type_span,
                inner.arguments,
                number,
                inside=True,
                unknown=inner.unknown,
            )


def _is_known(layer: WrittenLayer, native: bool) -> bool:
    known = type_name(layer.type, native=native or layer.own) is not None
    return known and not layer.unknown


def _merges_by_code(layer: WrittenLayer) -> bool:
    return layer.type == "Merge" and _text(layer.arguments, "mode_type") in CODE


def _text(arguments: Mapping, key: str) -> str | None:
    value = text_at(arguments, key)
    return value if value is not None and value.strip() else None
