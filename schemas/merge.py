"""Where branches meet: Merge (Keras 1.2.2 engine/topology.py:1217)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from speccompiler.schemas.fields import Layer, as_tuple

ONLY_OF_CODE = "Belongs to a mode that is Python code, which convspec does not run."

Axis = Annotated[int, Field(ge=-16, le=16)]


def _kind(value: object) -> str:
    return "<pair>" if isinstance(value, list | tuple) else "<axis>"


DotAxes = Annotated[
    Annotated[Axis, Tag("<axis>")]
    | Annotated[tuple[Axis, Axis], BeforeValidator(as_tuple), Tag("<pair>")],
    Discriminator(_kind),
]


class Merge(Layer):
    """Makes one value of several: element by element, side by side, or as sums of products."""

    merges: ClassVar[bool] = True
    type: Literal["Merge"]
    mode: Literal["sum", "mul", "concat", "ave", "cos", "dot", "max", "min", "sub"] = Field(
        "sum",
        description="sum, mul, ave, max and min take any number of inputs of one shape, element "
        "by element; sub takes the second of two from the first; concat joins any number along "
        "concat_axis; dot sums the products of two inputs along dot_axes; cos divides that by the "
        "inputs' norms, as Keras does, which puts an axis of length 1 in front.",
    )
    mode_type: Literal["raw"] = Field("raw", description=ONLY_OF_CODE)
    concat_axis: Axis = Field(
        -1, description="Of concat: the axis that grows, the batch axis counted."
    )
    dot_axes: DotAxes = Field(
        -1,
        description="Of dot and cos: the axis that is summed over, the batch axis counted; one "
        "for both inputs or [of the first, of the second].",
    )
    normalize: bool = Field(
        False,
        description="Of dot: the inputs are divided by their norms along dot_axes first, as "
        "Keras 2's Dot does.",
    )
    broadcast: bool = Field(
        False,
        description="Of the modes that work element by element: shapes may differ. Missing axes "
        "are put in front, and an axis of length 1 is repeated, as Keras 2.1 and later do.",
    )
    output_shape: None = Field(None, description=ONLY_OF_CODE)
    output_shape_type: Literal["raw"] = Field("raw", description=ONLY_OF_CODE)
    output_mask: None = Field(None, description=ONLY_OF_CODE)
    output_mask_type: Literal["raw"] = Field("raw", description=ONLY_OF_CODE)
    arguments: Annotated[dict[str, Any], Field(max_length=0)] = Field({}, description=ONLY_OF_CODE)
