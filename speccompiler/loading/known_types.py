"""Layer types that a spec may have meant: names of other releases and frameworks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from speccompiler.diagnostics.core import did_you_mean
from speccompiler.diagnostics.remedies import Instead, Remedy, Write
from speccompiler.loading.known_names import EXPRESSIONS, plain_name
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS, aliases

_ACTIVATIONS = ("softmax", "sigmoid", "tanh", "relu", "softplus", "softsign", "hardsigmoid")
_MERGES = {
    "concatenate": "concat",
    "concat": "concat",
    "add": "sum",
    "sum": "sum",
    "multiply": "mul",
    "average": "ave",
    "maximum": "max",
    "subtract": "sub",
    "minimum": "min",
    "dot": "dot",
}
_OTHER_NAMES: Mapping[str, str] = {
    "conv2dtranspose": "Deconvolution2D",
    "convolution2dtranspose": "Deconvolution2D",
    "transposedconvolution2d": "Deconvolution2D",
    "convtranspose2d": "Deconvolution2D",
    "deconv": "Deconvolution2D",
    "deconvolution": "Deconvolution2D",
    "linear": "Dense",
    "fullyconnected": "Dense",
    "innerproduct": "Dense",
    "fc": "Dense",
    "batchnorm": "BatchNormalization",
    "batchnorm1d": "BatchNormalization",
    "batchnorm2d": "BatchNormalization",
    "batchnorm3d": "BatchNormalization",
    "batchnormalizationv1": "BatchNormalization",
    "input": "InputLayer",
    "dilatedconv2d": "AtrousConvolution2D",
    "dilatedconv1d": "AtrousConvolution1D",
    "gaussiannoiselayer": "GaussianNoise",
    "transpose": "Permute",
    "merge": "Merge",
}
_UNLIKE = frozenset({"Deconvolution2D", "Dropout", "Dense", "Permute", "AtrousConvolution1D",
                     "AtrousConvolution2D"})  # fmt: skip
"""Layers whose arguments are not those of the ones that other frameworks call otherwise."""
_NATIVE_NAMES: Mapping[str, str] = {
    "lrn": "LRN2D",
    "localresponsenormalization": "LRN2D",
    "localresponsenorm": "LRN2D",
    "crosschannelnormalization": "LRN2D",
    "conv1dtranspose": "Deconvolution1D",
    "conv3dtranspose": "Deconvolution3D",
    "convtranspose1d": "Deconvolution1D",
    "convtranspose3d": "Deconvolution3D",
    "layernorm": "LayerNormalization",
    "groupnorm": "GroupNormalization",
    "l2normalization": "UnitNormalization",
    "resizing": "Resize",
}
"""Other names of layers that only convspec has, for native specs alone."""
_NAMED_ACTIVATIONS: Mapping[str, str] = {
    "swish": "swish",
    "silu": "silu",
    "gelu": "gelu",
    "gelutanh": "gelu_tanh",
    "selu": "selu",
    "mish": "mish",
    "relu6": "relu6",
    "hardswish": "hard_silu",
    "hardsilu": "hard_silu",
    "exponential": "exponential",
    "logsoftmax": "log_softmax",
}
"""Activations that have a name in native specs."""
_CUDNN = "write {} with inner_activation: sigmoid and {}; it takes the weights of a CuDNN layer too"
_NATIVE_ADVICE: Mapping[str, str] = {
    "cudnnlstm": _CUDNN.format("an LSTM", "consume_less: gpu"),
    "cudnngru": _CUDNN.format("a GRU", "reset_after: true"),
    "lstmcell": "write an LSTM: a layer around one cell is that",
    "grucell": "write a GRU: a layer around one cell is that",
    "simplernncell": "write a SimpleRNN: a layer around one cell is that",
    "rnn": "write the SimpleRNN, LSTM or GRU whose cell it holds",
    "instancenormalization": "GroupNormalization with groups: -1 normalises each channel of a "
    "sample by itself",
}
"""What to write for layers that a native spec says otherwise."""
_ADVICE: Mapping[str, str] = {
    "depthwiseconv2d": "the nearest is SeparableConvolution2D, which mixes the channels by a "
    "second kernel; with the identity for that it is the same",
    "alphadropout": "a Dropout does the same in a forward pass: nothing",
    "conv1dtranspose": "Keras 1.x has only Deconvolution2D; reshape to an image one column wide",
    "conv3dtranspose": "Keras 1.x has only Deconvolution2D; UpSampling3D and a Convolution3D are "
    "near it",
    "separableconv1d": "Keras 1.x has only SeparableConvolution2D; reshape to an image one column "
    "wide",
    "sequential": "list its layers themselves",
    "model": "list its layers themselves",
    "layernormalization": "BatchNormalization with mode: 1 normalises each sample along the last "
    "axis, with gamma and beta of each place there",
    "identity": "write {type: Activation, activation: linear}",
    "logsoftmax": "write {type: Activation, activation: softmax}, then "
    '{type: Activation, activation: {expr: "log(x)"}}',
    "rescaling": 'write it as {type: Activation, activation: {expr: "x / 255"}}',
}
_COMMON = ("Convolution1D", "Convolution2D", "Convolution3D", "MaxPooling2D", "AveragePooling2D",
           "UpSampling2D", "ZeroPadding2D", "BatchNormalization", "Activation", "Dropout",
           "Flatten", "Reshape", "Dense", "Merge")  # fmt: skip
_POOL = re.compile(r"^(global)?(max|avg|average|mean)_?pool(?:ing)?_?([123]d)$")


def type_hint(name: str, native: bool) -> str:
    """What to write for a type that is none: the name that was meant, or a few near ones."""
    plain = plain_name(name)
    if plain in _ACTIVATIONS:
        return f"write {{type: Activation, activation: {_activation(plain)}}}"
    if plain in _MERGES:
        return f"write {{type: Merge, mode: {_MERGES[plain]}, inputs: [a, b]}}"
    if plain in _OTHER_NAMES:
        return f"it is called {_OTHER_NAMES[plain]} here"
    if native and plain in _NATIVE_NAMES:
        return f"it is called {_NATIVE_NAMES[plain]} here"
    if native and plain in _NAMED_ACTIVATIONS:
        return f"write {{type: Activation, activation: {_NAMED_ACTIVATIONS[plain]}}}"
    if native and plain in _NATIVE_ADVICE:
        return _NATIVE_ADVICE[plain]
    types = _types(native)
    exact = {known.casefold(): known for known in types}
    if plain in exact:
        return f"did you mean '{exact[plain]}'?"
    if plain in _ADVICE:
        return _ADVICE[plain]
    if plain in EXPRESSIONS:
        return f'write {{type: Activation, activation: {{expr: "{EXPRESSIONS[plain]}"}}}}'
    pool = _pool(plain)
    if pool is not None:
        return f"it is called {pool} here"
    near = did_you_mean(name, types)
    if near is not None:
        return near
    close = difflib.get_close_matches(plain, exact, n=4, cutoff=0.5)
    listed = ", ".join(exact[one] for one in close) if close else ", ".join(_COMMON)
    return f"{'near names' if close else 'layers are'}: {listed}{'' if close else ' and others'}"


def _types(native: bool) -> list[str]:
    """The names of all layers that there are, for Keras 1.x without what came later."""
    names = [*LAYERS, *aliases()]
    later = {other for other, name in aliases().items() if name in NATIVE_LAYERS}
    return names if native else [n for n in names if n not in NATIVE_LAYERS and n not in later]


def _activation(plain: str) -> str:
    return "hard_sigmoid" if plain == "hardsigmoid" else plain


def _pool(plain: str) -> str | None:
    """The layer that another framework's name of a pool means."""
    pool = _POOL.match(plain)
    if pool is None:
        return None
    kind = "Max" if pool[2] == "max" else "Average"
    return ("Global" if pool[1] else "") + kind + f"Pooling{pool[3].upper()}"


def type_remedy(name: str) -> Remedy | None:
    """The type that a name means in a native spec, where it means one alone."""
    from speccompiler.loading.schema_errors.meant_values import spelt_value

    plain = plain_name(name)
    if plain in _ACTIVATIONS:
        return Remedy(Instead({"type": "Activation", "activation": _activation(plain)}))
    if plain in _MERGES:
        return Remedy(Instead({"type": "Merge", "mode": _MERGES[plain]}))
    other = _OTHER_NAMES.get(plain) or _NATIVE_NAMES.get(plain)
    if other is not None:
        return Remedy(Write(other), safe=other not in _UNLIKE)
    if plain in _NAMED_ACTIVATIONS:
        named = {"type": "Activation", "activation": _NAMED_ACTIVATIONS[plain]}
        return Remedy(Instead(named))
    if plain in _NATIVE_ADVICE:
        return None
    types = [*LAYERS, *aliases()]
    exact = {known.casefold(): known for known in types}
    if plain in exact:
        return Remedy(Write(exact[plain]))
    if plain in _ADVICE:
        return None
    if plain in EXPRESSIONS:
        activation = {"expr": EXPRESSIONS[plain]}
        return Remedy(Instead({"type": "Activation", "activation": activation}), safe=False)
    pool = _pool(plain)
    return Remedy(Write(pool)) if pool is not None else spelt_value(name, types)
