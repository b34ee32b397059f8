"""What ``activation`` may say: a name that Keras has or an elementwise expression in x."""

from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag

from speccompiler.schemas.fields import Schema

ActivationName = Literal[
    "linear",
    "relu",
    "elu",
    "softplus",
    "softsign",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softmax",
    "softmax_last",
    "log_softmax",
    "selu",
    "exponential",
    "swish",
    "silu",
    "gelu",
    "gelu_tanh",
    "mish",
    "hard_silu",
    "hard_sigmoid_3",
    "leaky_relu",
    "relu6",
]


class ExpressionActivation(Schema):
    """An elementwise function, the declarative stand-in for a Theano function."""

    expr: str = Field(
        description="An expression in x: numbers, + - * / **, min, max, where(condition, a, b), "
        "exp, log, tanh, sigmoid and the like. Example: x * sigmoid(x)"
    )


def _kind(value: object) -> str:
    return "<expression>" if isinstance(value, dict | ExpressionActivation) else "<name>"


Activation = Annotated[
    Annotated[ActivationName, Tag("<name>")] | Annotated[ExpressionActivation, Tag("<expression>")],
    Discriminator(_kind),
]
"""Applied after the bias. softmax works on the last axis of a rank 2 or 3 tensor."""

OF_KERAS_1 = frozenset(get_args(ActivationName)[:9])
"""The names that Keras 1.x has."""
