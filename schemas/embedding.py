"""Embedding (Keras 1.2.2 layers/embeddings.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer, PositiveInt
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY
from speccompiler.schemas.weight_rules import Constraint, Regularizer
from speccompiler.schemas.weights import LayerWeights


class Embedding(Layer):
    """Rows of a table by their numbers: (steps) to (steps, output_dim)."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "W": StoredTensor("init", regularizer="W_regularizer", constraint="W_constraint"),
    }
    type: Literal["Embedding"]
    input_dim: PositiveInt = Field(description="Rows of the table: numbers are below it.")
    output_dim: PositiveInt = Field(description="Length of a row.")
    init: Initializer = Field(
        "uniform", description="How the table is drawn when no weights are given."
    )
    input_length: PositiveInt | None = Field(
        None, description="First layer only: steps of the input; null leaves them open."
    )
    weights: LayerWeights = None
    W_regularizer: Regularizer | None = Field(
        None, description="Penalty on the table, shown by --penalties."
    )
    activity_regularizer: Regularizer | None = Field(
        None, description="Penalty on the layer's output, shown by --penalties."
    )
    W_constraint: Constraint | None = Field(
        None, description="Checked on the table; --apply-constraints projects it."
    )
    mask_zero: bool = Field(
        False,
        description="Whether the number 0 is a step that is not there, which recurrent layers "
        "skip. Its row is looked up nevertheless.",
    )
    dropout: Annotated[float, Field(ge=0, le=1), TRAINING_ONLY] = Field(
        0.0, description="Share of the rows that training drops; a forward pass drops none."
    )
