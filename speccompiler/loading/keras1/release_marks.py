"""Which release of Keras wrote a file that names none, by what only later ones wrote.

Keras 1.0.0 to 1.0.3 wrote no ``keras_version``. Nor is it in what ``get_config()`` gave, nor in
the attribute ``model_config`` of an HDF5 file, which many people copied out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras1.releases import ShownRelease
from speccompiler.loading.written_spec import WrittenLayer
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, Sequence

LATE = "1.x"
"""Stands for 1.0.8 to 1.2.2: these releases give the same meaning to what such files hold."""
_KEYS = {
    "BatchNormalization": ("gamma_regularizer", "beta_regularizer"),
    "InputLayer": ("sparse",),
    "Merge": ("output_mask", "output_mask_type", "arguments"),
}
"""Arguments that Keras 1.1.0 and later always write and 1.0.8 never, by the sources and files."""
_REGULARIZER = "L1L2Regularizer"
"""The name since 1.2.0 of what was a WeightRegularizer."""
_DEFAULTS = ((1e-3, LATE), (1e-5, LATE), (1e-6, "1.0.7"))
"""The epsilon of BatchNormalization that releases took beside a momentum of 0.99."""


def shown_release(layers: Iterable[WrittenLayer], *, config_alone: bool) -> ShownRelease | None:
    """The newest release that the layers show, a sure mark before a likely one; None without any.

    ``config_alone`` is what ``get_config()`` gave, whose age nothing else tells.
    """
    found = [mark for kind, config in _configs(layers) for mark in _marks(kind, config)]
    if not config_alone:
        found = [mark for mark in found if "padding" not in mark.why]
    return max(found, key=lambda mark: (mark.sure, mark.version), default=None)


def _configs(layers: Iterable[WrittenLayer]) -> Iterator[tuple[str, Mapping]]:
    """Each layer's type and arguments, and those of a layer inside of a wrapper."""
    for layer in layers:
        kind, config = layer.type, layer.arguments
        yield kind, config
        while "layer" in config.entries:
            inner = config.entries["layer"].value
            below = inner.entries.get("config") if isinstance(inner, Mapping) else None
            if not isinstance(inner, Mapping) or below is None:
                break
            if not isinstance(below.value, Mapping):
                break
            kind, config = text_at(inner, "class_name") or "", below.value
            yield kind, config


def _marks(kind: str, config: Mapping) -> Iterator[ShownRelease]:
    name = shown(text_at(config, "name") or kind)
    for key in _KEYS.get(kind, ()):
        if key in config.entries:
            why = f"'{key}' of '{name}' is written by Keras 1.1 and later alone"
            yield ShownRelease(LATE, why, sure=True)
    for entry in config.entries.values():
        if isinstance(entry.value, Mapping) and text_at(entry.value, "name") == _REGULARIZER:
            why = f"'{_REGULARIZER}' of '{name}' is a name of Keras 1.2"
            yield ShownRelease(LATE, why, sure=True)
    if kind == "BatchNormalization" and _number(config, "momentum") == 0.99:
        epsilon = _number(config, "epsilon")
        for value, version in _DEFAULTS:
            if math.isclose(epsilon, value, rel_tol=1e-6):
                why = f"epsilon {value:g} and momentum 0.99 of '{name}' are later defaults"
                yield ShownRelease(version, why, sure=False)
    sides = config.entries.get("padding") if kind == "ZeroPadding2D" else None
    if sides is not None and isinstance(sides.value, Sequence) and len(sides.value.items) == 4:
        yield ShownRelease(LATE, f"the padding of '{name}' has four numbers", sure=False)


def _number(config: Mapping, key: str) -> float:
    entry = config.entries.get(key)
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    return value if isinstance(value, float) else math.nan
