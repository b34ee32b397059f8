"""Whether a value is never below 0, by the layers that it is made of."""

from __future__ import annotations

from speccompiler.convert.keras3.builder import Value

_POSITIVE = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "exponential", "softmax"}
_WITH_ACTIVATION = ("Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv")
_MOVES = ("Permute", "Reshape", "Flatten", "RepeatVector", "ZeroPadding", "Cropping", "UpSampling",
          "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling")  # fmt: skip
_MERGES = {"Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}


def never_negative(value: Value) -> bool:
    """True where it is certain; False also where nobody knows."""
    left, seen = [value], set()
    while left:
        one = left.pop()
        place = (id(one.layer), one.call)
        if place in seen:
            continue
        seen.add(place)
        kind, config = one.layer.kind, one.layer.config
        if kind.startswith(_WITH_ACTIVATION) and config.get("activation") in _POSITIVE:
            continue
        if kind == "ReLU" and not config.get("negative_slope") and config.get("threshold", 0) >= 0:
            continue
        if not kind.startswith(_MOVES) and kind not in _MERGES:
            return False
        left += one.layer.calls[one.call].read
    return True
