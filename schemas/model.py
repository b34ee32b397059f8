"""The top of a spec: everything but the layers' own arguments."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Discriminator, Field, InstanceOf, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from speccompiler.schemas.fields import (
    InputDtype,
    Layer,
    Name,
    Ordering,
    PositiveInt,
    Schema,
    Seed,
    Shape,
    as_tuple,
    exactly,
)
from speccompiler.schemas.profiles import Profile
from speccompiler.schemas.seldom import Seldom

if TYPE_CHECKING:
    from speccompiler.schemas.budget import Budget
    from speccompiler.schemas.recorded_arrays import Vectors
else:
    Budget = Annotated[Any, Seldom("budget", "Budget")]
    Vectors = Annotated[Any, Seldom("recorded_arrays", "Vectors")]

RunningStd = Literal["variance", "root_variance", "deviation"]


class SemanticsFields(Schema):
    """A profile with single rules overridden."""

    profile: Profile = Field(
        default="tensorflow", description="Where the rules come from that are not given here."
    )
    kernel: Literal["correlate", "convolve"] | None = Field(
        default=None, description="TensorFlow correlates; Theano convolves (flips the kernel)."
    )
    padding: Profile | None = Field(
        default=None,
        description="How 'same' splits its padding, for convolutions and pools. 'tensorflow' is "
        "TensorFlow 1.8 and later; before, a padding of less than nothing skipped inputs.",
    )
    running_std: RunningStd | None = Field(
        default=None,
        description="What BatchNormalization's running_std holds: 'variance' (sqrt(v + epsilon); "
        "Keras 1.0.7 and later), 'deviation' (s + epsilon; up to 1.0.5), or 'root_variance' "
        "(sqrt(v) + epsilon; 1.0.7 on Theano). A Keras file's version decides it.",
    )


def _kind(value: object) -> str:
    return "<fields>" if isinstance(value, dict | SemanticsFields) else "<profile>"


SemanticsField = Annotated[
    Annotated[Profile, Tag("<profile>")] | Annotated[SemanticsFields, Tag("<fields>")],
    Discriminator(_kind),
]


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else as_tuple(value)


Outputs = Annotated[
    tuple[Name, ...],
    BeforeValidator(_as_names),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"\S"}},
            ]
        }
    ),
]


_VERSION = r"^[1-9](\.[0-9]{1,5}){1,3}(-tf)?$"


def _check_version(value: object) -> object:
    if isinstance(value, float) or (
        isinstance(value, str) and re.fullmatch(_VERSION, value, re.ASCII) is None
    ):
        raise PydanticCustomError(
            "bad_version", 'a release of Keras is text such as "2.2.4", "2.1.6-tf" or "3.5.0"'
        )
    return value


KerasVersion = Annotated[
    str,
    BeforeValidator(_check_version),
    WithJsonSchema({"type": "string", "pattern": _VERSION}),
]
"""A release of Keras; those within TensorFlow 1.x and 2.0 to 2.3 end in ``-tf``."""


EXTENSION_PREFIX = "x-"
EXTENSIONS = (
    "Ignored: a place for what YAML anchors (&name) share between layers, and for other tools."
)


class ModelHeader(Schema):
    """A native spec without its layers, and without the keys ``x-...`` that it may have."""

    convspec: Annotated[Literal[1], exactly(1)] = Field(description="Version of the spec format.")
    name: Name | None = Field(default=None, description="Name of the model, for reports.")
    semantics: SemanticsField | None = Field(
        default=None,
        description="Which Keras backend's numbers: 'tensorflow' (default), 'theano', those of "
        "older releases ('tensorflow-1.0' up to 1.6, 'theano-0.8'), or a mapping: "
        "{profile, kernel, padding, running_std}.",
    )
    dim_ordering: Ordering | None = Field(
        default=None,
        description="Where the channels are in 2-D and 3-D layers that do not say: 'th' after the "
        "batch axis (default), 'tf' last. 1-D layers have them last in any case.",
    )
    input_shape: Shape | None = Field(
        default=None,
        description="Shape of one sample, without the batch axis; null leaves a length open.",
    )
    inputs: Annotated[dict[Name, Shape], Field(min_length=1)] | None = Field(
        default=None,
        description="Inputs by name, instead of input_shape: {image: [28, 28, 1], text: [10]}. "
        "Each is an InputLayer in front of the layers, whose 'inputs' name it.",
    )
    outputs: Outputs | None = Field(
        default=None,
        description="The layers whose outputs the model gives, in this order; one name or a "
        "list. Default: those that no other layer reads.",
    )
    input_dtype: InputDtype | None = Field(
        default=None, description="The inputs are converted to this type first. Default: float32."
    )
    keras_version: KerasVersion | None = Field(
        default=None,
        description="The release of Keras whose rules hold for masks, for the axes of a softmax "
        "and for penalties of outputs: '2.2.4', '2.1.6-tf', '3.5.0'. `convspec convert` writes it "
        "for Keras 2 and later. Default: '1.2.2'.",
    )
    batch_size: PositiveInt | None = Field(
        default=None,
        description="Samples of a batch, which stateful layers carry their states by: the n-th "
        "sample goes on with the n-th of the batch before. Default: what batch_input_shape of a "
        "layer says.",
    )
    seed: Seed | None = Field(
        default=None,
        description="Allows a run without weights: each layer's init draws them from this seed.",
    )
    weights: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A file with every array, relative to the spec: .npz, .npy, .safetensors "
        "with keys <layer>/W and <layer>/b.",
    )
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="Digest of the tensors in `weights`, as `convspec convert` writes it: a file "
        "that holds others is refused.",
    )
    verify: Vectors | None = Field(
        default=None,
        description="A recorded input and what the model gives for it; `convspec verify` compares.",
    )
    budget: Budget | None = Field(
        default=None,
        description="What the model may take at most: {parameters, multiply_adds, activations, "
        "peak}. `convspec validate` holds it.",
    )


class ModelInput(Schema):
    """An array that goes in, named like the call of a layer that reads it and nothing else."""

    name: str
    shape: Shape
    dtype: InputDtype | None = None


class CallPlace(NamedTuple):
    """Where in Keras's nested models a call stands, which are unfolded into one."""

    begins: bool = False
    """Whether it is the first of a Sequential that is called on a value."""
    timed: bool = False
    """Whether it is in a model that TimeDistributed applies to every step."""


OWN_PLACE = CallPlace()
"""That of a call in the model itself."""


class Call(NamedTuple):
    """A layer at one place of the graph: itself, or shared once more (``conv1@2``).

    ``inputs`` are the calls whose values it reads; without any it reads the model's input
    of its own name.
    """

    name: str
    layer: str
    inputs: tuple[str, ...] = ()
    place: CallPlace = OWN_PLACE


class ModelSpec(Schema):
    """A validated model: the same for the native form and for what Keras wrote."""

    name: str
    semantics: SemanticsFields | None
    """None where nothing decided it: a Keras file never says."""
    dim_ordering: Ordering | None
    ordering_told: Literal["spec", "option"] | None = None
    """Who said the dim_ordering of the whole model; None where nobody did, and a default holds."""
    unsaid: frozenset[str] = frozenset()
    """Layers that say no dim_ordering of their own."""
    inputs: tuple[ModelInput, ...]
    """In the order that a run takes them."""
    batch_size: int | None = None
    """Samples of a batch, where it is said; only stateful layers mind."""
    seed: int | None
    weights: str | None
    weights_sha256: str | None = None
    keras_version: str | None
    """The release whose rules hold: the file's, or what a native spec says."""
    verify: Vectors | None = None
    budget: Budget | None = None
    onnx: Any = None
    """The file that it was read from, where that is ONNX (``files.onnx.model.OnnxModel``)."""
    native: bool = True
    """Whether it was written for convspec; else Keras wrote it, before 1.0.4 without a version."""
    layers: tuple[InstanceOf[Layer], ...]
    """Every layer has its unique name."""
    calls: tuple[Call, ...]
    """Each stands after those that it reads. The first call of a layer has the layer's name."""
    outputs: tuple[str, ...]
    """Names of calls."""

    def by_call(self) -> dict[str, Layer]:
        """The layer that each call is of, by the call's name, in the calls' order."""
        layers = {layer.name: layer for layer in self.layers}
        return {call.name: layers[call.layer] for call in self.calls}
