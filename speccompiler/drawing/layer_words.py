"""What a picture says of a layer: its kind, and in two or three words what it does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from speccompiler.drawing.themes import Kind
from speccompiler.schemas.fields import Layer

_KINDS: dict[str, tuple[Kind, str]] = {
    "InputLayer": ("input", "input"),
    "Convolution": ("convolution", "conv"),
    "AtrousConvolution": ("convolution", "conv"),
    "Deconvolution": ("convolution", "transposed conv"),
    "SeparableConvolution": ("convolution", "separable conv"),
    "DepthwiseConvolution": ("convolution", "depthwise conv"),
    "LocallyConnected": ("convolution", "local conv"),
    "MaxPooling": ("pooling", "max pool"),
    "AveragePooling": ("pooling", "mean pool"),
    "GlobalMaxPooling": ("pooling", "global max"),
    "GlobalAveragePooling": ("pooling", "global mean"),
    "Dense": ("dense", "dense"),
    "TimeDistributedDense": ("dense", "dense"),
    "MaxoutDense": ("dense", "maxout"),
    "Highway": ("dense", "highway"),
    "Embedding": ("dense", "embedding"),
    "Merge": ("merge", "merge"),
    "BatchNormalization": ("normalisation", "batch norm"),
    "LRN": ("normalisation", "local norm"),
    "LayerNormalization": ("normalisation", "layer norm"),
    "GroupNormalization": ("normalisation", "group norm"),
    "UnitNormalization": ("normalisation", "unit norm"),
    "Normalization": ("normalisation", "normalise"),
    "Rescaling": ("normalisation", "rescale"),
    "Activation": ("activation", "activation"),
    "LeakyReLU": ("activation", "leaky relu"),
    "ELU": ("activation", "elu"),
    "ThresholdedReLU": ("activation", "thresholded relu"),
    "PReLU": ("activation", "prelu"),
    "ParametricSoftplus": ("activation", "softplus"),
    "SReLU": ("activation", "srelu"),
    "ReLU": ("activation", "relu"),
    "Softmax": ("activation", "softmax"),
    "UpSampling": ("resizing", "up"),
    "ZeroPadding": ("resizing", "pad"),
    "Cropping": ("resizing", "crop"),
    "Resize": ("resizing", "resize"),
    "Flatten": ("shape", "flatten"),
    "Reshape": ("shape", "reshape"),
    "Permute": ("shape", "permute"),
    "RepeatVector": ("shape", "repeat"),
    "Slice": ("shape", "slice"),
    "Reduce": ("shape", "reduce"),
    "Dropout": ("regularisation", "dropout"),
    "AlphaDropout": ("regularisation", "dropout"),
    "SpatialDropout": ("regularisation", "dropout"),
    "GaussianDropout": ("regularisation", "noise"),
    "GaussianNoise": ("regularisation", "noise"),
    "ActivityRegularization": ("regularisation", "regulariser"),
    "Masking": ("other", "mask"),
    "SimpleRNN": ("recurrent", "simple rnn"),
    "LSTM": ("recurrent", "lstm"),
    "GRU": ("recurrent", "gru"),
    "ConvLSTM": ("recurrent", "conv lstm"),
    "Pick": ("shape", "pick"),
    "State": ("recurrent", "state"),
}
"""By the type without its number of axes."""


def kind_of(layer: Layer) -> Kind:
    """The kind of a layer, or of the one that it wraps."""
    return _KINDS.get(_stem(layer.inner), ("other", ""))[0]


TIMES = "\N{MULTIPLICATION SIGN}"


def words_of(layer: Layer) -> str:
    """``conv 3x3 /2 · relu``: what it is, its kernel and stride, its own activation."""
    inner: Any = layer.inner
    stem = _stem(inner)
    word = _KINDS.get(stem, ("other", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem).lower()))[1]
    parts = [word]
    activation = getattr(inner, "activation", None)
    if stem == "Merge":
        parts = [str(inner.mode)]
    elif stem == "Activation":
        parts = [_activation(activation)]
        activation = None
    else:
        parts += _sizes(inner)
    text = " ".join(parts)
    if activation is not None and activation != "linear":
        text += f" · {_activation(activation)}"
    return text if inner is layer else f"{_around(layer)}: {text}"


def _around(layer: Layer) -> str:
    """What a wrapper does with the layer in it."""
    return "both ways" if layer.class_name == "Bidirectional" else "each step"


def _stem(layer: Layer) -> str:
    return re.sub(r"[123]D$", "", layer.class_name)


def _activation(activation: object) -> str:
    return activation if isinstance(activation, str) else "expression"


def _sizes(layer: Any) -> list[str]:
    """Kernel or window, stride where it says something, dilation, groups; which one is taken."""
    kernel = _first(layer, ("nb_row", "nb_col"), ("filter_length",), ("pool_size",),
                    ("pool_length",), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))  # fmt: skip
    stride = _first(layer, ("subsample",), ("subsample_length",), ("strides",), ("stride",))
    rate = _first(layer, ("atrous_rate",))
    found = []
    if kernel:
        found.append(TIMES.join(map(str, kernel)))
        stride = stride or (kernel if hasattr(layer, "pool_size") else ())
    if any(step != 1 for step in stride):
        found.append("/" + _brief(stride))
    if any(step != 1 for step in rate):
        found.append("rate " + _brief(rate))
    groups = getattr(layer, "groups", 1)
    if kernel and groups > 1:
        found.append(f"in {groups} groups")
    if not kernel:
        factors = _first(layer, ("size",), ("length",))
        found += [TIMES.join(map(str, factors))] if factors else []
        index = getattr(layer, "index", None)
        found += [str(index)] if isinstance(index, int) else []
        share = getattr(layer, "p", None)
        found += [f"{share:g}"] if isinstance(share, float) else []
    return found


def _first(layer: Any, *choices: Sequence[str]) -> tuple[int, ...]:
    """The numbers of the first names that the layer has."""
    for names in choices:
        values = [getattr(layer, name, None) for name in names]
        if None in values:
            continue
        if len(values) == 1 and isinstance(values[0], tuple):
            values = list(values[0])
        if all(isinstance(value, int) for value in values):
            return tuple(values)  # type: ignore[arg-type]
    return ()


def _brief(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else TIMES.join(map(str, sizes))
