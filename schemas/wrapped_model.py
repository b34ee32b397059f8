"""The schema of a spec that names a model in another file, and adds to what that file says."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import Name
from speccompiler.schemas.model import ModelHeader


def _check_answer(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str | dict) and item for item in items):
        raise PydanticCustomError(
            "bad_answer", "an answer is an expression in x, a layer, or a list of these"
        )
    return value


Answer = Annotated[Any, BeforeValidator(_check_answer)]
"""The loader reads what it says."""


class WrapperHeader(ModelHeader):
    """A native spec that names a model instead of layers."""

    not_said: ClassVar[tuple[str, ...]] = ("inputs", "outputs", "keras_version")
    """Keys that such a spec may not have: the model itself says them."""

    model: Annotated[str, Field(min_length=1)] = Field(
        description="A file with the model, relative to the spec: .h5, .json or .yaml, as Keras "
        "1.x wrote it, or a native spec. The other keys overrule what it says."
    )
    replace: Annotated[dict[Name, Answer], Field(min_length=1)] | None = Field(
        None,
        description="What its Lambda and custom layers compute, by their names: an expression in "
        "x, a layer, or a list of these. --replace says the same.",
    )
