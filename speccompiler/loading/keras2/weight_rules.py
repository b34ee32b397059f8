"""Initialisers, regularisers and constraints of Keras 2 and 3 by Keras 1.x's names.

All of them are for training. What Keras 1.x has no word for keeps its name, and the loader passes
over it with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from speccompiler.loading.keras0.tree_building import mapping, scalar
from speccompiler.loading.keras2.values import value_of
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Scalar, TreeNode
from speccompiler.source.tree import Mapping as Node

_INITIALIZERS: Mapping[str, str] = {
    "Zeros": "zero",
    "Ones": "one",
    "GlorotUniform": "glorot_uniform",
    "GlorotNormal": "glorot_normal",
    "HeUniform": "he_uniform",
    "HeNormal": "he_normal",
    "LecunUniform": "lecun_uniform",
    "zeros": "zero",
    "ones": "one",
}
_SCALED: Mapping[tuple[object, object, object], str] = {
    (1.0, "fan_avg", "uniform"): "glorot_uniform",
    (1.0, "fan_avg", "normal"): "glorot_normal",
    (1.0, "fan_avg", "truncated_normal"): "glorot_normal",
    (2.0, "fan_in", "uniform"): "he_uniform",
    (2.0, "fan_in", "normal"): "he_normal",
    (2.0, "fan_in", "truncated_normal"): "he_normal",
    (1.0, "fan_in", "uniform"): "lecun_uniform",
}
"""VarianceScaling by its scale, mode and distribution."""
_WITH_SCALE: Mapping[str, tuple[str, str]] = {
    "RandomNormal": ("normal", "stddev"),
    "Orthogonal": ("orthogonal", "gain"),
    "Identity": ("identity", "gain"),
    "IdentityInitializer": ("identity", "gain"),
}
_REGULARIZERS: Mapping[str, Mapping[str, str]] = {
    "L1L2": {"l1": "l1", "l2": "l2"},
    "L1": {"l1": "l1"},
    "L2": {"l2": "l2"},
}
_REGULARIZER_NAMES: Mapping[str, str] = {"l1_l2": "l1l2", "L1L2": "l1l2", "L1": "l1", "L2": "l2"}
_CONSTRAINTS: Mapping[str, Mapping[str, str]] = {
    "MaxNorm": {"max_value": "m", "axis": "axis"},
    "NonNeg": {},
    "UnitNorm": {"axis": "axis"},
    "MinMaxNorm": {"min_value": "low", "max_value": "high", "rate": "rate", "axis": "axis"},
}
_CONSTRAINT_NAMES: Mapping[str, str] = {
    "max_norm": "maxnorm",
    "non_neg": "nonneg",
    "unit_norm": "unitnorm",
    "min_max_norm": "MinMaxNorm",
}


def initializer(node: TreeNode) -> TreeNode:
    """An initialiser by the name that Keras 1.x has for it, or as it is called."""
    kind, config = _serialised(node)
    if config is None:
        return _named(node, _INITIALIZERS)
    if kind in _INITIALIZERS:
        return scalar(_INITIALIZERS[kind], node.span)
    if kind == "VarianceScaling":
        distribution = text_at(config, "distribution")
        name = _SCALED.get((value_of(config, "scale"), text_at(config, "mode"), distribution))
        return scalar(name or kind, node.span)
    if kind == "RandomUniform" and _is_even(config):
        return _with_scale("uniform", config.entries["maxval"], node)
    if kind in _WITH_SCALE and not value_of(config, "mean"):
        name, key = _WITH_SCALE[kind]
        if key in config.entries:
            return _with_scale(name, config.entries[key], node)
    return scalar(kind, node.span)


def _is_even(config: Node) -> bool:
    low, high = value_of(config, "minval"), value_of(config, "maxval")
    return isinstance(low, int | float) and isinstance(high, int | float) and low == -high


def _with_scale(name: str, entry: Entry, node: TreeNode) -> TreeNode:
    return mapping(node.span, name=scalar(name, node.span), scale=entry.value)


def regularizer(node: TreeNode) -> TreeNode:
    """A regulariser in Keras 1.2's form."""
    kind, config = _serialised(node)
    if config is None:
        return _named(node, _REGULARIZER_NAMES)
    keys = _REGULARIZERS.get(kind)
    if keys is None:
        return scalar(kind, node.span)
    return _taken("L1L2Regularizer", keys, config, node)


def constraint(node: TreeNode) -> TreeNode:
    """A constraint in Keras 1.2's form."""
    kind, config = _serialised(node)
    if config is None:
        return _named(node, _CONSTRAINT_NAMES)
    keys = _CONSTRAINTS.get(kind)
    return scalar(kind, node.span) if keys is None else _taken(kind, keys, config, node)


def _taken(name: str, keys: Mapping[str, str], config: Node, node: TreeNode) -> TreeNode:
    found = {keys[key]: entry for key, entry in config.entries.items() if key in keys}
    return Node({"name": Entry(node.span, Scalar(name, node.span)), **found}, node.span)


def _serialised(node: TreeNode) -> tuple[str, Node | None]:
    """The class of an object and its config; no config for what is only a name."""
    config = node.entries.get("config") if isinstance(node, Node) else None
    kind = text_at(node, "class_name") or ""
    if config is None or not isinstance(config.value, Node):
        return kind, None
    return kind, config.value


def _named(node: TreeNode, names: Mapping[str, str]) -> TreeNode:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return scalar(names.get(node.value, node.value), node.span)
    return node


RULES: Mapping[str, Callable[[TreeNode], TreeNode]] = {
    "initializer": initializer,
    "regularizer": regularizer,
    "constraint": constraint,
}
"""By the end of an argument's name."""
