"""Runs a plan on GPUs: binds buffers, weights and launches once, then only queues them.

A batch is cut into pieces of samples, as large as the GPU's memory allows (``pieces``). Pieces
go to the GPUs in turn, and on each GPU to two lanes in turn: while one lane computes, the other
copies. Every sample's bits are the same however the batch is cut.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy.typing as npt

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.graph.ir import BatchNormalize, Graph, Weight
from speccompiler.kernels.cuda.kernel import Packed
from speccompiler.kernels.cuda.launches import StepCode
from speccompiler.kernels.cuda.runtime.device import Array, Device, Region
from speccompiler.kernels.cuda.runtime.lane import BoundStep, Lane
from speccompiler.kernels.cuda.runtime.packing import packed_weights
from speccompiler.kernels.cuda.runtime.pieces import USABLE, Batch, Demand, aligned, cut
from speccompiler.kernels.cuda.steps import step_code
from speccompiler.kernels.cuda.tile_choice import ChooseTile, estimated
from speccompiler.planning.plan import Plan


class CudaExecutor:
    """A plan on one or several equal GPUs. Calls from several threads take turns."""

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[Weight, npt.NDArray[Any]],
        batch_size: int,
        devices: Sequence[Device],
        choose_tile: ChooseTile | None = None,
    ) -> None:
        assert devices, "a plan needs a device"
        self.plan = plan
        self.batch_size = batch_size
        # Where samples see each other, nobody may share them.
        self._together = any(isinstance(node.op, BatchNormalize) for node in plan.graph)
        self.devices = tuple(devices[:1] if self._together else devices)
        self.choose_tile = choose_tile or estimated(devices[0].multiprocessors)
        # Weights first: what is wrong with them is said before anything is compiled.
        packed = packed_weights(plan.steps, weights)
        demand, size = Demand.of(plan), 4 * sum(aligned(a.size) for a in _each(packed))
        batch = Batch(batch_size, len(self.devices), self._together)
        room = min(_free_bytes(device) for device in self.devices) - size
        pieces = cut(batch, demand, size, room)
        self.piece = pieces.piece
        started = perf_counter()
        codes = self._codes()
        self._steps = [self._on(device, codes, packed) for device in self.devices]
        self.kernel_seconds = perf_counter() - started
        self._lanes = [
            Lane(device, plan, demand, self.piece)
            for _ in range(pieces.lanes)
            for device in self.devices
        ]
        self._lock = threading.Lock()
        self._weights = weights

    @property
    def own_bytes(self) -> int:
        """Weights and buffers on the GPUs."""
        weights = sum(4 * (bound.w.size + bound.b.size) for steps in self._steps for bound in steps)
        return weights + sum(4 * lane.memory.size for lane in self._lanes)

    def for_plan(self, graph: Graph, plan: Plan, batch_size: int) -> CudaExecutor:
        """Another plan of the same model, with weights and buffers of its own."""
        return CudaExecutor(plan, self._weights, batch_size, self.devices, self.choose_tile)

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """One batch of at most ``batch_size`` samples; ``profile`` adds seconds by step.

        ``inputs`` and ``outputs`` are C-contiguous float32, samples first.
        """
        assert len(inputs[0]) <= self.batch_size, "a batch larger than the plan's"
        with self._lock:
            try:
                self._run(inputs, outputs, profile)
            except Problem as problem:
                self._abandon()
                raise SpecError([problem.at()]) from None
            except BaseException:
                self._abandon()
                raise

    def compute(self, samples: int) -> None:
        """The kernels alone, over what the last batch left there: what a benchmark times."""
        with self._lock:
            used = []
            for index, start in enumerate(range(0, samples, self.piece)):
                lane = self._lanes[index % len(self._lanes)]
                lane.device.use()
                lane.compute(
                    self._steps[index % len(self.devices)], min(self.piece, samples - start)
                )
                used.append((lane, lane.device.record(lane.stream)))
            for lane, event in used:
                lane.device.use()
                lane.device.wait(event)

    def _abandon(self) -> None:
        """No copy may still be on its way to memory that is used for something else."""
        for lane in self._lanes:
            with contextlib.suppress(Problem):
                lane.device.use()
                lane.abandon()

    def _run(
        self, inputs: Sequence[Array], outputs: Sequence[Array], profile: list[float] | None
    ) -> None:
        for index, start in enumerate(range(0, len(inputs[0]), self.piece)):
            lane = self._lanes[index % len(self._lanes)]
            steps = self._steps[index % len(self.devices)]
            stop = start + self.piece
            given, wanted = ([a[start:stop] for a in arrays] for arrays in (inputs, outputs))
            lane.device.use()
            lane.finish()
            if profile is None:
                lane.start(steps, given, wanted)
            else:
                lane.profile(steps, given, wanted, profile)
        for lane in self._lanes:
            lane.device.use()
            lane.finish()

    def retile(self, choose_tile: ChooseTile) -> None:
        """Cut products in another way from now on; weights and buffers stay."""
        self.choose_tile = choose_tile
        codes = self._codes()
        for index, (device, steps) in enumerate(zip(self.devices, self._steps, strict=True)):
            device.use()
            self._steps[index] = [
                replace(bound, code=code, kernels=_loaded(device, code))
                for bound, code in zip(steps, codes, strict=True)
            ]
        for lane in self._lanes:
            lane.unbind()

    @property
    def first(self) -> tuple[Lane, Sequence[BoundStep]]:
        """A lane, and the steps on its device, to measure on."""
        return self._lanes[0], self._steps[0]

    def _codes(self) -> list[StepCode]:
        """How each step is run for a piece."""
        return [step_code(step, self.piece, self.choose_tile) for step in self.plan.steps]

    def _on(
        self, device: Device, codes: Sequence[StepCode], packed: Sequence[Packed]
    ) -> list[BoundStep]:
        """The steps with weights and kernels on a device."""
        device.use()
        stream = device.stream()
        regions: dict[int, Region] = {}
        for array in _each(packed):
            region = device.allocate(aligned(array.size)).part(0, array.size)
            if array.size:
                device.upload(array, region, stream)
            regions[id(array)] = region
        device.wait(device.record(stream))
        return [
            BoundStep(step, code, _loaded(device, code), regions[id(w)], regions[id(b)])
            for step, code, (w, b) in zip(self.plan.steps, codes, packed, strict=True)
        ]


def _free_bytes(device: Device) -> int:
    """Memory that may be taken."""
    device.use()
    return int(USABLE * device.free_bytes())


def _each(packed: Sequence[Packed]) -> list[Array]:
    """Weights and biases; those of a shared layer are one array, and there once."""
    return list({id(array): array for pair in packed for array in pair}.values())


def _loaded(device: Device, code: StepCode) -> tuple[Any, ...]:
    return tuple(device.load(each.text, each.threads, each.resident) for each in code.launches)
