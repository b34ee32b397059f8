"""Names that a spec may have meant: arguments and values of other releases and frameworks.

Where an argument has several names here, the first that the layer takes is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

Names = tuple[str, ...]

KERAS_2_NAMES: Mapping[str, tuple[Names, ...]] = {
    "filters": (("nb_filter",),),
    "kernel_size": (
        ("filter_length",),
        ("nb_row", "nb_col"),
        ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
    ),
    "strides": (("subsample_length",), ("subsample",), ("stride",), ("strides",)),
    "padding": (("border_mode",),),
    "data_format": (("dim_ordering",),),
    "dilation_rate": (("atrous_rate",),),
    "pool_size": (("pool_length",),),
    "size": (("length",),),
    "units": (("output_dim",),),
    "recurrent_activation": (("inner_activation",),),
    "recurrent_initializer": (("inner_init",),),
    "recurrent_regularizer": (("U_regularizer",),),
    "dropout": (("dropout_W",),),
    "recurrent_dropout": (("dropout_U",),),
    "rate": (("p",),),
    "stddev": (("sigma",),),
    "use_bias": (("bias",),),
    "kernel_initializer": (("init",),),
    "depthwise_initializer": (("init",),),
    "pointwise_initializer": (("init",),),
    "embeddings_initializer": (("init",),),
    "alpha_initializer": (("init",),),
    "beta_initializer": (("beta_init",),),
    "gamma_initializer": (("gamma_init",),),
    "kernel_regularizer": (("W_regularizer",),),
    "embeddings_regularizer": (("W_regularizer",),),
    "bias_regularizer": (("b_regularizer",),),
    "kernel_constraint": (("W_constraint",),),
    "embeddings_constraint": (("W_constraint",),),
    "bias_constraint": (("b_constraint",),),
    "negative_slope": (("alpha",),),
    "axis": (("concat_axis",),),
    "axes": (("dot_axes",),),
    "dtype": (("input_dtype",),),
    "batch_shape": (("batch_input_shape",),),
    "batch_input_size": (("batch_input_shape",),),
}
"""Arguments of Keras 2 and what Keras 1 calls them, by the layers that have it."""

UNSURE_NAMES = frozenset({"dtype", "axis", "axes"})
"""Arguments of Keras 2 that need not mean the same under their name in Keras 1."""

WITHOUT: Mapping[str, str] = {
    "bias_initializer": "Keras 1.x starts a bias at 0",
    "moving_mean_initializer": "it is what weights hold",
    "moving_variance_initializer": "it is what weights hold",
    "data_format": "steps come before channels, whatever the order of images",
    "dilation_rate": "a dilated convolution is an AtrousConvolution1D or 2D here, with atrous_rate",
    "center": "Keras 1.x always adds beta",
    "scale": "Keras 1.x always multiplies by gamma",
    "noise_shape": "only training drops values",
    "interpolation": "Keras 1.x repeats what is nearest",
    "groups": "Keras 1.x has no groups",
    "kernel_constraint": "only training uses it",
    "recurrent_constraint": "only training uses it",
    "bias_constraint": "only training uses it",
    "unit_forget_bias": "where a forget gate has a bias, forget_bias_init is one by default",
    "implementation": "it changes no number; consume_less says how tensors are stored",
    "time_major": "steps come first in a sample, behind the batch axis",
    "return_state": "a stateful layer's state is what run_stateful returns",
}
"""Arguments of Keras 2 that Keras 1 does without, and why."""


def keras_1_names(name: str, arguments: Collection[str]) -> Names:
    """What a layer with these arguments calls an argument of Keras 2; empty for no such."""
    for names in KERAS_2_NAMES.get(name, ()):
        if set(names) <= set(arguments):
            return names
    return ()


def argument_hint(name: str, arguments: Collection[str], value: object = None) -> str | None:
    """What to write for an argument of Keras 2, with its value where that tells more."""
    names = keras_1_names(name, arguments)
    if names:
        *front, last = _with_values(names, value)
        listed = f"{', '.join(front)} and {last}" if front else last
        return f"'{name}' is Keras 2's name; Keras 1.x says {listed}"
    if name in WITHOUT:
        return f"'{name}' is Keras 2's; drop it: {WITHOUT[name]}"
    return None


def _with_values(names: Names, value: object) -> list[str]:
    several = isinstance(value, list) and len(value) == len(names) > 1
    if isinstance(value, list) and several and all(type(v) is int for v in value):
        return [f"{name}: {v}" for name, v in zip(names, value, strict=True)]
    if isinstance(value, str) and len(names) == 1:
        meant = VALUES.get(names[0], {}).get(value.strip().casefold())
        return [f"{names[0]}: {meant}" if meant is not None else names[0]]
    return list(names)


_TF, _TH = ("channels_last", "nhwc", "ndhwc", "nwc"), ("channels_first", "nchw", "ncdhw", "ncw")
_ORDERINGS = {**dict.fromkeys(_TF, "tf"), **dict.fromkeys(_TH, "th")}
_ORDERINGS |= {"tensorflow": "tf", "theano": "th"}
_INITS = {
    "zeros": "zero",
    "ones": "one",
    "random_uniform": "uniform",
    "random_normal": "normal",
    "truncated_normal": "normal",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_normal": "he_normal",
}
_MERGES = {
    "add": "sum",
    "plus": "sum",
    "multiply": "mul",
    "product": "mul",
    "average": "ave",
    "avg": "ave",
    "mean": "ave",
    "concatenate": "concat",
}
_ACTIVATIONS = {"identity": "linear", "none": "linear", "logistic": "sigmoid",
                "logsoftmax": "log_softmax"}  # fmt: skip
VALUES: Mapping[str, Mapping[str, str]] = {
    "dim_ordering": _ORDERINGS,
    "semantics": {"tf": "tensorflow", "th": "theano", "tensorflow-0.12": "tensorflow-1.0"},
    "init": _INITS,
    "beta_init": _INITS,
    "gamma_init": _INITS,
    "inner_init": _INITS,
    "forget_bias_init": _INITS,
    "mode": {**_MERGES, "maximum": "max", "cosine": "cos"},
    "merge_mode": _MERGES,
    "activation": _ACTIVATIONS,
    "inner_activation": _ACTIVATIONS,
}
"""Values of other releases and frameworks, in lower case, and what Keras 1.x calls them."""

UNSURE_VALUES = frozenset({"truncated_normal", "tensorflow-0.12"})
"""Those of ``VALUES`` whose numbers may differ."""

CAUSAL = (
    "only convolutions over steps have it; else a ZeroPadding1D with padding [k - 1, 0] before the "
    "layer, for a kernel of length k, and border_mode valid"
)


def value_hint(argument: str, value: str) -> str | None:
    """What to write for a value that has another name elsewhere."""
    word = value.strip().casefold()
    if argument == "border_mode" and word == "causal":
        return CAUSAL
    meant = VALUES.get(argument, {}).get(word)
    if meant is not None:
        return f"'{value}' is called {meant} here"
    return activation_hint(value, argument) if argument.endswith("activation") else None


EXPRESSIONS: Mapping[str, str] = {
    "swish": "x * sigmoid(x)",
    "silu": "x * sigmoid(x)",
    "gelu": "0.5 * x * (1 + erf(x / sqrt(2)))",
    "gelutanh": "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))",
    "gelunew": "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))",
    "quickgelu": "x * sigmoid(1.702 * x)",
    "selu": "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))",
    "celu": "where(x > 0, x, expm1(x))",
    "mish": "x * tanh(softplus(x))",
    "leakyrelu": "where(x > 0, x, 0.3 * x)",
    "relu6": "clip(x, 0, 6)",
    "hardswish": "x * clip(x + 3, 0, 6) / 6",
    "hardsilu": "x * clip(x + 3, 0, 6) / 6",
    "hardtanh": "clip(x, -1, 1)",
    "exponential": "exp(x)",
    "exp": "exp(x)",
    "logsigmoid": "-softplus(-x)",
    "tanhshrink": "x - tanh(x)",
    "softshrink": "where(x > 0.5, x - 0.5, where(x < -0.5, x + 0.5, 0))",
    "hardshrink": "where(abs(x) > 0.5, x, 0)",
    "square": "x * x",
    "squareplus": "0.5 * (x + sqrt(x * x + 4))",
    "squaredrelu": "max(x, 0) ** 2",
    "abs": "abs(x)",
    "sin": "sin(x)",
    "cos": "cos(x)",
    "sqrt": "sqrt(x)",
    "log": "log(x)",
    "erf": "erf(x)",
    "step": "where(x > 0, 1, 0)",
    "sign": "sign(x)",
    "gaussian": "exp(-x * x)",
}
"""Activations that Keras 1.x does not have, in lower case and without underscores."""

LAYERS_FOR = {"leakyrelu": "LeakyReLU", "prelu": "PReLU", "srelu": "SReLU",
              "thresholdedrelu": "ThresholdedReLU"}  # fmt: skip
"""Activations that have a parameter, and the layers that hold it."""
EXPRESSION_SIGNS = frozenset("(+-*/<>")
_PYTHON_FUNCTION = re.compile(r"^\s*lambda\s+x\s*:\s*")


def plain_name(name: str) -> str:
    """A function's name as ``EXPRESSIONS`` has it."""
    return name.strip().casefold().replace("_", "").replace("-", "").replace(" ", "")


def as_expression(name: str) -> str | None:
    """The expression that stands in place of an activation's name, or in a Python function of x."""
    said = _PYTHON_FUNCTION.sub("", name)
    is_one = "x" in said and not EXPRESSION_SIGNS.isdisjoint(said) and len(said) <= 60
    return said if is_one else None


def activation_hint(name: str, argument: str = "activation") -> str | None:
    """The expression to write for a function that has no name here."""
    plain = plain_name(name)
    found = EXPRESSIONS.get(plain)
    layer = LAYERS_FOR.get(plain)
    if plain == "logsoftmax":
        return 'write softmax, and after it {type: Activation, activation: {expr: "log(x)"}}'
    if found is not None:
        also = f", or a {layer} layer with its slope" if layer is not None else ""
        return f'write {argument}: {{expr: "{found}"}}{also}'
    if layer is not None:
        return f"it has a parameter: write a {layer} layer"
    expression = as_expression(name)
    if expression is not None:
        return f'an expression is written {argument}: {{expr: "{expression}"}}'
    return None
