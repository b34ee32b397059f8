"""ONNX's own backend tests, run through convspec: what passes, what is refused, and why.

A case is a model with the arrays that go in and those that have to come out. Where a case gives
weights as inputs they are made constants, which is how a model has them; which inputs stay is
tried in a fixed order, and the first form that convspec takes is the one that is judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import speccompiler

Array = npt.NDArray[Any]
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
STATES = {"X", "initial_h", "initial_c"}


@dataclass(frozen=True)
class Case:
    """One test of the suite."""

    kind: str
    name: str
    folder: Path

    @property
    def model(self) -> onnx.ModelProto:
        return onnx.load(self.folder / "model.onnx")

    @property
    def ops(self) -> tuple[str, ...]:
        """The operations in the model, each once."""
        return _ops(self.folder)

    def arrays(self, stem: str) -> list[Any]:
        """The recorded inputs or outputs; None for what is no tensor."""
        found = []
        for number in itertools.count():
            file = self.folder / "test_data_set_0" / f"{stem}_{number}.pb"
            if not file.exists():
                return found
            tensor = onnx.TensorProto()
            try:
                tensor.ParseFromString(file.read_bytes())
                found.append(numpy_helper.to_array(tensor))
            except Exception:  # a sequence, a map
                found.append(None)
        return found


@dataclass(frozen=True)
class Outcome:
    """What became of a case: ``error`` is in units of the last place of the largest output."""

    refused: str | None = None
    code: str | None = None
    error: float | None = None
    wrong: str | None = None


@cache
def _ops(folder: Path) -> tuple[str, ...]:
    model = onnx.load(folder / "model.onnx")
    return tuple(dict.fromkeys(op_name(node) for node in model.graph.node))


def op_name(node: onnx.NodeProto) -> str:
    return (
        node.op_type
        if not node.domain or node.domain == "ai.onnx"
        else f"{node.domain}.{node.op_type}"
    )


@cache
def cases() -> tuple[Case, ...]:
    """Every case whose model is in the wheel."""
    found = [
        Case(kind, test.name, Path(test.model_dir))
        for kind in KINDS
        for test in load_model_tests(kind=kind)
        if test.model_dir is not None
    ]
    return tuple(sorted(found, key=lambda case: (case.kind, case.name)))


def forms(model: onnx.ModelProto, given: Sequence[Any]) -> Iterator[tuple[int, ...]]:
    """Which inputs stay inputs, by their numbers: all, those that are values, the first."""
    names = [v.name for v in model.graph.input]
    fixed = {t.name for t in model.graph.initializer}
    free = [i for i, name in enumerate(names) if name not in fixed and i < len(given)]
    tried = [
        tuple(free),
        tuple(i for i in free if names[i] in STATES),
        tuple(free[1:2]),
        tuple(free[:1]),
    ]
    yield from dict.fromkeys(form for form in tried if form)


def with_constants(
    model: onnx.ModelProto, given: Sequence[Array], stay: Sequence[int]
) -> onnx.ModelProto:
    """The model with all inputs but some as constants."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    names = [v.name for v in model.graph.input]
    kept = [v for i, v in enumerate(model.graph.input) if i in stay]
    del changed.graph.input[:]
    changed.graph.input.extend(kept)
    fixed = {t.name for t in model.graph.initializer}
    for number, array in enumerate(given):
        if number not in stay and names[number] not in fixed:
            changed.graph.initializer.append(numpy_helper.from_array(array, names[number]))
    return changed


def outcome(case: Case, folder: Path, target: str = "reference") -> Outcome:
    """Run a case in the first form that convspec takes."""
    model, given, wanted = case.model, case.arrays("input"), case.arrays("output")
    if any(array is None for array in (*given, *wanted)) or not wanted:
        return Outcome(refused="a value is no tensor")
    refused = {}
    for stay in forms(model, given):
        path = folder / "model.onnx"
        onnx.save(with_constants(model, given, stay), path)
        try:
            loaded = speccompiler.load(path)
        except speccompiler.SpecError as error:
            refused[stay] = error.diagnostics[-1]
            continue
        try:
            inputs = {}
            axes = loaded.spec.onnx.axes
            for i, name in zip(stay, loaded.input_names, strict=True):
                array = np.moveaxis(given[i], axes[model.graph.input[i].name], 0)
                inputs[name] = array[:, None] if array.ndim == 1 else array
            shapes = {name: a.shape[1:] for name, a in inputs.items()}
            got = loaded.compile(target, input_shape=shapes).run(inputs)
        except speccompiler.SpecError as error:
            refused[stay] = error.diagnostics[-1]
            continue
        arrays = got if isinstance(got, list) else [got]
        return judged(arrays, wanted)
    if not refused:
        return Outcome(refused="it has no input")
    told = refused.get((0,), next(iter(refused.values())))
    return Outcome(told.message, told.code)


def judged(got: Sequence[Array], wanted: Sequence[Array]) -> Outcome:
    """The largest error; samples may lie along any axis of what is wanted."""
    worst = 0.0
    for one, other in zip(got, wanted, strict=True):
        found = [
            error
            for axis in range(max(1, other.ndim))
            if (error := _error(one, np.moveaxis(other, axis, 0) if other.ndim else other))
            is not None
        ]
        if not found:
            return Outcome(wrong=f"shape {one.shape}, expected {other.shape}")
        worst = max(worst, min(found))
    return Outcome(error=worst) if worst < 170 else Outcome(wrong=f"off by {worst:.3g} units")


def _error(got: Array, wanted: Array) -> float | None:
    """Units in the last place of the largest finite value; None for another shape."""
    if got.shape != wanted.shape and got.shape != (*wanted.shape, 1):
        return None
    digits = {"float16": 10, "bfloat16": 7}.get(wanted.dtype.name, 23)
    with np.errstate(over="ignore"):
        wanted = wanted.astype(np.float32).astype(np.float64)
    got = got.reshape(wanted.shape).astype(np.float64)
    finite = np.isfinite(wanted)
    same = np.array_equal(got[~finite], wanted[~finite], equal_nan=True)
    if not same or not np.isfinite(got[finite]).all():
        return np.inf
    largest = np.abs(wanted[finite]).max(initial=0.0)
    unit = float(np.spacing(np.float32(largest))) * 2.0 ** max(0, 23 - digits)
    apart = np.abs(got[finite] - wanted[finite])
    # Some cases were written down with four digits: the suite's own limits.
    if np.allclose(got[finite], wanted[finite], rtol=1e-3, atol=1e-7):
        return float(min(apart.max(initial=0.0) / unit, 160.0))
    return float(apart.max(initial=0.0) / unit)
