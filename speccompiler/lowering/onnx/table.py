"""The rule of each ONNX operation: one row an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Value

Rule = Callable[[Scope], Value | tuple[Value | None, ...]]

_UNARY = (
    "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Shrink", "Sigmoid",
    "HardSigmoid", "HardSwish", "Swish", "Mish", "Gelu", "Softplus", "Softsign", "Tanh", "Erf",
    "Exp", "Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Sign", "Floor", "Ceil", "Sin", "Cos", "Tan",
    "Sinh", "Cosh", "Atan", "Asin", "Acos", "Asinh", "Acosh", "Atanh",
)  # fmt: skip
_REDUCE = (
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
)  # fmt: skip
_COMPARED = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal")
_BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean")

RULES: Mapping[str, str] = {
    "Conv": "convolution.lower_conv",
    "ConvTranspose": "convolution.lower_conv_transpose",
    "MaxPool": "pooling.lower_pool",
    "AveragePool": "pooling.lower_pool",
    "GlobalMaxPool": "pooling.lower_global_pool",
    "GlobalAveragePool": "pooling.lower_global_pool",
    "GlobalLpPool": "pooling.lower_global_lp_pool",
    "BatchNormalization": "normalizing.lower_batch_normalization",
    "InstanceNormalization": "normalizing.lower_instance_normalization",
    "GroupNormalization": "normalizing.lower_group_normalization",
    "LayerNormalization": "normalizing.lower_layer_normalization",
    "LpNormalization": "normalizing.lower_lp_normalization",
    "LRN": "normalizing.lower_lrn",
    "Gemm": "products.lower_gemm",
    "MatMul": "products.lower_matmul",
    **dict.fromkeys(_UNARY, "elementwise.lower_unary"),
    **dict.fromkeys(_BINARY, "elementwise.lower_binary"),
    "Clip": "elementwise.lower_clip",
    "PRelu": "elementwise.lower_prelu",
    "Identity": "elementwise.lower_identity",
    "Dropout": "elementwise.lower_identity",
    "Cast": "elementwise.lower_cast",
    "CastLike": "elementwise.lower_cast",
    **dict.fromkeys(_COMPARED, "choices.lower_comparison"),
    **dict.fromkeys(("And", "Or", "Xor", "Not"), "choices.lower_logic"),
    "Where": "choices.lower_where",
    "Softmax": "reducing.lower_softmax",
    "LogSoftmax": "reducing.lower_softmax",
    **dict.fromkeys(_REDUCE, "reducing.lower_reduce"),
    "Reshape": "reshaping.lower_reshape",
    "Flatten": "reshaping.lower_flatten",
    "Squeeze": "reshaping.lower_squeeze",
    "Unsqueeze": "reshaping.lower_unsqueeze",
    "Transpose": "reshaping.lower_transpose",
    "DepthToSpace": "reshaping.lower_depth_to_space",
    "SpaceToDepth": "reshaping.lower_space_to_depth",
    "Concat": "parts.lower_concat",
    "Split": "parts.lower_split",
    "Slice": "parts.lower_slice",
    "Gather": "parts.lower_gather",
    "Pad": "parts.lower_pad",
    "Expand": "parts.lower_expand",
    "Tile": "parts.lower_tile",
    "Resize": "resizing.lower_resize",
    "Upsample": "resizing.lower_upsample",
    "If": "branches.lower_if",
    "Scan": "scan.lower_scan",
    "RNN": "recurrent.lower_recurrent",
    "GRU": "recurrent.lower_recurrent",
    "LSTM": "recurrent.lower_recurrent",
}
"""Operations of values that a run computes, by the names of the standard operator set."""


def rule_of(op_type: str) -> Rule:
    """The rule of an operation; its module is imported when a model has it."""
    module, name = RULES[op_type].split(".")
    rule: Rule = getattr(import_module(f"speccompiler.lowering.onnx.{module}"), name)
    return rule
