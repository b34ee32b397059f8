"""``python -m benchmarks.cuda``: convspec and torch side by side on this machine's GPU.

One process, one GPU, the same weights; contenders take turns. Times are those of the
kernels with input and output in the GPU's memory, and of whole runs from array to array.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import numpy as np
from tabulate import tabulate

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda.runtime.device import Device
from speccompiler.kernels.cuda.runtime.devices import open_devices

from .cases import Case
from .cuda_cases import BATCHES, cases
from .cuda_contenders import OnGpu, contenders, torch_is_there
from .cuda_limits import GpuLimits, gpu_limits
from .geometry import flops, least_bytes
from .measuring import in_turns

WRONG, WRONG_ROUNDED = 1e-3, 2e-2
"""Of the largest output: beyond it, an output is marked and has no time."""
HEADER = ("case", "contender", "kernels ms", "whole ms", "TFLOP/s", "of FMA", "of bandwidth")


@click.command()
@click.option("--cases", "words", multiple=True, metavar="TEXT", help="Cases with this in a name.")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(min=1))
@click.option("--seconds", default=1.0, show_default=True, type=click.FloatRange(min=0))
def main(words: tuple[str, ...], batches: tuple[int, ...], seconds: float) -> None:
    """Measure convspec and torch on cuda:0; one table a case."""
    try:
        (device,) = open_devices("cuda:0")
    except Problem as problem:
        raise click.ClickException(f"{problem.message}; {problem.hint}") from None
    limits = gpu_limits(device)
    click.echo(about(device, limits))
    for case in cases(words, batches or BATCHES):
        click.echo("\n" + table(case, limits, seconds))


def about(device: Device, limits: GpuLimits) -> str:
    """What was measured on, and what is missing."""
    lines = [
        f"{device.name}, compute capability {'.'.join(map(str, device.capability))}",
        f"measured: {limits.gflops / 1e3:.1f} TFLOP/s of float32 multiply-adds, "
        f"{limits.gbps:.0f} GB/s of copying",
        "TFLOP/s count the operations of the direct algorithm: Winograd may pass 100%",
    ]
    if not torch_is_there():
        lines.append("torch with CUDA is not installed: convspec alone")
    return "\n".join(lines)


def table(case: Case, limits: GpuLimits, seconds: float) -> str:
    """Every contender's times in one case."""
    ready = list(contenders(case))
    out = dict(_out(ready))
    able = {c.name: c for c in ready if c.name not in out}
    compute = in_turns({name: c.compute for name, c in able.items()}, seconds)
    whole = in_turns({name: c.whole for name, c in able.items()}, seconds)
    rows = []
    for name in (c.name for c in ready):
        if name in out:
            rows.append((case.name, name, out[name], "", "", "", ""))
            continue
        spent = compute[name].median
        rate, moved = flops(case) / spent / 1e9, least_bytes(case) / spent / 1e9
        rows.append(
            (
                case.name,
                name,
                f"{spent * 1e3:.3f}",
                f"{whole[name].median * 1e3:.3f}",
                f"{rate / 1e3:.2f}",
                f"{rate / limits.gflops:.0%}",
                f"{moved / limits.gbps:.0%}",
            )
        )
    align = ("left", "left", *["right"] * 5)
    return tabulate(rows, HEADER, colalign=align, disable_numparse=True)


def _out(ready: list[OnGpu]) -> Iterator[tuple[str, str]]:
    """Names of those that fail, or whose output is not the first one's, and which of both."""
    judge, *others = ready
    judge.whole()
    expected = judge.output()
    for contender in others:
        try:
            contender.whole()
        except Exception as error:  # one that lacks memory or a compiler leaves the others
            yield contender.name, f"failed: {type(error).__name__}"
            continue
        off = np.abs(contender.output() - expected).max() / np.abs(expected).max()
        if not off <= (WRONG_ROUNDED if contender.rounded else WRONG):
            yield contender.name, "wrong"


if __name__ == "__main__":
    sys.exit(main())
