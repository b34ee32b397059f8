"""The table of kernels: each is in it, and says all there is to know about itself."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from speccompiler.graph import ir
from speccompiler.kernels import cpu
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.conv_small import ConvSmallKernel
from speccompiler.kernels.cpu.kernel import MOST_LANES, CpuKernel, Expected, Wanted
from speccompiler.kernels.cpu.plain_copy import CopyKernel
from speccompiler.kernels.cpu.table import BY_OPERATION, KERNELS, candidates, kernel_of
from speccompiler.passes import optimize
from speccompiler.planning.candidate import known
from speccompiler.planning.kernel_table import VIEWS, is_view
from tests.cases import CASES, build, variant_layers
from tests.completeness import assert_rows

FOLDER = Path(cpu.__file__).parent


def defined() -> list[type[CpuKernel]]:
    """Every kernel that a file of the folder defines."""
    found = []
    for file in sorted(FOLDER.glob("*.py")):
        module = import_module(f"speccompiler.kernels.cpu.{file.stem}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, CpuKernel)
            and value.__module__ == module.__name__
            and not inspect.isabstract(value)
        ]
    return found


CONV = {"type": "Convolution2D", "nb_filter": 40, "nb_row": 3, "nb_col": 3}
ONE, TWO = ({"type": "Activation", "name": name, "activation": "tanh"} for name in ("one", "two"))
MERGE = {"type": "Merge", "inputs": ["one", "two"]}
OTHERS = [
    ([CONV], (70, 70, 40)),
    ([{**CONV, "nb_row": 1, "nb_col": 1}], (70, 70, 40)),
    ([{"type": "Activation", "activation": "softmax"}], (9,)),
    *(([{"type": "BatchNormalization", "mode": mode}], (9,)) for mode in (1, 2)),
    *(([ONE, TWO, {**MERGE, "mode": m, "concat_axis": 1}], (5, 9)) for m in ("concat", "dot")),
    ([{"type": "Resize", "size": [5, 9]}], (7, 8, 3)),
    ([{"type": "Masking"}, {"type": "LSTM", "output_dim": 3}], (7, 9)),
    (
        [ONE, {"type": "Slice", "axis": 1, "stop": 1, "name": "two"}, {**MERGE, "broadcast": True}],
        (5, 9),
    ),
    ([{"type": "Slice", "axis": 1, "step": -1}], (7, 3)),
]
"""What is no layer with its required arguments, or too small for a kernel of its own."""


def steps() -> list[tuple[type[CpuKernel], CpuKernel, Wanted]]:
    """For the operations of every layer, each kernel that can do them."""
    layers = [*(variant_layers(case, None) for case in CASES), *OTHERS]
    found = []
    for chain, shape in layers:
        graph = optimize(build(chain, shape, seed=1).tapped(None)[0])
        nodes = graph.by_name()
        for node in graph:
            if isinstance(node.op, ir.Input) or is_view(node):
                continue
            read = known(nodes[node.inputs[0]])
            for kernel in BY_OPERATION[type(node.op)]:
                offered = kernel.offered(node, read, Expected())
                found += [(kernel, one, Wanted(node, read, 8)) for one in offered[:1]]
    return found


def test_every_kernel_is_in_the_table():
    assert_rows("KERNELS (speccompiler/kernels/cpu/table.py)", {*KERNELS, CopyKernel}, defined())
    assert len({kernel.name for kernel in KERNELS}) == len(KERNELS)


def test_every_operation_has_a_kernel():
    table = "ops of a kernel in KERNELS (speccompiler/kernels/cpu/table.py)"
    assert_rows(table, BY_OPERATION, set(get_args(ir.Op)) - {ir.Input, *VIEWS})


def test_a_geometry_has_the_names_that_its_text_uses():
    seen: set[type[CpuKernel]] = set()
    for kernel, one, wanted in steps():
        if kernel in seen:
            continue
        seen.add(kernel)
        geometry = one.geometry(wanted.node, wanted.shape)
        text = one.text(wanted)
        unpacking = re.compile(r"^ +[\w, ]+ = g\[\d+\](?:, g\[\d+\])*$", re.MULTILINE)
        named = [n for line in unpacking.findall(text) for n in line.split("=")[0].split(", ")]
        assert {name.strip() for name in named} == set(kernel.fields), kernel.name
        rest = unpacking.sub("", text)
        # What only long sums or wide vectors need is a name that other texts pass over.
        every = unpacking.sub("", "".join(kernel.texts(MOST_LANES)))
        unused = [name for name in kernel.fields if not re.search(rf"\b{name}\b", every)]
        assert not unused, f"{kernel.name}: {unused}"
        # Whoever has more than names for lists them behind.
        assert len(geometry) == len(kernel.fields) or "g[" in rest, kernel.name
    assert_rows("OTHERS, a layer that the kernel is for", seen, KERNELS)


def test_a_candidate_leads_to_its_kernel():
    for kernel, _, wanted in steps():
        fitting = candidates(wanted.node, wanted.shape, fast=True)
        assert any(type(kernel_of(c)) is kernel and c.kernel == kernel.name for c in fitting)
    assert isinstance(kernel_of(None), CopyKernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_with_a_pitch_can_be_spread(kernel):
    if "y_pitch" not in kernel.fields:
        return
    geometry = tuple(range(len(kernel.fields)))
    spread = kernel.with_pitch(kernel, geometry, 99)
    changed = [f for f, a, b in zip(kernel.fields, geometry, spread, strict=True) if a != b]
    assert changed == ["y_pitch"]


def test_the_cheapest_kernel_that_fits_is_chosen(monkeypatch):
    class Fast(ConvSmallKernel):
        name = "fast"

        def nanoseconds(self, node, shape):
            return 0.0

    class Odd(Fast):
        name = "odd"

        def fits(self, node, shape):
            return shape[-1] % 2 == 1

    model = build([{"type": "Convolution1D", "nb_filter": 2, "filter_length": 3}], [9, 4])
    node = model.graph.nodes[1]
    for kernels, taken in [((), "conv_small"), ((Odd,), "conv_small"), ((Odd, Fast), "fast")]:
        row = {ir.Conv: (ConvSmallKernel, *kernels)}
        monkeypatch.setattr(cpu_kernels, "BY_OPERATION", row)
        assert cpu_kernels.choose(node, (9, 4)).kernel == taken
