"""A lane: a stream of a GPU with buffers of its own, which runs one piece of a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.launches import Launch, Part, Source, StepCode, Y
from speccompiler.kernels.cuda.runtime.device import Array, Call, Device, Event, Region
from speccompiler.kernels.cuda.runtime.pieces import Demand, aligned
from speccompiler.planning.plan import Place, Plan, Step, end_number

KEPT_SIZES = 4
"""For so many numbers of samples launches stay bound."""


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step on one device: code, kernels, weights."""

    step: Step
    code: StepCode
    kernels: tuple[Any, ...]
    w: Region
    b: Region


class Lane:
    """A stream with memory for a piece of at most ``samples`` samples."""

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
        """Run one piece to its end, and add the seconds of each step to ``spent``."""
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
        return self._ends[end_number(self._inputs, place)].part(0, size)
