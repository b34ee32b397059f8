"""What can run a model. ``TARGETS`` is the one table: adding a target adds a row.

Importing this loads no kernels: a row loads its target when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions
from speccompiler.system.threads import default_threads

if TYPE_CHECKING:
    from speccompiler.graph.ir import Graph
    from speccompiler.kernels.executor import Executor, Request
    from speccompiler.planning.kernel_table import KernelTable, Measured
    from speccompiler.planning.plan import Plan


def _needs_nothing(name: str, graph: Graph) -> None:
    """Every machine can run it."""


def _measures_nothing(executor: Executor, plan_again: Callable[[], Plan]) -> Executor:
    """Nothing to choose by the clock."""
    return executor


def _has_it_all(graphs: Sequence[Graph], options: CompileOptions, threads: int) -> None:
    """Nothing is compiled, or what is compiled cannot be known before."""


@dataclass(frozen=True, slots=True)
class Target:
    """One way to run a model."""

    kernels: Callable[[], KernelTable]
    """The kernels that a plan is made of."""
    batch_size: Callable[[Plan], int]
    """Samples of a batch where nobody says it."""
    memory: Callable[[Graph, Plan, int, int], int]
    """Bytes of this machine's memory that a run needs: by graph, plan, batch size, threads."""
    executor: Callable[[Request], Executor]
    check: Callable[[str, Graph], None] = _needs_nothing
    """Raise ``Problem`` where something is missing to run the graph on the named target."""
    cuts: Callable[[int, int], Measured | None] | None = None
    """What was measured here for a batch size and threads; None where both change no plan.

    It gives None where nothing was measured.
    """
    tune: Callable[[Executor, Callable[[], Plan]], Executor] = _measures_nothing
    """Measure and remember what is fastest here: the executor that makes use of it.

    The callable gives the plan anew, with what was measured.
    """
    prepare_any_length: Callable[[Sequence[Graph], CompileOptions, int], None] = _has_it_all
    """Compile what a model may need whatever its lengths: graphs with lengths that are open or not,
    and threads to do it."""
    numbered: bool = False
    """Whether a machine may have several: ``name:N`` is one of them."""
    has_steps: bool = True
    """Whether the steps of its plan are what it runs."""

    def plan(
        self, graph: Graph, options: CompileOptions, kernels: KernelTable | None = None
    ) -> tuple[Plan, int, int]:
        """The plan of an optimized graph, the batch size, and the threads it is made for.

        ``kernels`` may choose among the target's in another way.
        """
        from speccompiler.planning.batch_size import LARGEST_BATCH
        from speccompiler.planning.plan import cut_again, make_plan

        kernels, fast = kernels or self.kernels(), options.fast
        batch, threads = options.batch_size, options.threads or default_threads()
        if batch is not None and self.cuts is not None:
            tuned = self.cuts(batch, threads)
            plan = make_plan(graph, kernels, fast=fast, batch=batch, threads=threads, tuned=tuned)
            return plan, batch, threads
        plan = make_plan(graph, kernels, fast=fast)
        batch = batch or min(self.batch_size(plan), options.samples or LARGEST_BATCH)
        if self.cuts is not None:
            tuned = self.cuts(batch, threads)
            plan = cut_again(plan, kernels, fast=fast, batch=batch, threads=threads, tuned=tuned)
        return plan, batch, threads


def _cpu_kernels() -> KernelTable:
    from speccompiler.kernels.cpu import table

    return table


def _cpu_cuts(batch: int, threads: int) -> Measured | None:
    from speccompiler.kernels.cpu.runtime.tuning import Tuned, anything_measured

    return Tuned(batch, threads) if anything_measured() else None


def _cpu_batch_size(plan: Plan) -> int:
    from speccompiler.planning.batch_size import default_batch_size

    return default_batch_size(plan)


def _cpu_memory(graph: Graph, plan: Plan, batch: int, threads: int) -> int:
    # The stored tensors are alive until the last one is packed.
    return plan.peak_bytes(batch, threads) + plan.stored_bytes


def _cpu_executor(request: Request) -> Executor:
    from speccompiler.kernels.cpu.runtime.executor import CpuExecutor

    return CpuExecutor(request.plan, request.weights, request.batch_size, request.threads)


def _check_cpu(name: str, graph: Graph) -> None:
    """CS136."""
    from speccompiler.system.processor import host_level

    host_level()


def _tune_cpu(executor: Executor, plan_again: Callable[[], Plan]) -> Executor:
    from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
    from speccompiler.kernels.cpu.runtime.tuning import tune

    assert isinstance(executor, CpuExecutor), "the row makes no other"
    tune(executor)
    plan = plan_again()
    return executor.for_plan(plan.graph, plan, executor.batch_size)


def _prepare_cpu(graphs: Sequence[Graph], options: CompileOptions, threads: int) -> None:
    from speccompiler.kernels.cpu.any_length import texts_of_any_length
    from speccompiler.kernels.cpu.runtime.executor import compile_missing
    from speccompiler.system.processor import host_lanes

    compile_missing(texts_of_any_length(graphs, host_lanes(), fast=options.fast), threads)


def _cuda_kernels() -> KernelTable:
    from speccompiler.kernels.cuda import table

    return table


def _cuda_batch_size(plan: Plan) -> int:
    from speccompiler.planning.batch_size import gpu_batch_size

    return gpu_batch_size(plan)


def _cuda_memory(graph: Graph, plan: Plan, batch: int, threads: int) -> int:
    from speccompiler.planning.batch_size import end_bytes

    # Inputs and outputs twice, because page-locked copies travel; the GPU holds the rest.
    return 2 * batch * end_bytes(plan) + plan.stored_bytes + plan.weight_bytes


def _cuda_executor(request: Request) -> Executor:
    from speccompiler.kernels.cuda.runtime.devices import open_devices
    from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
    from speccompiler.kernels.cuda.runtime.tuning import remembered

    devices = open_devices(request.target)
    choose_tile = remembered(devices[0])
    return CudaExecutor(request.plan, request.weights, request.batch_size, devices, choose_tile)


def _check_cuda(name: str, graph: Graph) -> None:
    """CS076 for a value without numbers: no GPU starts a kernel of no threads. CS133."""
    from speccompiler.diagnostics.core import Problem
    from speccompiler.graph.shapes import format_shape
    from speccompiler.kernels.cuda.runtime.devices import open_devices

    for node in graph.nodes:
        if 0 in node.shape:
            message = f"a GPU cannot compute nothing: the output is {format_shape(node.shape)}"
            raise Problem("CS076", message, "use --target cpu", layer=node.layer)
    open_devices(name)


def _tune_cuda(executor: Executor, plan_again: Callable[[], Plan]) -> Executor:
    from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
    from speccompiler.kernels.cuda.runtime.tuning import tune

    assert isinstance(executor, CudaExecutor), "the row makes no other"
    tune(executor)
    return executor


def _reference_memory(graph: Graph, plan: Plan, batch: int, threads: int) -> int:
    from speccompiler.kernels.reference.evaluate import reference_bytes

    evaluated = reference_bytes(graph, batch) + plan.stored_bytes
    return max(evaluated, _cpu_memory(graph, plan, batch, threads))


def _reference_executor(request: Request) -> Executor:
    from speccompiler.kernels.reference.executor import ReferenceExecutor

    return ReferenceExecutor(request)


TARGETS: Mapping[str, Target] = {
    "cpu": Target(
        _cpu_kernels,
        _cpu_batch_size,
        _cpu_memory,
        _cpu_executor,
        check=_check_cpu,
        cuts=_cpu_cuts,
        tune=_tune_cpu,
        prepare_any_length=_prepare_cpu,
    ),
    "cuda": Target(
        _cuda_kernels,
        _cuda_batch_size,
        _cuda_memory,
        _cuda_executor,
        check=_check_cuda,
        tune=_tune_cuda,
        numbered=True,
    ),
    # Its buffers and batches are those that the CPU would have.
    "reference": Target(
        _cpu_kernels,
        _cpu_batch_size,
        _reference_memory,
        _reference_executor,
        cuts=_cpu_cuts,
        has_steps=False,
    ),
}


def target_names(*, with_steps: bool = False) -> tuple[str, ...]:
    """``cpu``, ``cuda``, ``cuda:N``.. as help texts list them; all, or those with steps."""
    found: list[str] = []
    for name, target in TARGETS.items():
        if target.has_steps or not with_steps:
            found += [name, f"{name}:N"] if target.numbered else [name]
    return tuple(found)


def find_target(name: str) -> Target | None:
    """The target of a name such as ``cpu`` or ``cuda:1``; None where there is none."""
    base, colon, number = name.partition(":")
    target = TARGETS.get(base)
    if target is None or not colon:
        return target
    numbered = target.numbered and number.isascii() and number.isdecimal() and len(number) <= 3
    return target if numbered else None
