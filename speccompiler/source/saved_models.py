"""Tells trees that Keras wrote by ``to_json()``, ``to_yaml()`` or ``get_config()`` from others."""

from __future__ import annotations

from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

MODEL_CLASSES = frozenset({"Sequential", "Model", "Container", "Graph", "Functional"})
OLD_MODELS = frozenset({"Sequential", "Graph"})
"""The models of Keras 0.x, which wrote the class under the key ``name``."""
_OLD_KEYS = frozenset({"custom_name", "cache_enabled"})
_WHOLE = frozenset({"keras_version", "optimizer", "loss"})


def stands_alone(root: TreeNode, *, json: bool) -> bool:
    """Whether this is itself what a file is for: a native spec, or Keras's model in JSON.

    Other texts may be Python's, or hold a model packed into something else.
    """
    if not isinstance(root, Mapping):
        return False
    if "convspec" in root.entries:
        return True
    config = root.entries.get("config")
    whole = config is not None and isinstance(config.value, Mapping | Sequence)
    return json and whole and text_at(root, "class_name") in MODEL_CLASSES


def may_hold_model(text: str) -> bool:
    """Whether a text has a word that every saved model has, however it is packed."""
    return "class_name" in text or "Sequential" in text or "Graph" in text


def text_at(node: TreeNode | None, key: str) -> str | None:
    """The text of a mapping's entry, or None."""
    entry = node.entries.get(key) if isinstance(node, Mapping) else None
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    return value if isinstance(value, str) else None


def is_model(node: TreeNode) -> bool:
    """True for a whole model in any spelling of Keras's, and for what ``get_config()`` gave."""
    if isinstance(node, Sequence):
        return is_layer_list(node)
    if not isinstance(node, Mapping) or "convspec" in node.entries:
        return False
    if "class_name" in node.entries:
        return text_at(node, "class_name") in MODEL_CLASSES and "config" in node.entries
    return is_old_model(node) or is_network_config(node)


def is_old_model(node: Mapping) -> bool:
    """A model of Keras 0.x: ``{"name": "Sequential", "layers": [{"name": "Dense", ..}, ..]}``."""
    name = text_at(node, "name")
    if "class_name" in node.entries or "convspec" in node.entries or name not in OLD_MODELS:
        return False
    if name == "Graph":
        return "node_config" in node.entries and "nodes" in node.entries
    layers = node.entries.get("layers")
    items = layers.value.items if layers and isinstance(layers.value, Sequence) else ()
    return all(is_old_layer(item) for item in items) if items else layers is not None


def holds_old_layers(root: Mapping) -> bool:
    """A model of Keras 0.x; the Graph that 1.0 kept, and layers of 0.x in a Sequential of 1.0."""
    if "class_name" not in root.entries:
        return is_old_model(root)
    kind, config = text_at(root, "class_name"), root.entries.get("config")
    items = config.value.items if config and isinstance(config.value, Sequence) else ()
    return kind == "Graph" or (kind == "Sequential" and any(map(is_old_layer, items)))


def is_old_layer(node: TreeNode) -> bool:
    """A layer of Keras 0.x: its class stands in ``name``, its arguments beside it."""
    return (
        isinstance(node, Mapping)
        and text_at(node, "name") is not None
        and {"class_name", "config", "type"}.isdisjoint(node.entries)
    )


def is_network_config(node: Mapping) -> bool:
    """What ``get_config()`` of a functional model gave, and of a Sequential of Keras 2.2.3."""
    layers = node.entries.get("layers")
    items = layers.value.items if layers and isinstance(layers.value, Sequence) else ()
    return (
        bool(items)
        and "convspec" not in node.entries
        and all(text_at(item, "class_name") is not None for item in items)
    )


def is_layer_list(node: TreeNode) -> bool:
    """What ``get_config()`` of a Sequential gave: a list of layers. A list of models is none."""
    return isinstance(node, Sequence) and bool(node.items) and all(map(_is_layer, node.items))


def _is_layer(node: TreeNode) -> bool:
    if not isinstance(node, Mapping):
        return False
    if text_at(node, "class_name") is not None:
        return "config" in node.entries and _WHOLE.isdisjoint(node.entries)
    return is_old_layer(node) and not _OLD_KEYS.isdisjoint(node.entries)
