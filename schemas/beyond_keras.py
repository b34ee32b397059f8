"""Layers that Keras 1.x has not: what its users wrote as a Lambda, said as data.

A Keras 1.x file can never name them: a class of such a name there is its author's own. Keras 0.x
had LRN2D, and in TimeDistributedMerge two of what Reduce does.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from speccompiler.schemas.axes import AXIS_TEXT, WHOLE, Axes, Whole, listed, one_or_list
from speccompiler.schemas.fields import (
    LARGEST,
    ORDERING_TEXT,
    Layer,
    LayerOrdering,
    Pair,
    PositiveInt,
)

_PLACE = {"anyOf": [WHOLE, {"type": "null"}]}


def _check_steps(value: tuple[int, ...]) -> tuple[int, ...]:
    if 0 in value:
        raise PydanticCustomError("bad_step", "a step is not 0")
    return value


Factor = Annotated[float, Field(ge=0, le=1e30)]


def _check_odd(value: int) -> int:
    if value % 2 == 0:
        raise PydanticCustomError("even", "as many neighbours on either side: an odd number")
    return value


Places = Annotated[
    tuple[Whole | None, ...], BeforeValidator(listed), Field(min_length=1), one_or_list(_PLACE)
]
Steps = Annotated[
    tuple[Whole, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    AfterValidator(_check_steps),
    one_or_list(WHOLE),
]


class Slice(Layer):
    """A part of the values along one axis or several, as Python's ``start:stop:step`` says it."""

    type: Literal["Slice"]
    axis: Axes = Field(description=f"The axis, or a list of axes; {AXIS_TEXT}.")
    start: Places = Field(
        (None,),
        description="The first value, from the end where negative; null is the first there is. "
        "With several axes a list, or one for all.",
    )
    stop: Places = Field(
        (None,), description="The first value that is left out; null takes all to the end."
    )
    step: Steps = Field(
        (1,),
        description="How far apart the values are; a negative step goes backwards: -1 reverses.",
    )
    squeeze: bool = Field(
        False, description="Drop these axes, of which one value each is left, as x[:, 0] does."
    )


class Pick(Layer):
    """One of several values that stand along the first axis of a sample, without that axis.

    A Bidirectional with ``merge_mode: null`` gives two: forward is 0, backward is 1.
    """

    type: Literal["Pick"]
    index: Annotated[int, Field(ge=0, le=LARGEST)] = Field(
        description="Which of the values, counted from 0."
    )


class State(Layer):
    """A state of the recurrent layer that it reads, as the last step leaves it behind.

    Keras 2 and later give them with return_state. Such a layer may begin with them: it then
    reads ``inputs: [its input, h]``, and an LSTM ``[its input, h, c]``.
    """

    type: Literal["State"]
    index: Annotated[int, Field(ge=0, le=LARGEST)] = Field(
        0,
        description="Which state, counted from 0: h, then an LSTM's c. A Bidirectional has those "
        "of the forward layer, then those of the backward one.",
    )


class Reduce(Layer):
    """Sum, mean, largest or product of the values along one axis or several."""

    type: Literal["Reduce"]
    axis: Axes = Field(description=f"The axis, or a list of axes; {AXIS_TEXT}.")
    mode: Literal["sum", "mean", "max", "prod"] = Field(
        "sum", description="What is made of the values; prod is their product."
    )
    keepdims: bool = Field(False, description="Keep the axes, with a length of 1.")


class Resize(Layer):
    """An image in another size, as TensorFlow 1.x's tf.image.resize_images gives it."""

    type: Literal["Resize"]
    rank: ClassVar[int] = 2
    size: Pair | None = Field(
        None, description="[rows, columns] of the result; null: factor says them."
    )
    factor: Pair = Field((2, 2), description="How often as many rows and columns, without a size.")
    interpolation: Literal["nearest", "bilinear"] = Field(
        "bilinear",
        description="'bilinear' weighs the four neighbours, 'nearest' takes one. Place i looks at "
        "i * old / new, with no half of a pixel added (TensorFlow 1.x).",
    )
    align_corners: bool = Field(
        False,
        description="The first and last values stay where they are: i * (old - 1) / (new - 1).",
    )
    half_pixel: bool = Field(
        False,
        description="Places are the centres of pixels: (i + 0.5) * old / new - 0.5, as in "
        "TensorFlow 2 and Keras's Resizing.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


class LRN2D(Layer):
    """Local response normalisation: each value over a power of its channel neighbours' squares.

    ``x / (k + alpha * sum)**beta``, where ``sum`` is that of the squares of the ``n`` channels
    around each, at the same position; beyond the first and last channel they are 0. That is the
    LRN2D of Keras 0.1 to 0.3 (layers/normalization.py), tf.nn.lrn, and the
    ``crosschannelnormalization`` that people wrote as a Lambda.
    """

    type: Literal["LRN2D"]
    rank: ClassVar[int] = 2
    alpha: Factor = Field(
        1e-4,
        description="Factor of the sum. Caffe divides its alpha by local_size: give the quotient. "
        "TensorFlow's tf.nn.lrn does not.",
    )
    k: Factor = Field(
        2.0, description="Added to it: 1 in Caffe unless it says another k, 'bias' in TensorFlow."
    )
    beta: Factor = Field(0.75, description="The exponent.")
    n: Annotated[PositiveInt, AfterValidator(_check_odd)] = Field(
        5,
        description="How many channels are summed up, an odd number: local_size in Caffe, and "
        "2 * depth_radius + 1 in TensorFlow.",
    )
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)
