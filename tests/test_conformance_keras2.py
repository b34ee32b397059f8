"""Keras 2, tf.keras and Keras 3 judge: their files, their weights, their outputs, their penalties.

``tests/golden-keras2`` holds a few cases; ``CONVSPEC_GOLDEN_KERAS2`` names a folder with all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.loading.spec import load_spec
from speccompiler.model import check
from speccompiler.source.files import read_document
from speccompiler.source.texts import parse_document
from speccompiler.weights.penalties import activity_regularizers
from tests.extra_targets import EXTRA_TARGETS
from tests.golden_calls import assert_calls
from tests.places import GOLDEN_KERAS2, OWN_GOLDEN_KERAS2

ROOTS = [OWN_GOLDEN_KERAS2, *([GOLDEN_KERAS2] if GOLDEN_KERAS2.is_dir() else [])]
TARGETS = ("reference", "cpu", *EXTRA_TARGETS)
TOLERANCE = 1e-5
LOST = {
    "k2_up2d_bilinear": "tf.keras 1.14 does not write the interpolation, and reads nearest itself",
    "k2_up2d_bilinear_3x2": "as above",
}
"""Cases of tf.keras 1.14 whose file does not hold what computed the output."""


@dataclass(frozen=True)
class Golden:
    """One case's folder."""

    folder: Path

    @cached_property
    def meta(self) -> Any:
        return json.loads((self.folder / "meta.json").read_text())

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        return [np.load(self.folder / name) for name in self.meta["inputs"]]

    @property
    def given(self) -> Any:
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        return [np.load(self.folder / name) for name in self.meta["outputs"]]

    @property
    def weights(self) -> Path | None:
        """The arrays of ``get_weights()``, each under the name that Keras gave it."""
        path = self.folder / "weights.npz"
        with np.load(path) as stored:
            return path if stored.files else None

    def load(self, file: str = "model.json", **options: Any) -> speccompiler.Model:
        return speccompiler.load(self.folder / file, **options)


def cases(having: str = "model.json") -> list[Any]:
    found = []
    for root in ROOTS:
        own = "own-" if root == OWN_GOLDEN_KERAS2 else ""
        for folder in sorted(file.parent for file in root.glob(f"*/*/{having}")):
            found.append(pytest.param(Golden(folder), id=own + "-".join(folder.parts[-2:])))
    return found


def held(golden: Golden) -> bool:
    """Whether the file says all that computed the output."""
    case = golden.folder
    return not (case.name in LOST and case.parent.name.startswith("tf.keras-1."))


def test_the_subset_is_a_copy() -> None:
    assert sum(p.stat().st_size for p in OWN_GOLDEN_KERAS2.rglob("*") if p.is_file()) < 300_000
    if not GOLDEN_KERAS2.is_dir():
        pytest.skip("CONVSPEC_GOLDEN_KERAS2 is not there")
    assert len(list(GOLDEN_KERAS2.glob("*/*/meta.json"))) == 1077
    for file in OWN_GOLDEN_KERAS2.rglob("*"):
        if file.is_file() and file.name != "README.md":
            other = GOLDEN_KERAS2 / file.relative_to(OWN_GOLDEN_KERAS2)
            assert file.read_bytes() == other.read_bytes(), file


@pytest.mark.parametrize("golden", cases())
def test_output_is_what_keras_gave(golden: Golden) -> None:
    model = golden.load(weights=golden.weights)
    assert [d for d in model.diagnostics if d.severity is not Severity.NOTE] == []
    bound = {name: x.shape[1:] for name, x in zip(model.input_names, golden.inputs, strict=True)}
    for target in TARGETS:
        outputs = model.compile(target, input_shape=bound).run(golden.given)
        found = outputs if isinstance(outputs, list) else [outputs]
        for y, expected in zip(found, golden.outputs, strict=True):
            assert y.dtype == np.float32
            assert y.shape == expected.shape
            if held(golden):
                assert_equal(y, expected)


STATEFUL = [case for case in cases() if "calls" in case.values[0].meta]


@pytest.mark.parametrize("golden", STATEFUL)
def test_further_calls_go_on_from_the_state(golden: Golden) -> None:
    assert_calls(golden.folder, golden.load(weights=golden.weights), TARGETS)


def assert_equal(y: np.ndarray, expected: np.ndarray) -> None:
    """Keras gives NaN for a mean over no steps."""
    assert np.array_equal(np.isnan(y), np.isnan(expected))
    y, expected = np.nan_to_num(y), np.nan_to_num(expected)
    assert np.abs(y - expected).max() <= TOLERANCE * np.abs(expected).max()


PACKED = [
    pytest.param(*case.values, file, id=f"{case.id}-{file}")
    for file in ("model.yaml", "model.h5", "model.keras")
    for case in cases(file)
]


@pytest.mark.parametrize(("golden", "file"), PACKED)
def test_every_file_says_what_json_says(golden: Golden, file: str) -> None:
    found = []
    for name in ("model.json", file):
        loaded = load_spec(read_document(golden.folder / name))
        assert [d for d in loaded.diagnostics if d.severity is Severity.ERROR] == []
        assert loaded.spec is not None
        found.append(loaded.spec)
    by_json, other = found
    assert other.layers == by_json.layers
    assert (other.calls, other.outputs) == (by_json.calls, by_json.outputs)
    assert other.semantics == by_json.semantics


REGULARISED = [
    case for case in cases()
    if "test_loss_mse_vs_zeros" in case.values[0].meta and case.values[0].weights
]  # fmt: skip


@pytest.mark.parametrize("golden", REGULARISED)
def test_penalties(golden: Golden) -> None:
    """tf.keras and Keras 3 divide what an output costs by the number of samples."""
    model = golden.load(weights=golden.weights)
    terms = activity_regularizers(model.spec)
    (x,), (y,) = golden.inputs, golden.outputs
    compiled = model.compile("reference", input_shape=x.shape[1:], layers=list(terms))
    total = sum(penalty.value for penalty in compiled.penalties)
    outputs = compiled.run_all(x)
    for layer, term in terms.items():
        total += term.of_run(term.accumulate(0.0, outputs[layer]), len(x))
    mse = float(np.mean(np.square(y, dtype=np.float64)))
    assert mse + total == pytest.approx(golden.meta["test_loss_mse_vs_zeros"], rel=1e-5)


REFUSED = {
    "k2_mask_conv1d": "CS210",
    "k2_mask_flatten": "CS210",
    "k2_mask_gavg1d": "CS210",
    "k2_mask_gmax1d": "CS210",
    "k2_merge_add_broadcast": "CS063",
    "k2_merge_maximum_broadcast": "CS063",
    "k2_merge_multiply_broadcast_rank": "CS063",
}
"""What a release refused of models that a later one builds: a file may be of the older one."""


def rejected() -> list[Any]:
    """None of tf.keras 1.14: TensorFlow 2.1, which drops such masks, wrote the same version."""
    found = []
    for file in sorted(GOLDEN_KERAS2.glob("keras-2.*/rejected.json")):
        for name, entry in json.loads(file.read_text()).items():
            if name in REFUSED and entry["stage"] == "build":
                folder = file.parent.name
                version = folder.split("-")[1]
                found.append(pytest.param(version, name, entry, id=f"{folder}-{name}"))
    return found


@pytest.mark.parametrize(("version", "name", "entry"), rejected())
def test_what_a_release_refused(version: str, name: str, entry: Any) -> None:
    shapes = [[None, *shape[1:]] for shape in entry["input_shapes"]]
    model: Any
    if isinstance(entry["layer"], str):
        model = merged(entry["layer"].split()[0], shapes)
    else:
        layers = [layer(kind, f"l{n}", **a) for n, (kind, a) in enumerate(entry["layer"])]
        layers[0]["config"]["batch_input_shape"] = shapes[0]
        model = {"class_name": "Sequential", "config": layers}
    text = json.dumps({**model, "keras_version": version, "backend": "tensorflow"})
    found, diagnostics = check(parse_document(text, "m.json"))
    assert found is None
    assert codes(diagnostics) == [REFUSED[name]]


def codes(found: tuple[Diagnostic, ...]) -> list[str]:
    return [d.code for d in found if d.severity is Severity.ERROR]


def layer(kind: str, name: str, **arguments: Any) -> dict[str, Any]:
    full = {"name": name, **arguments}
    if isinstance(full.get("kernel_size"), int):
        full["kernel_size"] = [full["kernel_size"]]
    return {"class_name": kind, "config": full}


def merged(kind: str, shapes: list[Any]) -> dict[str, Any]:
    """A model of one layer on several inputs."""
    names = [f"i{n}" for n in range(len(shapes))]
    members: list[dict[str, Any]] = [
        {**layer("InputLayer", name, batch_input_shape=shape), "name": name, "inbound_nodes": []}
        for name, shape in zip(names, shapes, strict=True)
    ]
    reads = [[[name, 0, 0, {}] for name in names]]
    members.append({**layer(kind, "m"), "name": "m", "inbound_nodes": reads})
    config = {
        "name": "model",
        "layers": members,
        "input_layers": [[name, 0, 0] for name in names],
        "output_layers": [["m", 0, 0]],
    }
    return {"class_name": "Model", "config": config}


WITH_WEIGHTS = [
    pytest.param(*case.values, file, id=f"{case.id}-{file}")
    for file in (
        "model.h5", "model.keras", "weights.h5", "model.weights.h5", "v3.weights.h5",
    )
    for case in cases(file)
]  # fmt: skip


@pytest.mark.parametrize(("golden", "file"), WITH_WEIGHTS)
def test_every_file_holds_the_same_weights(golden: Golden, file: str) -> None:
    whole = file in {"model.h5", "model.keras"}
    model = golden.load(file) if whole else golden.load(weights=golden.folder / file)
    found = {w.name: array for w, array in model.weight_sources.read().items()}
    named = golden.load(weights=golden.weights).weight_sources.read()
    assert found.keys() == {w.name for w in named}
    assert all(np.array_equal(found[w.name], array) for w, array in named.items())
