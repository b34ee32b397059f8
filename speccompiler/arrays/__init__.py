"""Array files in and out, batch by batch, in memory that does not grow with the sample count."""

from speccompiler.arrays.npy_input import ArrayInput, from_array, open_array
from speccompiler.arrays.npy_output import ArrayOutput, create_array, stream_array

__all__ = [
    "ArrayInput",
    "ArrayOutput",
    "create_array",
    "from_array",
    "open_array",
    "stream_array",
]
