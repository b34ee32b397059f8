"""Stateful models: batches one after another, each of which begins with the states of the last.

The state is a mapping from ``layer/h`` (and ``layer/c`` of an LSTM; ``layer/forward_h`` of a
Bidirectional) to arrays whose rows belong to the rows of a batch: plain NumPy arrays, which pickle
and which ``np.savez`` takes. Nothing of it is kept in a model.

Keras carries states per place in a batch of a fixed size (1.2.2 layers/recurrent.py:215-262): the
n-th sample of a batch goes on with the n-th of the batch before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from speccompiler.arrays.caller_arrays import as_array, check_output, outputs_for
from speccompiler.diagnostics.core import Problem, SpecError, about
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Shape
from speccompiler.kernels.executor import Array, Executor
from speccompiler.lowering.builder import CarriedState
from speccompiler.lowering.lower import lower
from speccompiler.lowering.states import check_carried, fixed_batch
from speccompiler.planning.plan import Plan
from speccompiler.validation.given_arrays import called, given_arrays
from speccompiler.validation.input_checks import check_samples
from speccompiler.validation.validated import ValidatedModel, decided_semantics

State = Mapping[str, Any]


class Compiled(Protocol):
    """What is needed of a model that is compiled without its states."""

    @property
    def model(self) -> ValidatedModel: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def input_names(self) -> tuple[str, ...]: ...
    def converted(self, batches: Sequence[Array]) -> list[Array]: ...
    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]: ...
    def for_graph(self, graph: Graph, batch_size: int) -> Executor: ...


@dataclass(frozen=True, slots=True)
class Carrying:
    """A compiled model whose states are inputs and outputs beside the model's own."""

    compiled: Compiled
    executor: Executor
    states: tuple[CarriedState, ...]
    batch: int | None
    """Samples of a batch, where the model declares them."""

    def zeros(self, rows: int) -> list[Array]:
        """The states of a first batch."""
        return [np.zeros((rows, *self._shape(state)), np.float32) for state in self.states]

    def _shape(self, state: CarriedState) -> tuple[int, ...]:
        return tuple(int(length) for length in state.shape)  # type: ignore[arg-type]  # all known

    def step(
        self, batches: Sequence[Array], outputs: Sequence[Array], states: Sequence[Array]
    ) -> list[Array]:
        """Run one batch of each input into ``outputs``; the states that the next begins with."""
        given = [*self.compiled.converted(batches), *states]
        made = [np.empty_like(state) for state in states]
        rows, most = len(given[0]), self.executor.batch_size
        for start in range(0, rows, most):
            part = slice(start, start + most)
            self.executor.run_batch(
                [np.ascontiguousarray(x[part]) for x in given],
                [y[part] for y in (*outputs, *made)],
            )
        return made

    def _misfit(self, what: str) -> Problem:
        return Problem(
            "CS214",
            f"{what}; this model's are {', '.join(each.name for each in self.states)}",
            "give what run_stateful returned, or None to begin with zeros",
        )

    def given_states(self, state: State) -> list[Array]:
        """A caller's states in order. CS214 for what is none of this model."""
        names = [each.name for each in self.states]
        if not isinstance(state, Mapping):
            raise self._misfit(f"the state is a {type(state).__name__}, not a mapping of arrays")
        keys = sorted(map(str, state))
        if keys != sorted(names):
            raise self._misfit(f"the state has {', '.join(keys) or 'no arrays'}")
        arrays = [as_array(state[name]) for name in names]
        rows = arrays[0].shape[0] if arrays[0].ndim else 0
        for each, array in zip(self.states, arrays, strict=True):
            wanted = (rows, *self._shape(each))
            if array.shape != wanted or rows == 0 or array.dtype.kind not in "fiu":
                raise Problem(
                    "CS214",
                    f"the state '{each.name}' has shape {array.shape} and type {array.dtype}, not "
                    f"{wanted} and float32",
                    "its rows belong to the samples of a batch",
                )
        return [np.ascontiguousarray(array, np.float32) for array in arrays]


def carrying(compiled: Compiled) -> Carrying:
    """Plan the model's graph with its states. ``SpecError``: CS213, and what planning raises."""
    model = compiled.model
    shapes = [shape for _, shape in compiled.plan.inputs]
    own = [name for name, _ in compiled.plan.outputs]
    graph, states = graph_with_states(model, shapes, own)
    batch = fixed_batch(model.spec)
    executor = compiled.for_graph(graph, batch or compiled.batch_size)
    return Carrying(compiled, executor, states, batch)


def graph_with_states(
    model: ValidatedModel, shapes: Sequence[Shape], outputs: Sequence[str]
) -> tuple[Graph, tuple[CarriedState, ...]]:
    """The graph for inputs of these shapes with its states behind both inputs and outputs.

    ``SpecError``: CS213, and what lowering finds.
    """
    try:
        check_carried(model.spec)
    except Problem as problem:
        raise model.refused(problem) from None
    lowered = lower(model.spec, decided_semantics(model.spec), shapes, model.graph, carried=True)
    if lowered.graph is None:
        raise SpecError([model.loaded.locate(d) for d in lowered.diagnostics])
    states = lowered.states
    named = (*outputs, *(state.output for state in states))
    return replace(lowered.graph, outputs=named), states


def run_carried(
    made: Carrying, given: Sequence[Any], state: State | None, out: Sequence[Array] | None = None
) -> tuple[list[Array], dict[str, Array]]:
    """Every batch of these arrays in order; all outputs, and the states behind the last batch.

    ``SpecError``: CS212 for samples that make no whole batches, CS214, and what a run raises.
    """
    compiled = made.compiled
    names = called(compiled.input_names)
    sources = given_arrays(given, names, compiled.plan.graph.inputs, out)
    with about("the state"):
        states = None if state is None else made.given_states(state)
    with about(names[0]):
        samples = sources[0].samples
        lengths = [source.samples for source in sources]
        check_samples(dict(zip(compiled.input_names, lengths, strict=True)))
        rows = made.batch or samples if states is None else len(states[0])
        check_whole_batches(samples, rows)
        shapes = compiled.output_shapes(samples)
        for y, shape in zip(out or (), shapes, strict=False):
            check_output(y, shape)
        outputs = outputs_for(shapes, out)
        carried = made.zeros(rows) if states is None else states
        start = 0
        for batches in zip(*[source.batches(max(1, rows)) for source in sources], strict=True):
            stop = start + len(batches[0])
            carried = made.step(batches, [y[start:stop] for y in outputs], carried)
            start = stop
    kept = {each.name: array for each, array in zip(made.states, carried, strict=True)}
    return outputs, kept


def check_whole_batches(samples: int, rows: int) -> None:
    """CS212 for samples that are not so many rows a batch, as a stateful model takes them."""
    if rows and samples % rows:
        raise Problem(
            "CS212",
            f"{samples} samples make no whole batches of {rows}: the model is stateful, and each "
            "sample goes on with the state of the one that many before it",
            f"give a multiple of {rows} samples, sequence by sequence: the first {rows} are the "
            f"first parts of {rows} sequences, the next {rows} their next parts",
        )
