"""The masks that Keras 3 writes as functions among the layers of a functional model.

Where a mask travels, Keras 3 lists what computes it, and names it at the call that reads it:

    not_equal = NotEqual(words, 0)                 beside Embedding(mask_zero) of the same words
    any = Any(NotEqual(steps, 0.0), axis=-1)       beside Masking of the same steps
    lstm = LSTM(embedding, mask=not_equal)

The layers that have masks say the same here, so that these functions are left out: where the mask
of a call comes from the same layers as that of its input. A mask that the author made of something
else is none of these, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table
from dataclasses import field

from speccompiler.frozen import dataclass
from speccompiler.loading.keras2.functions import is_operation
from speccompiler.loading.keras2.links import history
from speccompiler.loading.keras2.values import value_of
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

_OF_MASKS = frozenset({"Any", "All", "Concatenate", "ExpandDims", "LogicalAnd", "LogicalOr"})
_SHAPED = frozenset({"OnesLike", "ZerosLike"})
"""Functions that read of a value nothing but its shape."""
_ENDS = frozenset(
    {
        "Flatten", "Reshape", "Permute", "RepeatVector", "Resizing", "Dot", "Conv1D", "Conv2D",
        "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
        "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "EinsumDense",
        *(f"{kind}{rank}D" for rank in (1, 2, 3) for kind in (
            "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling",
            "UpSampling", "ZeroPadding", "Cropping",
        )),
    }
)  # fmt: skip
"""Layers behind which Keras 3 has no mask."""
_RECURRENT = frozenset({"SimpleRNN", "LSTM", "GRU", "RNN", "ConvLSTM2D"})
_INSIDE = frozenset({"Sequential", "Functional", "Model"})
_Link = tuple[object, object, object]
_Source = tuple[_Link, float]
"""A value, and the number that says which of its steps are masked."""


@dataclass(slots=True)
class _Found:
    """What is known of the values and functions so far, in the order of the file."""

    sources: dict[_Link, frozenset[_Source] | None] = field(default_factory=dict)
    """What the mask of a value is made of; None where a nested model decides."""
    masks: dict[str, frozenset[_Source]] = field(default_factory=dict)
    """What a function's result is made of, if it is a mask."""
    reads: dict[str, set[str]] = field(default_factory=dict)
    """The functions that a function reads."""
    kept: set[str] = field(default_factory=set)
    """Functions that a layer reads as a value, or whose mask is none of Keras's own."""


def mask_functions(items: Iterable[TreeNode], outputs: TreeNode) -> frozenset[str]:
    """The names of the functions that only compute masks which travel with values anyway."""
    found = _Found(kept={str(link[0]) for link in _links(outputs)})
    for item in items:
        if isinstance(item, Mapping):
            _member(found, item)
    return frozenset(found.masks) - _with_all_they_read(found.kept, found.reads)


def _member(found: _Found, item: Mapping) -> None:
    config = item.entries["config"].value if "config" in item.entries else None
    inbound = item.entries["inbound_nodes"].value if "inbound_nodes" in item.entries else None
    name = text_at(item, "name") or text_at(config, "name")
    if name is None or not isinstance(config, Mapping) or not isinstance(inbound, Sequence):
        return
    for number, call in enumerate(inbound.items):
        if not isinstance(call, Mapping) or "args" not in call.entries:
            continue
        read = list(_links(call.entries["args"].value))
        mask = _mask(found, item, call, read) if is_operation(item) else None
        if mask is not None and len(inbound.items) == 1:
            found.masks[name] = mask
            found.reads[name] = {str(link[0]) for link in read} & found.masks.keys()
            continue
        found.kept.update(str(link[0]) for link in read)
        passed = _passed(found, text_at(item, "class_name") or "", config, read)
        for mask_link in _mask_arguments(call):
            own = found.masks.get(str(mask_link[0]))
            before = [found.sources.get(link) for link in read]
            certain = frozenset().union(*(one or () for one in before))
            if own is None or (None not in before and own != certain):
                found.kept.add(str(mask_link[0]))
        for output in range(2 if text_at(item, "class_name") in _INSIDE else 1):
            found.sources[name, number, output] = passed


def _mask(
    found: _Found, item: Mapping, call: Mapping, read: list[_Link]
) -> frozenset[_Source] | None:
    """What the mask is made of that a function computes; None if it computes none."""
    kind = text_at(item, "class_name") or ""
    if kind == "NotEqual":
        arguments = call.entries["args"].value
        number = arguments.items[-1] if isinstance(arguments, Sequence) else None
        value = number.value if isinstance(number, Scalar) else None
        if len(read) != 1 or isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return frozenset({(read[0], float(value))})
    if kind in _SHAPED:
        return frozenset()
    parts = [found.masks.get(str(link[0])) for link in read]
    if kind not in _OF_MASKS or not parts or None in parts:
        return None
    return frozenset().union(*(part for part in parts if part is not None))


def _passed(
    found: _Found, kind: str, config: Mapping, read: list[_Link]
) -> frozenset[_Source] | None:
    """What the mask is made of that a layer's output has; None where it is not known here."""
    if kind == "Embedding":
        masks = value_of(config, "mask_zero") is True and len(read) == 1
        return frozenset({(read[0], 0.0)}) if masks else frozenset()
    if kind == "Masking":
        value = value_of(config, "mask_value")
        if len(read) != 1 or not isinstance(value, int | float):
            return None
        return frozenset({(read[0], float(value))})
    if kind in _INSIDE:
        return None
    if kind in _ENDS or (kind in _RECURRENT and value_of(config, "return_sequences") is not True):
        return frozenset()
    before = [found.sources.get(link, frozenset()) for link in read]
    if None in before:
        return None
    return frozenset().union(*(one for one in before if one is not None))


def _mask_arguments(call: Mapping) -> Iterator[_Link]:
    keywords = call.entries["kwargs"].value if "kwargs" in call.entries else None
    if isinstance(keywords, Mapping) and "mask" in keywords.entries:
        yield from _links(keywords.entries["mask"].value)


def _links(node: TreeNode) -> Iterator[_Link]:
    """Every link to a value in an argument."""
    found = history(node)
    node = node if found is None else found
    items = node.items if isinstance(node, Sequence) else ()
    first = [item.value for item in items[:3] if isinstance(item, Scalar)]
    if len(first) == 3 and isinstance(first[0], str):
        yield first[0], first[1], first[2]
        return
    for item in items:
        yield from _links(item)


def _with_all_they_read(names: set[str], reads: Table[str, set[str]]) -> set[str]:
    found, new = set(names), list(names)
    while new:
        more = reads.get(new.pop(), set()) - found
        found |= more
        new += more
    return found
