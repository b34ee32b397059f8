"""What this GPU can do at most: multiply-adds of float32, and bytes to and from its memory."""

from __future__ import annotations

from dataclasses import dataclass

from speccompiler.kernels.cuda.plain_copy import copy
from speccompiler.kernels.cuda.runtime.device import Device, Region

THREADS = 256
"""Threads of a block."""
CHAINS = 16
"""Independent sums of a thread: enough to cover an instruction's latency."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class GpuLimits:
    """Measured, not from a data sheet."""

    gflops: float
    gbps: float


def gpu_limits(device: Device, steps: int = 20_000, elements: int = 1 << 26) -> GpuLimits:
    """The best of a few tries."""
    device.use()
    blocks = 16 * device.multiprocessors
    sums = device.allocate(blocks * THREADS)
    spent = _seconds(device, _multiply_adds(steps), blocks, sums, sums)
    gflops = 2 * steps * CHAINS * blocks * THREADS / spent / 1e9
    x, y = device.allocate(elements), device.allocate(elements)
    spent = _seconds(device, copy(elements).text, -(-elements // (4 * THREADS)), x, y)
    return GpuLimits(gflops, 8 * elements / spent / 1e9)


def _seconds(device: Device, text: str, blocks: int, x: Region, y: Region) -> float:
    kernel, stream = device.load(text, THREADS, 1), device.stream()
    call = device.bind(kernel, blocks, THREADS, (x, y, x, x), 1)
    best = float("inf")
    for _ in range(TRIES):
        first = device.record(stream)
        device.launch(call, stream)
        last = device.record(stream)
        device.wait(last)
        best = min(best, device.seconds(first, last))
    return best


def _multiply_adds(steps: int) -> str:
    sums = [f"s{i}" for i in range(CHAINS)]
    lines = [
        "i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x",
        "a = np.float32(0.999)",
        "b = np.float32(0.001)",
        *(f"{name} = np.float32(i + {k})" for k, name in enumerate(sums)),
        f"for step in range({steps}):",
        *(f"    {name} = fma({name}, a, b)" for name in sums),
        # Sums that nobody reads would not be computed.
        f"y[i] = {' + '.join(sums)}",
    ]
    return "\n".join(["def kernel(x, y, w, bias, n):", *("    " + line for line in lines), ""])
