"""Activations of Keras 2 and 3 by their names here, and those that become a layer of their own."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.tree_building import mapping, scalar
from speccompiler.loading.keras2.writer import Writer
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping as Node
from speccompiler.source.tree import Scalar, TreeNode

NAMES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "linear", "relu", "elu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid",
            "softmax", "selu", "exponential", "gelu", "mish", "relu6", "log_softmax", "leaky_relu",
            "hard_silu",
        )
    },
    "swish": "swish",
    "silu": "silu",
    "celu": "elu",
    "hard_swish": "hard_silu",
}  # fmt: skip
"""What an activation is called here."""
_OF_FEW_AXES = frozenset({"Dense", "Convolution1D", "SimpleRNN", "LSTM", "GRU", "ConvLSTM2D"})
"""Layers whose values nearly always are vectors or sequences, and functions of vectors."""
EXPRESSIONS: Mapping[str, str] = {
    "hard_shrink": "where(abs(x) > 0.5, x, 0 * x)",
    "hard_tanh": "clip(x, -1, 1)",
    "log_sigmoid": "min(x, 0) - log1p(exp(-abs(x)))",
    "soft_shrink": "where(x > 0.5, x - 0.5, where(x < -0.5, x + 0.5, 0 * x))",
    "sparse_plus": "where(x <= -1, 0, where(x < 1, 0.25 * (x + 1) * (x + 1), x))",
    "sparse_sigmoid": "where(x <= -1, 0, where(x < 1, 0.5 * (x + 1), 1))",
    "squareplus": "0.5 * (x + sqrt(x * x + 4))",
    "tanh_shrink": "x - tanh(x)",
}
"""Activations of Keras 3 that have no name here, with their default arguments
(keras 3 activations/activations.py)."""


@dataclass(frozen=True, slots=True)
class ReadActivation:
    """What ``activation`` says: a value for the argument, a function, or a layer's class."""

    value: TreeNode | None = None
    function: str | None = None
    """The name of a function that nobody here knows."""
    layer: Node | None = None


def read_activation(writer: Writer, node: TreeNode, layer: str) -> ReadActivation:
    """An activation of a layer by its name, or as the object that Keras serialised.

    Keras 2 takes a softmax of any rank; ``softmax`` here is that of Keras 1.x, of vectors and
    sequences.
    """
    name = node.value if isinstance(node, Scalar) else _function(node)
    if not isinstance(name, str):
        if isinstance(node, Node) and text_at(node, "class_name") is not None:
            return ReadActivation(layer=node)
        return ReadActivation(value=node)
    if name == "hard_sigmoid" and writer.line == "Keras 3":
        return ReadActivation(value=scalar("hard_sigmoid_3", node.span))
    if name == "softmax" and layer not in _OF_FEW_AXES:
        return ReadActivation(value=scalar("softmax_last", node.span))
    if name in NAMES:
        return ReadActivation(value=scalar(NAMES[name], node.span))
    if name in EXPRESSIONS:
        expression = scalar(EXPRESSIONS[name], node.span)
        return ReadActivation(value=mapping(node.span, expr=expression))
    return ReadActivation(function=name)


def _function(node: TreeNode) -> str | None:
    """The name of a function, which is serialised as ``{"class_name": .., "config": name}``."""
    config = node.entries.get("config") if isinstance(node, Node) else None
    value = config.value.value if config is not None and isinstance(config.value, Scalar) else None
    return value if isinstance(value, str) else None
