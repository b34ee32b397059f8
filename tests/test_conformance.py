"""The real Keras 1.x judges: its files, its weights, its outputs, its penalties, its refusals.

``tests/golden`` holds a few cases; ``CONVSPEC_GOLDEN`` names a folder with all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.model import check
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS
from speccompiler.source.files import read_document
from speccompiler.weights.penalties import activity_regularizers, project
from tests.cases import build
from tests.extra_targets import EXTRA_TARGETS
from tests.places import GOLDEN, OWN_GOLDEN

ROOTS = [OWN_GOLDEN, *([GOLDEN] if GOLDEN.is_dir() else [])]
TARGETS = ("reference", "cpu", *EXTRA_TARGETS)
TOLERANCE = 1e-5


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
        backend = self.meta["backend"]
        return backend + "-0.8" if backend == "theano" and self.version < "1.2" else backend

    @property
    def version(self) -> str:
        return str(self.meta["keras_version"])

    @property
    def ordering(self) -> Any:
        """What the layers that do not say it were built with."""
        given = self.meta["layer"][1] if self.meta["kind"] == "single" else {}
        said = given.get("dim_ordering", "default")
        return self.meta["image_dim_ordering"] if said == "default" else said

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        return [np.load(self.folder / name) for name in self.meta["inputs"]]

    @property
    def input(self) -> np.ndarray:
        """The only one."""
        (x,) = self.inputs
        return x

    @property
    def given(self) -> Any:
        """As a run takes it."""
        return self.inputs if len(self.inputs) > 1 else self.input

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """By the rule that convspec follows: padding clamped at 0."""
        clamped = self.folder / "output_tf1.14.0.npy"
        assert clamped.exists() == bool(self.meta.get("tf_version_dependent"))
        if clamped.exists() and self.semantics == "tensorflow":
            return [np.load(clamped)]
        return [np.load(self.folder / name) for name in self.meta.get("outputs", ["output.npy"])]

    @property
    def output(self) -> np.ndarray:
        """The only one."""
        (y,) = self.outputs
        return y

    def bound(self, model: speccompiler.Model) -> dict[str, Any]:
        """The shapes of the inputs, by their names."""
        shapes = [x.shape[1:] for x in self.inputs]
        return dict(zip(model.input_names, shapes, strict=True))

    def load(self, file: str = "model.json", semantics: Any = None) -> speccompiler.Model:
        return speccompiler.load(
            self.folder / file,
            weights=self.folder / "weights.npz",
            semantics=semantics or self.semantics,
            dim_ordering=self.ordering,
        )


def class_names(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(class_names, node))
    if not isinstance(node, dict):
        return set()
    own = {node["class_name"]} if "class_name" in node else set()
    return own.union(*map(class_names, node.values()))


def in_scope(folder: Path) -> bool:
    """A model of this version's layers."""
    names = class_names(json.loads((folder / "model.json").read_text()))
    return names <= {*LAYERS, "Sequential", "Model"}


@lru_cache
def folders(root: Path, versions: str) -> list[Path]:
    return sorted(p.parent for p in root.glob(f"keras-{versions}-*/*/meta.json"))


def params(found: list[Path]) -> list[Any]:
    return [
        pytest.param(
            Golden(f), id=("own-" if OWN_GOLDEN in f.parents else "") + "-".join(f.parts[-2:])
        )
        for f in found
    ]


CURRENT = [f for root in ROOTS for f in folders(root, "1.2.2") if in_scope(f)]
OLDER = [f for root in ROOTS for v in ("1.0.*", "1.1.*") for f in folders(root, v) if in_scope(f)]
DEGENERATE = [f for f in CURRENT + OLDER if Golden(f).meta.get("degenerate")]
SOUND = [f for f in CURRENT if f not in DEGENERATE]


def assert_outputs(golden: Golden, model: speccompiler.Model) -> None:
    for target in TARGETS:
        outputs = model.compile(target, input_shape=golden.bound(model)).run(golden.given)
        found = outputs if isinstance(outputs, list) else [outputs]
        for y, expected in zip(found, golden.outputs, strict=True):
            assert y.dtype == np.float32
            assert y.shape == expected.shape
            error = np.abs(y - expected).max() / np.abs(expected).max()
            assert error < TOLERANCE, f"{target} is off by {error:.1e}"


def assert_announced_shape(golden: Golden, model: speccompiler.Model) -> None:
    said = golden.meta["output_shape"]
    nodes = model.graph.by_name()
    shapes = [nodes[name].shape for name in model.graph.outputs]
    for inferred, announced in zip(
        shapes, said if isinstance(said[0], list) else [said], strict=True
    ):
        found = [dim if isinstance(dim, int) else None for dim in inferred]
        assert found == list(announced)[1:]


UNSEEN = {
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "GaussianNoise",
    "LeakyReLU", "ELU", "ThresholdedReLU", "PReLU", "ParametricSoftplus", "SReLU", "Masking",
    "ActivityRegularization", "Highway", "MaxoutDense", "TimeDistributedDense",
    "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM2D",  # in golden-recurrent
    "AtrousConvolution1D", "LocallyConnected1D", "LocallyConnected2D", "GlobalMaxPooling2D",
}  # fmt: skip


def test_the_subset_means_something():
    names = set().union(*(class_names(json.loads((f / "model.json").read_text())) for f in CURRENT
                          if OWN_GOLDEN in f.parents))  # fmt: skip
    # These are in no case of the whole collection: most are worked by hand in tests/lowering.
    assert set(LAYERS) - NATIVE_LAYERS - names == UNSEEN
    assert {Golden(f).semantics for f in CURRENT if OWN_GOLDEN in f.parents} == {
        "tensorflow",
        "theano",
    }
    assert sum(p.stat().st_size for p in OWN_GOLDEN.rglob("*") if p.is_file()) < 300_000


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="CONVSPEC_GOLDEN is not there")
def test_the_subset_is_a_copy():
    for file in OWN_GOLDEN.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert file.read_bytes() == (GOLDEN / file.relative_to(OWN_GOLDEN)).read_bytes(), file


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="CONVSPEC_GOLDEN is not there")
def test_nothing_is_left_out_by_accident():
    whole = [f for f in SOUND if GOLDEN in f.parents]
    assert len(whole) >= 846
    every = [f for f in CURRENT + OLDER if GOLDEN in f.parents]
    assert len(every) == len(list(GOLDEN.glob("keras-1.*-*/*/meta.json")))


@pytest.mark.parametrize("golden", params(SOUND))
def test_output_is_what_keras_gave(golden):
    model = golden.load()
    assert_announced_shape(golden, model)
    assert_outputs(golden, model)


@pytest.mark.parametrize("golden", params(OLDER))
def test_output_is_what_older_keras_gave(golden):
    model = golden.load()
    assert_announced_shape(golden, model)
    assert_outputs(golden, model)


SKIPPING = [
    f for f in SOUND
    if Golden(f).meta.get("tf_version_dependent") and Golden(f).semantics == "tensorflow"
]  # fmt: skip


@pytest.mark.parametrize("golden", params(SKIPPING))
def test_old_tensorflow_skips_inputs(golden):
    """The same files under the rule of the release that computed them: TensorFlow 1.0.1."""
    model = golden.load(semantics="tensorflow-1.0")
    assert_announced_shape(golden, model)
    expected = np.load(golden.folder / "output.npy")
    assert not np.array_equal(expected, golden.output)
    for target in TARGETS:
        y = model.compile(target, input_shape=golden.bound(model)).run(golden.given)
        assert np.abs(y - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("golden", params(DEGENERATE))
@pytest.mark.parametrize("target", TARGETS)
def test_where_keras_itself_fails(golden, target):
    """Refused, or a sane result with a warning; never NaN."""
    if golden.meta["degenerate"] == ["empty output"]:
        with pytest.raises(SpecError) as caught:
            golden.load()
        assert [d.code for d in caught.value.diagnostics] == ["CS044"]
        return
    if golden.folder.name == "m_f_merge_dot_cos":
        # Keras announces (N, 1) for cos and gives (N, 1, 1): that is what there is to follow.
        assert_outputs(golden, golden.load())
        return
    model = golden.load()
    assert [d.code for d in model.diagnostics] == ["CS051"]
    assert_announced_shape(golden, model)
    y = model.compile(target).run(golden.input)
    assert np.isfinite(y).all()
    assert y.shape[1:] == tuple(golden.meta["output_shape"])[1:]
    # The rule of the 2-D layers: an axis with a window of 1 is only strided, so the values
    # are those of the axes that the original gets right.
    assert golden.input.min() <= y.min() <= y.max() <= golden.input.max()


@pytest.mark.parametrize("golden", params([f for f in SOUND if "penalties" in Golden(f).meta]))
@pytest.mark.parametrize("target", TARGETS)
def test_penalties(golden, target):
    model = golden.load()
    activities = activity_regularizers(model.spec)
    compiled = model.compile(target, input_shape=golden.input.shape[1:], layers=list(activities))
    found = {(p.layer, p.term): p.value for p in compiled.penalties}
    outputs = compiled.run_all(golden.input)
    for layer, term in activities.items():
        found[layer, "activity"] = term.accumulate(0.0, outputs[layer])
    expected = {
        (layer, term): value
        for layer, terms in golden.meta["penalties"].items()
        for term, value in terms.items()
    }
    assert found == pytest.approx(expected, rel=1e-5)
    assert sum(found.values()) == pytest.approx(golden.meta["penalty_total"], rel=1e-5)
    mse = float(np.mean(np.square(golden.output, dtype=np.float64)))
    assert mse + sum(found.values()) == pytest.approx(
        golden.meta["test_loss_mse_vs_zeros"], rel=1e-5
    )


CONSTRAINED = [f for f in CURRENT + OLDER if (f / "constrained.npz").exists()]


@pytest.mark.parametrize("golden", params(CONSTRAINED))
def test_constraints_project_as_keras_does(golden):
    model = golden.load()
    before = model.weight_sources.read()
    after = {(w.layer, w.tensor): a for w, a in project(model.spec, before).items()}
    expected = np.load(golden.folder / "constrained.npz")
    named = {f"{layer}_{tensor}": (layer, tensor) for layer, tensor in after}
    seen = set()
    for key in expected:
        tensor = named[key.removesuffix(":0")]
        np.testing.assert_allclose(after[tensor], expected[key], rtol=2e-6, atol=1e-9)
        seen.add(tensor)
    for weight, array in before.items():
        if (weight.layer, weight.tensor) not in seen:
            assert array is after[weight.layer, weight.tensor]


YAMLS = [f for f in CURRENT + OLDER if (f / "model.yaml").exists()]


@pytest.mark.parametrize("golden", params(YAMLS))
def test_yaml_says_what_json_says(golden):
    found = []
    for file in ("model.json", "model.yaml"):
        document = read_document(golden.folder / file)
        assert not document.diagnostics
        model, _ = check(document, semantics=golden.semantics, dim_ordering=golden.ordering)
        assert model is not None
        found.append(model.spec)
    by_json, by_yaml = found
    assert by_yaml.layers == by_json.layers
    # to_yaml() of some versions leaves keras_version out.
    assert by_yaml.model_copy(update={"keras_version": by_json.keras_version}) == by_json


REFUSED = {
    "avgpool1d_pool_longer_than_input_valid": "CS044",
    "conv1d_kernel_longer_than_input_valid": "CS044",
    "conv2d_tf_act_softmax": "CS043",
    "conv2d_tf_kernel_bigger_than_input_valid": "CS044",
    "conv2d_th_act_softmax": "CS043",
    "conv3d_tf_act_softmax": "CS043",
    "maxpool1d_pool_longer_than_input_valid": "CS044",
    "pad1d_negative": "CS025",
    "pad2d_int": "CS026",
}
BEYOND_KERAS = {
    "conv1d_full_k2_s1_n5",
    "conv1d_full_k3_s1_n5",
    "conv1d_full_k3_s2_n6",
    "conv1d_full_k4_s3_n6",
    "conv2d_tf_full_k2x3_s2x1",
    "conv2d_tf_full_k3x3_s1x1",
    "conv2d_th_full_k2x3_s2x1",
    "conv2d_th_full_k3x3_s1x1",
    "conv3d_tf_full_k2x2x2",
    "conv3d_th_full_k2x2x2",
    "up1d_none_len",
}


def rejected() -> list[Any]:
    found = []
    for root in ROOTS:
        for file in sorted(root.glob("keras-1.2.2-*/rejected.json")):
            backend = file.parent.name.rsplit("-", 1)[1]
            for name, entry in json.loads(file.read_text()).items():
                if not name.startswith("m_"):
                    own = "own-" if root == OWN_GOLDEN else ""
                    found.append(pytest.param(backend, name, entry, id=f"{own}{backend}-{name}"))
    return found


@pytest.mark.parametrize(("backend", "name", "entry"), rejected())
def test_what_keras_refuses(backend, name, entry):
    layer, arguments = entry["layer"]
    samples, *shape = entry["input_shapes"][0]
    declared = [None, shape[1]] if name == "up1d_none_len" else shape
    header = {"semantics": backend, "dim_ordering": entry["image_dim_ordering"]}
    make = [{"type": layer, **arguments}]
    if name in REFUSED:
        with pytest.raises(SpecError) as caught:
            build(make, declared, **header)
        assert [d.code for d in caught.value.diagnostics] == [REFUSED[name]]
        assert caught.value.diagnostics[0].span is not None
        return
    assert name in BEYOND_KERAS
    model = build(make, declared, **header)
    x = np.random.default_rng(0).standard_normal((samples, *shape)).astype(np.float32)
    one, *others = (model.compile(t, input_shape=shape).run(x) for t in TARGETS)
    for other in others:
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(one).max())
    if name == "up1d_none_len":
        assert np.array_equal(one, np.repeat(x, arguments["length"], axis=1))


FULL = [f for f in SOUND if "_full_" in f.name]


@pytest.mark.parametrize("golden", params(FULL))
@pytest.mark.parametrize("target", TARGETS)
def test_full_of_theano_with_flipped_kernels_is_full_of_tensorflow(golden, target, tmp_path):
    """Keras has 'full' on Theano only; there the one difference is the kernel's direction."""
    weights = dict(np.load(golden.folder / "weights.npz"))
    for name, w in weights.items():
        if w.ndim > 1:
            channels_first = golden.ordering == "th" and w.ndim == golden.input.ndim
            spatial = range(2, w.ndim) if channels_first else range(w.ndim - 2)
            weights[name] = np.flip(w, tuple(spatial))
    np.savez(tmp_path / "flipped.npz", **weights)
    model = speccompiler.load(
        golden.folder / "model.json",
        weights=tmp_path / "flipped.npz",
        semantics="tensorflow",
        dim_ordering=golden.ordering,
    )
    y = model.compile(target).run(golden.input)
    np.testing.assert_allclose(y, golden.output, atol=1e-5 * np.abs(golden.output).max())
