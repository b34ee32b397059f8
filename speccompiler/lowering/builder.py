"""The graph while it is built: every operation is appended with its shape inferred at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import terms_of
from speccompiler.graph.ir import Identity, Node, Op, Shape
from speccompiler.graph.shapes import element_count, infer
from speccompiler.lowering.refusals import refusals
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import OWN_PLACE, CallPlace
from speccompiler.schemas.training import Unknown

MOST_VALUES = 2**60

Rule = Callable[..., Node]
"""``rule(builder, layer, *inputs)`` appends a layer's operations and returns the last.

Raises ``Problem`` where the layer does not fit its inputs.
"""


@dataclass(frozen=True, slots=True)
class StepMasks:
    """The masks of what TimeDistributed reads or gives: of its steps, and inside of each step."""

    outer: Node | None
    inside: Node | None
    """It has the axis of steps in front."""


@dataclass(frozen=True, slots=True)
class CarriedState:
    """A state that goes on from one batch to the next: ``layer/h``, or ``layer/forward_c``."""

    name: str
    input: str
    """The node that a run is given it by."""
    output: str
    """The node whose value the next run begins with."""
    shape: Shape


@dataclass(slots=True)
class Builder:
    """The nodes so far, and what was found on the way."""

    semantics: Semantics
    rules: Mapping[type[Layer], Rule]
    reserved: frozenset[str] = frozenset()
    """The names of the calls: each is its last node's."""
    nodes: list[Node] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    layer: str = ""
    """The layer that is lowered, which its weights belong to."""
    call: str = ""
    """The call of that layer, which its nodes belong to."""
    shared: frozenset[str] = frozenset()
    """Layers that are called several times."""
    taken: set[str] = field(default_factory=set)
    masks: dict[str, Node] = field(default_factory=dict)
    """The mask of each value that has one, by its name: 1 for a step that is there, else 0."""
    of_masks: set[str] = field(default_factory=set)
    """The nodes that only masks are made of: those that nobody reads are taken out in the end."""
    masks_count: bool = True
    """Whether the current call has to treat a mask as Keras does, and may refuse it.

    In a native spec it need not where no layer that follows reads a mask.
    """
    step_masks: dict[str, StepMasks] = field(default_factory=dict)
    """The masks of values that TimeDistributed gave, by the values' names."""
    place: CallPlace = OWN_PLACE
    """Where in Keras's nested models the current call stands."""
    states_read: frozenset[str] = frozenset()
    """The calls of which a ``State`` reads a state."""
    last_states: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    """The states that such calls leave behind, by the names of the calls."""
    states: list[CarriedState] | None = None
    """The states that are carried so far; None where every one begins with zeros."""
    unknown: dict[tuple[str, str], Unknown] | None = None
    """The arguments of a Keras file's layers that do not suit the shapes of their tensors.

    None for a native spec, where such an argument is a problem.
    """

    def lower(self, layer: Layer, *inputs: Node) -> Node:
        """Append what a layer does, by the rule of its class; the value that it gives."""
        value = self.rules[type(layer)](self, layer, *inputs)
        for message, hint in refusals(layer, inputs[0].shape, self.semantics):
            self.note("CS055", message, hint)
        return value

    def add(self, op: Op, *inputs: Node) -> Node:
        """Append an operation of the current call; ``Problem`` where the shapes do not fit."""
        shape = infer(op, *(node.shape for node in inputs))
        _check_size(shape)
        name = self._unused(f"{self.call}:{type(op).__name__.lower()}")
        node = Node(name, op, tuple(i.name for i in inputs), shape, self.call)
        self.nodes.append(node)
        return node

    def add_mask(self, op: Op, *inputs: Node) -> Node:
        """Append an operation of a mask: its node goes again if nobody reads it."""
        node = self.add(op, *inputs)
        self.of_masks.add(node.name)
        return node

    def mask_of(self, value: Node) -> Node | None:
        """The mask that came with a value: a node of shape ``(steps,)``, or None."""
        return self.masks.get(value.name)

    def with_mask(self, value: Node, mask: Node | None) -> Node:
        """The value, which passes this mask on from now on."""
        if mask is None:
            self.masks.pop(value.name, None)
        else:
            self.masks[value.name] = mask
        return value

    def _unused(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.taken or candidate in self.reserved:
            number += 1
            candidate = f"{name}{number}"
        self.taken.add(candidate)
        return candidate

    def warn(self, code: str, message: str, hint: str | None = None) -> None:
        """Report what may be wrong with the current call; the lowering goes on."""
        self._report(Severity.WARNING, code, message, hint)

    def note(self, code: str, message: str, hint: str | None = None) -> None:
        """Report what is worth knowing about the current call, and no reason to worry."""
        self._report(Severity.NOTE, code, message, hint)

    def _report(self, severity: Severity, code: str, message: str, hint: str | None) -> None:
        self.diagnostics.append(Diagnostic(code, message, severity, layer=self.call, hint=hint))

    def finish_call(self, value: Node) -> Node:
        """Give the call's value the call's name; a call without nodes becomes an identity."""
        if value.layer != self.call:
            value = self.add(Identity(), value)
        named = Node(self.call, value.op, value.inputs, value.shape, self.call)
        index = len(self.nodes) - 1
        while self.nodes[index] is not value:
            index -= 1
        self.nodes[index] = named
        if value.name in self.step_masks:
            self.step_masks[named.name] = self.step_masks[value.name]
        return self.with_mask(named, self.mask_of(value))


def _check_size(shape: Shape) -> None:
    """CS047 for a value so large that its bytes could not be counted on any machine."""
    count = element_count(shape)
    terms = (count,) if isinstance(count, int) else terms_of(count).values()
    if max(map(abs, terms)) > MOST_VALUES:
        raise Problem(
            "CS047",
            "one sample of this layer's output would hold more than 2**60 values",
            "check the sizes and factors of this layer and of those before it",
        )
