"""How old a file of Keras 0.x is, by what only older or only newer releases wrote.

It decides numbers. Until 0.2 Theano was the only backend, and ``Dropout`` multiplied by ``1 - p``
at test time; 0.3 scales while training instead (keras pull request 917, 30 October 2015).

The marks are what the sources of 0.2.0 and 0.3.0 write. Both write ``theano_mode`` beside a
compiled model, and ``target`` and ``beta`` in an Activation: these tell nothing.
"""

from __future__ import annotations

from typing import Literal

from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, mappings

Age = Literal["before 0.3", "0.3"]

_POOLS = ("MaxPooling1D", "MaxPooling2D")
_OLD_TYPES = {"UpSample1D", "UpSample2D", "SimpleDeepRNN"}
_OLD_KEYS = {
    "Convolution2D": {"stack_size"},
    "ZeroPadding2D": {"pad"},
    "MaxPooling1D": {"ignore_border"},
    "MaxPooling2D": {"ignore_border", "poolsize", "stride"},
}
_OLD_EVERYWHERE = {"truncate_gradient"}
_NEW_TYPES = {"UpSampling1D", "UpSampling2D", "AveragePooling1D", "AveragePooling2D", "ELU"}
_NEW_KEYS = {
    "BatchNormalization": {"axis"},
    "Merge": {"dot_axes"},
    **{pool: {"border_mode", "strides"} for pool in _POOLS},
}
_NEW_EVERYWHERE = {
    "cache_enabled", "custom_name", "dim_ordering", "sample_weight_mode", "sample_weight_modes",
}  # fmt: skip


def age_of(root: Mapping) -> Age | None:
    """The age that ``keras_version`` says, else the one that all marks agree on."""
    version = text_at(root, "keras_version")
    if version is not None and version.startswith(("0.1", "0.2")):
        return "before 0.3"
    if version is not None and version.startswith("0.3"):
        return "0.3"
    old = new = False
    for node in mappings(root):
        name, keys = text_at(node, "name") or "", node.entries.keys()
        marks = _OLD_KEYS.get(name, set()) | _OLD_EVERYWHERE
        old = old or name in _OLD_TYPES or not marks.isdisjoint(keys)
        marks = _NEW_KEYS.get(name, set()) | _NEW_EVERYWHERE
        new = new or name in _NEW_TYPES or not marks.isdisjoint(keys)
    if old and new:
        return None
    if not new and any(map(_unordered, mappings(root))):
        return "before 0.3"
    return "before 0.3" if old else "0.3" if new else None


def _unordered(node: Mapping) -> bool:
    """A Convolution2D without what every release from 0.3 on writes in it."""
    return text_at(node, "name") == "Convolution2D" and "dim_ordering" not in node.entries


def says_ordering(root: Mapping) -> bool:
    """Whether any layer has a ``dim_ordering``; before 0.3 there was only Theano's."""
    return any("dim_ordering" in node.entries for node in mappings(root))
