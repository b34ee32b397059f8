"""One model, inputs of many sizes in a row: what a service meets that takes users' images.

Every contender builds its model once and runs one size, which counts for nothing. Then each gets
all sizes in a row, one contender after the other, and then all of them again.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .cases import CONV1D, FCN, VGG, Case
from .contenders import Contender, MathMode
from .measuring import settle
from .results import ManySizes
from .spec import write_model
from .tensors import Array, channels_first, channels_last
from .tiled import LAYERS

Run = Callable[[Array], Array]
Build = Callable[[Case, int, Path], Run]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many, and how often all of it is done."""

    count: int = 200
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class OfAnyLength:
    """A case without lengths, and the lengths that it is given."""

    case: Case
    least: int
    most: int


CASES = (
    OfAnyLength(Case("fcn_upsampling", LAYERS, (1, 3, 64, 64), network=True), 64, 320),
    OfAnyLength(Case("fcn", FCN, (1, 3, 64, 64), network=True), 64, 256),
    OfAnyLength(Case("vgg features", VGG, (1, 3, 64, 64), network=True), 64, 224),
    OfAnyLength(Case("conv1d", CONV1D, (1, 16, 256), network=True), 200, 4000),
)


def many_sizes(
    contenders: Sequence[Contender], threads: int, sizes: Sizes
) -> Iterator[tuple[str, tuple[ManySizes, ...]]]:
    """Case by case."""
    able = [c for c in contenders if c.name in _BUILD]
    for one in CASES:
        rounds = []
        for _ in range(sizes.rounds):
            # Weights are read when they are needed: they lie there as long as a model is used.
            with tempfile.TemporaryDirectory() as folder:
                runs = {c.name: _BUILD[c.name](one.case, threads, Path(folder)) for c in able}
                rounds.append(_round(one, runs, sizes))
        yield one.case.name, tuple(_medians(found) for found in zip(*rounds, strict=True))


def shapes_of(one: OfAnyLength, count: int) -> list[tuple[int, ...]]:
    """Different shapes, in no order."""
    rng, found = np.random.default_rng(3), dict[tuple[int, ...], None]()
    samples, channels, *lengths = one.case.shape
    while len(found) < count:
        drawn = rng.integers(one.least, one.most, len(lengths), endpoint=True)
        found[samples, channels, *map(int, drawn)] = None
    return list(found)


def _round(one: OfAnyLength, runs: Mapping[str, Run], sizes: Sizes) -> list[ManySizes]:
    shapes = shapes_of(one, sizes.count)
    rng = np.random.default_rng(4)
    x = rng.standard_normal(one.case.shape, np.float32)
    for name, run in runs.items():
        run(_LAYOUT[name](x))
    inputs = [rng.standard_normal(shape, np.float32) for shape in shapes]
    spent = {name: [0.0, 0.0] for name in runs}
    apart = dict.fromkeys(runs, 0.0)
    for again in range(2):
        judges: list[Array] = []
        for name, run in runs.items():
            settle()
            outputs = []
            for x in inputs:
                given = _LAYOUT[name](x)
                started = time.perf_counter()
                y = run(given)
                spent[name][again] += time.perf_counter() - started
                outputs.append(_BACK[name](y))
            judges = judges or outputs
            for y, judge in zip(outputs, judges, strict=True):
                off = float(np.abs(y - judge).max() / np.abs(judge).max())
                apart[name] = max(apart[name], off)
    return [
        ManySizes(one.case.name, len(shapes), name, first, second, apart[name])
        for name, (first, second) in spent.items()
    ]


def _medians(found: Sequence[ManySizes]) -> ManySizes:
    return replace(
        found[0],
        first_s=statistics.median(one.first_s for one in found),
        second_s=statistics.median(one.second_s for one in found),
        difference=max(one.difference for one in found),
    )


def _convspec(math: MathMode) -> Build:
    def build(case: Case, threads: int, folder: Path) -> Run:
        from speccompiler.model import load

        (folder / math).mkdir()
        path, weights = write_model(case, folder / math, any_length=True)
        run: Run = load(path, weights=weights).compile(threads=threads, math=math).run
        return run

    return build


def _onnxruntime(case: Case, threads: int, folder: Path) -> Run:
    import onnxruntime

    from .onnx_model import INPUT, OUTPUT, onnx_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    model = onnx_model(case, any_length=True).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(x: Array) -> Array:
        y: Array = session.run([OUTPUT], {INPUT: x})[0]
        return y

    return run


def _as_it_is(x: Array) -> Array:
    return x


_BUILD: dict[str, Build] = {
    "convspec fast": _convspec("fast"),
    "convspec precise": _convspec("precise"),
    "onnxruntime": _onnxruntime,
}
_LAYOUT: dict[str, Callable[[Any], Array]] = {
    "convspec fast": channels_last,
    "convspec precise": channels_last,
    "onnxruntime": _as_it_is,
}
_BACK: dict[str, Callable[[Any], Array]] = {
    "convspec fast": channels_first,
    "convspec precise": channels_first,
    "onnxruntime": _as_it_is,
}
