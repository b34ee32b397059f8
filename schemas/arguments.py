"""The order of a layer's arguments: those that it needs first, then as Keras documents them."""

from __future__ import annotations

from speccompiler.schemas.fields import Layer
from speccompiler.schemas.kernel_layer import ProductLayer
from speccompiler.schemas.recurrent_layer import RecurrentLayer

COMMON = tuple(name for name in Layer.model_fields if name != "type")
"""What every layer takes."""

_OF_PRODUCTS = (
    "init",
    "transform_bias",
    "activation",
    "weights",
    "border_mode",
    "subsample_length",
    "subsample",
    "atrous_rate",
    "groups",
    "output_padding",
    "dim_ordering",
    "kernel_ordering",
    "W_regularizer",
    "b_regularizer",
    "activity_regularizer",
    "W_constraint",
    "b_constraint",
    "bias",
    "input_dim",
    "input_length",
)
"""How the pages of Keras 1.0 and 1.1 order the arguments of layers with W and b.

Those that only later releases have stand beside what is like them.
"""


_OF_RECURRENT = (
    "init",
    "inner_init",
    "forget_bias_init",
    "activation",
    "inner_activation",
    "dim_ordering",
    "border_mode",
    "subsample",
    "W_regularizer",
    "U_regularizer",
    "b_regularizer",
    "dropout_W",
    "dropout_U",
    "weights",
    "return_sequences",
    "go_backwards",
    "stateful",
    "unroll",
    "consume_less",
    "input_dim",
    "input_length",
    "bias",
    "zero_output_for_mask",
    "reset_after",
    "fused",
)
"""How those of Keras 1.2 order the arguments of recurrent layers; at the end what is ours."""


def own_arguments(layer: type[Layer]) -> tuple[str, ...]:
    """The arguments of a layer but those that every layer takes, in order.

    Layers without W declare theirs in Keras's order; the others have theirs from their bases.
    """
    fields = {n: f for n, f in layer.model_fields.items() if n not in {*COMMON, "type"}}
    listed: tuple[str, ...] = ()
    if issubclass(layer, ProductLayer):
        listed = _OF_PRODUCTS
    elif issubclass(layer, RecurrentLayer):
        listed = _OF_RECURRENT

    def place(name: str) -> tuple[bool, int]:
        later = listed.index(name) if name in listed else -1
        return (not fields[name].is_required(), -1 if fields[name].is_required() else later)

    return tuple(sorted(fields, key=place))
