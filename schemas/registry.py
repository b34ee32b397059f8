"""Which layer types a spec may name: the one list that a new layer joins."""

from __future__ import annotations

from speccompiler.schemas import (
    advanced_activations,
    beyond_keras,
    convolution,
    core,
    dense,
    embedding,
    local,
    merge,
    normalization,
    pooling,
    resizing,
    time_distributed,
)
from speccompiler.schemas.fields import Layer

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        convolution.Convolution1D,
        convolution.Convolution2D,
        convolution.Convolution3D,
        pooling.MaxPooling1D,
        pooling.MaxPooling2D,
        pooling.MaxPooling3D,
        pooling.AveragePooling1D,
        pooling.AveragePooling2D,
        pooling.AveragePooling3D,
        resizing.UpSampling1D,
        resizing.UpSampling2D,
        resizing.UpSampling3D,
        resizing.ZeroPadding1D,
        resizing.ZeroPadding2D,
        resizing.ZeroPadding3D,
        core.InputLayer,
        core.Activation,
        core.Dropout,
        core.Flatten,
        core.Reshape,
        dense.Dense,
        merge.Merge,
        resizing.Cropping1D,
        resizing.Cropping2D,
        resizing.Cropping3D,
        pooling.GlobalMaxPooling1D,
        pooling.GlobalMaxPooling2D,
        pooling.GlobalMaxPooling3D,
        pooling.GlobalAveragePooling1D,
        pooling.GlobalAveragePooling2D,
        pooling.GlobalAveragePooling3D,
        core.Permute,
        core.RepeatVector,
        core.SpatialDropout1D,
        core.SpatialDropout2D,
        core.SpatialDropout3D,
        core.GaussianDropout,
        core.GaussianNoise,
        advanced_activations.LeakyReLU,
        advanced_activations.ELU,
        advanced_activations.ThresholdedReLU,
        advanced_activations.PReLU,
        advanced_activations.ParametricSoftplus,
        advanced_activations.SReLU,
        normalization.BatchNormalization,
        convolution.AtrousConvolution1D,
        convolution.AtrousConvolution2D,
        convolution.Deconvolution2D,
        convolution.SeparableConvolution2D,
        local.LocallyConnected1D,
        local.LocallyConnected2D,
        embedding.Embedding,
        core.Masking,
        core.ActivityRegularization,
        dense.Highway,
        dense.MaxoutDense,
        dense.TimeDistributedDense,
        time_distributed.TimeDistributed,
        beyond_keras.Slice,
        beyond_keras.Reduce,
        beyond_keras.Resize,
        beyond_keras.LRN2D,
    )
}

NATIVE_LAYERS = frozenset({"LRN2D", "Reduce", "Resize", "Slice"})
"""The layers that Keras 1.x does not have: in its files such a name is a class of the author's."""

ALIASES: dict[str, str] = {alias: name for name, cls in LAYERS.items() for alias in cls.aliases}

KERAS_CLASSES: dict[str, str] = {"Layer": "InputLayer"}
"""Classes that Keras files name and specs do not: ``Layer`` itself passes its input on."""


def type_name(name: str, *, native: bool) -> str | None:
    """The type that a native spec, or a Keras file, means by a name; None where it means none.

    ``Shared`` is none of the layers, and a native spec alone says it.
    """
    name = ALIASES.get(name, name)
    if native:
        return name if name in LAYERS or name == "Shared" else None
    name = KERAS_CLASSES.get(name, name)
    return name if name in LAYERS and name not in NATIVE_LAYERS else None


OTHER_KERAS_LAYERS = frozenset(
    {
        "Bidirectional",
        "ConvLSTM2D",
        "GRU",
        "LSTM",
        "Lambda",
        "SimpleRNN",
    }
)
"""Layers that Keras 1.x has and convspec refuses by name."""

RECURRENT_LAYERS = frozenset({"Bidirectional", "ConvLSTM2D", "GRU", "LSTM", "SimpleRNN"})
"""Those of the refused layers that step through time with a state."""
