"""Which layer types a spec may name: the one list that a new layer joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from speccompiler.schemas.fields import Layer


class LayerTypes(Mapping[str, type[Layer]]):
    """Layers by their names. A module of ``schemas`` is imported when one of its layers is asked
    for: a model has few types, and most of what a short command costs is making classes.
    """

    def __init__(self, *places: str) -> None:
        self._modules = {name: module for module, name in (p.split(".") for p in places)}
        self._found: dict[str, type[Layer]] = {}

    def __getitem__(self, name: str) -> type[Layer]:
        if name not in self._found:
            module = import_module(f"speccompiler.schemas.{self._modules[name]}")
            self._found[name] = getattr(module, name)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


LAYERS = LayerTypes(
    "convolution1d.Convolution1D",
    "convolution2d.Convolution2D",
    "convolution3d.Convolution3D",
    "pooling1d.MaxPooling1D",
    "pooling2d.MaxPooling2D",
    "pooling3d.MaxPooling3D",
    "pooling1d.AveragePooling1D",
    "pooling2d.AveragePooling2D",
    "pooling3d.AveragePooling3D",
    "resizing.UpSampling1D",
    "resizing.UpSampling2D",
    "resizing.UpSampling3D",
    "resizing.ZeroPadding1D",
    "resizing.ZeroPadding2D",
    "resizing.ZeroPadding3D",
    "input_layer.InputLayer",
    "activation_layer.Activation",
    "dropout.Dropout",
    "flatten.Flatten",
    "reshaping.Reshape",
    "dense.Dense",
    "merge.Merge",
    "resizing.Cropping1D",
    "resizing.Cropping2D",
    "resizing.Cropping3D",
    "global_pooling.GlobalMaxPooling1D",
    "global_pooling.GlobalMaxPooling2D",
    "global_pooling.GlobalMaxPooling3D",
    "global_pooling.GlobalAveragePooling1D",
    "global_pooling.GlobalAveragePooling2D",
    "global_pooling.GlobalAveragePooling3D",
    "reshaping.Permute",
    "reshaping.RepeatVector",
    "noise.SpatialDropout1D",
    "noise.SpatialDropout2D",
    "noise.SpatialDropout3D",
    "noise.GaussianDropout",
    "noise.GaussianNoise",
    "advanced_activations.LeakyReLU",
    "advanced_activations.ELU",
    "advanced_activations.ThresholdedReLU",
    "advanced_activations.PReLU",
    "advanced_activations.ParametricSoftplus",
    "advanced_activations.SReLU",
    "normalization.BatchNormalization",
    "atrous_convolution.AtrousConvolution1D",
    "atrous_convolution.AtrousConvolution2D",
    "deconvolution.Deconvolution2D",
    "separable_convolution.SeparableConvolution2D",
    "local.LocallyConnected1D",
    "local.LocallyConnected2D",
    "embedding.Embedding",
    "masking.Masking",
    "activity_regularization.ActivityRegularization",
    "highway.Highway",
    "maxout_dense.MaxoutDense",
    "time_distributed_dense.TimeDistributedDense",
    "time_distributed.TimeDistributed",
    "recurrent.SimpleRNN",
    "recurrent.LSTM",
    "recurrent.GRU",
    "bidirectional.Bidirectional",
    "conv_lstm2d.ConvLSTM2D",
    "beyond_keras.Slice",
    "beyond_keras.Pick",
    "beyond_keras.State",
    "beyond_keras.Reduce",
    "beyond_keras.Resize",
    "beyond_keras.LRN2D",
    "depthwise_convolution.DepthwiseConvolution1D",
    "depthwise_convolution.DepthwiseConvolution2D",
    "separable_convolution.SeparableConvolution1D",
    "deconvolution.Deconvolution1D",
    "deconvolution.Deconvolution3D",
    "relu_softmax.ReLU",
    "relu_softmax.Softmax",
    "normalizing.LayerNormalization",
    "normalizing.GroupNormalization",
    "normalizing.UnitNormalization",
    "scaling.Rescaling",
    "scaling.Normalization",
    "noise.AlphaDropout",
)

WRAPPERS = frozenset({"TimeDistributed", "Bidirectional"})
"""The layers that hold another one, in ``layer``."""

NATIVE_LAYERS = frozenset(
    {
        "AlphaDropout",
        "Deconvolution1D",
        "Deconvolution3D",
        "DepthwiseConvolution1D",
        "DepthwiseConvolution2D",
        "GroupNormalization",
        "LRN2D",
        "LayerNormalization",
        "Normalization",
        "Pick",
        "ReLU",
        "Reduce",
        "Rescaling",
        "Resize",
        "SeparableConvolution1D",
        "Slice",
        "Softmax",
        "State",
        "UnitNormalization",
    }
)
"""The layers that Keras 1.x does not have: in its files such a name is a class of the author's."""


@cache
def aliases() -> Mapping[str, str]:
    """The other names of layers, and whose they are; asks all of them."""
    return {alias: name for name, layer in LAYERS.items() for alias in layer.aliases}


def own_type(name: str) -> str:
    """The type that a name or another name of it says; what is none stays as it is."""
    return name if name in LAYERS else aliases().get(name, name)


KERAS_CLASSES: dict[str, str] = {"Layer": "InputLayer"}
"""Classes that Keras files name and specs do not: ``Layer`` itself passes its input on."""


def type_name(name: str, *, native: bool) -> str | None:
    """The type that a native spec, or a Keras file, means by a name; None where it means none.

    ``Shared`` is none of the layers, and a native spec alone says it.
    """
    name = own_type(name)
    if native:
        return name if name in LAYERS or name == "Shared" else None
    name = KERAS_CLASSES.get(name, name)
    return name if name in LAYERS and name not in NATIVE_LAYERS else None


OTHER_KERAS_LAYERS = frozenset({"Lambda"})
"""Layers that Keras 1.x has and convspec refuses by name."""
