"""Two models run on the same input: which layer is the first whose output differs.

Outputs of layers that became each other are compared, batch by batch. What was inserted or
removed has no counterpart; what it does is seen in the layers after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from speccompiler.comparing.model_diff import LayerPair, ModelDiff
from speccompiler.comparing.weight_values import value_differences
from speccompiler.compiled import CompiledModel
from speccompiler.diagnostics.core import Problem, SpecError, about
from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions
from speccompiler.running.open_model import compile_model
from speccompiler.running.verify import TOLERANCE, Opener, Place
from speccompiler.validation.input_checks import check_array, check_samples
from speccompiler.validation.validated import ValidatedModel

Array = npt.NDArray[np.float32]
MOST_BYTES = 1 << 28
"""The outputs of all layers of a batch, of one of the models."""


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """The output of a layer in both models."""

    pair: LayerPair
    old_shape: tuple[int, ...]
    """Of one sample."""
    new_shape: tuple[int, ...]
    samples: int = 0
    largest: float = 0.0
    scale: float = 0.0
    """The largest finite old value, without its sign."""
    differing: int = 0
    first: Place | None = None
    """The first value that differs: the old one is ``expected``."""

    @property
    def name(self) -> str:
        """The layer's new name."""
        return self.pair.name

    @property
    def reshaped(self) -> bool:
        """Whether the shapes differ, so that no value has a counterpart."""
        return self.old_shape != self.new_shape

    @property
    def equal(self) -> bool:
        """Whether no value differs by more than is allowed."""
        return not self.reshaped and self.first is None

    @property
    def count(self) -> int:
        """How many values it has."""
        return self.samples * prod(self.new_shape)

    @property
    def relative(self) -> float:
        """The largest difference as a part of the scale."""
        return self.largest / self.scale if self.scale else self.largest


def output_differences(
    old: ValidatedModel,
    new: ValidatedModel,
    diff: ModelDiff,
    inputs: Mapping[str, Opener],
    options: CompileOptions,
    tolerance: float = TOLERANCE,
) -> tuple[OutputDifference, ...]:
    """Run both and compare every layer that both have, in the new model's order.

    ``inputs`` are by the names of the new model's inputs; the old model's are taken by these
    names too, or in its order where it has others. A value differs where it is off by more than
    ``tolerance`` times the largest old value of its layer. ``SpecError`` as a run raises it.
    """
    pairs = [
        pair
        for pair in diff.layers
        if pair.old is not None and pair.new is not None and pair.new.type != "InputLayer"
    ]
    with contextlib.ExitStack() as stack:
        names = tuple(inputs)
        sources = [stack.enter_context(inputs[name]()) for name in names]
        with about(sources[0].name):
            check_samples({n: s.samples for n, s in zip(names, sources, strict=True)})
        for model in (old, new):
            by_name = dict(zip(_names_for(model, names), sources, strict=True))
            for node in model.graph.inputs:
                source = by_name[node.layer]
                with about(source.name):
                    check_array(node.shape, source.shape)
        batch = _batch_size(sources[0].samples, diff)
        both = _Both(
            (old, new),
            tuple((str(pair.old and pair.old.name), pair.name) for pair in pairs),
            names,
            tuple(source.shape[1:] for source in sources),
            replace(options, batch_size=batch),
        )
        runs = both.compiled()

        def outputs() -> Iterator[tuple[int, list[tuple[Array, Array]]]]:
            at = 0
            for arrays in zip(*(source.batches(batch) for source in sources), strict=True):
                yield at, both.outputs(runs, arrays)
                at += len(arrays[0])

        # How large values are has to be known before any of them is judged.
        kept = list(outputs()) if sources[0].samples <= batch else None
        scales = [0.0] * len(pairs)
        for _, arrays in kept or outputs():
            scales = [max(s, _largest(one)) for s, (one, _) in zip(scales, arrays, strict=True)]
        found: list[OutputDifference] = []
        for at, arrays in kept or outputs():
            if not found:
                found = [
                    OutputDifference(pair, one.shape[1:], other.shape[1:], scale=scale)
                    for pair, scale, (one, other) in zip(pairs, scales, arrays, strict=True)
                ]
            found = [
                _with_batch(before, one, other, at, tolerance)
                for before, (one, other) in zip(found, arrays, strict=True)
            ]
    return tuple(replace(each, samples=sources[0].samples) for each in found)


@dataclass(frozen=True, slots=True)
class _Both:
    """Both models, and how they are run."""

    models: tuple[ValidatedModel, ValidatedModel]
    layers: tuple[tuple[str, str], ...]
    """The old and the new name of each layer that both have."""
    names: tuple[str, ...]
    """The inputs as they are given."""
    shapes: tuple[tuple[int, ...], ...]
    """Of one sample of each."""
    options: CompileOptions

    def compiled(self) -> tuple[CompiledModel, CompiledModel]:
        """Both, with the outputs of all layers that are compared."""
        one, other = (
            compile_model(
                model,
                replace(
                    self.options,
                    input_shape=dict(zip(_names_for(model, self.names), self.shapes, strict=True)),
                    layers=tuple(dict.fromkeys(names[side] for names in self.layers)),
                ),
            )
            for side, model in enumerate(self.models)
        )
        return one, other

    def outputs(
        self, runs: tuple[CompiledModel, CompiledModel], arrays: Sequence[Array]
    ) -> list[tuple[Array, Array]]:
        """The outputs of each layer of both models for a batch."""
        one, other = (
            run.run_all(dict(zip(_names_for(model, self.names), arrays, strict=True)))
            for model, run in zip(self.models, runs, strict=True)
        )
        return [(one[old], other[new]) for old, new in self.layers]


def _names_for(model: ValidatedModel, names: Sequence[str]) -> tuple[str, ...]:
    """The model's own names of the inputs that are given under ``names``."""
    own = model.input_names
    if set(own) == set(names):
        return tuple(names)
    if len(own) == len(names):
        return own
    raise SpecError(
        [
            Problem(
                "CS140",
                f"the models take other inputs: {', '.join(own)} and {', '.join(names)}",
                "give --input once for each of the new model's; the old one has to take as many",
            ).at(file=model.file)
        ]
    )


def _batch_size(samples: int, diff: ModelDiff) -> int:
    largest = 1
    for report in (diff.old, diff.new):
        size = report.activation_bytes
        largest = max(largest, size if isinstance(size, int) else MOST_BYTES // 8)
    return max(1, min(samples, MOST_BYTES // largest))


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def _with_batch(
    before: OutputDifference, old: Array, new: Array, at: int, tolerance: float
) -> OutputDifference:
    if before.reshaped:
        return before
    off = value_differences(old, new)
    wrong = off > tolerance * (before.scale or 1.0)
    first = before.first
    if first is None and wrong.any():
        sample, *position = (int(i) for i in np.unravel_index(wrong.argmax(), wrong.shape))
        here = (sample, *position)
        first = Place(at + sample, tuple(position), float(old[here]), float(new[here]))
    return replace(
        before,
        largest=max(before.largest, float(off.max(initial=0.0))),
        differing=before.differing + int(np.count_nonzero(wrong)),
        first=first,
    )
