"""The kernels of the CPU, and which of them does a step. Imports no numba.

Several kernels may do the same operation; the cheapest that fits is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from speccompiler.graph.ir import Node, Op
from speccompiler.kernels.cpu.activation import MapKernel
from speccompiler.kernels.cpu.batch_normalize import BatchNormalizeKernel
from speccompiler.kernels.cpu.combine import CombineKernel
from speccompiler.kernels.cpu.concat import ConcatKernel
from speccompiler.kernels.cpu.conv import ConvKernel
from speccompiler.kernels.cpu.conv_small import ConvSmallKernel
from speccompiler.kernels.cpu.depthwise import DepthwiseKernel
from speccompiler.kernels.cpu.dot import DotKernel
from speccompiler.kernels.cpu.expand import ExpandKernel
from speccompiler.kernels.cpu.global_pool import GlobalPoolKernel
from speccompiler.kernels.cpu.kept import KeptKernel
from speccompiler.kernels.cpu.kernel import CpuKernel, Expected
from speccompiler.kernels.cpu.local import LocalKernel
from speccompiler.kernels.cpu.lookup import LookupKernel
from speccompiler.kernels.cpu.map_with import MapWithKernel
from speccompiler.kernels.cpu.mask import MaskKernel
from speccompiler.kernels.cpu.matmul import MatmulKernel
from speccompiler.kernels.cpu.normalize import NormalizeKernel
from speccompiler.kernels.cpu.plain_copy import CopyKernel
from speccompiler.kernels.cpu.pool import PoolKernel
from speccompiler.kernels.cpu.recurrent import RecurrentKernel
from speccompiler.kernels.cpu.recurrent_image import RecurrentImageKernel
from speccompiler.kernels.cpu.resize import ResizeKernel
from speccompiler.kernels.cpu.resize_image import ResizeImageKernel
from speccompiler.kernels.cpu.slicing import SliceKernel
from speccompiler.kernels.cpu.softmax import SoftmaxKernel
from speccompiler.kernels.cpu.transpose import TransposeKernel
from speccompiler.kernels.cpu.winograd import WinogradKernel
from speccompiler.planning.candidate import Candidate, KnownShape
from speccompiler.planning.kernel_table import RECKONED_THREADS

KERNELS: tuple[type[CpuKernel], ...] = (
    MatmulKernel, ConvKernel, ConvSmallKernel, WinogradKernel, DepthwiseKernel, LocalKernel,
    PoolKernel, GlobalPoolKernel, ResizeKernel, ResizeImageKernel,
    MapKernel, MapWithKernel, CombineKernel, SoftmaxKernel,
    MaskKernel, NormalizeKernel, BatchNormalizeKernel,
    TransposeKernel, SliceKernel, ExpandKernel, ConcatKernel, DotKernel, LookupKernel,
    RecurrentKernel, RecurrentImageKernel, KeptKernel,
)  # fmt: skip
"""All kernels. Of two that cost the same, the first is taken."""


def _by_operation() -> Mapping[type[Op], tuple[type[CpuKernel], ...]]:
    ops = dict.fromkeys(op for kernel in KERNELS for op in kernel.ops)
    return {op: tuple(kernel for kernel in KERNELS if op in kernel.ops) for op in ops}


BY_OPERATION = _by_operation()
"""Input, Identity and Reshape have no kernel: their values are views."""


def kernel_of(candidate: Candidate | None) -> CpuKernel:
    """The kernel that a step's candidate was made of; None is a plain copy."""
    if candidate is None:
        return CopyKernel()
    assert isinstance(candidate.target_kernel, CpuKernel), (
        f"{candidate.kernel} is of another target"
    )
    return candidate.target_kernel


def candidates(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = RECKONED_THREADS,
    pool: Node | None = None,
) -> list[Candidate]:
    """All that fit a step of ``batch`` samples; with ``pool``, all that take it in too."""
    expected = Expected(batch, threads, pool)
    return [
        one.candidate()
        for kernel in BY_OPERATION[type(node.op)]
        if fast or kernel.precise
        for one in kernel.offered(node, shape, expected)
    ]


def choose(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = RECKONED_THREADS,
    pool: Node | None = None,
) -> Candidate | None:
    """The cheapest candidate, ``fast`` admitting those that round more.

    None if no kernel takes the ``pool`` in. Which kernel it is does not depend on ``batch`` or
    ``threads``, only how its tasks are cut: the bits of an output may not depend on who else is
    in its batch, or on the machine's load.
    """
    cheapest = _reckoned(node, shape, fast, pool)
    assert cheapest is not None or pool is not None, f"no kernel for {node.name}"
    if cheapest is None:
        return None
    cut = cheapest.schedule is not None and (batch, threads) != (1, RECKONED_THREADS)
    if cut:
        found = type(cheapest).cheapest(node, shape, Expected(batch, threads, pool))
        assert found is not None, f"{cheapest.name} fits batches of every size"
        _, cheapest = found
    return cheapest.candidate()


def _reckoned(node: Node, shape: KnownShape, fast: bool, pool: Node | None) -> CpuKernel | None:
    """The cheapest kernel for one sample, whoever shares its batch.

    A plan asks several times for each node: what was found is kept as long as the node may be
    asked for again.
    """
    kernels = BY_OPERATION[type(node.op)]
    key = id(node), id(pool), shape, fast, kernels
    known = _found.get(key)
    if known is not None:
        return known[0]
    expected = Expected(pool=pool)
    found = [
        best
        for kernel in kernels
        if fast or kernel.precise
        if (best := kernel.cheapest(node, shape, expected)) is not None
    ]
    cheapest = min(found, key=itemgetter(0))[1] if found else None
    if len(_found) >= MOST_FOUND:
        _found.clear()
    _found[key] = cheapest, node, pool
    return cheapest


MOST_FOUND = 1 << 11
_found: dict[object, tuple[CpuKernel | None, Node, Node | None]] = {}
"""Nodes are held, so that no other has the identity of one by which a kernel is found."""


def alike(whole: Candidate, node: Node, shape: KnownShape, own: Candidate | None) -> Candidate:
    """For a part of what ``whole`` does: the same kernel, even where it is not worth it."""
    if own is not None and own.kernel == whole.kernel:
        return own
    return kernel_of(whole).alone().candidate()
