"""The companions that whole classifiers need (Keras 1.2.2 layers/core.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from speccompiler.schemas.activation import Activation as ActivationFunction
from speccompiler.schemas.fields import (
    LARGEST,
    Layer,
    LayerOrdering,
    NonNegativeFloat,
    PositiveInt,
    Seed,
    as_tuple,
    exactly,
    filled_array,
)
from speccompiler.schemas.regularizer import L1L2Regularizer
from speccompiler.schemas.training import TRAINING_ONLY, Unknown

Share = Annotated[float, Field(ge=0, le=1), TRAINING_ONLY]
Factor = Annotated[NonNegativeFloat, TRAINING_ONLY]
MaskShape = Annotated[
    tuple[PositiveInt | None, ...] | None, BeforeValidator(as_tuple), TRAINING_ONLY
]
MaskOrdering = Annotated[LayerOrdering, TRAINING_ONLY]


class InputLayer(Layer):
    """Declares the input; every model has one, written or implied by the first layer."""

    type: Literal["InputLayer"]
    keeps_places: ClassVar[bool] = True
    sparse: Annotated[Literal[False], exactly(False)] = Field(
        default=False, description="Sparse inputs are not supported."
    )


class Activation(Layer):
    """Applies an activation."""

    type: Literal["Activation"]
    keeps_places: ClassVar[bool] = True
    activation: ActivationFunction = Field(
        description="A name, or {expr: ..}: an elementwise expression in x."
    )


class Dropout(Layer):
    """Drops activations while training; passes everything on in a forward pass."""

    type: Literal["Dropout"]
    keeps_places: ClassVar[bool] = True
    p: Share = Field(description="Share of the values that training drops.")
    noise_shape: MaskShape = Field(
        None, description="Shape of the training mask; a forward pass has none."
    )
    seed: Annotated[Seed | None, TRAINING_ONLY] = Field(
        None, description="Seed of the training mask; a forward pass has none."
    )


class SpatialDropout1D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout1D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 1
    p: Share = Field(description="Share of the channels that training drops.")


class SpatialDropout2D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout2D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 2
    p: Share = Field(description="Share of the channels that training drops.")
    dim_ordering: MaskOrdering = Field(
        "default", description="Where training finds the channels; a forward pass needs none."
    )
    uses_ordering: ClassVar[bool] = False


class SpatialDropout3D(Layer):
    """Drops whole channels while training; passes everything on in a forward pass."""

    type: Literal["SpatialDropout3D"]
    keeps_places: ClassVar[bool] = True
    rank: ClassVar[int] = 3
    p: Share = Field(description="Share of the channels that training drops.")
    dim_ordering: MaskOrdering = Field(
        "default", description="Where training finds the channels; a forward pass needs none."
    )
    uses_ordering: ClassVar[bool] = False


class GaussianDropout(Layer):
    """Multiplies with noise while training; passes everything on in a forward pass."""

    type: Literal["GaussianDropout"]
    keeps_places: ClassVar[bool] = True
    p: Share = Field(description="Training's noise has the deviation sqrt(p / (1 - p)).")


class GaussianNoise(Layer):
    """Adds noise while training; passes everything on in a forward pass."""

    type: Literal["GaussianNoise"]
    keeps_places: ClassVar[bool] = True
    sigma: Factor = Field(description="Deviation of the noise that training adds.")


class Flatten(Layer):
    """Joins every axis but the batch axis, in the order the array has them."""

    type: Literal["Flatten"]


def _check_target(value: tuple[int, ...]) -> tuple[int, ...]:
    if any(v == 0 or v < -1 for v in value) or value.count(-1) > 1:
        raise PydanticCustomError(
            "bad_target_shape", "sizes are 1 or more, and at most one of them is -1"
        )
    return value


class Reshape(Layer):
    """Gives the values of a sample another shape."""

    type: Literal["Reshape"]
    target_shape: Annotated[
        tuple[Annotated[int, Field(le=LARGEST)], ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        AfterValidator(_check_target),
        filled_array(
            {"type": "integer", "anyOf": [{"const": -1}, {"minimum": 1}], "maximum": LARGEST}
        ),
    ] = Field(description="Shape without the batch axis; one -1 takes what is left.")


def _check_dims(value: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(value) != list(range(1, len(value) + 1)):
        raise PydanticCustomError(
            "bad_permutation", "the axes of a sample are counted from 1, and each is named once"
        )
    return value


class Permute(Layer):
    """Puts the axes of a sample into another order."""

    type: Literal["Permute"]
    dims: Annotated[
        tuple[PositiveInt, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        AfterValidator(_check_dims),
        filled_array({"type": "integer", "minimum": 1, "maximum": LARGEST}),
    ] = Field(
        description="Axis i of the output is axis dims[i] of the input. Axes are counted from 1, "
        "without the batch axis: [2, 1] swaps the two axes of a matrix."
    )


class RepeatVector(Layer):
    """Repeats a vector: (features) to (n, features)."""

    type: Literal["RepeatVector"]
    n: PositiveInt = Field(description="How often the vector is repeated.")


class Masking(Layer):
    """Steps of which every value is ``mask_value`` become zeros; recurrent layers skip them."""

    type: Literal["Masking"]
    keeps_places: ClassVar[bool] = True
    mask_value: float = Field(0.0, description="What marks a step that is not there.")


class ActivityRegularization(Layer):
    """Passes everything on; its values count for the penalties."""

    type: Literal["ActivityRegularization"]
    keeps_places: ClassVar[bool] = True
    l1: Factor = Field(0.0, description="Factor of the absolute values.")
    l2: Factor = Field(0.0, description="Factor of the squares.")

    @property
    def activity_regularizer(self) -> L1L2Regularizer | Unknown | None:
        """The penalty on the output that l1 and l2 say."""
        factors: tuple[object, ...] = (self.l1, self.l2)
        for factor in factors:
            if isinstance(factor, Unknown):
                return factor
        if not self.l1 and not self.l2:
            return None
        return L1L2Regularizer(name="L1L2Regularizer", l1=self.l1, l2=self.l2)
