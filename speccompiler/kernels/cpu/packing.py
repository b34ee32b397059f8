"""Orders of weights that several kernels read. Zeros fill what is no whole vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.kernels.cpu.codegen.register_tile import VECTORS, block_depth
from speccompiler.kernels.cpu.kernel import Array

if TYPE_CHECKING:
    import numpy.typing as npt


def in_whole_vectors(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(..., filters) in the order it has, with filters filled up to whole vectors."""
    import numpy as np

    missing = -weight.shape[-1] % lanes
    filled = np.pad(weight, [(0, 0)] * (weight.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(filled, np.float32)


def in_blocks(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as [group][KD][channel block][KH, KW][channel][filter], flat.

    A group is two vectors of filters, the last one vector where that holds them; a block is
    an even share of the channels. Both are filled with zeros.
    """
    import numpy as np

    *places, channels, filters = weight.shape
    planes = places[0] if len(places) == 3 else 1
    group, depth = VECTORS * lanes, block_depth(channels, lanes)
    blocks, padded = -(-channels // depth), -(-filters // lanes) * lanes
    source = weight.reshape(planes, -1, channels, filters)
    missing = (blocks * depth - channels, padded - filters)
    if any(missing):
        source = np.pad(source, [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])])
    source = source.reshape(planes, -1, blocks, depth, padded).transpose(0, 2, 1, 3, 4)
    packed = np.empty(source.size, np.float32)
    whole = padded // group * group
    size = source.size // padded
    split = source[..., :whole].reshape(*source.shape[:4], -1, group)
    target = packed[: size * whole].reshape(-1, *source.shape[:4], group)
    target[:] = np.moveaxis(split, 4, 0)
    packed[size * whole :] = source[..., whole:].reshape(-1)
    return packed


def in_groups(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as [group][KD][channel][KH, KW][filter of the group].

    A group is two vectors of filters. Channels are filled up to whole vectors, too.
    """
    import numpy as np

    channels, filters = weight.shape[-2:]
    planes = weight.shape[0] if weight.ndim == 5 else 1
    source = weight.reshape(planes, -1, channels, filters)
    group, depth = VECTORS * lanes, -(-channels // lanes) * lanes
    packed = np.zeros((-(-filters // group), planes, depth, source.shape[1], group), np.float32)
    for g in range(len(packed)):
        part = source[..., g * group : (g + 1) * group]
        packed[g, :, :channels, :, : part.shape[-1]] = part.transpose(0, 2, 1, 3)
    return packed
