"""The kernels of the CUDA target, and which of them does a step. Numba-free.

The choice depends on nothing but the layer, so that the bits of a sample do not depend on its
batch; how the work is cut into blocks is decided later (``tile_choice``).
"""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.graph.ir import Node, Op
from speccompiler.kernels.cuda.activation import ACTIVATION
from speccompiler.kernels.cuda.batch_normalize import BATCH_NORMALIZE
from speccompiler.kernels.cuda.combine import COMBINE
from speccompiler.kernels.cuda.concat import CONCAT
from speccompiler.kernels.cuda.depthwise import DEPTHWISE
from speccompiler.kernels.cuda.dot import DOT
from speccompiler.kernels.cuda.expand import EXPAND
from speccompiler.kernels.cuda.gemm import GEMM
from speccompiler.kernels.cuda.global_pool import GLOBAL_POOL
from speccompiler.kernels.cuda.grouped import GROUPED
from speccompiler.kernels.cuda.kept import KEPT
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.local import LOCAL
from speccompiler.kernels.cuda.lookup import LOOKUP
from speccompiler.kernels.cuda.map_with import MAP_WITH
from speccompiler.kernels.cuda.mask import MASK
from speccompiler.kernels.cuda.normalize import NORMALIZE
from speccompiler.kernels.cuda.pool import POOL
from speccompiler.kernels.cuda.recurrent import RECURRENT
from speccompiler.kernels.cuda.resize import RESIZE
from speccompiler.kernels.cuda.resize_image import RESIZE_IMAGE
from speccompiler.kernels.cuda.slicing import SLICE
from speccompiler.kernels.cuda.softmax import SOFTMAX
from speccompiler.kernels.cuda.transpose import TRANSPOSE
from speccompiler.kernels.cuda.winograd import WINOGRAD
from speccompiler.planning.candidate import Candidate, KnownShape

KERNELS: tuple[CudaKernel, ...] = (
    GEMM, WINOGRAD, GROUPED, DEPTHWISE, LOCAL, LOOKUP, POOL, GLOBAL_POOL,
    ACTIVATION, MAP_WITH, SOFTMAX, MASK, NORMALIZE, BATCH_NORMALIZE,
    COMBINE, DOT, CONCAT, SLICE, TRANSPOSE, EXPAND, RESIZE, RESIZE_IMAGE,
    RECURRENT, KEPT,
)  # fmt: skip
"""Every kernel that a plan may name. The copy, ``plain_copy``, is for steps that name none."""


def _by_operation() -> Mapping[type[Op], tuple[Candidate, ...]]:
    ops = dict.fromkeys(op for kernel in KERNELS for op in kernel.ops)
    return {op: tuple(kernel.candidate for kernel in KERNELS if op in kernel.ops) for op in ops}


BY_OPERATION = _by_operation()
"""Input, Identity and Reshape have no kernel: their values are views."""


def kernel_of(candidate: Candidate) -> CudaKernel:
    """The kernel that a candidate was made of."""
    kernel = candidate.target_kernel
    assert isinstance(kernel, CudaKernel), f"{candidate.kernel} is of another target"
    return kernel


def choose(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = 1,
    pool: Node | None = None,
) -> Candidate | None:
    """The cheapest candidate, ``fast`` admitting those that round more.

    None where a pool follows: no kernel of a GPU takes one in. Neither a batch nor the
    processor's ``threads`` change what a GPU does.
    """
    if pool is not None:
        return None
    fitting = [
        c for c in BY_OPERATION[type(node.op)] if (fast or c.precise) and c.fits(node, shape)
    ]
    assert fitting, f"no kernel for {node.name}"
    return min(fitting, key=lambda c: c.nanoseconds(node, shape))


def alike(whole: Candidate, node: Node, shape: KnownShape, own: Candidate | None) -> Candidate:
    """For a part of what ``whole`` does: the same kernel, whose sums are cut as they are there."""
    return kernel_of(whole).alike(node, shape).candidate
