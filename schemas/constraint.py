"""Weight constraints in the forms that Keras 1.x wrote or took."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from speccompiler.schemas.fields import LARGEST, NonNegativeFloat, Schema, as_tuple, filled_array
from speccompiler.schemas.regularizer import flatten_config
from speccompiler.schemas.training import TRAINING_ONLY

AxisNumber = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Axis = (
    AxisNumber
    | Annotated[
        tuple[AxisNumber, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        filled_array({"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}),
    ]
)
AXIS_TEXT = "Axis or axes over which a norm is taken; 0 suits Dense, [0, 1, 2] a 'tf' 2-D kernel."


class MaxNorm(Schema):
    """Norms over ``axis`` are at most ``m``."""

    name: Literal["MaxNorm", "maxnorm"] = Field(description="Which constraint.")
    m: NonNegativeFloat = Field(2.0, description="The largest norm allowed.")
    axis: Axis = Field(0, description=AXIS_TEXT)


class NonNeg(Schema):
    """No weight is negative."""

    name: Literal["NonNeg", "nonneg"] = Field(description="Which constraint.")


class UnitNorm(Schema):
    """Norms over ``axis`` are one."""

    name: Literal["UnitNorm", "unitnorm"] = Field(description="Which constraint.")
    axis: Axis = Field(0, description=AXIS_TEXT)


class MinMaxNorm(Schema):
    """Norms over ``axis`` are drawn into [low, high], by the share ``rate``."""

    name: Literal["MinMaxNorm"] = Field(description="Which constraint.")
    low: NonNegativeFloat = Field(0.0, description="The smallest norm.")
    high: NonNegativeFloat = Field(1.0, description="The largest norm.")
    rate: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="How far a norm is moved: 1 all the way, 0 not at all."
    )
    axis: Axis = Field(0, description=AXIS_TEXT)


ConstraintName = Literal[
    "maxnorm", "nonneg", "unitnorm", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"
]
ConstraintObject = MaxNorm | NonNeg | UnitNorm | MinMaxNorm

_BY_NAME: dict[str, type[ConstraintObject]] = {
    "MaxNorm": MaxNorm,
    "maxnorm": MaxNorm,
    "NonNeg": NonNeg,
    "nonneg": NonNeg,
    "UnitNorm": UnitNorm,
    "unitnorm": UnitNorm,
    "MinMaxNorm": MinMaxNorm,
}
CONSTRAINT_NAMES = tuple(_BY_NAME)


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "<name>"
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    known = _BY_NAME.get(name) if isinstance(name, str) else None
    return f"<{known.__name__}>" if known else None


Constraint = Annotated[
    Annotated[ConstraintName, Tag("<name>")]
    | Annotated[MaxNorm, Tag("<MaxNorm>")]
    | Annotated[NonNeg, Tag("<NonNeg>")]
    | Annotated[UnitNorm, Tag("<UnitNorm>")]
    | Annotated[MinMaxNorm, Tag("<MinMaxNorm>")],
    Discriminator(
        _kind,
        custom_error_type="unknown_constraint",
        custom_error_message="unknown constraint",
    ),
    BeforeValidator(flatten_config),
    TRAINING_ONLY,
]


def constraint_object(value: ConstraintObject | str) -> ConstraintObject:
    """The object that a bare name stands for: Keras's own defaults."""
    if isinstance(value, str):
        return _BY_NAME[value].model_validate({"name": value})
    return value
