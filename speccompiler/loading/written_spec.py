"""A spec as it is written, in either spelling, before any schema has looked at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from typing import Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.frozen import dataclass
from speccompiler.loading.keras1.releases import ShownRelease
from speccompiler.schemas.model import OWN_PLACE, CallPlace
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar

UNKNOWN_MARK = 2
"""Stands as ``convspec`` beside the class of a layer that is ``unknown``; 1 beside an own one."""


@dataclass(frozen=True, slots=True)
class WrittenLayer:
    """One layer: its type, and the mapping that holds its arguments."""

    type: str
    type_span: Span
    arguments: Mapping
    reads: tuple[tuple[str, Span], ...] | None = None
    """The names in a native layer's ``inputs``; None where it has none."""
    answer: str | None = None
    """Where the layer stands for one that is code: the name of the text that says so."""
    own: bool = False
    """True for a layer that only convspec has: a file of another Keras may be brought to one."""
    unknown: bool = False
    """True for a class of Keras 2 or later that convspec does not have, whatever is called so."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call of a layer, by the layer's number, and the numbers of the calls that it reads."""

    layer: int
    reads: tuple[int, ...]
    place: CallPlace = OWN_PLACE


@dataclass(slots=True)
class WrittenSpec:
    """The header, the layers and the calls of a document, and what was found in reading them."""

    native: bool
    header: Mapping | None = None
    """The keys beside ``layers``; None where the file is Keras's."""
    keras_version: str | None = None
    """The release that wrote the file, as far as the file or its layers tell."""
    shown_release: ShownRelease | None = None
    """What the layers tell about the release, where the file names none."""
    semantics: Literal["theano", "tensorflow"] | None = None
    """The backend, where the file says it or the release that wrote it had only one."""
    later: bool = False
    """Whether Keras 2 or later wrote it."""
    layers: list[WrittenLayer] = field(default_factory=list)
    """Native: also ``Shared`` calls, and an InputLayer for each of the header's inputs."""
    header_inputs: int = 0
    """How many of the layers, from the first on, are the header's inputs."""
    gaps: set[int] = field(default_factory=set)
    """Numbers of the native layers in front of which something stands that is no layer."""
    calls: list[WrittenCall] | None = None
    """None in a native spec: every layer is called once, where it stands."""
    outputs: list[int] = field(default_factory=list)
    """Numbers of calls. Empty in a native spec, whose header names its outputs."""
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def report(self, problem: Problem, file: str, span: Span | None) -> None:
        """Note a problem at its place."""
        self.diagnostics.append(problem.at(file=file, span=span))

    def report_all(self, found: Iterable[Diagnostic], file: str) -> None:
        """Take over findings that know their place, but not their file."""
        self.diagnostics += [replace(finding, file=file) for finding in found]


def inner_layer(entry: WrittenLayer) -> tuple[WrittenLayer, bool] | None:
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
    unknown = not native and is_unknown(held.value)
    return WrittenLayer(kind.value.value, kind.value.span, config.value, unknown=unknown), native


def is_unknown(layer: Mapping) -> bool:
    """Whether a layer is marked as a class that convspec does not have."""
    mark = layer.entries.get("convspec")
    return mark is not None and isinstance(mark.value, Scalar) and mark.value.value == UNKNOWN_MARK


def own_name(entry: WrittenLayer) -> str | None:
    """The name that a layer says, if it says one."""
    return text_at(entry.arguments, "name")
