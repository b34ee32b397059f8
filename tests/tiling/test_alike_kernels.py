"""Tiles take the kernels of the whole, on every target that has several."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Conv
from speccompiler.kernels.cpu import table as cpu
from speccompiler.kernels.cuda import table as cuda
from speccompiler.kernels.cuda.launches import Product
from speccompiler.passes import optimize
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.plan import Plan, make_plan
from speccompiler.tiling.alike_kernels import alike_kernels, cells_of
from tests.cases import build


def plan_of(length: int, kernels: KernelTable, channels: int = 32, size: int = 3) -> Plan:
    conv = {"type": "Convolution2D", "nb_filter": 32, "nb_row": size, "nb_col": size}
    model = build([conv | {"border_mode": "same", "name": "c"}], (length, length, channels))
    return make_plan(optimize(model.tapped()[0]), kernels, fast=size != 1)


def kernel_of(plan: Plan) -> str:
    (step,) = [step for step in plan.steps if isinstance(step.node.op, Conv)]
    return step.kernel


@pytest.mark.parametrize(("size", "large", "small"), [(3, "winograd", "conv_small"),
                                                      (1, "matmul", "conv_small")])  # fmt: skip
def test_a_small_tile_has_the_kernel_of_a_large_image(size: int, large: str, small: str) -> None:
    whole = plan_of(64, cpu, size=size)
    assert kernel_of(whole) == large
    length = 2 if size == 3 else 4
    assert kernel_of(plan_of(length, cpu, size=size)) == small
    assert kernel_of(plan_of(length, alike_kernels(cpu, whole), size=size)) == large


def test_winograd_computes_cells_of_outputs() -> None:
    (cells,) = cells_of(plan_of(64, cpu)).values()
    assert [cell.multiple for cell in cells] == [4, 4]
    (cells,) = cells_of(plan_of(256, cuda, channels=256)).values()
    assert [cell.multiple for cell in cells] == [4, 4]
    assert not cells_of(plan_of(64, cpu, size=1))


def test_a_gpu_cuts_the_sums_of_a_tile_as_those_of_the_whole() -> None:
    """Few outputs have their sums cut into parts, to use the whole GPU: not those of tiles."""

    def splits(plan: Plan) -> list[int]:
        (step,) = [step for step in plan.steps if isinstance(step.node.op, Conv)]
        assert step.candidate is not None
        work = cuda.kernel_of(step.candidate).work(step.node, step.source_shape)
        return [start.geometry.splits for start in work.starts if isinstance(start, Product)]

    whole = plan_of(256, cuda, channels=512, size=1)
    alone = plan_of(8, cuda, channels=512, size=1)
    tile = plan_of(8, alike_kernels(cuda, whole), channels=512, size=1)
    assert splits(whole) == [1]
    assert splits(alone) != [1]
    assert splits(tile) == [1]
