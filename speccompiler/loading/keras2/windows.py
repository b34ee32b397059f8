"""Pooling, up-sampling, padding and cropping of Keras 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping as Table

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, scalar, sequence, tree_of
from speccompiler.loading.keras2.axes import ordered, over_steps
from speccompiler.loading.keras2.convolutions import per_axis
from speccompiler.loading.keras2.made import Made, Special
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import spread, value_of, whole_numbers, without
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, TreeNode, to_data


def _pooling(rank: int) -> Special:
    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        entries = config.entries
        found: dict[str, TreeNode] = {}
        size, strides = ("pool_length", "stride") if rank == 1 else ("pool_size", "strides")
        for key, ours in (("pool_size", size), ("strides", strides)):
            if key in entries:
                found[ours] = per_axis(entries[key].value, rank)
        if "padding" in entries:
            found["border_mode"] = entries["padding"].value
        config = added(without(config, "pool_size", "strides", "padding"), **found)
        return over_steps(kind, config) if rank == 1 else [Made(kind, ordered(config))]

    return special


def _global(rank: int) -> Special:
    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        keeps = value_of(config, "keepdims") is True
        if not keeps:
            config = without(config, "keepdims")
        if rank == 1:
            return over_steps(kind, config, gives_steps=keeps)
        return [Made(kind, ordered(config))]

    return special


def _ordered(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    return [Made(kind, ordered(config))]


def _zero_padding(rank: int) -> Special:
    def special(reading: Reading, kind: str, config: Mapping) -> list[Made]:
        entry = config.entries.get("padding")
        if entry is not None and rank > 1:
            config = added(config, padding=_sides(entry.value, rank))
        return over_steps(kind, config) if rank == 1 else [Made(kind, ordered(config))]

    return special


def _sides(node: TreeNode, rank: int) -> TreeNode:
    """One number an axis where both sides are alike; else those of all sides."""
    pairs = [whole_numbers(item) for item in spread(node, rank)]
    if any(pair is None or len(pair) > 2 for pair in pairs):
        return node
    found = [(pair or [0])[0] == (pair or [0])[-1] for pair in pairs]
    if all(found):
        return sequence(node.span, [scalar((pair or [0])[0], node.span) for pair in pairs])
    both = [[pair[0], pair[-1]] for pair in pairs if pair]
    if rank == 2:
        return sequence(node.span, [scalar(n, node.span) for pair in both for n in pair])
    lists = [sequence(node.span, [scalar(n, node.span) for n in pair]) for pair in both]
    return sequence(node.span, lists)


def _up_sampling(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    """``bilinear`` looked at i / factor before TensorFlow 2, and at the half pixel since."""
    entry = config.entries.get("interpolation")
    config = ordered(without(config, "interpolation"))
    if "size" in config.entries:
        config = added(config, size=per_axis(config.entries["size"].value, 2))
    said = "nearest" if entry is None else str(value_of(Mapping({"i": entry}, config.span), "i"))
    name = shown(text_at(config, "name") or kind)
    if entry is None and reading.writer.line == "tf.keras":
        reading.say(
            "CS243",
            f"'{name}': TensorFlow 1 did not write the interpolation of an UpSampling2D; this is "
            "'nearest', as it reads such a file itself",
            config.span,
        )
    if entry is None or said == "nearest":
        return [Made(kind, config)]
    if said != "bilinear" or reading.writer.theano:
        what = "on Theano" if said == "bilinear" else f"'{shown(said)}'"
        reading.refuse(
            entry.value.span,
            "CS242",
            f"interpolation {what} of '{name}' is not read; 'nearest' and 'bilinear' are",
            "with --replace, or a native spec, say another layer: {type: Resize, ..}",
        )
        return [Made(kind, config)]
    legacy = reading.writer.line == "Keras 2"
    ours = scalar("bilinear_legacy" if legacy else "bilinear", entry.value.span)
    return [Made(kind, added(config, interpolation=ours))]


def center_crop(node: Mapping, config: Mapping) -> Made | None:
    """A CenterCrop as a Cropping2D; None where the file does not tell that the image is larger.

    Of an odd number of rows the smaller half is cut off in front (keras 3.15
    layers/preprocessing/image_preprocessing/center_crop.py).
    """
    built = node.entries["build_config"].value if "build_config" in node.entries else None
    entry = built.entries.get("input_shape") if isinstance(built, Mapping) else None
    shape = to_data(entry.value) if entry is not None else None
    if not isinstance(shape, list) or len(shape) != 4:
        return None
    first = value_of(config, "data_format") == "channels_first"
    cuts = []
    for length, key in zip(shape[2:] if first else shape[1:3], ("height", "width"), strict=True):
        kept = value_of(config, key)
        if type(length) is not int or type(kept) is not int or kept > length:
            return None
        before = (length - kept) // 2
        cuts.append([before, length - kept - before])
    config = without(config, "height", "width")
    return Made("Cropping2D", ordered(added(config, cropping=tree_of(cuts, config.span))))


def _over_steps(reading: Reading, kind: str, config: Mapping) -> list[Made]:
    return over_steps(kind, config)


SPECIAL: Table[str, Special] = {
    **{
        f"{mode}Pooling{rank}D": _pooling(rank) for mode in ("Max", "Average") for rank in (1, 2, 3)
    },
    **{
        f"Global{mode}Pooling{rank}D": _global(rank)
        for mode in ("Max", "Average")
        for rank in (1, 2, 3)
    },
    **{f"ZeroPadding{rank}D": _zero_padding(rank) for rank in (1, 2, 3)},
    "Cropping1D": _over_steps,
    "Cropping2D": _ordered,
    "Cropping3D": _ordered,
    "UpSampling1D": _over_steps,
    "UpSampling2D": _up_sampling,
    "UpSampling3D": _ordered,
    "SpatialDropout1D": _over_steps,
    "SpatialDropout2D": _ordered,
    "SpatialDropout3D": _ordered,
}
