"""The rule of each layer: one row a class. A new layer on existing operations adds one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from speccompiler.lowering.builder import Rule
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.registry import LAYERS


class Rules(Mapping[type[Layer], Rule]):
    """Rules by classes; the module of a rule is imported when a model has such a layer."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._found: dict[type[Layer], Rule] = {}

    def __getitem__(self, layer: type[Layer]) -> Rule:
        if layer not in self._found:
            module, name = self._places[layer.__name__].split(".")
            self._found[layer] = getattr(import_module(f"speccompiler.lowering.{module}"), name)
        return self._found[layer]

    def __iter__(self) -> Iterator[type[Layer]]:
        return (LAYERS[name] for name in self._places)

    def __len__(self) -> int:
        return len(self._places)


LOWER = Rules(
    {
        "Convolution1D": "convolution.lower_convolution1d",
        "Convolution2D": "convolution.lower_convolution2d",
        "Convolution3D": "convolution.lower_convolution3d",
        "MaxPooling1D": "pooling.lower_pooling",
        "MaxPooling2D": "pooling.lower_pooling",
        "MaxPooling3D": "pooling.lower_pooling",
        "AveragePooling1D": "pooling.lower_pooling",
        "AveragePooling2D": "pooling.lower_pooling",
        "AveragePooling3D": "pooling.lower_pooling",
        "UpSampling1D": "resizing.lower_upsampling",
        "UpSampling2D": "resizing.lower_upsampling",
        "UpSampling3D": "resizing.lower_upsampling",
        "ZeroPadding1D": "resizing.lower_zero_padding1d",
        "ZeroPadding2D": "resizing.lower_zero_padding2d",
        "ZeroPadding3D": "resizing.lower_zero_padding3d",
        "InputLayer": "reshaping.lower_identity",
        "Activation": "activations.lower_activation",
        "Dropout": "reshaping.lower_identity",
        "Flatten": "reshaping.lower_flatten",
        "Reshape": "reshaping.lower_reshape",
        "Dense": "dense.lower_dense",
        "Cropping1D": "resizing.lower_cropping",
        "Cropping2D": "resizing.lower_cropping",
        "Cropping3D": "resizing.lower_cropping",
        "GlobalMaxPooling1D": "pooling.lower_global_pooling",
        "GlobalMaxPooling2D": "pooling.lower_global_pooling",
        "GlobalMaxPooling3D": "pooling.lower_global_pooling",
        "GlobalAveragePooling1D": "pooling.lower_global_pooling",
        "GlobalAveragePooling2D": "pooling.lower_global_pooling",
        "GlobalAveragePooling3D": "pooling.lower_global_pooling",
        "Permute": "reshaping.lower_permute",
        "RepeatVector": "reshaping.lower_repeat_vector",
        "SpatialDropout1D": "reshaping.lower_identity",
        "SpatialDropout2D": "reshaping.lower_identity",
        "SpatialDropout3D": "reshaping.lower_identity",
        "GaussianDropout": "reshaping.lower_identity",
        "GaussianNoise": "reshaping.lower_identity",
        "LeakyReLU": "advanced_activations.lower_leaky_relu",
        "ELU": "advanced_activations.lower_elu",
        "ThresholdedReLU": "advanced_activations.lower_thresholded_relu",
        "PReLU": "advanced_activations.lower_prelu",
        "ParametricSoftplus": "advanced_activations.lower_parametric_softplus",
        "SReLU": "advanced_activations.lower_srelu",
        "BatchNormalization": "normalization.lower_batch_normalization",
        "AtrousConvolution1D": "convolution.lower_convolution1d",
        "AtrousConvolution2D": "convolution.lower_convolution2d",
        "Deconvolution2D": "deconvolution.lower_deconvolution2d",
        "SeparableConvolution2D": "separable.lower_separable_convolution",
        "LocallyConnected1D": "local.lower_locally_connected",
        "LocallyConnected2D": "local.lower_locally_connected",
        "Embedding": "embedding.lower_embedding",
        "Masking": "embedding.lower_masking",
        "ActivityRegularization": "reshaping.lower_identity",
        "Highway": "dense.lower_highway",
        "MaxoutDense": "dense.lower_maxout_dense",
        "TimeDistributedDense": "dense.lower_time_distributed_dense",
        "TimeDistributed": "time_distributed.lower_time_distributed",
        "SimpleRNN": "recurrent.lower_recurrent",
        "LSTM": "recurrent.lower_recurrent",
        "GRU": "recurrent.lower_recurrent",
        "Bidirectional": "bidirectional.lower_bidirectional",
        "ConvLSTM2D": "conv_lstm.lower_conv_lstm2d",
        "Merge": "merge.lower_merge",
        "Slice": "slicing.lower_slice",
        "Pick": "slicing.lower_pick",
        "State": "states.lower_state",
        "Reduce": "reducing.lower_reduce",
        "Resize": "resizing.lower_resize",
        "LRN2D": "local_response.lower_lrn2d",
        "DepthwiseConvolution1D": "separable.lower_depthwise_convolution",
        "DepthwiseConvolution2D": "separable.lower_depthwise_convolution",
        "SeparableConvolution1D": "separable.lower_separable_convolution",
        "Deconvolution1D": "deconvolution.lower_deconvolution1d",
        "Deconvolution3D": "deconvolution.lower_deconvolution3d",
        "ReLU": "advanced_activations.lower_relu",
        "Softmax": "softmax.lower_softmax",
        "LayerNormalization": "normalizing.lower_layer_normalization",
        "GroupNormalization": "normalizing.lower_group_normalization",
        "UnitNormalization": "normalizing.lower_unit_normalization",
        "Rescaling": "scaling.lower_rescaling",
        "Normalization": "scaling.lower_normalization",
        "AlphaDropout": "reshaping.lower_identity",
    }
)
