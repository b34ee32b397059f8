"""Arrays that a caller passes to a run: taken as they are where that is possible.

With C-contiguous float32 inputs and outputs nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Problem

Array: TypeAlias = npt.NDArray[np.float32]
FLOAT32 = np.dtype(np.float32)
EXACT_DTYPES = frozenset({None, "float32", "float64"})
"""Declared types that leave a float32 value as it is."""


def as_array(x: object) -> npt.NDArray[Any]:
    """Anything that NumPy makes an array of; ``Problem`` CS113 for ragged lists."""
    try:
        return np.asarray(x)
    except ValueError:
        raise Problem("CS113", "the lists are ragged and make no array") from None


def as_declared(batch: Array, dtype: str | None) -> Array:
    """The batch rounded to the declared ``input_dtype``, as a Keras placeholder would be."""
    if dtype in EXACT_DTYPES:
        return batch
    with np.errstate(all="ignore"):
        return batch.astype(dtype).astype(np.float32)


def outputs_for(shapes: Sequence[tuple[int, ...]], out: Sequence[Array] | None) -> list[Array]:
    """An array for every output; ``out`` are the first ones, where they are given."""
    given = [] if out is None else list(out)
    if len(given) == len(shapes):
        return given
    return [*given, *(np.empty(shape, FLOAT32) for shape in shapes[len(given) :])]


def can_be_written(
    out: Sequence[object], shapes: Sequence[tuple[int, ...]], given: Sequence[Array]
) -> bool:
    """Whether results fit into ``out``, and no array that is read lies in the same memory."""
    for index, y in enumerate(out):
        if not _is_output(y, shapes[index]):
            return False
        for x in given:
            if np.may_share_memory(x, y):
                return False
    return True


def _is_output(out: object, shape: tuple[int, ...]) -> bool:
    return (
        isinstance(out, np.ndarray)
        and out.dtype == FLOAT32
        and out.flags.c_contiguous
        and out.flags.writeable
        and out.shape == shape
    )


def check_output(out: object, shape: tuple[int, ...]) -> None:
    """CS117 for what results of this shape cannot be written into."""
    if not _is_output(out, shape):
        raise Problem(
            "CS117",
            f"'out' must be a writeable C-contiguous float32 array of shape {shape}",
            f"for example np.empty({shape}, np.float32)",
        )
