"""Regularisers in every form that Keras 1.x wrote or took.

A name (``l2``), Keras 1.2's ``{name: L1L2Regularizer, l1: .., l2: ..}``, the older
``WeightRegularizer``/``ActivityRegularizer``, a factory with its arguments
(``{name: l2, l: 0.01}``), and the ``{class_name: .., config: ..}`` of later tools.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from speccompiler.schemas.fields import NonNegativeFloat, Schema
from speccompiler.schemas.training import TRAINING_ONLY


class L1L2Regularizer(Schema):
    """Sum of ``l1 * |w|`` and ``l2 * w**2`` over the tensor."""

    name: Literal["L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer"] = Field(
        description="Which regulariser."
    )
    l1: NonNegativeFloat = Field(0.0, description="Factor of the absolute values.")
    l2: NonNegativeFloat = Field(0.0, description="Factor of the squares.")


class L1Regularizer(Schema):
    """Sum of ``l * |w|``."""

    name: Literal["l1", "activity_l1"] = Field(description="Which regulariser.")
    l: NonNegativeFloat = Field(0.01, description="Factor of the absolute values.")  # noqa: E741

    @property
    def l1(self) -> float:
        """Factor of the absolute values."""
        return self.l

    @property
    def l2(self) -> float:
        """Factor of the squares: none."""
        return 0.0


class L2Regularizer(Schema):
    """Sum of ``l * w**2``."""

    name: Literal["l2", "activity_l2"] = Field(description="Which regulariser.")
    l: NonNegativeFloat = Field(0.01, description="Factor of the squares.")  # noqa: E741

    @property
    def l1(self) -> float:
        """Factor of the absolute values: none."""
        return 0.0

    @property
    def l2(self) -> float:
        """Factor of the squares."""
        return self.l


class L1AndL2Regularizer(Schema):
    """The factory ``l1l2``: both terms, 0.01 each by default."""

    name: Literal["l1l2", "activity_l1l2"] = Field(description="Which regulariser.")
    l1: NonNegativeFloat = Field(0.01, description="Factor of the absolute values.")
    l2: NonNegativeFloat = Field(0.01, description="Factor of the squares.")


class EigenvalueRegularizer(Schema):
    """``k`` times the square root of the largest eigenvalue of W^T W; rank 2 only."""

    name: Literal["EigenvalueRegularizer"] = Field(description="Which regulariser.")
    k: NonNegativeFloat = Field(description="The factor. Keras itself never stored it.")


RegularizerName = Literal[
    "l1",
    "l2",
    "l1l2",
    "activity_l1",
    "activity_l2",
    "activity_l1l2",
    "L1L2Regularizer",
    "WeightRegularizer",
    "ActivityRegularizer",
]

_TAGS = {
    "L1L2Regularizer": "<l1l2>",
    "WeightRegularizer": "<l1l2>",
    "ActivityRegularizer": "<l1l2>",
    "l1": "<l1>",
    "activity_l1": "<l1>",
    "l2": "<l2>",
    "activity_l2": "<l2>",
    "l1l2": "<factory>",
    "activity_l1l2": "<factory>",
    "EigenvalueRegularizer": "<eigenvalue>",
}
REGULARIZER_NAMES = tuple(_TAGS)


def flatten_config(value: object) -> object:
    """Bring ``{class_name: A, config: {..}}`` to ``{name: A, ..}``."""
    if isinstance(value, dict) and value.keys() == {"class_name", "config"}:
        config = value["config"]
        if isinstance(config, dict):
            return {"name": value["class_name"], **config}
    return value


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "<name>"
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return _TAGS.get(name) if isinstance(name, str) else None


RegularizerObject = (
    L1L2Regularizer | L1Regularizer | L2Regularizer | L1AndL2Regularizer | EigenvalueRegularizer
)

Regularizer = Annotated[
    Annotated[RegularizerName, Tag("<name>")]
    | Annotated[L1L2Regularizer, Tag("<l1l2>")]
    | Annotated[L1Regularizer, Tag("<l1>")]
    | Annotated[L2Regularizer, Tag("<l2>")]
    | Annotated[L1AndL2Regularizer, Tag("<factory>")]
    | Annotated[EigenvalueRegularizer, Tag("<eigenvalue>")],
    Discriminator(
        _kind,
        custom_error_type="unknown_regularizer",
        custom_error_message="unknown regulariser",
    ),
    BeforeValidator(flatten_config),
    TRAINING_ONLY,
]

_BY_NAME: dict[str, type[RegularizerObject]] = {
    "<l1l2>": L1L2Regularizer,
    "<l1>": L1Regularizer,
    "<l2>": L2Regularizer,
    "<factory>": L1AndL2Regularizer,
}


def regularizer_object(value: RegularizerObject | str) -> RegularizerObject:
    """The object that a bare name stands for: Keras's own defaults."""
    if isinstance(value, str):
        return _BY_NAME[_TAGS[value]].model_validate({"name": value})
    return value
