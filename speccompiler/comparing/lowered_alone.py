"""A layer lowered by itself, over inputs of given shapes: what it computes, and nothing else.

Two layers compute the same where the same inputs lower them to the same nodes. This tells a
layer's own change from what a layer before it has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Input, Node, Shape, Transpose, Weight, weights_of
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.masks import without_unread
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.table import LOWER
from speccompiler.passes.drop_identities import changes_nothing
from speccompiler.schemas.fields import Layer

_LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Alone:
    """The nodes of a layer, all named alike whatever the layer's name is."""

    nodes: tuple[Node, ...]
    """The last gives the layer's value."""
    mask: str | None = None
    """The node of the mask that the layer makes, where one is told apart."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the layer gives: its value, and its mask."""
        value = self.nodes[-1].name
        return (value,) if self.mask is None else (value, self.mask)

    @property
    def shape(self) -> Shape:
        """Of the layer's value."""
        return self.nodes[-1].shape

    @property
    def tensors(self) -> dict[str, Weight]:
        """What the layer stores, by the tensors' names."""
        return {w.tensor: w for node in self.nodes for w in weights_of(node.op)}

    @property
    def does_nothing(self) -> bool:
        """Whether the value always equals the input."""
        own = [node for node in self.nodes if not isinstance(node.op, Input)]
        shapes = {node.shape for node in self.nodes if isinstance(node.op, Input)}
        turned = [node.op for node in own if isinstance(node.op, Transpose)]
        back = len(turned) == 2 and _undoes(turned[0].axes, turned[1].axes)
        return (
            len(self.nodes) - len(own) == 1
            and shapes == {self.shape}
            and all(
                changes_nothing(node) or (back and isinstance(node.op, Transpose)) for node in own
            )
        )


def _undoes(first: tuple[int, ...], then: tuple[int, ...]) -> bool:
    return tuple(first[axis] for axis in then) == tuple(range(len(first)))


def comparable(semantics: Semantics) -> Semantics:
    """The semantics without what only infinite numbers would show, and by one release."""
    return replace(semantics, infinities="tensorflow", backend=None, release="1.2.2")


def stands_alone(layer: Layer) -> bool:
    """Whether a layer's own arguments say all that it computes."""
    return not layer.names_only


def lowered_alone(
    layer: Layer,
    semantics: Semantics,
    shapes: Sequence[Shape],
    *,
    masked: bool = False,
    given_mask: bool = False,
) -> Alone | None:
    """What a layer does with inputs of these shapes; None where it does not take them.

    With ``masked`` the mask that it makes counts as well, with ``given_mask`` its input has one.
    The states of a stateful layer are inputs: it computes something else than one without. A node
    of an ONNX graph cannot be told without the constants around it: None, too.
    """
    if not stands_alone(layer):
        return None
    b = Builder(semantics, LOWER, reserved=frozenset({_LAYER}), unknown={}, states=[])
    b.layer = b.call = "input"
    try:
        inputs = [b.add(Input(shape)) for shape in shapes]
        if given_mask:
            b.with_mask(inputs[0], b.add_mask(Input(shapes[0][:1])))
        b.layer = b.call = _LAYER
        value = b.finish_call(b.rules[type(layer)](b, layer, *inputs))
    except Problem:
        return None
    mask = b.mask_of(value) if masked else None
    kept = b.of_masks if mask is None else set[str]()
    return Alone(tuple(without_unread(b.nodes, kept)), None if mask is None else mask.name)
