"""A plan's step as launches: its kernel's work, with a tile for every product."""

from __future__ import annotations

from math import prod

from speccompiler.kernels.cuda.gemm_text import tiled
from speccompiler.kernels.cuda.launches import Product, StepCode, Work
from speccompiler.kernels.cuda.plain_copy import copy
from speccompiler.kernels.cuda.table import kernel_of
from speccompiler.kernels.cuda.tile_choice import ChooseTile
from speccompiler.planning.plan import Step


def step_work(step: Step) -> Work:
    """What a step's kernel does."""
    if step.candidate is None:
        return Work((copy(prod(step.target_shape)),))
    kernel = kernel_of(step.candidate)
    if kernel.joint is not None:
        return kernel.joint(step.node, step.source_shapes)
    return kernel.work(step.node, step.source_shape)


def step_code(step: Step, n: int, choose_tile: ChooseTile) -> StepCode:
    """How a step is run for about ``n`` samples."""
    work = step_work(step)
    launches = [
        tiled(start, choose_tile(start.geometry, n)) if isinstance(start, Product) else start
        for start in work.starts
    ]
    return StepCode(tuple(launches), work.scratch)
