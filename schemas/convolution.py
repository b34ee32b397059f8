"""What convolutions of every rank share (Keras 1.2.2 layers/convolutional.py)."""

from pydantic import Field

from speccompiler.schemas.fields import GROUPS_TEXT, BorderMode, PositiveInt
from speccompiler.schemas.kernel_layer import KernelLayer

BORDER_MODE_TEXT = (
    "'valid' pads nothing, 'same' gives ceil(length / stride), 'full' pads kernel - 1 on both sides"
)


class Filters(KernelLayer):
    """A layer whose kernel makes so many channels."""

    nb_filter: PositiveInt = Field(description="Number of filters: channels of the output.")


class Convolution(Filters):
    """What convolutions of every rank share."""

    border_mode: BorderMode = Field("valid", description=f"{BORDER_MODE_TEXT}.")


class GroupedConvolution(Convolution):
    """One whose filters may see parts of the channels, as since Keras 2."""

    groups: PositiveInt = Field(1, description=GROUPS_TEXT)
