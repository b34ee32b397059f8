"""Layers of Keras 2 and 3 that work value by value, or on the values of a sample as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, scalar, sequence
from speccompiler.loading.keras2.axes import ordered
from speccompiler.loading.keras2.made import Made, Special
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import one_of, value_of, without
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Sequence, TreeNode


def _input(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    entry = config.entries.get("ragged")
    if entry is not None and value_of(config, "ragged") is True:
        reading.refuse(entry.value.span, "CS242", "ragged inputs are not read", "pad them")
    if value_of(config, "sparse") is True:
        # The values are the same however they are stored: here all of them are given.
        config = without(config, "sparse")
    return [Made(kind, without(config, "ragged", "optional"))]


def _batch_normalization(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """TensorFlow writes the axis as a list of one."""
    config = without(config, *(key for key in ("center", "scale") if value_of(config, key) is True))
    if "axis" in config.entries:
        config = added(config, axis=one_of(config.entries["axis"].value))
    return [Made("BatchNormalization", config)]


def _normalized(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    if value_of(config, "rms_scaling") is True:
        name = shown(text_at(config, "name") or kind)
        message = f"'rms_scaling' of '{name}' is not read"
        reading.refuse(config.entries["rms_scaling"].value.span, "CS242", message)
    return [Made(kind, without(config, "rms_scaling"))]


def _unit_normalization(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """The smallest norm was 1e-6 before Keras 3."""
    if reading.writer.line != "Keras 3":
        config = added(config, epsilon=scalar(1e-6, config.span))
    return [Made(kind, config)]


def _flat(*keys: str) -> Special:
    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        """Numbers in lists of lists, one after the other."""
        found = {key: _numbers(config.entries[key].value) for key in keys if key in config.entries}
        return [Made(kind, added(config, **found))]

    return special


def _normalization(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """Without an axis, which Keras writes as none or as an empty list, there is one mean."""
    (made,) = _flat("mean", "variance")(reading, kind, config)
    entry = config.entries.get("axis")
    empty = entry is None or (isinstance(entry.value, Sequence) and not entry.value.items)
    return [Made(kind, added(made.config, axis=scalar(None, config.span)))] if empty else [made]


def _numbers(node: TreeNode) -> TreeNode:
    leaves = list(_leaves(node))
    if not isinstance(node, Sequence):
        return node
    return leaves[0] if len(leaves) == 1 else sequence(node.span, leaves)


def _leaves(node: TreeNode) -> Iterator[TreeNode]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _leaves(item)
    else:
        yield node


def _flatten(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    first = value_of(config, "data_format") == "channels_first"
    config = without(config, "data_format")
    return [
        Made(kind, added(config, channels_first=scalar(True, config.span)) if first else config)
    ]


def _embedding(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """Samples of several axes have several lengths, which the shape of the input says too."""
    entry = config.entries.get("input_length")
    if entry is not None:
        length = one_of(entry.value)
        config = without(config, "input_length")
        if not isinstance(length, Sequence):
            config = added(config, input_length=length)
    return [Made(kind, config)]


def _resizing(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    entries = config.entries
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        if value_of(config, key) is True:
            name = shown(text_at(config, "name") or kind)
            reading.refuse(entries[key].value.span, "CS242", f"'{key}' of '{name}' is not read")
    said = value_of(config, "interpolation")
    if said not in (None, "nearest", "bilinear"):
        name = shown(text_at(config, "name") or kind)
        reading.refuse(
            entries["interpolation"].value.span,
            "CS242",
            f"interpolation '{shown(str(said))}' of '{name}' is not read; 'nearest' and 'bilinear' "
            "are",
            "resize images before the model, and save the layers behind it",
        )
        config = without(config, "interpolation")
    if {"height", "width"} <= entries.keys():
        size = [entries["height"].value, entries["width"].value]
        config = added(config, size=sequence(size[0].span, size))
    dropped = ("height", "width", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode",
               "fill_value", "antialias")  # fmt: skip
    config = added(without(config, *dropped), half_pixel=scalar(True, config.span))
    return [Made("Resize", ordered(config))]


SPECIAL: Table[str, Special] = {
    "InputLayer": _input,
    "BatchNormalization": _batch_normalization,
    "BatchNormalizationV1": _batch_normalization,
    "BatchNormalizationV2": _batch_normalization,
    "SyncBatchNormalization": _batch_normalization,
    "LayerNormalization": _normalized,
    "GroupNormalization": _normalized,
    "Normalization": _normalization,
    "Rescaling": _flat("scale", "offset"),
    "UnitNormalization": _unit_normalization,
    "Flatten": _flatten,
    "Embedding": _embedding,
    "Resizing": _resizing,
}
