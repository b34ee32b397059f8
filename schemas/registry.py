"""Which layer types a spec may name: the one list that a new layer joins."""

from __future__ import annotations

from . import convolution, core, kernel, merge, pooling, resizing
from .fields import Layer

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
        kernel.Dense,
        merge.Merge,
    )
}

ALIASES: dict[str, str] = {alias: name for name, cls in LAYERS.items() for alias in cls.aliases}

OTHER_KERAS_LAYERS = frozenset(
    {
        "ActivityRegularization",
        "AtrousConv1D",
        "AtrousConv2D",
        "AtrousConvolution1D",
        "AtrousConvolution2D",
        "BatchNormalization",
        "Bidirectional",
        "ConvLSTM2D",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "Deconv2D",
        "Deconvolution2D",
        "ELU",
        "Embedding",
        "GRU",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling3D",
        "Highway",
        "LSTM",
        "Lambda",
        "LeakyReLU",
        "LocallyConnected1D",
        "LocallyConnected2D",
        "Masking",
        "MaxoutDense",
        "PReLU",
        "ParametricSoftplus",
        "Permute",
        "RepeatVector",
        "SReLU",
        "SeparableConv2D",
        "SeparableConvolution2D",
        "SimpleRNN",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "ThresholdedReLU",
        "TimeDistributed",
        "TimeDistributedDense",
    }
)
"""Layers that Keras 1.x has and convspec refuses by name."""
