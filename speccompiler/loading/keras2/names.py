"""Keras 2's and 3's names of layers and arguments, and what they are called here."""

from __future__ import annotations

from collections.abc import Mapping

TYPES: Mapping[str, str] = {
    "Conv1D": "Convolution1D",
    "Conv2D": "Convolution2D",
    "Conv3D": "Convolution3D",
    "Conv1DTranspose": "Deconvolution1D",
    "Conv2DTranspose": "Deconvolution2D",
    "Conv3DTranspose": "Deconvolution3D",
    "DepthwiseConv1D": "DepthwiseConvolution1D",
    "DepthwiseConv2D": "DepthwiseConvolution2D",
    "SeparableConv1D": "SeparableConvolution1D",
    "SeparableConv2D": "SeparableConvolution2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "UnifiedLSTM": "LSTM",
    "CuDNNLSTM": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "UnifiedGRU": "GRU",
    "CuDNNGRU": "GRU",
    "Add": "Merge",
    "Subtract": "Merge",
    "Multiply": "Merge",
    "Average": "Merge",
    "Maximum": "Merge",
    "Minimum": "Merge",
    "Concatenate": "Merge",
    "Dot": "Merge",
    "Resizing": "Resize",
}
"""Classes that have another name here."""
SAME = frozenset(
    {
        "Activation", "ActivityRegularization", "AlphaDropout", "AveragePooling1D",
        "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "Bidirectional", "ConvLSTM2D",
        "Cropping1D", "Cropping2D", "Cropping3D", "Dense", "Dropout", "ELU", "Embedding", "Flatten",
        "GRU", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
        "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
        "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "InputLayer", "LSTM",
        "LayerNormalization", "LeakyReLU", "LocallyConnected1D", "LocallyConnected2D", "Masking",
        "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Normalization", "PReLU", "Permute", "ReLU",
        "RepeatVector", "Rescaling", "Reshape", "SimpleRNN", "Softmax", "SpatialDropout1D",
        "SpatialDropout2D", "SpatialDropout3D", "ThresholdedReLU", "TimeDistributed",
        "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D",
        "ZeroPadding2D", "ZeroPadding3D",
    }
)  # fmt: skip
"""Classes of the same name here."""
NOTHING = frozenset(
    {
        "AugMix", "CutMix", "Equalization", "Identity", "MaxNumBoundingBoxes", "MixUp",
        "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
        "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip",
        "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
        "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
        "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
        "Solarization",
    }
)  # fmt: skip
"""Classes that pass their input on in a forward pass, and have none here."""

EVERYWHERE: Mapping[str, str] = {
    "filters": "nb_filter",
    "units": "output_dim",
    "use_bias": "bias",
    "rate": "p",
    "batch_shape": "batch_input_shape",
    "kernel_initializer": "init",
    "embeddings_initializer": "init",
    "depthwise_initializer": "init",
    "alpha_initializer": "init",
    "recurrent_initializer": "inner_init",
    "beta_initializer": "beta_init",
    "gamma_initializer": "gamma_init",
    "kernel_regularizer": "W_regularizer",
    "embeddings_regularizer": "W_regularizer",
    "recurrent_regularizer": "U_regularizer",
    "bias_regularizer": "b_regularizer",
    "kernel_constraint": "W_constraint",
    "embeddings_constraint": "W_constraint",
    "bias_constraint": "b_constraint",
    "recurrent_activation": "inner_activation",
}
"""What arguments are called here, whatever the layer."""
_DEPTHWISE = {"depthwise_regularizer": "W_regularizer", "depthwise_constraint": "W_constraint"}
_DROPOUTS = {"dropout": "dropout_W", "recurrent_dropout": "dropout_U"}
RENAMED: Mapping[str, Mapping[str, str]] = {
    "ConvLSTM2D": _DROPOUTS,
    "GaussianNoise": {"stddev": "sigma"},
    "DepthwiseConvolution1D": _DEPTHWISE,
    "DepthwiseConvolution2D": _DEPTHWISE,
    "GRU": _DROPOUTS,
    "LSTM": _DROPOUTS,
    "LeakyReLU": {"negative_slope": "alpha"},
    "SimpleRNN": _DROPOUTS,
    "UpSampling1D": {"size": "length"},
}
"""What arguments of single layers are called here."""

TRAINING = frozenset(
    {
        "autocast", "bias_initializer", "dtype_policy", "dynamic",
        "enable_lora", "fused", "implementation", "lora_alpha", "lora_rank",
        "moving_mean_initializer", "moving_variance_initializer", "noise_shape",
        "pointwise_initializer", "quantization_config", "quantization_mode", "ragged", "renorm",
        "renorm_clipping", "renorm_momentum", "return_state", "seed", "shared_object_id",
        "synchronized", "use_cudnn", "virtual_batch_size", "optional",
    }
)  # fmt: skip
"""Arguments without which a forward pass gives the same."""
