"""The rule of each layer: one row a class. A new layer on existing operations adds one."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.lowering.activations import lower_activation
from speccompiler.lowering.advanced_activations import (
    lower_elu,
    lower_leaky_relu,
    lower_parametric_softplus,
    lower_prelu,
    lower_srelu,
    lower_thresholded_relu,
)
from speccompiler.lowering.builder import Rule
from speccompiler.lowering.convolution import (
    lower_convolution1d,
    lower_convolution2d,
    lower_convolution3d,
)
from speccompiler.lowering.deconvolution import lower_deconvolution2d
from speccompiler.lowering.dense import (
    lower_dense,
    lower_highway,
    lower_maxout_dense,
    lower_time_distributed_dense,
)
from speccompiler.lowering.embedding import lower_embedding, lower_masking
from speccompiler.lowering.local import lower_locally_connected
from speccompiler.lowering.local_response import lower_lrn2d
from speccompiler.lowering.merge import lower_merge
from speccompiler.lowering.normalization import lower_batch_normalization
from speccompiler.lowering.pooling import lower_global_pooling, lower_pooling
from speccompiler.lowering.reducing import lower_reduce
from speccompiler.lowering.reshaping import (
    lower_flatten,
    lower_identity,
    lower_permute,
    lower_repeat_vector,
    lower_reshape,
)
from speccompiler.lowering.resizing import (
    lower_cropping,
    lower_resize,
    lower_upsampling,
    lower_zero_padding1d,
    lower_zero_padding2d,
    lower_zero_padding3d,
)
from speccompiler.lowering.separable import lower_separable_convolution2d
from speccompiler.lowering.slicing import lower_slice
from speccompiler.lowering.time_distributed import lower_time_distributed
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

LOWER: Mapping[type[Layer], Rule] = {
    convolution.Convolution1D: lower_convolution1d,
    convolution.Convolution2D: lower_convolution2d,
    convolution.Convolution3D: lower_convolution3d,
    pooling.MaxPooling1D: lower_pooling,
    pooling.MaxPooling2D: lower_pooling,
    pooling.MaxPooling3D: lower_pooling,
    pooling.AveragePooling1D: lower_pooling,
    pooling.AveragePooling2D: lower_pooling,
    pooling.AveragePooling3D: lower_pooling,
    resizing.UpSampling1D: lower_upsampling,
    resizing.UpSampling2D: lower_upsampling,
    resizing.UpSampling3D: lower_upsampling,
    resizing.ZeroPadding1D: lower_zero_padding1d,
    resizing.ZeroPadding2D: lower_zero_padding2d,
    resizing.ZeroPadding3D: lower_zero_padding3d,
    core.InputLayer: lower_identity,
    core.Activation: lower_activation,
    core.Dropout: lower_identity,
    core.Flatten: lower_flatten,
    core.Reshape: lower_reshape,
    dense.Dense: lower_dense,
    resizing.Cropping1D: lower_cropping,
    resizing.Cropping2D: lower_cropping,
    resizing.Cropping3D: lower_cropping,
    pooling.GlobalMaxPooling1D: lower_global_pooling,
    pooling.GlobalMaxPooling2D: lower_global_pooling,
    pooling.GlobalMaxPooling3D: lower_global_pooling,
    pooling.GlobalAveragePooling1D: lower_global_pooling,
    pooling.GlobalAveragePooling2D: lower_global_pooling,
    pooling.GlobalAveragePooling3D: lower_global_pooling,
    core.Permute: lower_permute,
    core.RepeatVector: lower_repeat_vector,
    core.SpatialDropout1D: lower_identity,
    core.SpatialDropout2D: lower_identity,
    core.SpatialDropout3D: lower_identity,
    core.GaussianDropout: lower_identity,
    core.GaussianNoise: lower_identity,
    advanced_activations.LeakyReLU: lower_leaky_relu,
    advanced_activations.ELU: lower_elu,
    advanced_activations.ThresholdedReLU: lower_thresholded_relu,
    advanced_activations.PReLU: lower_prelu,
    advanced_activations.ParametricSoftplus: lower_parametric_softplus,
    advanced_activations.SReLU: lower_srelu,
    normalization.BatchNormalization: lower_batch_normalization,
    convolution.AtrousConvolution1D: lower_convolution1d,
    convolution.AtrousConvolution2D: lower_convolution2d,
    convolution.Deconvolution2D: lower_deconvolution2d,
    convolution.SeparableConvolution2D: lower_separable_convolution2d,
    local.LocallyConnected1D: lower_locally_connected,
    local.LocallyConnected2D: lower_locally_connected,
    embedding.Embedding: lower_embedding,
    core.Masking: lower_masking,
    core.ActivityRegularization: lower_identity,
    dense.Highway: lower_highway,
    dense.MaxoutDense: lower_maxout_dense,
    dense.TimeDistributedDense: lower_time_distributed_dense,
    time_distributed.TimeDistributed: lower_time_distributed,
    merge.Merge: lower_merge,
    beyond_keras.Slice: lower_slice,
    beyond_keras.Reduce: lower_reduce,
    beyond_keras.Resize: lower_resize,
    beyond_keras.LRN2D: lower_lrn2d,
}
