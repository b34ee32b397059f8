"""Runs a plan on GPUs: binds buffers, weights and launches once, then only queues them.

A batch is cut into pieces of samples, as large as the GPU's memory allows. Pieces go to
the GPUs in turn, and on each GPU to two lanes in turn: while one lane computes, the other
copies. Every sample's bits are the same however the batch is cut.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from time import perf_counter
from typing import Any

import numpy.typing as npt

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.graph.ir import BatchNormalize, Weight
from speccompiler.kernels.cuda.runtime.device import Array, Call, Device, Event, Region
from speccompiler.kernels.cuda.runtime.launches import Launch, Part, Source, StepCode, Y
from speccompiler.kernels.cuda.runtime.packing import packed_weights
from speccompiler.kernels.cuda.steps import step_code
from speccompiler.kernels.cuda.tile_choice import Pick, estimated
from speccompiler.planning.plan import Place, Plan, Step, end_number

LINE = 64
"""Regions start at multiples of this many values: 256 bytes, as cudaMalloc's do."""
USABLE = 0.9
"""Share of the free memory that is taken at most."""
WORTH_OVERLAPPING = 8 << 20
"""Bytes of a batch's input and outputs from which copying beside computing pays."""
KEPT_SIZES = 4
"""Numbers of samples whose launches stay bound."""


def aligned(size: int) -> int:
    """The next multiple of ``LINE``."""
    return -(-size // LINE) * LINE


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step on one device: code, kernels, weights."""

    step: Step
    code: StepCode
    kernels: tuple[Any, ...]
    w: Region
    b: Region


@dataclass(frozen=True, slots=True)
class Demand:
    """float32 values a sample that a lane needs on the device."""

    arena: int
    ends: tuple[int, ...]
    scratch: int

    def size(self, samples: int) -> int:
        """For a piece of so many samples, every region aligned."""
        parts = (self.arena, *self.ends, self.scratch)
        return sum(aligned(part * samples) for part in parts)


class Lane:
    """A stream with memory of its own: one piece of a batch at a time."""

    def __init__(self, device: Device, plan: Plan, demand: Demand, samples: int) -> None:
        self.device = device
        self._plan = plan
        self._samples = samples
        # With several GPUs another one may be this thread's at present.
        device.use()
        memory = device.allocate(demand.size(samples))
        self.memory = memory
        regions: list[Region] = []
        start = 0
        for part in (demand.arena, *demand.ends, demand.scratch):
            size = aligned(part * samples)
            regions.append(memory.part(start, size))
            start += size
        self._arena, *self._ends, self._scratch = regions
        self._sizes = demand.ends
        self._inputs = len(plan.inputs)
        self._pinned = [device.pinned(size * samples) for size in demand.ends]
        self.stream = device.stream()
        self._calls: dict[int, list[list[Call]]] = {}
        self._targets: list[Array] = []
        self._done: Event | None = None

    def start(
        self, steps: Sequence[BoundStep], inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        """Queue one piece; ``finish`` brings its outputs home."""
        n = len(inputs[0])
        self._upload(inputs, n)
        self.compute(steps, n)
        self._download(outputs, n)

    def compute(self, steps: Sequence[BoundStep], n: int) -> None:
        """Queue the kernels alone, over what lies in the lane's memory."""
        for step in self._bound(steps, n):
            for call in step:
                self.device.launch(call, self.stream)

    def profile(
        self,
        steps: Sequence[BoundStep],
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        spent: list[float],
    ) -> None:
        """The same at once, with the seconds of each step added to ``spent``."""
        n = len(inputs[0])
        calls = self._bound(steps, n)
        self._upload(inputs, n)
        marks = [self.device.record(self.stream)]
        for step in calls:
            for call in step:
                self.device.launch(call, self.stream)
            marks.append(self.device.record(self.stream))
        self._download(outputs, n)
        self.finish()
        for index in range(len(calls)):
            spent[index] += self.device.seconds(marks[index], marks[index + 1])

    def finish(self) -> None:
        """Wait for the piece in progress, if any, and hand out its outputs."""
        if self._done is None:
            return
        self.device.wait(self._done)
        self._done = None
        for target, pinned in zip(self._targets, self._pinned[self._inputs :], strict=True):
            target.reshape(-1)[:] = pinned[: target.size]
        self._targets = []

    def abandon(self) -> None:
        """Wait for the piece in progress, and forget its outputs."""
        if self._done is not None:
            self.device.wait(self._done)
        else:
            self.device.wait(self.device.record(self.stream))
        self._done, self._targets = None, []

    def _upload(self, inputs: Sequence[Array], n: int) -> None:
        for index, x in enumerate(inputs):
            size = n * self._sizes[index]
            self._pinned[index][:size] = x.reshape(-1)
            region = self._ends[index].part(0, size)
            self.device.upload(self._pinned[index][:size], region, self.stream)

    def _download(self, outputs: Sequence[Array], n: int) -> None:
        for index, size in enumerate(self._sizes[self._inputs :], start=self._inputs):
            region = self._ends[index].part(0, n * size)
            self.device.download(region, self._pinned[index][: n * size], self.stream)
        self._targets = list(outputs)
        self._done = self.device.record(self.stream)

    def _bound(self, steps: Sequence[BoundStep], n: int) -> list[list[Call]]:
        calls = self._calls.pop(n, None)
        if calls is None:
            calls = [self.step_calls(bound, n) for bound in steps]
        self._calls[n] = calls
        while len(self._calls) > KEPT_SIZES:
            del self._calls[next(iter(self._calls))]
        return calls

    def unbind(self) -> None:
        """Forget the launches: their kernels have changed."""
        self._calls.clear()

    def step_calls(self, bound: BoundStep, n: int) -> list[Call]:
        """The launches of a step for ``n`` samples."""
        launches = zip(bound.code.launches, bound.kernels, strict=True)
        return [self.call(bound, launch, kernel, n) for launch, kernel in launches]

    def call(self, bound: BoundStep, launch: Launch, kernel: Any, n: int) -> Call:
        """One launch, with its arguments."""
        regions = (
            self._region(bound, launch.reads, n),
            self._region(bound, launch.writes, n),
            bound.w if launch.second is None else self._region(bound, launch.second, n),
            bound.b,
        )
        return self.device.bind(kernel, launch.blocks(n), launch.threads, regions, n)

    def _region(self, bound: BoundStep, part: Part, n: int) -> Region:
        step = bound.step
        if isinstance(part, Source):
            shape = step.source_shapes[part.index]
            return self._place(step.reads[part.index], n * prod(shape))
        if part == Y:
            return self._place(step.writes, n * prod(step.target_shape))
        assert isinstance(part, int), f"{part} is no part of the scratch"
        sizes = bound.code.scratch
        start = sum(aligned(size * self._samples) for size in sizes[:part])
        return self._scratch.part(start, n * sizes[part])

    def _place(self, place: Place, size: int) -> Region:
        if place.kind == "buffer":
            start = self._plan.buffers[place.index].offset * self._samples
            return self._arena.part(start, size)
        return self._ends[end_number(self._plan, place)].part(0, size)


class CudaExecutor:
    """A plan on one or several equal GPUs. Calls from several threads take turns."""

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[Weight, npt.NDArray[Any]],
        batch_size: int,
        devices: Sequence[Device],
        pick: Pick | None = None,
    ) -> None:
        assert devices, "a plan needs a device"
        self.plan = plan
        self.batch_size = batch_size
        # Where samples see each other, nobody may share them.
        self._together = any(isinstance(node.op, BatchNormalize) for node in plan.graph)
        self.devices = tuple(devices[:1] if self._together else devices)
        self.pick = pick or estimated(devices[0].multiprocessors)
        # Weights first: what is wrong with them is said before anything is compiled.
        packed = packed_weights(plan.steps, weights)
        self.piece, lanes = self._cut(packed)
        started = perf_counter()
        self._steps = [self._on(device, packed) for device in self.devices]
        self.kernel_seconds = perf_counter() - started
        demand = self._demand(self.piece)
        self._lanes = [
            Lane(device, plan, demand, self.piece) for _ in range(lanes) for device in self.devices
        ]
        self._lock = threading.Lock()

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

    def retile(self, pick: Pick) -> None:
        """Cut products in another way from now on; weights and buffers stay."""
        self.pick = pick
        for index, (device, steps) in enumerate(zip(self.devices, self._steps, strict=True)):
            device.use()
            self._steps[index] = [
                replace(bound, code=code, kernels=_loaded(device, code))
                for bound in steps
                for code in [step_code(bound.step, self.piece, pick)]
            ]
        for lane in self._lanes:
            lane.unbind()

    @property
    def first(self) -> tuple[Lane, Sequence[BoundStep]]:
        """A lane, and the steps on its device, to measure on."""
        return self._lanes[0], self._steps[0]

    def _cut(self, packed: Sequence[tuple[Array, Array]]) -> tuple[int, int]:
        """Samples of a piece, and lanes of a device."""
        plan, devices = self.plan, len(self.devices)
        ends = sum(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))
        share = -(-self.batch_size // devices)
        if share > 1 and 4 * ends * share >= WORTH_OVERLAPPING and not self._together:
            share = -(-share // 2)
        weights = sum(aligned(a.size) for a in _each(packed))
        room = [self._room(device, 4 * weights) for device in self.devices]
        most = min(room)
        demand = self._demand(share)
        if share * devices >= self.batch_size and _fitting(demand, share, most) == share:
            return share, 1
        # More pieces than devices: two lanes each, where memory holds two pieces at all.
        for lanes in () if self._together else (2, 1):
            piece = _fitting(demand, share, most // lanes)
            if piece:
                return piece, lanes
        samples = share if self._together else 1
        needed = 4 * (demand.size(samples) + weights)
        whole = f"a batch of {share}, which see each other," if self._together else "one sample"
        raise Problem(
            "CS134",
            f"{whole} needs {_mebibytes(needed)} of GPU memory, "
            f"{_mebibytes(4 * weights)} of it for weights; "
            f"{_mebibytes(most + 4 * weights)} can be had",
            "use another GPU (--target cuda:N), --target cpu, or a smaller input",
        )

    def _room(self, device: Device, weights: int) -> int:
        device.use()
        return int(USABLE * device.free_bytes()) - weights

    def _demand(self, samples: int) -> Demand:
        plan = self.plan
        codes = [step_code(step, samples, self.pick) for step in plan.steps]
        # Each part is aligned on its own, for which a line a part is enough.
        scratch = max((sum(c.scratch) + LINE * (len(c.scratch) > 1) for c in codes), default=0)
        ends = tuple(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))
        return Demand(plan.arena_elements, ends, scratch)

    def _on(self, device: Device, packed: Sequence[tuple[Array, Array]]) -> list[BoundStep]:
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
        bound = []
        for step, (w, b) in zip(self.plan.steps, packed, strict=True):
            code = step_code(step, self.piece, self.pick)
            kernels = _loaded(device, code)
            bound.append(BoundStep(step, code, kernels, regions[id(w)], regions[id(b)]))
        return bound


def _each(packed: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Weights and biases; those of a shared layer are one array, and there once."""
    return list({id(array): array for pair in packed for array in pair}.values())


def _loaded(device: Device, code: StepCode) -> tuple[Any, ...]:
    return tuple(device.load(each.text, each.threads, each.resident) for each in code.launches)


def _fitting(demand: Demand, most: int, room: int) -> int:
    """The most samples whose memory fits into ``room`` bytes, up to ``most``."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if 4 * demand.size(middle) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
