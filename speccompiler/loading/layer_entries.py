"""Layers and their calls as they are written, in either spelling: no schema has looked at them."""

from __future__ import annotations

from dataclasses import dataclass

from speccompiler.diagnostics.core import Span
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer as written: its type, and the mapping that holds its arguments.

    ``reads`` are the names in a native layer's ``inputs``; None where it has none. ``answer`` is
    what the owner said instead of a layer that is code, by the name of the text it stands in.
    ``own`` tells one of convspec's own layers, which a file of Keras 0.x was brought to.
    """

    type: str
    type_span: Span
    arguments: Mapping
    reads: tuple[tuple[str, Span], ...] | None = None
    answer: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class CallEntry:
    """A layer at one place, by its number, and the numbers of the calls that it reads."""

    layer: int
    reads: tuple[int, ...]


def inner_layer(entry: LayerEntry) -> tuple[LayerEntry, bool] | None:
    """The layer that a wrapper holds, and whether it is in the native spelling.

    None where it holds none, in neither spelling.
    """
    held = entry.arguments.entries.get("layer")
    if held is None or not isinstance(held.value, Mapping):
        return None
    entries = held.value.entries
    native = "type" in entries
    kind = entries.get("type" if native else "class_name")
    config = held if native else entries.get("config")
    if kind is None or config is None or not isinstance(config.value, Mapping):
        return None
    if not isinstance(kind.value, Scalar) or not isinstance(kind.value.value, str):
        return None
    return LayerEntry(kind.value.value, kind.value.span, config.value), native


def own_name(entry: LayerEntry) -> str | None:
    """The name that a layer says, if it says one."""
    return text_at(entry.arguments, "name")
