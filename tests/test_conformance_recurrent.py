"""The real Keras 1.x judges recurrent layers: outputs, files, penalties, what it drew and refused.

``tests/golden-recurrent`` holds a few cases; ``CONVSPEC_GOLDEN_RECURRENT`` names a folder with all.
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
from speccompiler.diagnostics.core import SpecError
from speccompiler.weights.penalties import weight_penalties
from tests.cases import build
from tests.extra_targets import EXTRA_TARGETS
from tests.golden_calls import assert_calls
from tests.places import GOLDEN_RECURRENT, OWN_GOLDEN_RECURRENT

TARGETS = ("reference", "cpu", *EXTRA_TARGETS)
TOLERANCE = 1e-5
EXPLODING = {"rnn_gru_inner_linear": 1e-3}
"""A state that grows without bound: float32 has few digits left of it."""


@dataclass(frozen=True)
class Golden:
    """One case's folder."""

    folder: Path

    @cached_property
    def meta(self) -> Any:
        return json.loads((self.folder / "meta.json").read_text())

    @property
    def semantics(self) -> Any:
        """The backend, and the release of it that older Keras ran on."""
        old = self.meta["backend"] == "theano" and self.meta["keras_version"] < "1.2"
        return self.meta["backend"] + ("-0.8" if old else "")

    def arrays(self, key: str) -> list[np.ndarray]:
        return [np.load(self.folder / name) for name in self.meta[key]]

    def load(self, tmp_path: Path, file: str = "model.json") -> speccompiler.Model:
        """The model of a file, with the weights that the file or another one holds.

        ``get_config`` forgets the stride of a ConvLSTM2D, which the case was run with.
        """
        path = self.folder / file
        weights = None if file == "model.h5" else self.folder / "weights.npz"
        if file == "weights.h5":
            path, weights = self.folder / "model.json", path
        if "_s2_" in self.folder.name:
            written = json.loads(path.read_text())
            written["config"][0]["config"]["subsample"] = self.meta["layer"][1]["subsample"]
            path = tmp_path / "model.json"
            path.write_text(json.dumps(written))
        return speccompiler.load(
            path,
            weights=weights,
            semantics=self.semantics,
            dim_ordering=self.meta["image_dim_ordering"],
        )


FOUND = [
    folder.parent
    for root in (OWN_GOLDEN_RECURRENT, GOLDEN_RECURRENT)
    for folder in sorted(root.glob("keras-1.*/*/meta.json"))
]


def params(found: list[Path]) -> list[Any]:
    own = OWN_GOLDEN_RECURRENT
    return [
        pytest.param(Golden(f), id=("own-" if own in f.parents else "") + "-".join(f.parts[-2:]))
        for f in found
    ]


def assert_outputs(golden: Golden, model: speccompiler.Model) -> None:
    given = dict(zip(model.input_names, golden.arrays("inputs"), strict=True))
    bound = {name: x.shape[1:] for name, x in given.items()}
    tolerance = EXPLODING.get(golden.folder.name, TOLERANCE)
    for target in TARGETS:
        outputs = model.compile(target, input_shape=bound).run(given)
        found = outputs if isinstance(outputs, list) else [outputs]
        for y, expected in zip(found, golden.arrays("outputs"), strict=True):
            assert y.shape == expected.shape
            error = np.abs(y - expected).max() / np.abs(expected).max()
            assert error < tolerance, f"{target} is off by {error:.1e}"


@pytest.mark.skipif(not GOLDEN_RECURRENT.is_dir(), reason="CONVSPEC_GOLDEN_RECURRENT is not there")
def test_the_subset_is_a_copy_and_the_whole_is_all_of_it():
    for file in OWN_GOLDEN_RECURRENT.rglob("*"):
        if file.is_file() and file.name != "README.md":
            other = GOLDEN_RECURRENT / file.relative_to(OWN_GOLDEN_RECURRENT)
            assert file.read_bytes() == other.read_bytes(), file
    assert sum(GOLDEN_RECURRENT in f.parents for f in FOUND) >= 675


@pytest.mark.parametrize("golden", params(FOUND))
def test_output_is_what_keras_gave(golden, tmp_path):
    model = golden.load(tmp_path)
    said = golden.meta["output_shape"]
    nodes = model.graph.by_name()
    announced = said if isinstance(said[0], list) else [said]
    if "_s2_" not in golden.folder.name:
        for name, shape in zip(model.graph.outputs, announced, strict=True):
            found = [dim if isinstance(dim, int) else None for dim in nodes[name].shape]
            assert all(n in (None, m) for n, m in zip(shape[1:], found, strict=True))
    assert_outputs(golden, model)


STATEFUL = [f for f in FOUND if "calls" in Golden(f).meta]


@pytest.mark.parametrize("golden", params(STATEFUL))
def test_further_calls_go_on_from_the_state(golden, tmp_path):
    assert_calls(golden.folder, golden.load(tmp_path), TARGETS)


def files() -> list[Any]:
    names = ("model.yaml", "model.h5", "weights.h5")
    return [
        pytest.param(Golden(f), name, id=f"{'-'.join(f.parts[-2:])}-{name}")
        for f in FOUND
        for name in names
        if (f / name).exists()
    ]


@pytest.mark.parametrize(("golden", "file"), files())
def test_every_file_that_keras_wrote(golden, file, tmp_path):
    assert_outputs(golden, golden.load(tmp_path, file))


@pytest.mark.parametrize("golden", params(FOUND))
def test_tensors_have_kerass_order_and_shapes(golden, tmp_path):
    if golden.meta["weight_names"] is None or golden.folder.name.startswith("m_"):
        pytest.skip("the layers of a whole model may be in another order")
    model = golden.load(tmp_path)
    stored = {w.name: w.stored_shape for w in model.graph.weights()}
    names = [(str(layer.name), tensor) for layer in model.spec.layers for tensor in layer.stored]
    shapes = [list(stored[name]) for name in names if name in stored]
    assert shapes == golden.meta["weight_shapes"]
    ends = [tensor.split("_", 1)[-1] if "ward_" in tensor else tensor for _, tensor in names]
    for name, end in zip(golden.meta["weight_names"], [e for e, n in zip(ends, names, strict=True)
                         if n in stored], strict=True):  # fmt: skip
        assert name.removesuffix(":0").endswith(f"_{end}") or f"_{end}_" in name


PENALISED = [f for f in FOUND if "_reg" in f.name]


@pytest.mark.parametrize("golden", params(PENALISED))
def test_penalties(golden, tmp_path):
    model = golden.load(tmp_path)
    found = weight_penalties(model.spec, model.weight_sources.tensors)
    if golden.meta.get("penalties") is None:
        # Nothing was recorded of older releases, nor where there is none.
        current = golden.meta["keras_version"] == "1.2.2" or "convlstm" in golden.folder.name
        assert not found or not current
        return
    losses = [item for by in golden.meta["penalties"].values() for item in by.items()]
    assert len(found) == sum(int(name.split("_")[2]) for name, _ in losses)
    total = sum(value for _, value in losses)
    assert sum(p.value for p in found) == pytest.approx(total, rel=1e-5)


DRAWN = [f for f in FOUND if Golden(f).meta.get("initial_1d_weights")]


@pytest.mark.parametrize("golden", params(DRAWN))
def test_biases_are_drawn_as_keras_draws_them(golden):
    """Those of the forget gates are 1, of the other gates 0."""
    model = speccompiler.load(
        golden.folder / "model.json",
        seed=0,
        semantics=golden.semantics,
        dim_ordering=golden.meta["image_dim_ordering"],
    )
    drawn: dict[str, list[float]] = {}
    for weight, array in model.weight_sources.read().items():
        if array.ndim == 1:
            direction, _, own = weight.tensor.partition("_")
            name = f"{direction}_*_{own}" if direction.endswith("ward") else f"*_{weight.tensor}"
            drawn.setdefault(name, []).append(array.tolist())
    for name, values in golden.meta["initial_1d_weights"].items():
        bare = name.removesuffix(":0")
        ends = [n for n in drawn if bare.endswith(n.rpartition("*")[2]) and
                bare.startswith(n.rpartition("*")[0])]  # fmt: skip
        assert any(values in drawn[end] for end in ends), name


REFUSED = {
    "bi_bad_merge": "CS023",
    "bi_dense": "CS026",
    "convlstm_tf_unroll": "CS022",
    "convlstm_th_unroll": "CS022",
    "rnn_gru_bad_consume_less": "CS023",
    "rnn_lstm_bad_consume_less": "CS023",
    "td_2d_input": "CS038",
}
"""What means nothing, or nothing that a layer has."""
NOTED = {
    "bi_lstm_none_last",
    "bi_mask_lstm_none_last",
    "bi_lstm_out1_time1",
    "convlstm_full",
    "convlstm_masking",
    "rnn_gru_none_length_unroll",
    "rnn_lstm_none_length_unroll",
    "rnn_simplernn_none_length_unroll",
    "rnn_lstm_batch1_out1_time1",
    "rnn_lstm_out1_last",
    "rnn_lstm_out1_seq",
    "rnn_mask_lstm_relu_out1",
}
"""What the backend could not do, though it has a meaning: CS055."""
TAKEN = {
    "bi_gru_inner_shape",
    "bi_lstm_inner_shape",
    "bi_simplernn_inner_shape",
    "rnn_unroll_after_lstm",
    "rnn_gru_stateful_no_batch",
    "rnn_lstm_stateful_no_batch",
    "rnn_simplernn_stateful_no_batch",
}
"""What Keras asked for in another way: here the input's shape is said by the model."""


def rejected() -> list[Any]:
    """What 1.2.2 refuses, but for the masks, which tests of their own look at."""
    found = []
    for root in (OWN_GOLDEN_RECURRENT, GOLDEN_RECURRENT):
        for file in sorted(root.glob("keras-1.2.2-*/rejected.json")):
            backend = file.parent.name.rsplit("-", 1)[1]
            for name, entry in json.loads(file.read_text()).items():
                if not name.startswith("mask"):
                    own = "own-" if root == OWN_GOLDEN_RECURRENT else ""
                    found.append(pytest.param(backend, name, entry, id=f"{own}{backend}-{name}"))
    return found


def spelt(layer: Any) -> dict[str, Any]:
    """A layer of a native spec."""
    kind, arguments = layer
    inner = {"layer": spelt(arguments["layer"])} if "layer" in arguments else {}
    return {"type": kind, **arguments, **inner}


@pytest.mark.parametrize(("backend", "name", "entry"), rejected())
def test_what_keras_refuses(backend, name, entry):
    layers = entry["layer"] if isinstance(entry["layer"][0], list) else [entry["layer"]]
    samples, *shape = entry["input_shapes"][0]
    declared = [None, *shape[1:]] if "none_length" in name else shape
    header = {"semantics": backend, "dim_ordering": entry["image_dim_ordering"]}
    make = [spelt(layer) for layer in layers]
    if name in REFUSED:
        with pytest.raises(SpecError) as caught:
            build(make, declared, **header)
        assert [d.code for d in caught.value.diagnostics] == [REFUSED[name]]
        return
    model = build(make, declared, **header)
    assert [d.code for d in model.diagnostics] == ["CS055"] * (name in NOTED)
    assert name in {*NOTED, *TAKEN}
    x = np.random.default_rng(0).standard_normal((samples, *shape)).astype(np.float32)
    one, *others = (model.compile(t, input_shape=shape).run(x) for t in TARGETS)
    for other in others:
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(one).max())
