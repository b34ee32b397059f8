"""Read a box of an array whose elements lie in one piece, in C or in Fortran order.

A box is runs of neighbouring elements. Where runs are short and close together, a stretch that
holds several of them is read at once and the elements between them are dropped: what takes
least is worked out from the box and from what a read costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, shape_of
from speccompiler.arrays.npy_batches import allocated, cut_off, to_float32
from speccompiler.arrays.npy_header import NpyHeader
from speccompiler.arrays.positioned import Positioned

MOST_DROPPED_WITH = 16 << 20
"""The longest stretch that is read for a part of its elements."""


def read_box(source: Positioned, header: NpyHeader, box: Box) -> npt.NDArray[np.float32]:
    """The values of a box as float32, C-contiguous. CS110, CS112, CS115."""
    if header.fortran_order:
        return to_float32(_stored(source, header, header.shape[::-1], box[::-1]).T)
    return to_float32(_stored(source, header, header.shape, box))


def _stored(
    source: Positioned, header: NpyHeader, shape: Sequence[int], box: Box
) -> npt.NDArray[Any]:
    """The box of an array in C order of this shape, as it is stored."""
    out = allocated(shape_of(box), header.dtype)
    if not out.size:
        return out
    strides = _strides(shape, header.dtype.itemsize)
    cut = _cheapest_cut(source.gap, strides, box, header.dtype.itemsize)
    inner, inner_strides = box[cut:], strides[cut:]
    inner_shape = shape_of(inner)
    length = _span(inner, inner_strides, header.dtype.itemsize)
    exact = length == math.prod(inner_shape) * header.dtype.itemsize
    begin = header.data_offset + _offset(inner, inner_strides)
    held = np.empty(0 if exact else length, np.uint8)
    for outer in product(*(range(first, last) for first, last in box[:cut])):
        place = begin + sum(i * stride for i, stride in zip(outer, strides, strict=False))
        index = tuple([i - first for i, (first, _) in zip(outer, box, strict=False)])
        part: npt.NDArray[Any] = out[(*index, ...)]  # type: ignore[arg-type]  # its stubs
        bytes_of = part.reshape(-1).view(np.uint8) if exact else held
        got = source.read_at(bytes_of.data, place)
        if got < length:
            raise cut_off(header, place - header.data_offset + got)
        if not exact:
            part[...] = np.ndarray(inner_shape, header.dtype, held.data, 0, inner_strides)
    return out


def _cheapest_cut(gap: int, strides: Sequence[int], box: Box, itemsize: int) -> int:
    """The axis before which indices are counted up, and from which on one stretch is read."""
    best, least = len(box), math.inf
    for cut in range(len(box), -1, -1):
        length = _span(box[cut:], strides[cut:], itemsize)
        exact = length == math.prod(shape_of(box[cut:])) * itemsize
        cost = math.prod(shape_of(box[:cut])) * (gap + length)
        if cost < least and (exact or length <= MOST_DROPPED_WITH):
            best, least = cut, cost
    return best


def _strides(shape: Sequence[int], itemsize: int) -> list[int]:
    return [math.prod(shape[axis + 1 :]) * itemsize for axis in range(len(shape))]


def _offset(box: Box, strides: Sequence[int]) -> int:
    return sum(first * stride for (first, _), stride in zip(box, strides, strict=True))


def _span(box: Box, strides: Sequence[int], itemsize: int) -> int:
    """Bytes from the first element of a box to the end of its last."""
    pairs = zip(box, strides, strict=True)
    return sum((last - 1 - first) * stride for (first, last), stride in pairs) + itemsize
