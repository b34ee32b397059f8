"""Appends nodes to a graph under construction and infers each shape at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.expressions.nodes import Expression
from speccompiler.graph.dims import terms_of
from speccompiler.graph.ir import Identity, Map, Node, Op, Shape, Softmax, Transpose
from speccompiler.graph.shapes import element_count, infer
from speccompiler.loading.keras1.old_versions import running_std_of
from speccompiler.schemas.model import ModelSpec, RunningStd, SemanticsFields
from speccompiler.schemas.profiles import Profile
from speccompiler.schemas.training import Unknown

MOST_VALUES = 2**60


@dataclass(frozen=True, slots=True)
class Semantics:
    """Which backend's rules: the kernel's direction, the split of 'same' padding, statistics."""

    kernel: Literal["correlate", "convolve"]
    padding: Profile
    running_std: RunningStd = "variance"
    infinities: Literal["tensorflow", "theano"] = "tensorflow"
    """Whose formulas say what becomes of an infinity, where a finite value gives the same."""
    backend: Profile | None = None
    """Whose refusals are told; None where nothing decided on a backend."""
    release: str = "1.2.2"
    """The Keras that wrote the model."""

    @staticmethod
    def of(fields: SemanticsFields, spec: ModelSpec | None = None) -> Semantics:
        """A profile with its overrides applied; what the file's version decides, by ``spec``."""
        theano = fields.profile.startswith("theano")
        default: Literal["correlate", "convolve"] = "convolve" if theano else "correlate"
        stored: RunningStd = "variance"
        if spec is not None and not spec.native:
            stored = running_std_of(spec.keras_version, theano)
        return Semantics(
            fields.kernel or default,
            fields.padding or fields.profile,
            fields.running_std or stored,
            "theano" if theano else "tensorflow",
            fields.profile,
            (spec.keras_version if spec is not None else None) or "1.2.2",
        )

    @property
    def theano(self) -> bool:
        """Whether padding follows a Theano."""
        return self.padding.startswith("theano")


@dataclass(slots=True)
class Builder:
    """The graph so far. ``reserved`` are the calls' names: each its last node's.

    ``layer`` is the current layer, which weights belong to, ``call`` its current call.
    """

    semantics: Semantics
    reserved: frozenset[str]
    nodes: list[Node] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    layer: str = ""
    call: str = ""
    shared: frozenset[str] = frozenset()
    """Layers that are called several times."""
    taken: set[str] = field(default_factory=set)
    unknown: dict[tuple[str, str], Unknown] | None = None
    """Of a Keras file, the arguments of layers that do not suit their tensors' shapes."""

    def add(self, op: Op, *inputs: Node) -> Node:
        """A new node of the current layer; raises ``Problem`` when the shapes do not fit."""
        shape = infer(op, *(node.shape for node in inputs))
        _check_size(shape)
        name = self._unused(f"{self.call}:{type(op).__name__.lower()}")
        node = Node(name, op, tuple(i.name for i in inputs), shape, self.call)
        self.nodes.append(node)
        return node

    def _unused(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.taken or candidate in self.reserved:
            number += 1
            candidate = f"{name}{number}"
        self.taken.add(candidate)
        return candidate

    def warn(self, code: str, message: str, hint: str | None = None) -> None:
        """A finding about the current layer that does not stop the lowering."""
        self.diagnostics.append(
            Diagnostic(code, message, Severity.WARNING, layer=self.call, hint=hint)
        )

    def note(self, code: str, message: str, hint: str | None = None) -> None:
        """What is worth knowing of the current layer, and no reason to worry."""
        self.diagnostics.append(
            Diagnostic(code, message, Severity.NOTE, layer=self.call, hint=hint)
        )

    def finish_layer(self, value: Node) -> Node:
        """Give the call's value the call's name; a layer without nodes is an identity."""
        if value.layer != self.call:
            value = self.add(Identity(), value)
        named = Node(self.call, value.op, value.inputs, value.shape, self.call)
        index = next(i for i in reversed(range(len(self.nodes))) if self.nodes[i] is value)
        self.nodes[index] = named
        return named


def _check_size(shape: Shape) -> None:
    """CS047 for a value that no machine could count the bytes of: it would grow without bound."""
    terms = terms_of(element_count(shape))
    if max(map(abs, terms.values())) > MOST_VALUES:
        raise Problem(
            "CS047",
            "one sample of this layer's output would hold more than 2**60 values",
            "check the sizes and factors of this layer and of those before it",
        )


def channels_last(b: Builder, x: Node, ordering: str) -> Node:
    """``x`` as ``(*spatial, channels)``."""
    rank = len(x.shape)
    return b.add(Transpose((*range(1, rank), 0)), x) if ordering == "th" else x


def restore_ordering(b: Builder, x: Node, ordering: str) -> Node:
    """Back from ``(*spatial, channels)`` to the layer's own ordering."""
    rank = len(x.shape)
    return b.add(Transpose((rank - 1, *range(rank - 1))), x) if ordering == "th" else x


def activate(b: Builder, x: Node, activation: Expression | Literal["softmax"] | None) -> Node:
    """Apply an activation as a node of its own; a pass fuses it."""
    if activation is None:
        return x
    return b.add(Softmax() if activation == "softmax" else Map(activation), x)


def layers_of(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """The nodes of each call of a layer, in order."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(node.layer, []).append(node)
    return found
