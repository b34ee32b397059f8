"""Layers that normalise each sample by itself (Keras 3.15 layers/normalization).

None of Keras 1.x.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.axes import AXIS_TEXT, Axes, Axis
from speccompiler.schemas.fields import LARGEST, Layer, NonNegativeFloat
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.weight_rules import Constraint, Regularizer
from speccompiler.schemas.weights import LayerWeights


class Scaled(Layer):
    """What those that scale with gamma and shift by beta share."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "gamma": StoredTensor(
            "gamma_init",
            fans="elementwise",
            regularizer="gamma_regularizer",
            constraint="gamma_constraint",
        ),
        "beta": StoredTensor(
            "beta_init",
            fans="elementwise",
            regularizer="beta_regularizer",
            constraint="beta_constraint",
        ),
    }
    epsilon: NonNegativeFloat = Field(
        1e-3, description="Added to the variance, so that nothing is divided by 0."
    )
    scale: bool = Field(True, description="Whether it is multiplied by gamma.")
    center: bool = Field(True, description="Whether beta is added.")
    weights: LayerWeights = None
    beta_init: Initializer = Field("zero", description="How beta is drawn without weights.")
    gamma_init: Initializer = Field("one", description="How gamma is drawn without weights.")
    gamma_regularizer: Regularizer | None = Field(
        None, description="Penalty on gamma, shown by --penalties."
    )
    beta_regularizer: Regularizer | None = Field(
        None, description="Penalty on beta, shown by --penalties."
    )
    gamma_constraint: Constraint | None = Field(
        None, description="Checked on gamma; --apply-constraints projects it."
    )
    beta_constraint: Constraint | None = Field(
        None, description="Checked on beta; --apply-constraints projects it."
    )


class LayerNormalization(Scaled):
    """Less the mean, over the deviation, of a sample's values along an axis, or several."""

    type: Literal["LayerNormalization"]
    axis: Axes = Field(
        (-1,),
        description=f"The axis, or a list of axes; {AXIS_TEXT}. gamma and beta have their lengths.",
    )


class GroupNormalization(Scaled):
    """Less the mean, over the deviation, of a sample's values in each group of channels."""

    type: Literal["GroupNormalization"]
    groups: Annotated[int, Field(ge=-1, le=LARGEST)] = Field(
        32, description="Into how many groups the channels are divided; -1 is one for each."
    )
    axis: Axis = Field(-1, description=f"The axis of the channels, {AXIS_TEXT}.")


class UnitNormalization(Layer):
    """Over the root of the sum of the squares along an axis, or several."""

    type: Literal["UnitNormalization"]
    axis: Axes = Field((-1,), description=f"The axis, or a list of axes; {AXIS_TEXT}.")
    epsilon: NonNegativeFloat = Field(
        1e-12,
        description="The smallest that it divides by, so that nothing is divided by 0. "
        "TensorFlow 2's has 1e-6.",
    )
