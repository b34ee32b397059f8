"""Convolutions of Keras 2 and 3 in the form of Keras 1.x's."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, mapping, plain_list, scalar, sequence
from speccompiler.loading.keras2.axes import ordered, over_steps
from speccompiler.loading.keras2.made import Made, Special
from speccompiler.loading.keras2.names import TYPES
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import one_of, spread, value_of, whole_numbers, without
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, TreeNode

_KERNEL: Table[int, Sequence[str]] = {
    1: ("filter_length",),
    2: ("nb_row", "nb_col"),
    3: ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
"""The arguments that are the kernel's lengths, by the number of spatial axes."""


_ORDERED_KERNELS = frozenset({"Convolution2D", "Convolution3D", "SeparableConvolution2D"})
"""Layers whose kernels Keras 1.x stores by their dim_ordering."""


def _convolution(rank: int) -> Special:
    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        config = windowed(config, rank)
        config = _dilated(reading, kind, config, rank)
        groups = value_of(config, "groups")
        if groups == 1 or not kind.startswith("Conv") or kind.endswith("Transpose"):
            config = without(config, "groups")
        if kind.endswith("Transpose"):
            config = _padded_output(config, rank)
        return _placed(kind, config, rank)

    return special


def windowed(config: Mapping, rank: int) -> Mapping:
    """``kernel_size``, ``strides`` and ``padding`` by Keras 1.x's names."""
    entries = config.entries
    found: dict[str, TreeNode] = {}
    if "kernel_size" in entries:
        sizes = spread(entries["kernel_size"].value, rank)
        found |= zip(_KERNEL[rank], sizes, strict=True)
    if "strides" in entries:
        strides = entries["strides"].value
        key = "subsample_length" if rank == 1 else "subsample"
        found[key] = per_axis(strides, rank)
    if "padding" in entries:
        found["border_mode"] = entries["padding"].value
    return added(without(config, "kernel_size", "strides", "padding"), **found)


def per_axis(node: TreeNode, rank: int) -> TreeNode:
    """A number for each axis; for one axis the number itself."""
    if rank == 1:
        return one_of(node)
    return sequence(node.span, spread(node, rank))


def _dilated(reading: Reading, kind: str, config: Mapping, rank: int) -> Mapping:
    """``dilation_rate`` as ``atrous_rate``; Keras 2.0 did not apply SeparableConv2D's."""
    entry = config.entries.get("dilation_rate")
    config = without(config, "dilation_rate")
    if entry is None or set(whole_numbers(entry.value) or (0,)) == {1}:
        return config
    if kind == "SeparableConv2D" and reading.writer.before(2, 1):
        name = shown(text_at(config, "name") or kind)
        reading.say(
            "CS243",
            f"'{name}': {reading.writer.shown} wrote the dilation_rate of a SeparableConv2D and "
            "did not apply it; nor does this",
            entry.value.span,
        )
        return config
    return added(config, atrous_rate=per_axis(entry.value, rank))


def _padded_output(config: Mapping, rank: int) -> Mapping:
    entry = config.entries.get("output_padding")
    if entry is None:
        return config
    return added(config, output_padding=per_axis(entry.value, rank))


def _placed(kind: str, config: Mapping, rank: int) -> list[Made]:
    """With its ordering. Keras 2 stores every kernel as it does with the channels last."""
    ours = TYPES[kind]
    if rank == 1:
        return over_steps(ours, config)
    config = ordered(config)
    ordering = value_of(config, "dim_ordering")
    if ours == "Deconvolution2D" or (ordering == "th" and ours in _ORDERED_KERNELS):
        span = config.entries["dim_ordering"].value.span
        config = added(config, kernel_ordering=scalar("tf", span))
    return [Made(ours, config)]


def refuse_other_kernels(reading: Reading, kind: str, name: str, config: Mapping) -> None:
    """CS242 for a LocallyConnected1D whose kernel's axes nothing tells.

    With ``implementation`` 2 it is one matrix from all inputs to all outputs, and with 3 the values
    of a sparse one (tf_keras layers/locally_connected ``build``). Both have the order of the input,
    which becomes that of the channels last here.
    """
    entry = config.entries.get("implementation")
    first = value_of(config, "data_format") == "channels_first"
    if kind != "LocallyConnected1D" or entry is None or not first:
        return
    value = value_of(config, "implementation")
    if value not in (None, 1):
        reading.refuse(
            entry.value.span,
            "CS242",
            f"'implementation' of '{shown(name)}' is {shown(str(value))}, with which its kernel "
            "is stored in another form: of data_format 'channels_first' that is not read",
            "build the model with implementation=1, set its kernel from this layer's where the "
            "model was made, and save that one",
        )


def _local(rank: int) -> Special:
    """Of TensorFlow's 'same' the zeros are a layer: half of the kernel in front of the input.

    Its window begins there whatever the stride (tf_keras utils/conv_utils.py
    ``conv_connected_inputs``).
    """

    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        sizes = spread(config.entries["kernel_size"].value, rank) if _is_same(config) else []
        config = windowed(config, rank)
        lengths = [(whole_numbers(one_of(size)) or (0,))[0] for size in sizes]
        padded = bool(lengths) and min(lengths) > 0
        config = without(config, "border_mode") if padded else config
        made = over_steps(kind, config) if rank == 1 else [Made(kind, ordered(config))]
        if not padded:
            return made
        span = sizes[0].span
        sides = plain_list(span, [end for k in lengths for end in (k // 2, k - 1 - k // 2)])
        zeros = mapping(span, padding=sides)
        if rank == 2:
            ordering = made[0].config.entries["dim_ordering"].value
            zeros = added(zeros, dim_ordering=ordering)
        return [Made(f"ZeroPadding{rank}D", zeros, "padding"), *made]

    return special


def _is_same(config: Mapping) -> bool:
    return value_of(config, "padding") == "same" and "kernel_size" in config.entries


SPECIAL: Table[str, Special] = {
    **{
        name: _convolution(rank)
        for name, rank in (
            ("Conv1D", 1), ("Conv2D", 2), ("Conv3D", 3),
            ("Conv1DTranspose", 1), ("Conv2DTranspose", 2), ("Conv3DTranspose", 3),
            ("DepthwiseConv1D", 1), ("DepthwiseConv2D", 2),
            ("SeparableConv1D", 1), ("SeparableConv2D", 2),
        )
    },
    "LocallyConnected1D": _local(1),
    "LocallyConnected2D": _local(2),
}  # fmt: skip
