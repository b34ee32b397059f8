"""Activations that are layers of their own (Keras 1.2.2 layers/advanced_activations.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from speccompiler.schemas.fields import LARGEST, Layer, PositiveInt, as_tuple
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY
from speccompiler.schemas.weights import LayerWeights

_AXIS = {"type": "integer", "minimum": 1, "maximum": LARGEST}


def _as_axes(value: object) -> object:
    """Keras takes a number for a list of one."""
    one = isinstance(value, int) and not isinstance(value, bool)
    return (value,) if one else as_tuple(value)


SharedAxes = Annotated[
    tuple[PositiveInt, ...],
    BeforeValidator(_as_axes),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_AXIS, {"type": "array", "minItems": 1, "items": _AXIS}]}),
]
SHARED_TEXT = (
    "Axes along which the parameters are the same, counted from 1 without the batch axis, or one: "
    "[1, 2] gives an image one a channel. Keras 1.x does not store it: where it is missing, the "
    "shapes in the weight file decide."
)


def _parameter(init: str) -> StoredTensor:
    return StoredTensor(init, fans="elementwise")


class LeakyReLU(Layer):
    """``x`` where it is positive, else ``alpha * x``."""

    type: Literal["LeakyReLU"]
    keeps_places: ClassVar[bool] = True
    alpha: float = Field(0.3, description="Slope below 0.")


class ELU(Layer):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``."""

    type: Literal["ELU"]
    keeps_places: ClassVar[bool] = True
    alpha: float = Field(1.0, description="Scale of the part below 0.")


class ThresholdedReLU(Layer):
    """``x`` where it is larger than ``theta``, else 0."""

    type: Literal["ThresholdedReLU"]
    keeps_places: ClassVar[bool] = True
    theta: float = Field(1.0, description="Values up to this one become 0.")


class PReLU(Layer):
    """``x`` where it is positive, else ``alphas * x``, with a slope for every value."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {"alphas": _parameter("init")}
    type: Literal["PReLU"]
    keeps_places: ClassVar[bool] = True
    init: Initializer = Field("zero", description="How the slopes are drawn without weights.")
    weights: LayerWeights = None
    shared_axes: SharedAxes | None = Field(None, description=SHARED_TEXT)


class ParametricSoftplus(Layer):
    """``alphas * log(1 + exp(betas * x))``."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "alphas": StoredTensor(drawn="one", scale="alpha_init"),
        "betas": StoredTensor(drawn="one", scale="beta_init"),
    }
    type: Literal["ParametricSoftplus"]
    keeps_places: ClassVar[bool] = True
    alpha_init: Annotated[float, TRAINING_ONLY] = Field(
        0.2, description="What alphas are filled with without weights."
    )
    beta_init: Annotated[float, TRAINING_ONLY] = Field(
        5.0, description="What betas are filled with without weights."
    )
    weights: LayerWeights = None
    shared_axes: SharedAxes | None = Field(None, description=SHARED_TEXT)


class SReLU(Layer):
    """Three lines: slopes a_left and a_right outside two thresholds, 1 between them."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "t_left": _parameter("t_left_init"),
        "a_left": _parameter("a_left_init"),
        "t_right": _parameter("t_right_init"),
        "a_right": _parameter("a_right_init"),
    }
    type: Literal["SReLU"]
    keeps_places: ClassVar[bool] = True
    t_left_init: Initializer = Field("zero", description="The left threshold, without weights.")
    a_left_init: Initializer = Field(
        "glorot_uniform", description="The slope left of it, without weights."
    )
    t_right_init: Initializer = Field(
        "glorot_uniform",
        description="How far right of it the other threshold is, without weights.",
    )
    a_right_init: Initializer = Field("one", description="The slope right of it, without weights.")
    shared_axes: SharedAxes | None = Field(None, description=SHARED_TEXT)
    weights: LayerWeights = None
