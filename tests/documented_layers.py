"""The fifteen layers as the online documentation of Keras 1.0 and 1.1 documents them.

Signatures, defaults, shapes, examples and notes are facts of those pages, and of the
docstrings in ``layers/convolutional.py`` and ``layers/pooling.py`` that they were made from;
``test_documented`` holds a native spec to each.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

REQUIRED = object()

_REGULARIZED = (
    "W_regularizer=None, b_regularizer=None, activity_regularizer=None, "
    "W_constraint=None, b_constraint=None, bias=True"
)

SIGNATURES = {
    "Convolution1D": "nb_filter, filter_length, init='uniform', activation='linear', "
    f"weights=None, border_mode='valid', subsample_length=1, {_REGULARIZED}, "
    "input_dim=None, input_length=None",
    "Convolution2D": "nb_filter, nb_row, nb_col, init='glorot_uniform', activation='linear', "
    f"weights=None, border_mode='valid', subsample=(1, 1), dim_ordering='th', {_REGULARIZED}",
    "Convolution3D": "nb_filter, kernel_dim1, kernel_dim2, kernel_dim3, init='glorot_uniform', "
    "activation='linear', weights=None, border_mode='valid', subsample=(1, 1, 1), "
    f"dim_ordering='th', {_REGULARIZED}",
    "MaxPooling1D": "pool_length=2, stride=None, border_mode='valid'",
    "MaxPooling2D": "pool_size=(2, 2), strides=None, border_mode='valid', dim_ordering='th'",
    "MaxPooling3D": "pool_size=(2, 2, 2), strides=None, border_mode='valid', dim_ordering='th'",
    "AveragePooling1D": "pool_length=2, stride=None, border_mode='valid'",
    "AveragePooling2D": "pool_size=(2, 2), strides=None, border_mode='valid', dim_ordering='th'",
    "AveragePooling3D": "pool_size=(2, 2, 2), strides=None, border_mode='valid', dim_ordering='th'",
    "UpSampling1D": "length=2",
    "UpSampling2D": "size=(2, 2), dim_ordering='th'",
    "UpSampling3D": "size=(2, 2, 2), dim_ordering='th'",
    "ZeroPadding1D": "padding=1",
    "ZeroPadding2D": "padding=(1, 1), dim_ordering='th'",
    "ZeroPadding3D": "padding=(1, 1, 1), dim_ordering='th'",
}
"""Each argument in the order of the page, with its default."""


def arguments(layer: str) -> dict[str, Any]:
    """The documented arguments in order, with their defaults or ``REQUIRED``."""
    (function,) = ast.parse(f"def f({SIGNATURES[layer]}): ...").body
    assert isinstance(function, ast.FunctionDef)
    names = [argument.arg for argument in function.args.args]
    defaults = [ast.literal_eval(node) for node in function.args.defaults]
    needed = len(names) - len(defaults)
    return dict(zip(names, [REQUIRED] * needed + defaults, strict=True))


def rank(layer: str) -> int:
    """The number of spatial axes."""
    return int(layer[-2])


Lengths = Callable[[Mapping[str, Any], int, int], int]
"""From arguments, an axis and its length to the length that the layer gives there."""


def _convolved(given: Mapping[str, Any], axis: int, length: int) -> int:
    kernel = [given[n] for n in ("nb_row", "nb_col") if n in given]
    kernel = kernel or [given[f"kernel_dim{i}"] for i in (1, 2, 3) if f"kernel_dim{i}" in given]
    kernel = kernel or [given["filter_length"]]
    strides = given.get("subsample") or [given["subsample_length"]]
    if given["border_mode"] == "same":
        return -(-length // strides[axis])
    return -(-(length - kernel[axis] + 1) // strides[axis])


def _pooled(given: Mapping[str, Any], axis: int, length: int) -> int:
    window = given.get("pool_size") or [given["pool_length"]]
    step = given.get("strides") or ([given["stride"]] if given.get("stride") else window)
    if given["border_mode"] == "same":
        return -(-length // step[axis])
    return -(-(length - window[axis] + 1) // step[axis])


def _repeated(given: Mapping[str, Any], axis: int, length: int) -> int:
    return int(length * (given["length"] if "length" in given else given["size"][axis]))


def _padded(given: Mapping[str, Any], axis: int, length: int) -> int:
    padding = given["padding"]
    return int(length + 2 * (padding if isinstance(padding, int) else padding[axis]))


def new_length(layer: str, given: Mapping[str, Any], axis: int, length: int) -> int:
    """The documented length of a spatial axis, from all arguments."""
    rules: dict[str, Lengths] = {
        "Convolution": _convolved,
        "MaxPooling": _pooled,
        "AveragePooling": _pooled,
        "UpSampling": _repeated,
        "ZeroPadding": _padded,
    }
    return rules[layer[:-2]](given, axis, length)


def kernel_shape(
    layer: str, given: Mapping[str, Any], channels: int, ordering: str
) -> tuple[int, ...]:
    """The shape of W that ``weights`` has to have."""
    filters = given["nb_filter"]
    if layer == "Convolution1D":
        return (given["filter_length"], 1, channels, filters)
    names = (
        ("nb_row", "nb_col") if layer == "Convolution2D" else [f"kernel_dim{i}" for i in (1, 2, 3)]
    )
    kernel = tuple(given[name] for name in names)
    return (filters, channels, *kernel) if ordering == "th" else (*kernel, channels, filters)


@dataclass(frozen=True)
class Example:
    """An example of the pages: layers added one by one, and the shapes named in its comments."""

    input_shape: tuple[int, ...]
    layers: tuple[Mapping[str, Any], ...]
    outputs: tuple[tuple[int, ...], ...]
    """The shape of one sample after each layer."""
    parameters: int


def _conv1d(filters: int) -> dict[str, Any]:
    return {"type": "Convolution1D", "nb_filter": filters, "filter_length": 3,
            "border_mode": "same"}  # fmt: skip


def _conv2d(filters: int) -> dict[str, Any]:
    return {"type": "Convolution2D", "nb_filter": filters, "nb_row": 3, "nb_col": 3,
            "border_mode": "same"}  # fmt: skip


EXAMPLES = {
    "sequence": Example(
        (10, 32), (_conv1d(64), _conv1d(32)), ((10, 64), (10, 32)),
        3 * 32 * 64 + 64 + 3 * 64 * 32 + 32,
    ),
    "image": Example(
        (3, 256, 256), (_conv2d(64), _conv2d(32)), ((64, 256, 256), (32, 256, 256)),
        1792 + 64 * 3 * 3 * 32 + 32,
    ),
    "a picture of 128 x 128, RGB": Example(
        (3, 128, 128), (_conv2d(8), {"type": "MaxPooling2D"}), ((8, 128, 128), (8, 64, 64)),
        3 * 3 * 3 * 8 + 8,
    ),
    "ten frames": Example(
        (3, 10, 128, 128),
        ({"type": "Convolution3D", "nb_filter": 4, "kernel_dim1": 3, "kernel_dim2": 3,
          "kernel_dim3": 3}, {"type": "AveragePooling3D"}),
        ((4, 8, 126, 126), (4, 4, 63, 63)),
        3 * 27 * 4 + 4,
    ),
}  # fmt: skip

ONLY_THEANO = ("Convolution3D", "MaxPooling3D", "AveragePooling3D", "UpSampling3D", "ZeroPadding3D")
"""The pages note that these work with Theano only; here they work under both semantics."""

SAME_ONLY_TENSORFLOW = ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
"""The pages note that their 'same' works with TensorFlow only; here it works under both."""

LEAST: dict[str, dict[str, Any]] = {
    "Convolution1D": {"nb_filter": 4, "filter_length": 3},
    "Convolution2D": {"nb_filter": 4, "nb_row": 3, "nb_col": 2},
    "Convolution3D": {"nb_filter": 4, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1},
}

SPATIAL: dict[str, tuple[dict[str, Any], ...]] = {
    "Convolution1D": ({}, {"border_mode": "same"}, {"subsample_length": 3},
                      {"border_mode": "same", "subsample_length": 2}),
    "Convolution2D": ({}, {"border_mode": "same"}, {"subsample": (2, 3)},
                      {"border_mode": "same", "subsample": (3, 2)}),
    "Convolution3D": ({}, {"border_mode": "same"}, {"subsample": (2, 1, 3)}),
    **{f"{kind}Pooling1D": ({}, {"stride": 1}, {"pool_length": 3, "border_mode": "same"})
       for kind in ("Max", "Average")},
    **{f"{kind}Pooling2D": ({}, {"strides": (1, 3)}, {"pool_size": (3, 1), "border_mode": "same"})
       for kind in ("Max", "Average")},
    **{f"{kind}Pooling3D": ({}, {"strides": (1, 3, 2)}, {"pool_size": (1, 2, 3),
       "border_mode": "same"}) for kind in ("Max", "Average")},
    "UpSampling1D": ({}, {"length": 3}),
    "UpSampling2D": ({}, {"size": (1, 3)}),
    "UpSampling3D": ({}, {"size": (1, 3, 2)}),
    "ZeroPadding1D": ({}, {"padding": 2}),
    "ZeroPadding2D": ({}, {"padding": (0, 3)}),
    "ZeroPadding3D": ({}, {"padding": (2, 0, 1)}),
}  # fmt: skip
"""Arguments that change the shape, for each layer; the first is what it does by default."""
