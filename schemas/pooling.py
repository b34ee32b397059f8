"""What poolings of every rank share (Keras 1.2.2 layers/pooling.py)."""

from typing import Literal

PoolMode = Literal["max", "average"]

PoolBorderMode = Literal["valid", "same", "partial"]

BORDER_MODE_TEXT = (
    "'valid' drops partial windows, 'same' gives ceil(length / stride), 'partial' keeps the "
    "windows that reach over the end (ignore_border=False of Keras before 0.3); padding is never "
    "counted, neither by max nor by average."
)
