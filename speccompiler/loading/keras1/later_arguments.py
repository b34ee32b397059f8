"""Arguments and values that Keras 1.x has not: its loader refused a file with them.

A native spec and files of Keras 2 and later have them (1.2.2 engine/topology.py:317 takes no
keyword that it does not know).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from speccompiler.diagnostics.core import Problem

_STEPPING = ("bias", "zero_output_for_mask")
_OF_IMAGES = ("atrous_rate", "groups", "kernel_ordering")
LATER: Mapping[str, tuple[str, ...]] = {
    "Convolution1D": ("atrous_rate", "groups"),
    "Convolution2D": _OF_IMAGES,
    "Convolution3D": _OF_IMAGES,
    "Deconvolution2D": ("atrous_rate", "kernel_ordering", "output_padding"),
    "SeparableConvolution2D": ("atrous_rate", "kernel_ordering"),
    "UpSampling2D": ("interpolation",),
    "Flatten": ("channels_first",),
    "Merge": ("broadcast", "normalize"),
    **{
        f"Global{kind}Pooling{rank}D": ("keepdims",)
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
    },
    "BatchNormalization": ("center", "scale"),
    "SimpleRNN": _STEPPING,
    "LSTM": _STEPPING,
    "GRU": (*_STEPPING, "reset_after"),
    "ConvLSTM2D": (*_STEPPING, "atrous_rate", "fused"),
}
"""Arguments of layers that Keras 1.2.2 has."""
_VALUES: Mapping[str, Mapping[str, str]] = {
    "border_mode": {"causal": "valid, same, full"},
    "mode": dict.fromkeys(("sub", "min"), "sum, mul, ave, max, concat, dot, cos"),
}
"""Values of arguments, and which there were."""


def later_arguments(layer_type: str, data: Mapping[str, Any]) -> Iterator[Problem]:
    """CS022 for each argument of a layer that came later, and CS023 for such values."""
    for name in LATER.get(layer_type, ()):
        if name in data:
            yield Problem(
                "CS022",
                f"{layer_type} has no argument '{name}' in Keras 1.x",
                "if a later Keras wrote the file, say its keras_version; else drop the argument",
                argument=name,
            )
    for name, values in _VALUES.items():
        said = data.get(name)
        if isinstance(said, str) and said in values:
            yield Problem(
                "CS023",
                f"'{name}' is '{said}'; allowed in Keras 1.x: {values[said]}",
                "if a later Keras wrote the file, say its keras_version",
                argument=name,
            )
