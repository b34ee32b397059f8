"""Shared memory between two barriers: no value that one thread writes is another's business.

What ``racecheck`` looks for on a GPU. The simulator runs threads in some order, and most
orders hide a barrier that is missing.
"""

from __future__ import annotations

import threading
from importlib import import_module

import numpy as np
import pytest

from speccompiler.kernels.cuda.runtime import simulator
from speccompiler.kernels.cuda.runtime.simulator import Guarded, SimulatedDevice
from speccompiler.kernels.cuda.tiles import Tile
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import SMALL, TINY, assert_close, both

LOCK = threading.Lock()


class Watched(Guarded):
    """Remembers for each value who wrote and who read it since which barrier."""

    def __init__(self, array, seen):
        super().__init__(array)
        self.seen = seen

    def __getitem__(self, index):
        self.note(index, writes=False)
        return super().__getitem__(index)

    def __setitem__(self, index, value):
        self.note(index, writes=True)
        super().__setitem__(index, value)

    def note(self, index, *, writes):
        thread = threading.current_thread()
        now = (tuple(thread.blockIdx), getattr(thread, "barriers", 0))
        with LOCK:
            since, writers, readers = self.seen.get(index, (now, set(), set()))
            if since != now:
                writers, readers = set(), set()
            (writers if writes else readers).add(thread.thread_id)
            self.seen[index] = now, writers, readers
        assert not writers or len(writers | readers) == 1, f"race for shared value {index}"


@pytest.fixture(autouse=True)
def _watched(monkeypatch):
    module = import_module("numba.cuda.simulator.kernel")
    plain, wait = simulator._shared_floats, module.BlockThread.syncthreads

    def counted(thread):
        wait(thread)
        thread.barriers = getattr(thread, "barriers", 0) + 1

    def watched(count):
        shared = module._get_kernel_context().shared
        with LOCK:
            seen = vars(shared).setdefault("seen", {})
        return Watched(plain(count).array, seen)

    monkeypatch.setattr(module.BlockThread, "syncthreads", counted)
    monkeypatch.setitem(simulator.SIMULATED_FUNCTIONS, "shared_floats", watched)


CONV = {"type": "Convolution1D", "nb_filter": 5, "filter_length": 3, "border_mode": "same"}
SOFTMAX = {"type": "Activation", "activation": "softmax"}
MODELS = {
    "conv": ([CONV], (9, 8)),
    "conv of few channels": ([CONV], (5, 3)),
    "rows": ([{"type": "Masking"}, {"type": "BatchNormalization", "mode": 1}, SOFTMAX], (2, 20)),
    "channels": (
        [{"type": "BatchNormalization", "mode": 2}, {"type": "GlobalMaxPooling1D"}], (9, 3),
    ),
    "transpose": ([{"type": "Permute", "dims": [2, 1]}], (9, 7)),
    "dot": (
        [{**SOFTMAX, "name": "a"},
         {"type": "Merge", "mode": "dot", "dot_axes": [2, 2], "inputs": ["a", "a"]}],
        (2, 20),
    ),
}  # fmt: skip


def run(name: str, tile: Tile = SMALL) -> None:
    layers, shape = MODELS[name]
    x = np.random.default_rng(1).uniform(-1, 1, (2, *shape)).astype(np.float32)
    y, judge, _ = both(build(layers, shape), x, tile)
    assert_close(y, judge)


@pytest.mark.parametrize("name", MODELS)
def test_between_barriers_threads_are_apart(name):
    run(name)


@pytest.mark.parametrize("tile", [TINY, Tile(32, 16, 8, 8, 4), Tile(16, 16, 16, 4, 4)], ids=str)
def test_tiles_of_a_product(tile):
    run("conv", tile)


@pytest.mark.parametrize("name", ["conv", "conv of few channels", "transpose"])
def test_a_barrier_that_is_missing_is_seen(name, monkeypatch):
    plain = SimulatedDevice.load

    def without(device, text, threads, resident):
        assert text.count("cuda.syncthreads()") == 1
        return plain(device, text.replace("cuda.syncthreads()", "pass"), threads, resident)

    monkeypatch.setattr(SimulatedDevice, "load", without)
    with pytest.raises(AssertionError, match="race for shared value"):
        run(name)
