"""BatchNormalization (Keras 1.2.2 layers/normalization.py)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import LARGEST, Layer, NonNegativeFloat
from speccompiler.schemas.initializer import Initializer
from speccompiler.schemas.tensors import StoredTensor
from speccompiler.schemas.training import TRAINING_ONLY
from speccompiler.schemas.weight_rules import Regularizer
from speccompiler.schemas.weights import LayerWeights


class BatchNormalization(Layer):
    """Normalises: less the mean, over the deviation, times gamma, plus beta."""

    tensors: ClassVar[Mapping[str, StoredTensor]] = {
        "gamma": StoredTensor("gamma_init", fans="elementwise", regularizer="gamma_regularizer"),
        "beta": StoredTensor("beta_init", fans="elementwise", regularizer="beta_regularizer"),
        "running_mean": StoredTensor(trainable=False),
        "running_std": StoredTensor(drawn="one", trainable=False),
    }
    type: Literal["BatchNormalization"]
    keeps_places: ClassVar[bool] = True
    epsilon: NonNegativeFloat = Field(
        1e-3, description="Added to the variance, so that nothing is divided by 0."
    )
    mode: Annotated[int, Field(ge=0, le=2)] = Field(
        0,
        description="0: by the stored mean and variance of each channel. 1: each sample by its "
        "own, along the axis. 2: each channel by those of the batch, at a run as in training.",
    )
    axis: Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | None = Field(
        -1,
        description="The axis of the channels, counted with the batch axis as 0: -1 suits 'tf', "
        "1 suits 'th'. null: every value of a sample has a mean and a deviation of its own, as in "
        "Keras before 0.3.2.",
    )
    scale: bool = Field(True, description="Whether it is multiplied by gamma.")
    center: bool = Field(True, description="Whether beta is added.")
    momentum: Annotated[float, Field(ge=0, le=1), TRAINING_ONLY] = Field(
        0.99, description="Of the running averages, while training; a forward pass has none."
    )
    weights: LayerWeights = None
    beta_init: Initializer = Field("zero", description="How beta is drawn without weights.")
    gamma_init: Initializer = Field("one", description="How gamma is drawn without weights.")
    gamma_regularizer: Regularizer | None = Field(
        None, description="Penalty on gamma, shown by --penalties."
    )
    beta_regularizer: Regularizer | None = Field(
        None, description="Penalty on beta, shown by --penalties."
    )
