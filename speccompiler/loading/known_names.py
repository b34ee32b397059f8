"""Names that a spec may have meant: Keras 2's, and the keys of a nested mapping."""

from __future__ import annotations

from pydantic import BaseModel

from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.constraint import (
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
)
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.model import SemanticsFields
from speccompiler.schemas.regularizer import (
    EigenvalueRegularizer,
    L1AndL2Regularizer,
    L1L2Regularizer,
    L1Regularizer,
    L2Regularizer,
)
from speccompiler.schemas.resizing import Padding1D, Padding2D, ZeroPadding1D

KERAS_2_NAMES = {
    "filters": "nb_filter",
    "kernel_size": "nb_row and nb_col, filter_length or kernel_dim1..3",
    "padding": "border_mode",
    "data_format": "dim_ordering",
    "use_bias": "bias",
    "kernel_initializer": "init",
    "kernel_regularizer": "W_regularizer",
    "bias_regularizer": "b_regularizer",
    "kernel_constraint": "W_constraint",
    "bias_constraint": "b_constraint",
    "units": "output_dim",
    "rate": "p",
    "dtype": "input_dtype",
}
"""Arguments of Keras 2 and what Keras 1 calls them."""

TAGGED: dict[str, type[BaseModel]] = {
    "<expression>": ExpressionActivation,
    "<parameters>": ScaledInitializer,
    "<fields>": SemanticsFields,
    "<l1l2>": L1L2Regularizer,
    "<l1>": L1Regularizer,
    "<l2>": L2Regularizer,
    "<factory>": L1AndL2Regularizer,
    "<eigenvalue>": EigenvalueRegularizer,
    "<MaxNorm>": MaxNorm,
    "<NonNeg>": NonNeg,
    "<UnitNorm>": UnitNorm,
    "<MinMaxNorm>": MinMaxNorm,
}
"""What a tag in pydantic's path stands for."""


def keys_of(loc: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """The keys that the mapping at a place takes, where a tag tells."""
    tag = loc[-2]
    if tag == "<sides>":
        return list((Padding1D if model is ZeroPadding1D else Padding2D).model_fields)
    return list(TAGGED[tag].model_fields) if tag in TAGGED else []
