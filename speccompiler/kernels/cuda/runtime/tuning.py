"""Which tile of a product is fastest on this GPU: measured once, then remembered.

A tile changes no bits, so that it may be chosen by the clock. Products are measured one by
one, over whatever values lie in the memory where they will run.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.gemm_text import tiled
from speccompiler.kernels.cuda.launches import Launch, Product
from speccompiler.kernels.cuda.runtime.device import Device
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.lane import BoundStep, Lane
from speccompiler.kernels.cuda.tile_choice import ChooseTile, estimated
from speccompiler.kernels.cuda.tiles import TILES, Tile
from speccompiler.system.cache import PREFIX, cache_folder, read_entry, write_entry

WARM_RUNS, MEASURED_RUNS = 2, 5


def remembered(device: Device) -> ChooseTile:
    """The tile that was fastest on such a GPU; the estimate where nothing was measured."""
    otherwise = estimated(device.multiprocessors)

    def choose_tile(g: Gemm, n: int) -> Tile:
        folder = cache_folder("tuning")
        stored = None if folder is None else read_entry(folder / _name(device, g, n))
        for tile in TILES:
            if stored is not None and stored.decode(errors="replace") == f"{tile}\n":
                return tile
        return otherwise(g, n)

    return choose_tile


def tune(executor: CudaExecutor) -> int:
    """Measure every product's tiles, remember the fastest and use it; how many products."""
    lane, steps = executor.first
    lane.device.use()
    measured: set[str] = set()
    for bound in steps:
        for launch in bound.code.launches:
            if launch.product is None:
                continue
            name = _name(lane.device, launch.product.geometry, executor.piece)
            if name not in measured:
                measured.add(name)
                _remember(name, _fastest(lane, bound, launch.product, executor.piece))
    executor.retile(remembered(lane.device))
    return len(measured)


def _fastest(lane: Lane, bound: BoundStep, product: Product, n: int) -> Tile:
    return min(TILES, key=lambda tile: _seconds(lane, bound, tiled(product, tile), n))


def _seconds(lane: Lane, bound: BoundStep, launch: Launch, n: int) -> float:
    """The shortest of a few runs."""
    device = lane.device
    kernel = device.load(launch.text, launch.threads, launch.resident)
    call = lane.call(bound, launch, kernel, n)
    best = float("inf")
    for run in range(WARM_RUNS + MEASURED_RUNS):
        first = device.record(lane.stream)
        device.launch(call, lane.stream)
        last = device.record(lane.stream)
        device.wait(last)
        if run >= WARM_RUNS:
            best = min(best, device.seconds(first, last))
    return best


def _remember(name: str, tile: Tile) -> None:
    folder = cache_folder("tuning")
    if folder is not None:
        write_entry(folder / name, [f"{tile}\n".encode()])


def _name(device: Device, g: Gemm, n: int) -> str:
    """A name for all that decides a product's time; its activation hardly does."""
    geometry = replace(g, activation=None, bias=False)
    key = "\n".join(map(repr, ("cuda", device.name, device.capability, geometry, n)))
    return f"{PREFIX}cuda_{hashlib.sha256(key.encode()).hexdigest()[:24]}.tile"
