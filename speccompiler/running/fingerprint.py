"""What tells one run from another: a run goes on with an unfinished one only where all is equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import speccompiler
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.planned_output import PlannedOutput
from speccompiler.compiled import CompiledModel
from speccompiler.graph.ir import BatchNormalize, Graph
from speccompiler.lowering.states import fixed_batch
from speccompiler.weights.content_hashes import model_hash

Facts = Mapping[str, str]
"""What a run depends on, by the words that messages have for it."""


def facts_of(
    compiled: CompiledModel,
    sources: Sequence[ArrayInput],
    outputs: Mapping[str, PlannedOutput],
) -> Facts:
    """Everything that a bit of the outputs may depend on. Reads all weights; ``Problem``.

    Threads are not in it, nor how samples are split into batches, unless samples of a batch
    change each other's numbers. Of convspec's version major and minor number count: between
    these the kernels may round otherwise.
    """
    model, options = compiled.model, compiled.options
    graph, _ = model.tapped(options.input_shape, options.layers)
    facts = {
        "convspec": ".".join(speccompiler.__version__.split(".")[:2]),
        "the model": model_hash(graph),
        "the weights": model.weights_hash,
        "--semantics": "none" if model.spec.semantics is None else model.spec.semantics.profile,
        "--math": options.math,
        "--target": compiled.target.partition(":")[0],
        "--apply-constraints": "yes" if options.apply_constraints else "no",
        "the instruction set": _instructions(compiled),
        "--tile": _tile(compiled, graph),
    }
    if has_fixed_batches(compiled):
        facts["--batch-size"] = str(compiled.batch_size)
    for name, source in zip(compiled.input_names, sources, strict=True):
        facts[f"the input '{name}'"] = str(source.identity)
    for name, output in outputs.items():
        facts[f"the output '{name}'"] = output.identity()
    return facts


def has_fixed_batches(compiled: CompiledModel) -> bool:
    """Whether samples of a batch change each other's numbers, as in Keras's mode 1 and 2.

    Or those of the next batch, as in a stateful model.
    """
    if fixed_batch(compiled.model.spec) is not None:
        return True
    return any(isinstance(node.op, BatchNormalize) for node in compiled.plan.graph)


def differences(old: Facts, new: Facts) -> Iterator[tuple[str, str, str]]:
    """What is not equal: its words, how it was, how it is."""
    for what in dict.fromkeys((*new, *old)):
        before, now = old.get(what, "none"), new.get(what, "none")
        if before != now:
            yield what, before, now


def _tile(compiled: CompiledModel, graph: Graph) -> str:
    """The size along each spatial axis of the first input, as ``--tile`` takes it."""
    if compiled.options.tile is None:
        return "none"
    from speccompiler.tiling.channel_axis import channel_axis

    channels, (_, shape) = channel_axis(graph), compiled.plan.inputs[0]
    cut = {axis.axis: axis.size for axis in compiled.tiled().tiled.tiling.axes}
    sizes = [cut.get(axis, shape[axis]) for axis in range(len(shape)) if axis != channels]
    return ",".join(map(str, sizes))


def _instructions(compiled: CompiledModel) -> str:
    devices = getattr(compiled.executor, "devices", None)
    if devices is not None:
        return str(devices[0].name)
    from speccompiler.system.processor import host_level

    return host_level().name
