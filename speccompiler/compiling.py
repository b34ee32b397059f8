"""What compiling settles before there is a model to run: its target, its plan, its weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, SpecError, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph
from speccompiler.kernels.executor import Executor
from speccompiler.options import CompileOptions
from speccompiler.passes import optimize
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.memory_limits import check_memory
from speccompiler.planning.plan import Plan
from speccompiler.targets import Target, find_target, target_names
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights import penalties as penalty
from speccompiler.weights.loaded_weights import LoadedWeights
from speccompiler.weights.negative_variances import negative_variances


def checked_target(model: ValidatedModel, options: CompileOptions) -> Target:
    """The target that is asked for.

    Raises ``SpecError``: CS131 for a name that is none, CS075 where constraints are to be
    applied and one is not known.
    """
    target = find_target(options.target)
    if target is None:
        known = ", ".join(target_names())
        raise model.refused(Problem("CS131", f"no target '{options.target}'; targets: {known}"))
    if options.apply_constraints:
        model.refuse(penalty.unknown_effects(model.spec, "constraint"))
    return target


@dataclass(frozen=True, slots=True)
class Planned:
    """A graph of a model, planned for the target that is asked for."""

    target: Target
    options: CompileOptions
    optimized: Graph
    kernels: KernelTable | None
    plan: Plan
    batch_size: int
    threads: int

    def tuned(self, executor: Executor) -> Executor:
        """The executor, measured and cut anew where ``tune`` is asked for."""
        if not self.options.tune:
            return executor

        def plan_again() -> Plan:
            return self.target.plan(self.optimized, self.options, self.kernels)[0]

        return self.target.tune(executor, plan_again)


def planned(
    model: ValidatedModel,
    options: CompileOptions,
    graph: Graph,
    kernels: KernelTable | None = None,
) -> Planned:
    """Optimize and plan a lowered graph whose lengths are known.

    Raises ``SpecError``: CS130 where it takes more memory than there is, unless it is only to be
    run in tiles; what ``checked_target`` and the target raise.
    """
    target, optimized = checked_target(model, options), optimize(graph)
    try:
        target.check(options.target, graph)
        plan, batch_size, threads = target.plan(optimized, options, kernels)
        if options.tile is None:
            needed = target.memory(graph, plan, batch_size, threads)
            check_memory(plan, batch_size, needed, can_be_cut=partial(_can_be_cut, graph))
    except Problem as problem:
        raise model.refused(problem) from None
    return Planned(target, options, optimized, kernels, plan, batch_size, threads)


def _can_be_cut(graph: Graph) -> bool:
    """Asked where memory lacks; most processes do without tiles."""
    from speccompiler.tiling.advice import can_be_cut

    return can_be_cut(graph)


@dataclass(frozen=True, slots=True)
class CheckedWeights:
    """The weights of a model, what was found about them, and what their regularisers add."""

    weights: LoadedWeights
    findings: tuple[Diagnostic, ...]
    penalties: Callable[[], tuple[penalty.Penalty, ...]]


def checked_weights(model: ValidatedModel, options: CompileOptions) -> CheckedWeights:
    """The weights, projected where constraints are to be applied.

    Tensors are read as they are needed: those that the cache holds packed are not. Raises
    ``SpecError`` for weights with errors, and ``Problem`` from reading.
    """
    sources = model.weight_sources
    weights = LoadedWeights(sources.sources)
    if options.apply_constraints:
        weights = LoadedWeights.of(penalty.project(model.spec, weights), sources.sources)
    given = weights.only(sources.given)
    found = (*penalty.violations(model.spec, given), *negative_variances(model.spec, given))
    located = tuple([model.loaded.locate(d) for d in found])
    if has_errors(located):
        raise SpecError([*located, *non_finite(model, weights)])
    penalties = partial(penalty.weight_penalties, model.spec, sources.tensors)
    if options.apply_constraints or penalty.only_of_matrices(model.spec):
        penalties = partial(tuple, penalty.weight_penalties(model.spec, weights))
    return CheckedWeights(weights, located, penalties)


def about_weights(model: ValidatedModel, problem: Problem) -> SpecError:
    """The error of a problem that came up while weights were read and packed."""
    from speccompiler.diagnostics.codes import is_of_the_gpu

    where = None if is_of_the_gpu(problem.code) else model.weights_file or model.file
    return model.refused(problem, where)


def non_finite(model: ValidatedModel, weights: LoadedWeights) -> list[Diagnostic]:
    """CS097 for each tensor with values that are not finite; reads what nobody has read yet."""
    weights.read_rest()
    return [
        Diagnostic(
            "CS097",
            f"{weight.tensor} holds {count} values that are not finite, of "
            f"{prod(weight.stored_shape)}",
            Severity.WARNING,
            file=str(model.weights_file or model.file),
            layer=weight.layer,
        )
        for weight in weights
        if (count := weights.non_finite[weight.name])
    ]
