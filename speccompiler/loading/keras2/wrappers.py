"""TimeDistributed and Bidirectional of Keras 2 and 3, with what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, class_of, scalar, sequence
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import value_of, without
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, TreeNode, to_data

WRAPPERS = frozenset({"TimeDistributed", "Bidirectional"})
SPECTRAL = frozenset({"SpectralNormalization", "Addons>SpectralNormalization"})
"""Wrappers whose forward pass is that of the layer inside: they change its kernel in training
(keras 3.15 layers/normalization/spectral_normalization.py ``call``)."""
_MAY_DIFFER = {"name", "go_backwards", "trainable", "dtype"}


def holding(
    reading: Reading,
    node: Mapping,
    config: Mapping,
    parts_of: Callable[[TreeNode], list[Mapping]],
) -> Mapping:
    """A wrapper with the layer that it holds in the form that is written."""
    entry = config.entries.get("layer")
    if entry is None:
        return node
    if text_at(node, "class_name") == "Bidirectional":
        config = _two_ways(reading, config, entry.value)
    parts = parts_of(config.entries["layer"].value)
    if len(parts) > 1 and text_at(node, "class_name") == "Bidirectional":
        name = shown(text_at(config, "name") or "Bidirectional")
        reading.refuse(
            entry.value.span,
            "CS242",
            f"'{name}' goes both ways through several cells on one another, which is not read",
            "a Bidirectional around each cell is another model; save one that goes one way",
        )
        parts = parts[-1:]
    inner = parts[0] if len(parts) == 1 else in_a_row(entry.value, parts)
    return added(node, config=added(config, layer=_held(inner)))


def inside_of(node: Mapping, config: Mapping) -> Mapping:
    """The layer that a wrapper holds, under the wrapper's name and on its input."""
    entry = config.entries.get("layer")
    inner = entry.value if entry is not None else None
    of_inner = inner.entries.get("config") if isinstance(inner, Mapping) else None
    if (
        not isinstance(inner, Mapping)
        or of_inner is None
        or not isinstance(of_inner.value, Mapping)
    ):
        raise ProblemAt(config.span, Problem("CS026", "'layer' is a mapping that says a layer"))
    declared = ("name", "batch_input_shape", "batch_shape")
    own = {key: config.entries[key] for key in declared if key in config.entries}
    arguments = Mapping({**of_inner.value.entries, **own}, of_inner.value.span)
    return added(inner, config=arguments)


def in_a_row(node: TreeNode, parts: Iterable[Mapping]) -> Mapping:
    """Several layers, one after the other, as one Sequential."""
    return class_of("Sequential", node.span, sequence(node.span, parts))


def _two_ways(reading: Reading, config: Mapping, forward: TreeNode) -> Mapping:
    """A Bidirectional whose backward layer is the copy of the forward one; CS242 for any other.

    TensorFlow's gives zeros at masked steps where it gives sequences, and does not write so.
    """
    backward = config.entries.get("backward_layer")
    if backward is not None and not _is_copy(forward, backward.value):
        name = shown(text_at(config, "name") or "Bidirectional")
        reading.refuse(
            backward.value.span,
            "CS242",
            f"the backward layer of '{name}' is not the copy of its forward layer",
            "give both the same arguments, but for go_backwards",
        )
    config = without(config, "backward_layer")
    inner = forward.entries.get("config") if isinstance(forward, Mapping) else None
    arguments = None if inner is None else inner.value
    if reading.writer.line != "tf.keras" or not isinstance(arguments, Mapping):
        return config
    if value_of(arguments, "return_sequences") is not True:
        return config
    arguments = added(arguments, zero_output_for_mask=scalar(True, arguments.span))
    assert isinstance(forward, Mapping), "its config was found in it"
    return added(config, layer=added(forward, config=arguments))


def _is_copy(forward: TreeNode, backward: TreeNode) -> bool:
    one, other = (_meaning(to_data(node)) for node in (forward, backward))
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    first, second = one.get("config"), other.get("config")
    if not isinstance(first, dict) or not isinstance(second, dict):
        return False
    keys = (first.keys() | second.keys()) - _MAY_DIFFER
    turned = bool(first.get("go_backwards")) != bool(second.get("go_backwards"))
    same = one.get("class_name") == other.get("class_name")
    return same and turned and all(first.get(key) == second.get(key) for key in keys)


def _meaning(data: object) -> object:
    """Plain data without the numbers that Keras gives to objects which it writes more than once."""
    if isinstance(data, dict):
        return {key: _meaning(value) for key, value in data.items() if key != "shared_object_id"}
    return [_meaning(item) for item in data] if isinstance(data, list) else data


def _held(inner: Mapping) -> Mapping:
    """What a wrapper holds; one of convspec's own layers is said as in a native spec."""
    mark = inner.entries.get("convspec")
    own = mark is not None and isinstance(mark.value, Scalar) and mark.value.value == 1
    config = inner.entries["config"].value
    if not own or not isinstance(config, Mapping):
        return inner
    kind = inner.entries["class_name"]
    return added(config, type=scalar(text_at(inner, "class_name"), kind.value.span))
