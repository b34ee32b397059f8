"""Array files in and out, batch by batch, in memory that does not grow with the sample count."""

from speccompiler.arrays.npy_input import ArrayInput, from_array, open_array
from speccompiler.arrays.npy_output import ArrayOutput, create_array, stream_array
from speccompiler.arrays.npz_input import is_archive, open_archive, open_file
from speccompiler.arrays.npz_output import create_archive

__all__ = [
    "ArrayInput",
    "ArrayOutput",
    "create_archive",
    "create_array",
    "from_array",
    "is_archive",
    "open_archive",
    "open_array",
    "open_file",
    "stream_array",
]
