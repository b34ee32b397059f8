"""What each layer does with a mask that comes with its input: a row a class, by release.

Read in the sources of Keras 1.0.5 to 3.15 (``supports_masking``) and measured: all of 1.2.2 that is
called ``maskthru_*`` among the goldens. A layer passes a mask on, has a rule of its own, or does
not support masks. What happens then is the release's: up to Keras 2.3 it is refused while the model
is built; tf.keras and Keras 3 drop the mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer

Treatment = Literal["passes", "own", "averages", "refuses", "drops"]
Release = tuple[int, ...]

ALWAYS: Release = (0,)
NEVER: Release = (999,)

PASSES: Mapping[str, Release] = {
    "Activation": ALWAYS,
    "ActivityRegularization": ALWAYS,
    "Dropout": ALWAYS,
    "SpatialDropout1D": ALWAYS,
    "SpatialDropout2D": ALWAYS,
    "SpatialDropout3D": ALWAYS,
    "AlphaDropout": ALWAYS,
    "GaussianDropout": ALWAYS,
    "GaussianNoise": ALWAYS,
    "LeakyReLU": ALWAYS,
    "ELU": ALWAYS,
    "ThresholdedReLU": ALWAYS,
    "PReLU": ALWAYS,
    "ParametricSoftplus": ALWAYS,
    "SReLU": ALWAYS,
    "ReLU": ALWAYS,
    "Softmax": ALWAYS,
    "TimeDistributedDense": ALWAYS,
    "Pick": ALWAYS,
    "BatchNormalization": (1, 0, 6),
    "LayerNormalization": ALWAYS,
    "GroupNormalization": ALWAYS,
    "UnitNormalization": ALWAYS,
    "Dense": (2,),
    "InputLayer": (2, 2, 3),
    "Rescaling": (3,),
    "Normalization": (3,),
}
"""The release from which a layer passes its input's mask on unchanged."""

OWN = frozenset(
    {
        "Masking", "Embedding", "Merge", "TimeDistributed", "State",
        "SimpleRNN", "LSTM", "GRU", "ConvLSTM2D", "Bidirectional",
    }
)  # fmt: skip
"""The layers whose lowering says what becomes of a mask."""

READERS = frozenset({"SimpleRNN", "LSTM", "GRU", "ConvLSTM2D", "Bidirectional"})
"""The layers whose numbers a mask changes, in every release."""

AVERAGES: Mapping[str, Release] = {"GlobalAveragePooling1D": (2, 2, 3)}
"""The release from which a layer takes the mean of the kept steps, and stops the mask."""

UNSUPPORTED = frozenset(
    {
        "Convolution1D", "Convolution2D", "Convolution3D", "AtrousConvolution1D",
        "AtrousConvolution2D", "Deconvolution1D", "Deconvolution2D", "Deconvolution3D",
        "SeparableConvolution1D", "SeparableConvolution2D", "DepthwiseConvolution1D",
        "DepthwiseConvolution2D", "LocallyConnected1D", "LocallyConnected2D", "MaxPooling1D",
        "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D",
        "AveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
        "GlobalAveragePooling2D", "GlobalAveragePooling3D", "UpSampling1D", "UpSampling2D",
        "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D",
        "Cropping2D", "Cropping3D", "Flatten", "Reshape", "Permute", "RepeatVector", "Highway",
        "MaxoutDense", "Slice", "Reduce", "Resize", "LRN2D",
    }
)  # fmt: skip
"""The layers that take no mask in any release."""


def treatment(layer: Layer, semantics: Semantics) -> Treatment:
    """What a layer does with a mask; a layer of no row does not support masks."""
    release = release_of(semantics.release)
    name = layer.class_name
    if name in OWN:
        return "own"
    if release >= AVERAGES.get(name, NEVER):
        return "averages"
    if release >= PASSES.get(name, NEVER):
        return "passes"
    return "drops" if drops_masks(semantics.release) else "refuses"


def drops_masks(version: str) -> bool:
    """Whether a release drops a mask where a layer does not support it.

    TensorFlow 1.14 still refused, and TensorFlow 2.0 and 2.1 drop the mask. All three call
    themselves 2.2.4-tf, but 1.14 wrote no file of a model that it refused to build.
    """
    release = release_of(version)
    return release >= (2, 4) or (version.endswith("-tf") and release >= (2, 2, 4))


@cache
def release_of(version: str) -> Release:
    """The numbers of a version; what follows them is left out."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part.split("-")[0]
        if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
            break
        numbers.append(int(digits))
    return tuple(numbers) or (1, 2, 2)
