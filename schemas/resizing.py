"""Up-sampling, zero padding and cropping (Keras 1.2.2 layers/convolutional.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from speccompiler.schemas.fields import (
    ORDERING_TEXT,
    Cut,
    CutPair,
    CutTriple,
    Layer,
    LayerOrdering,
    NonNegativeInt,
    PaddingPair,
    PaddingQuadruple,
    PaddingTriple,
    Pair,
    PositiveInt,
    Schema,
    Triple,
)


class UpSampling1D(Layer):
    """Each step is repeated."""

    type: Literal["UpSampling1D"]
    rank: ClassVar[int] = 1
    length: PositiveInt = Field(2, description="How often each step is repeated.")


class UpSampling2D(Layer):
    """Rows and columns are repeated (nearest neighbour), or interpolated."""

    type: Literal["UpSampling2D"]
    rank: ClassVar[int] = 2
    size: Pair = Field((2, 2), description="Factors: rows, columns.")
    interpolation: Literal["nearest", "bilinear", "bilinear_legacy"] = Field(
        "nearest",
        description="'nearest' repeats, as Keras 1.x does. 'bilinear' weighs four neighbours: "
        "place i looks at (i + 0.5) / size - 0.5, as in TensorFlow 2 and Keras 3; "
        "'bilinear_legacy' at i / size, as Keras 2 on TensorFlow 1.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class UpSampling3D(Layer):
    """The three spatial axes are repeated (nearest neighbour)."""

    type: Literal["UpSampling3D"]
    rank: ClassVar[int] = 3
    size: Triple = Field((2, 2, 2), description="Factors along each spatial axis.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Padding1D(Schema):
    """Padding of steps by side; a side left out is 0."""

    left_pad: NonNegativeInt = Field(0, description="Zeros before the first step.")
    right_pad: NonNegativeInt = Field(0, description="Zeros after the last step.")


class Padding2D(Schema):
    """Padding of an image by side; a side left out is 0."""

    top_pad: NonNegativeInt = Field(0, description="Zero rows above.")
    bottom_pad: NonNegativeInt = Field(0, description="Zero rows below.")
    left_pad: NonNegativeInt = Field(0, description="Zero columns on the left.")
    right_pad: NonNegativeInt = Field(0, description="Zero columns on the right.")


def _kind(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return "<number>"
    if isinstance(value, dict | Schema):
        return "<sides>"
    if isinstance(value, list | tuple):
        if any(isinstance(item, list | tuple) for item in value):
            return "<ends>"
        return "<four>" if len(value) == 4 else "<pair>"
    return None


class ZeroPadding1D(Layer):
    """Zeros before the first and after the last step."""

    type: Literal["ZeroPadding1D"]
    rank: ClassVar[int] = 1
    padding: Annotated[
        Annotated[NonNegativeInt, Tag("<number>")]
        | Annotated[PaddingPair, Tag("<pair>")]
        | Annotated[Padding1D, Tag("<sides>")],
        Discriminator(
            lambda value: {"<four>": "<pair>", "<ends>": "<pair>"}.get(
                _kind(value) or "", _kind(value)
            ),
            custom_error_type="bad_padding",
            custom_error_message="expected a number, [left, right], or {left_pad, right_pad}",
        ),
    ] = Field(1, description="Zeros on both sides, [left, right], or {left_pad, right_pad}.")


class ZeroPadding2D(Layer):
    """Zeros around an image."""

    type: Literal["ZeroPadding2D"]
    rank: ClassVar[int] = 2
    padding: Annotated[
        Annotated[PaddingPair, Tag("<pair>")]
        | Annotated[PaddingQuadruple, Tag("<four>")]
        | Annotated[Padding2D, Tag("<sides>")],
        Discriminator(
            lambda value: {"<number>": None, "<ends>": "<pair>"}.get(
                _kind(value) or "", _kind(value)
            ),
            custom_error_type="bad_padding",
            custom_error_message="expected [rows, columns], [top, bottom, left, right], or "
            "{top_pad, bottom_pad, left_pad, right_pad}",
        ),
    ] = Field(
        (1, 1),
        description="[rows, columns] on both sides, [top, bottom, left, right], or "
        "{top_pad, bottom_pad, left_pad, right_pad}.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class ZeroPadding3D(Layer):
    """Zeros around a volume."""

    type: Literal["ZeroPadding3D"]
    rank: ClassVar[int] = 3
    padding: Annotated[
        Annotated[PaddingTriple, Tag("<pair>")] | Annotated[CutTriple, Tag("<ends>")],
        Discriminator(
            lambda value: {"<four>": "<pair>"}.get(_kind(value) or "", _kind(value)),
            custom_error_type="bad_padding",
            custom_error_message="expected three numbers, or three pairs [before, after]",
        ),
    ] = Field(
        (1, 1, 1),
        description="Zeros on both sides of each axis, or [[before, after], ..] of each.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Cropping1D(Layer):
    """Cuts steps off at both ends."""

    type: Literal["Cropping1D"]
    rank: ClassVar[int] = 1
    cropping: Cut = Field((1, 1), description="Steps cut off: [at the start, at the end].")


class Cropping2D(Layer):
    """Cuts off rows and columns of an image."""

    type: Literal["Cropping2D"]
    rank: ClassVar[int] = 2
    cropping: CutPair = Field(
        ((0, 0), (0, 0)), description="What is cut off: [[top, bottom], [left, right]]."
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class Cropping3D(Layer):
    """Cuts off the ends of the three axes of a volume."""

    type: Literal["Cropping3D"]
    rank: ClassVar[int] = 3
    cropping: CutTriple = Field(
        ((1, 1), (1, 1), (1, 1)), description="What is cut off: [before, after] of each axis."
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
