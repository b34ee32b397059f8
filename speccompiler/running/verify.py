"""A model's outputs beside recorded ones: whether they are the same, and where they differ first.

Arrays are compared batch by batch, in memory that does not grow with the samples. A value
differs where it is off by more than ``tolerance`` times the largest recorded value of its
array; NaN equals NaN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.npy_input import from_array
from speccompiler.arrays.open_input import PLAIN, open_input
from speccompiler.arrays.picture_form import PictureForm
from speccompiler.arrays.places import shown_name
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError, about, did_you_mean
from speccompiler.frozen import dataclass
from speccompiler.graph.shapes import format_shape
from speccompiler.options import CompileOptions
from speccompiler.running.array_files import run_stream
from speccompiler.running.batches_in_order import whole_samples
from speccompiler.running.open_model import compile_model
from speccompiler.schemas.model import ModelSpec
from speccompiler.validation.input_checks import check_array, check_samples
from speccompiler.validation.validated import ValidatedModel

Array = npt.NDArray[np.float32]
Opener = Callable[[], ArrayInput]
TOLERANCE = 1e-4
DEFAULTS = CompileOptions()


@dataclass(frozen=True, slots=True)
class Place:
    """One value of an array: the sample, and where in it."""

    sample: int
    position: tuple[int, ...]
    expected: float
    found: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output beside what was recorded of it."""

    name: str
    shape: tuple[int, ...]
    scale: float
    """The largest recorded value, without its sign."""
    largest: float
    """The largest difference."""
    differing: int
    """How many values differ by more than is allowed."""
    first: Place | None
    """The first of them, in the order of the array."""

    @property
    def equal(self) -> bool:
        """Whether no value differs."""
        return self.first is None

    @property
    def relative(self) -> float:
        """The largest difference as a part of the scale."""
        return self.largest / self.scale if self.scale else self.largest


@dataclass(frozen=True, slots=True)
class Recording:
    """Recorded arrays by the names of inputs, and of the layers whose outputs they are."""

    inputs: Mapping[str, Opener]
    expected: Mapping[str, Opener]
    tolerance: float = TOLERANCE


def recording_of(spec: ModelSpec, base: Path) -> Recording | None:
    """The vectors that a spec carries; ``Problem`` CS140 where names are needed."""
    vectors = spec.verify
    if vectors is None:
        return None
    inputs = _by_name(vectors.input, [given.name for given in spec.inputs], "input")
    expected = _by_name(vectors.expect, spec.outputs, "output") if vectors.expect else {}
    entries = {**expected, **vectors.layers}
    return Recording(
        {name: _opener(entry, base, f"input {name}") for name, entry in inputs.items()},
        {name: _opener(entry, base, f"expected {name}") for name, entry in entries.items()},
        vectors.tolerance,
    )


def _by_name(given: Any, names: Any, what: str) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    if len(names) != 1:
        raise Problem(
            "CS140",
            f"the model has {len(names)} {what}s, and one recorded array is given",
            f"name them: {', '.join(names)}",
        )
    return {names[0]: given}


def _opener(entry: Any, base: Path, name: str) -> Opener:
    if isinstance(entry, str):
        from speccompiler.weights.files.references import resolve_reference

        reference = resolve_reference(entry, base)
        return file_opener(reference.path, reference.key)
    return lambda: from_array(np.array(entry, np.float32), name)


def file_opener(file: str | Path, key: str | None = None, form: PictureForm = PLAIN) -> Opener:
    """Opens whatever can be an input, by its name; with ``key`` a file that holds tensors.

    Problems are findings about the file.
    """

    def opened() -> ArrayInput:
        shown = shown_name(str(file))
        with about(shown):
            if key is None:
                return open_input(str(file), form)
            from speccompiler.weights.files.weight_file import open_weights

            tensors = open_weights(Path(file), "array file")
            return from_array(tensors.read(tensors.find(key).name), shown)

    return opened


def verify(
    model: ValidatedModel, recording: Recording, options: CompileOptions = DEFAULTS
) -> tuple[Comparison, ...]:
    """Run the recorded inputs and compare each recorded output, in the model's order.

    Raises ``SpecError``: CS140 for names the model does not have, CS141 for recorded outputs
    of another shape, and what a run raises.
    """
    _check_names(model, recording)
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(recording.inputs[name]()) for name in model.input_names]
        for node, source in zip(model.graph.inputs, sources, strict=True):
            with about(source.name):
                check_array(node.shape, source.shape)
        counts = {n: s.samples for n, s in zip(model.input_names, sources, strict=True)}
        with about(sources[0].name):
            check_samples(counts)
        asked = replace(
            options,
            input_shape={n: s.shape[1:] for n, s in zip(model.input_names, sources, strict=True)},
            layers=tuple(recording.expected),
            samples=sources[0].samples,
        )
        compiled = compile_model(model, asked)
        shapes = dict(
            zip(compiled.output_names, compiled.output_shapes(sources[0].samples), strict=True)
        )
        order = {node.name: number for number, node in enumerate(model.graph.nodes)}
        with about(sources[0].name):
            batch = whole_samples(compiled, sources[0].samples).batch_size
        sinks = []
        for name in sorted(recording.expected, key=order.__getitem__):
            expected = stack.enter_context(recording.expected[name]())
            with about(expected.name):
                _check_shape(name, expected.shape, shapes[name])
            sink = _Sink(name, expected, _scale(recording.expected[name]), recording.tolerance)
            sink.start(batch)
            sinks.append(sink)
        with about(sources[0].name):
            run_stream(compiled, sources, [(sink.name, sink) for sink in sinks])
    return tuple(sink.comparison() for sink in sinks)


def _check_names(model: ValidatedModel, recording: Recording) -> None:
    known = {call.name: None for call in model.spec.calls}
    problems = []
    for what, names, allowed in (
        ("input", recording.inputs, dict.fromkeys(model.input_names)),
        ("layer", recording.expected, known),
    ):
        for name in names:
            if name not in allowed:
                hint = did_you_mean(name, allowed) or f"{what}s: {', '.join(list(allowed)[:12])}"
                problems.append(Problem("CS140", f"the model has no {what} '{name}'", hint))
    for name in model.input_names:
        if name not in recording.inputs:
            problems.append(Problem("CS140", f"nothing is recorded for the input '{name}'"))
    if not recording.expected:
        problems.append(Problem("CS140", "no output is recorded", "give one to compare with"))
    if problems:
        raise SpecError(problem.at(file=model.file) for problem in problems)


def _check_shape(name: str, recorded: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if recorded == shape:
        return
    hint = None
    if recorded[:1] != shape[:1]:
        hint = f"{shape[0]} samples go in, and {recorded[0]} were recorded"
    elif sorted(recorded) == sorted(shape):
        hint = "the axes are in another order: the other dim_ordering?"
    hint = hint or "it may be of another layer, or of another version of the model"
    raise Problem(
        "CS141",
        f"the recorded output of '{name}' has shape {recorded}; the model gives "
        f"{format_shape(shape)}",
        hint,
    )


def _scale(opener: Opener) -> float:
    """The largest finite value of an array, without its sign."""
    with opener() as source, about(source.name):
        largest = 0.0
        for batch in source.batches(_batch_size(source)):
            finite = np.abs(batch[np.isfinite(batch)])
            largest = max(largest, float(finite.max(initial=0.0)))
    return largest


def _batch_size(source: ArrayInput) -> int:
    sample = max(1, int(np.prod(source.shape[1:], dtype=np.float64)))
    return max(1, min(source.samples, (1 << 22) // sample))


class _Sink:
    """Takes an output batch by batch and reads what was recorded along with it."""

    def __init__(self, name: str, expected: ArrayInput, scale: float, tolerance: float) -> None:
        self.name = name
        self._expected = expected
        self._scale = scale
        self._allowed = tolerance * (scale or 1.0)
        self._largest = 0.0
        self._differing = 0
        self._samples = 0
        self._first: Place | None = None
        self._read: Iterator[Array] = iter(())

    def start(self, batch_size: int) -> None:
        """Read the recorded array in batches of this size."""
        self._read = iter(self._expected.batches(batch_size))

    def write(self, batch: Array) -> None:
        """Compare one more batch."""
        with about(self._expected.name):
            recorded = next(self._read)
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.abs(batch.astype(np.float64) - recorded)
        same = (batch == recorded) | (np.isnan(batch) & np.isnan(recorded))
        off = np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))
        wrong = off > self._allowed
        self._largest = max(self._largest, float(off.max(initial=0.0)))
        self._differing += int(np.count_nonzero(wrong))
        if self._first is None and wrong.any():
            sample, *position = (int(i) for i in np.unravel_index(wrong.argmax(), wrong.shape))
            here = (sample, *position)
            self._first = Place(
                self._samples + sample, tuple(position), float(recorded[here]), float(batch[here])
            )
        self._samples += len(batch)

    def comparison(self) -> Comparison:
        """The whole array beside what was recorded."""
        return Comparison(
            self.name,
            self._expected.shape,
            self._scale,
            self._largest,
            self._differing,
            self._first,
        )


def difference(model: ValidatedModel, comparison: Comparison) -> Diagnostic:
    """CS142 for an output that differs, at its layer."""
    first = comparison.first
    assert first is not None, "only what differs is reported"
    where = f"sample {first.sample}"
    if first.position:
        at = first.position if len(first.position) > 1 else first.position[0]  # pyright: ignore
        where += f" at {at}"
    count = int(np.prod(comparison.shape, dtype=np.int64))
    return model.loaded.locate(
        Diagnostic(
            "CS142",
            f"the output of '{comparison.name}' differs from what was recorded: "
            f"{comparison.differing} of {count} values, first {where}: {first.found:.7g} instead "
            f"of {first.expected:.7g}",
            layer=comparison.name,
            hint="look at the layers before it with --layer NAME=FILE, at --semantics, and at "
            "what was done to the input",
        )
    )
