"""Direct convolutions that read and write channels first: the bits of those between transposes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from speccompiler.model import load
from speccompiler.planning import plan as planning

CASES = {
    "whole tiles": ((64, 20, 20), 64, 3, {}),
    "few channels": ((3, 37, 43), 8, 3, {"subsample": [2, 2]}),
    "odd channels": ((17, 9, 7), 33, 3, {"border_mode": "same"}),
    "a product": ((64, 30, 30), 32, 1, {}),
    "a product of odd sizes": ((70, 7, 7), 40, 1, {}),
    "a step over columns": ((40, 12, 12), 48, 1, {"subsample": [2, 2]}),
    "wide windows": ((5, 40, 40), 100, 5, {"subsample": [3, 3]}),
    "dilated": ((16, 30, 31), 16, 3, {"atrous_rate": [2, 2], "type": "AtrousConvolution2D"}),
    "dilated over the edge": (
        (20, 21, 19),
        17,
        3,
        {"atrous_rate": [2, 5], "type": "AtrousConvolution2D", "border_mode": "same"},
    ),
    "several chains": ((200, 13, 13), 31, 3, {"border_mode": "same"}),
    "a volume": ((20, 5, 9, 8), 24, 3, {}),
}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("name", CASES)
def test_planes(name, activation, tmp_path: Path, monkeypatch):
    shape, filters, size, more = CASES[name]
    rank = len(shape) - 1
    sizes = {2: ("nb_row", "nb_col"), 3: ("kernel_dim1", "kernel_dim2", "kernel_dim3")}[rank]
    layer = {"type": f"Convolution{rank}D", "name": "c", "nb_filter": filters, **more}
    layer |= {"activation": activation} | dict.fromkeys(sizes, size)
    spec = {"convspec": 1, "inputs": {"x": list(shape)}, "dim_ordering": "th", "layers": [layer]}
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(spec))
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((filters, shape[0], *[size] * rank)) / 9
    np.savez(tmp_path / "w.npz", **{"c/W": kernel, "c/b": rng.standard_normal(filters)})
    model = load(path, weights=tmp_path / "w.npz")
    x = rng.standard_normal((3, *shape)).astype(np.float32)

    compiled = model.compile(math="precise", batch_size=3, threads=2)
    (step,) = compiled.plan.steps
    assert (step.reads_planes, step.writes_planes) == (True, True)
    y = compiled.run(x)
    reference = model.compile("reference").run(x)
    assert np.abs(y - reference).max() <= 5e-6 * np.abs(reference).max()

    monkeypatch.setattr(planning, "take_in_transposes", lambda graph, work: list(work))
    apart = model.compile(math="precise", batch_size=3, threads=2)
    assert [step.kernel for step in apart.plan.steps][::2] == ["transpose", "transpose"]
    assert np.array_equal(apart.run(x), y)


def test_a_transpose_between_two_convolutions(tmp_path: Path):
    """Of two axes it brings channels first and last alike: one of the two takes it in."""
    layer = {"type": "Convolution1D", "filter_length": 3}
    turned = {"type": "Permute", "dims": [2, 1]}
    layers = [{**layer, "nb_filter": 64}, turned, {**layer, "nb_filter": 40}]
    path = tmp_path / "model.yaml"
    spec = {"convspec": 1, "inputs": {"x": [50, 32]}, "seed": 1, "layers": layers}
    path.write_text(yaml.safe_dump(spec))
    model = load(path)
    x = np.random.default_rng(0).standard_normal((2, 50, 32)).astype(np.float32)
    compiled = model.compile(math="precise", batch_size=2, threads=1)
    assert [step.kernel for step in compiled.plan.steps] == ["conv", "conv"]
    reference = model.compile("reference").run(x)
    assert np.abs(compiled.run(x) - reference).max() <= 5e-6 * np.abs(reference).max()
