"""The field types that several layers share: sizes, shapes, orderings, base classes.

Everything is strict: a boolean is no number, a number is no text, and nothing
non-finite passes. The descriptions become hover text in an editor.
"""

# Modules with models import no ``annotations`` of the future: pydantic would compile the text of
# each type again for every model that has or inherits it, which is a tenth of a short command.

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY


class Schema(BaseModel):
    """Base of every schema: strict, closed, immutable, built when first used."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True
    )

    if not TYPE_CHECKING:  # a type checker would let every name pass

        def __getattr__(self, name: str) -> Any:
            """Layers are often asked for what some do not have, and pydantic is slow to say no."""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def as_tuple(value: object) -> object:
    """A list as a tuple: YAML and JSON have lists where Keras has tuples."""
    return tuple(value) if isinstance(value, list) else value


def filled_array(items: dict[str, Any]) -> WithJsonSchema:
    """What JSON Schema says of a list with at least one item."""
    return WithJsonSchema({"type": "array", "minItems": 1, "items": items})


LARGEST = 2**31 - 1
"""The largest size: as much as one axis of a NumPy or TensorFlow kernel can count."""
LARGEST_SEED = 2**63 - 1

PositiveInt = Annotated[int, Field(ge=1, le=LARGEST)]
NonNegativeInt = Annotated[int, Field(ge=0, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
TrainingFactor = Annotated[NonNegativeFloat, TRAINING_ONLY]

Pair = Annotated[tuple[PositiveInt, PositiveInt], BeforeValidator(as_tuple)]
Triple = Annotated[tuple[PositiveInt, PositiveInt, PositiveInt], BeforeValidator(as_tuple)]
PaddingPair = Annotated[tuple[NonNegativeInt, NonNegativeInt], BeforeValidator(as_tuple)]
PaddingTriple = Annotated[
    tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt], BeforeValidator(as_tuple)
]
PaddingQuadruple = Annotated[
    tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt, NonNegativeInt],
    BeforeValidator(as_tuple),
]

Cut = PaddingPair
CutPair = Annotated[tuple[Cut, Cut], BeforeValidator(as_tuple)]
CutTriple = Annotated[tuple[Cut, Cut, Cut], BeforeValidator(as_tuple)]

Dimension = PositiveInt | None
Shape = Annotated[
    tuple[Dimension, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1),
    filled_array(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": LARGEST}, {"type": "null"}]}
    ),
]

BorderMode = Literal["valid", "same", "full"]
StepBorderMode = Literal["valid", "same", "full", "causal"]
PoolBorderMode = Literal["valid", "same"]
Ordering = Literal["th", "tf"]
LayerOrdering = Literal["default", "th", "tf"]
InputDtype = Literal[
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"
]

NATIVE_ORDERING: Ordering = "th"
"""The dim_ordering of a native spec that says none: the default on Keras 1.0's pages."""

ORDERING_TEXT = (
    "Where the channels are: 'th' after the batch axis, 'tf' last. 'default' takes the "
    "model's dim_ordering."
)

KERNEL_ORDERING_TEXT = (
    "How the kernel is stored: 'tf' as (*lengths, channels, filters), 'th' as (filters, channels, "
    "*lengths). 'default' is the layer's dim_ordering, as in Keras 1.x; Keras 2 stores every "
    "kernel as 'tf' does."
)
STEP_BORDER_TEXT = (
    "'valid' pads nothing, 'same' gives ceil(length / stride), 'causal' too, with all zeros "
    "before the first step."
)
GROUPS_TEXT = (
    "Equal parts of the channels, each of which its own part of the filters sees; W has "
    "channels / groups. Keras 1.x has 1."
)


def _check_name(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("bad_name", "a name needs at least one visible character")
    if not value.isprintable():
        raise PydanticCustomError("bad_name", "a name may hold only visible characters and spaces")
    return value


Name = Annotated[
    str,
    BeforeValidator(lambda v: _check_name(v) if isinstance(v, str) else v),
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]


def exactly(expected: int) -> BeforeValidator:
    """Refuse what only equals the expected value: true and 1.0 are equal to 1."""

    def check(value: object) -> object:
        if value == expected and type(value) is not type(expected):
            raise PydanticCustomError("literal_error", "no literal")
        return value

    return BeforeValidator(check)


class Layer(Schema):
    """The arguments that every Keras 1.x layer takes."""

    aliases: ClassVar[tuple[str, ...]] = ()
    tensors: ClassVar[Mapping[str, StoredTensor]] = {}
    """The tensors that layers of the class may store, by name, in Keras's order."""
    uses_ordering: ClassVar[bool] = True
    """Whether a ``dim_ordering`` that the layer takes changes what a forward pass does."""
    merges: ClassVar[bool] = False
    """Whether it takes several inputs; all others take one."""
    keeps_places: ClassVar[bool] = False
    """Whether it works value by value, so that the channels stay on the axis where they are."""
    names_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that say what others are called: no part of what the layer computes."""
    rank: ClassVar[int] = 0
    """Number of spatial axes of the input, 1 to 3; 0 for a layer that has no such axes."""

    @property
    def class_name(self) -> str:
        """Keras's name of the layer's class, which is its ``type`` in a spec."""
        return type(self).__name__

    @property
    def inner(self) -> "Layer":
        """The layer whose arguments and tensors count: itself, or the one that it wraps."""
        return self

    @property
    def stored(self) -> Mapping[str, StoredTensor]:
        """The tensors that this layer may store, by name, in Keras's order."""
        return self.tensors

    @property
    def own_weights(self) -> Any:
        """The arrays that the layer itself gives for its tensors, or None."""
        return argument(self, "weights")

    @property
    def first_states(self) -> int:
        """How many values it may read beside its input: the states that it begins with."""
        return 0

    def wrapping(self, inner: "Layer") -> "Layer":
        """The same with another inner layer."""
        return inner

    name: Name | None = Field(
        default=None,
        description="Unique name of the layer; weights and reports use it. "
        "Default: the type in lower case and a number, as Keras does.",
    )
    trainable: Annotated[bool, TRAINING_ONLY] = Field(
        default=True, description="Whether the shape report counts its parameters as trainable."
    )
    input_shape: Shape | None = Field(
        default=None,
        description="First layer only: shape of one sample, without the batch axis. "
        "null leaves a length open; it is bound by the array at run time.",
    )
    batch_input_shape: Shape | None = Field(
        default=None,
        description="First layer only: like input_shape, with the batch axis in front. A number "
        "there does not limit a run, unless layers are stateful: it is their batch_size.",
    )
    input_dtype: InputDtype | None = Field(
        default=None,
        description="First layer only: the input is converted to this type before the first "
        "layer computes (in float32). Default: float32.",
    )


@cache
def has_argument(kind: type[Schema], argument: str) -> bool:
    """Whether layers of a class have an argument."""
    return argument in kind.model_fields


def argument(layer: Schema, name: str) -> Any:
    """What a layer's argument says; None where its class has none of this name."""
    return getattr(layer, name) if has_argument(type(layer), name) else None
