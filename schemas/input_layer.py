"""InputLayer (Keras 1.2.2 engine/topology.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer, exactly


class InputLayer(Layer):
    """Declares the input; every model has one, written or implied by the first layer."""

    type: Literal["InputLayer"]
    keeps_places: ClassVar[bool] = True
    sparse: Annotated[Literal[False], exactly(False)] = Field(
        default=False, description="Sparse inputs are not supported."
    )
