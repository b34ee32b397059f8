"""Each channel less its mean over the batch, divided by its deviation there (mode 2)."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import BatchNormalize, Node
from speccompiler.kernels.cuda.channel_kernels import ChannelGrid
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape, op_of


def batch_normalize(positions: int, channels: int, epsilon: float) -> Launch:
    """(x - mean) / sqrt(variance + epsilon) of each channel, over the positions of all samples."""
    grid = ChannelGrid(1, positions, channels, samples=True)
    store = f"    y[start + i * {channels}] = (v - mean) / scale"
    body = [
        "total = np.float32(0)",
        *grid.summed("total", "v"),
        *grid.joined("total", "total + v"),
        "mean = total / np.float32(count)",
        "total = np.float32(0)",
        *grid.summed("total", "far * far", "far = v - mean"),
        *grid.joined("total", "total + v"),
        f"scale = sqrt(total / np.float32(count) + np.float32({epsilon!r}))",
        *grid.strided(f"if own < {channels}:", store),
    ]
    return grid.launch("batch_normalize", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((batch_normalize(prod(shape[:-1]), shape[-1], op_of(node).epsilon),))


BATCH_NORMALIZE = CudaKernel("batch_normalize", (BatchNormalize,), _work)
