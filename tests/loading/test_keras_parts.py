"""Models inside TimeDistributed, and branches of a Merge that share layers, as Keras saves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.convert.conversion import convert
from speccompiler.convert.spec_text import spec_text
from speccompiler.diagnostics.core import Diagnostic
from speccompiler.model import check
from speccompiler.source.texts import parse_document

RNG = np.random.default_rng(5)
W1, W2, W3 = (RNG.standard_normal(s).astype(np.float32) for s in ((2, 4), (4, 3), (2, 4)))
B1, B2, B3 = (RNG.standard_normal(n).astype(np.float32) for n in (4, 3, 4))
A, B, C = (W1, B1), (W2, B2), (W3, B3)
X = RNG.standard_normal((5, 6, 2)).astype(np.float32)
FLAT = X[:, 0]


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def dense(name: str, size: int, **config: Any) -> dict[str, Any]:
    return layer("Dense", name=name, output_dim=size, **config)


def chain(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(layers)}


def node(part: dict[str, Any], *reads: Any) -> dict[str, Any]:
    """A layer of a functional model; each of ``reads`` is one of its calls."""
    return {**part, "name": part["config"]["name"], "inbound_nodes": list(reads)}


def functional(name: str, layers: Sequence[Any], inputs: Any, outputs: Any) -> dict[str, Any]:
    return {"class_name": "Model", "config": {
        "name": name, "layers": list(layers), "input_layers": inputs, "output_layers": outputs,
    }}  # fmt: skip


def given(name: str, *shape: int | None) -> dict[str, Any]:
    return node(layer("InputLayer", name=name, batch_input_shape=[None, *shape]))


def timed(inner: dict[str, Any], name: str = "td", **config: Any) -> dict[str, Any]:
    return layer("TimeDistributed", name=name, layer=inner, **config)


def h5(path: Path, groups: dict[str, list[tuple[str, np.ndarray]]]) -> Path:
    """As ``save_weights`` of Keras 1.x writes: a group for each layer of the outermost model."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in groups]
        for name, tensors in groups.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key, _ in tensors]
            for key, array in tensors:
                group[key] = array
    return path


def weights_of(**layers: tuple[np.ndarray, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    return [(f"{name}_{t}", a) for name, pair in layers.items()
            for t, a in zip("Wb", pair, strict=True)]  # fmt: skip


def saved(tmp_path: Path, model: dict[str, Any]) -> Path:
    path = tmp_path / "m.json"
    path.write_text(json.dumps({**model, "keras_version": "1.2.2"}))
    return path


def found_in(model: dict[str, Any]) -> list[Diagnostic]:
    return list(check(parse_document(json.dumps(model), "m.json"))[1])


def assert_gives(
    tmp_path: Path, model: dict[str, Any], groups: Any, x: Any, expected: np.ndarray
) -> speccompiler.Model:
    """From HDF5, by name and by order, and from .npz; and the converted spec gives the same."""
    path = saved(tmp_path, model)
    np.savez(tmp_path / "w.npz", **{key: a for tensors in groups.values() for key, a in tensors})
    file = h5(tmp_path / "w.h5", groups)
    options: list[dict[str, Any]] = [{"weights": tmp_path / "w.npz"}, {"weights": file}]
    options.append({"weights": file, "weights_by": "topology"})
    for option in options:
        loaded = speccompiler.load(path, **option)
        assert not [d for d in loaded.diagnostics if d.code != "CS049"]
        assert not loaded.weight_sources.diagnostics
        shapes = x.shape[1:] if isinstance(x, np.ndarray) else None
        y = loaded.compile("reference", input_shape=shapes).run(x)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6)
    if not all(isinstance(d, int) for entry in loaded.graph.inputs for d in entry.shape):
        return loaded
    converted = convert(loaded)
    converted.write_weights(tmp_path / "n.safetensors")
    native = tmp_path / "n.yaml"
    native.write_text(
        spec_text(converted, spec_path=native, weights_path=tmp_path / "n.safetensors")
    )
    again = speccompiler.load(native).compile("reference").run(x)
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=2e-6)
    return loaded


# --- TimeDistributed


def test_a_sequential_inside(tmp_path: Path) -> None:
    inner = chain(dense("a", 4, activation="tanh", batch_input_shape=[None, 2]), dense("b", 3))
    model = chain(timed(inner, batch_input_shape=[None, 6, 2], input_dtype="float32"))
    expected = np.tanh(X @ W1 + B1) @ W2 + B2
    loaded = assert_gives(tmp_path, model, {"td": weights_of(a=A, b=B)}, X, expected)
    assert loaded.input_names == ("a",)
    assert [(e.name, e.type, e.output_shape) for e in loaded.shapes().layers] == [
        ("a", "TimeDistributed", (6, 4)),
        ("b", "TimeDistributed", (6, 3)),
    ]


def test_a_sequential_in_a_sequential_inside_with_statistics(tmp_path: Path) -> None:
    """A nested model's weights: those that it trains, then the others (topology.py:952)."""
    inner = chain(chain(dense("a", 4), layer("BatchNormalization", name="bn", epsilon=1e-3)),
                  dense("b", 3))  # fmt: skip
    gamma, beta, mean = (RNG.standard_normal(4).astype(np.float32) for _ in range(3))
    variance = RNG.uniform(0.5, 2, 4).astype(np.float32)
    tensors = [*weights_of(a=A), ("bn_gamma", gamma), ("bn_beta", beta), *weights_of(b=B),
               ("bn_running_mean", mean), ("bn_running_std", variance)]  # fmt: skip
    normal = (X @ W1 + B1 - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    model = chain(timed(inner, batch_input_shape=[None, None, 2]))
    assert_gives(tmp_path, model, {"td": tensors}, X, normal @ W2 + B2)


INNER = functional(
    "inner",
    [
        given("in", 2),
        node(dense("a", 4), [["in", 0, 0]]),
        node(dense("c", 4), [["in", 0, 0]]),
        node(layer("Merge", name="s", mode="sum"), [["a", 0, 0], ["c", 0, 0]]),
        node(layer("Merge", name="m", mode="concat", concat_axis=1), [["s", 0, 0], ["a", 0, 0]]),
    ],
    [["in", 0, 0]],
    [["m", 0, 0]],
)


@pytest.mark.parametrize("place", ["first", "later", "functional"])
def test_a_functional_model_with_branches_inside(place: str, tmp_path: Path) -> None:
    one, other = X @ W1 + B1, X @ W3 + B3
    expected = np.concatenate([one + other, one], axis=-1)
    model = chain(timed(INNER, batch_input_shape=[None, 6, 2]))
    if place == "later":
        first = layer("Activation", name="z", activation="linear", batch_input_shape=[None, 6, 2])
        model = chain(first, timed(INNER))
    elif place == "functional":
        model = functional(
            "outer",
            [given("x", 6, 2), node(timed(INNER), [["x", 0, 0]]),
             node(layer("Activation", name="z", activation="linear"), [["td", 0, 0]])],
            [["x", 0, 0]], [["z", 0, 0]],
        )  # fmt: skip
    groups: dict[str, Any] = {"td": weights_of(a=A, c=C)}
    assert_gives(tmp_path, model, groups, X, expected)


def test_shared_layers_inside_and_calls_of_the_wrapper(tmp_path: Path) -> None:
    """The wrapper's calls are counted from 0; weights are stored once."""
    square = (RNG.standard_normal((2, 2)).astype(np.float32), np.ones(2, np.float32))
    inner = functional(
        "inner",
        [given("in", 2), node(dense("a", 2), [["in", 0, 0]], [["a", 0, 0]])],
        [["in", 0, 0]], [["a", 1, 0]],
    )  # fmt: skip
    model = functional(
        "outer",
        [given("x", 6, 2), given("y", 3, 2), node(timed(inner), [["x", 0, 0]], [["y", 0, 0]]),
         node(layer("Merge", name="m", mode="concat", concat_axis=1),
              [["td", 0, 0], ["td", 1, 0]])],
        [["x", 0, 0], ["y", 0, 0]], [["m", 0, 0]],
    )  # fmt: skip
    both = X @ square[0] + 1
    both = both @ square[0] + 1
    path = saved(tmp_path, model)
    weights = h5(tmp_path / "w.h5", {"td": weights_of(a=square)})
    loaded = speccompiler.load(path, weights=weights)
    y = loaded.compile("reference").run({"x": X, "y": X[:, :3]})
    expected = np.concatenate([both, both[:, :3]], axis=1)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6)
    assert [call.name for call in loaded.spec.calls if call.layer == "a"] == [
        "a", "a@2", "a@3", "a@4"
    ]  # fmt: skip


def test_an_image_of_each_step(tmp_path: Path) -> None:
    kernel = RNG.standard_normal((2, 2, 1, 3)).astype(np.float32)
    conv = layer("Convolution2D", name="k", nb_filter=3, nb_row=2, nb_col=2, dim_ordering="tf",
                 bias=False, batch_input_shape=[None, 4, 4, 1])  # fmt: skip
    inner = chain(conv, layer("MaxPooling2D", name="p", pool_size=[3, 3], dim_ordering="tf"),
                  layer("Flatten", name="f"))  # fmt: skip
    x = RNG.standard_normal((2, 3, 4, 4, 1)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(x[..., 0], (2, 2), axis=(2, 3))
    expected = np.einsum("btijrc,rcf->btijf", windows, kernel[:, :, 0]).max(axis=(2, 3))
    path = saved(tmp_path, chain(timed(inner, batch_input_shape=[None, 3, 4, 4, 1])))
    weights = h5(tmp_path / "w.h5", {"td": [("k_W", kernel)]})
    loaded = speccompiler.load(path, weights=weights, semantics="tensorflow")
    for target in ("reference", "cpu"):
        y = loaded.compile(target).run(x)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("inner", ["layer", "model"])
def test_steps_of_steps(inner: str, tmp_path: Path) -> None:
    x = RNG.standard_normal((2, 3, 5, 2)).astype(np.float32)
    part = dense("a", 4) if inner == "layer" else chain(dense("a", 4), dense("b", 3))
    tensors = weights_of(a=A) if inner == "layer" else weights_of(a=A, b=B)
    expected = x @ W1 + B1 if inner == "layer" else (x @ W1 + B1) @ W2 + B2
    model = chain(timed(timed(part, "td2"), batch_input_shape=[None, 3, 5, 2]))
    assert_gives(tmp_path, model, {"td": tensors}, x, expected)


def test_images_of_steps_of_steps() -> None:
    """Two axes of steps and two of an image are more than kernels have, and need not be."""
    conv = {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2, "dim_ordering": "tf"}
    once = {"type": "TimeDistributed", "name": "t", "layer": conv}
    twice = {"type": "TimeDistributed", "name": "t", "layer": once}
    x = RNG.standard_normal((2, 3, 5, 4, 4, 1)).astype(np.float32)
    results = []
    for entry, shape in ((once, [15, 4, 4, 1]), (twice, [3, 5, 4, 4, 1])):
        spec = {"convspec": 1, "input_shape": shape, "dim_ordering": "tf", "layers": [entry]}
        model, _ = check(parse_document(json.dumps(spec), "m.json"), seed=1)
        assert model is not None
        results.append(model.compile("reference").run(x.reshape(2, *shape)))
    np.testing.assert_array_equal(results[0].reshape(results[1].shape), results[1])


def test_a_frozen_wrapper_freezes_what_it_holds() -> None:
    model = chain(timed(chain(dense("a", 4)), trainable=False, batch_input_shape=[None, 6, 2]))
    loaded, _ = check(parse_document(json.dumps(model), "m.json"))
    assert loaded is not None
    assert loaded.shapes().trainable_parameters == 0


def test_findings_of_layers_inside_have_their_places() -> None:
    text = json.dumps(
        chain(timed(chain(dense("a", 4, init="mine")), batch_input_shape=[None, 6, 2]))
    )
    (note,) = check(parse_document(text, "m.json"))[1]
    assert (note.code, note.layer, note.argument) == ("CS074", "a", "init")
    assert note.span is not None
    assert text[note.span.column - 1 : note.span.end_column - 1] == '"mine"'


def test_what_cannot_be_applied_to_steps() -> None:
    merge = layer(
        "Merge", name="m", mode="sum", layers=[chain(dense("a", 4)), chain(dense("b", 4))]
    )
    found = found_in(chain(timed(chain(merge), batch_input_shape=[None, 6, 2])))
    assert [(d.code, d.message) for d in found] == [
        (
            "CS062",
            "TimeDistributed applies a model with one input and one output; this one has 2 and 1",
        )
    ]
    inner = functional(
        "inner",
        [given("in", 2), node(layer("Merge", name="m", mode="dot"), [["in", 0, 0], ["in", 0, 0]])],
        [["in", 0, 0]], [["m", 0, 0]],
    )  # fmt: skip
    found = found_in(chain(timed(inner, batch_input_shape=[None, None, 2])))
    assert [(d.code, d.message) for d in found] == [
        ("CS059", "TimeDistributed cannot apply Merge in mode dot or cos: it would mix the steps")
    ]
    found = found_in(chain(timed(timed(dense("a", 4)), batch_input_shape=[None, 6, 2])))
    assert [d.code for d in found] == ["CS038"]


def in_steps(inner: dict[str, Any], shape: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A native layer on three steps, and on each of them by itself."""
    x = RNG.standard_normal((2, 3, *shape)).astype(np.float32)
    timed_layer = {"type": "TimeDistributed", "name": "t", "layer": inner}
    results = []
    for entry, own in ((timed_layer, [3, *shape]), ({**inner, "name": "t"}, shape)):
        spec = {"convspec": 1, "input_shape": own, "dim_ordering": "tf", "layers": [entry]}
        model, found = check(parse_document(json.dumps(spec), "m.json"), seed=1)
        assert model is not None, found
        steps = [x] if entry is timed_layer else [x[:, step] for step in range(3)]
        results.append([model.compile("reference").run(step) for step in steps])
    return results[0][0], np.stack(results[1], axis=1)


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "Convolution3D", "nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 1,
         "kernel_dim3": 2, "border_mode": "same"},
        {"type": "MaxPooling3D"},
        {"type": "UpSampling3D"},
        {"type": "ZeroPadding3D", "padding": [1, 0, 2]},
        {"type": "Cropping3D", "cropping": [[0, 1], [1, 0], [1, 1]]},
    ],
)  # fmt: skip
def test_volumes_of_a_known_number_of_steps_are_taken_one_by_one(inner: dict[str, Any]) -> None:
    y, expected = in_steps(inner, [3, 4, 5, 2])
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_sums_of_products_of_each_step(tmp_path: Path) -> None:
    inner = functional(
        "inner",
        [given("in", 2), node(dense("a", 4), [["in", 0, 0]]), node(dense("c", 4), [["in", 0, 0]]),
         node(layer("Merge", name="m", mode="dot"), [["a", 0, 0], ["c", 0, 0]])],
        [["in", 0, 0]], [["m", 0, 0]],
    )  # fmt: skip
    expected = ((X @ W1 + B1) * (X @ W3 + B3)).sum(axis=-1, keepdims=True)
    model = chain(timed(inner, batch_input_shape=[None, 6, 2]))
    assert_gives(tmp_path, model, {"td": weights_of(a=A, c=C)}, X, expected)


# --- branches


def merged(*branches: dict[str, Any], mode: str = "sum", name: str = "m") -> dict[str, Any]:
    return layer("Merge", name=name, mode=mode, layers=list(branches))


BRANCH = chain(dense("a", 4, batch_input_shape=[None, 2]),
               layer("Activation", name="r", activation="relu"))  # fmt: skip
RECTIFIED = np.maximum(FLAT @ W1 + B1, 0)


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_branch_several_times(times: int, tmp_path: Path) -> None:
    model = chain(merged(*[BRANCH] * times), dense("b", 3))
    groups = {"a": weights_of(a=A), "r": [], "m": [], "b": weights_of(b=B)}
    expected = times * RECTIFIED @ W2 + B2
    loaded = assert_gives(tmp_path, model, groups, FLAT, expected)
    assert loaded.input_names == ("a",)
    assert [call.name for call in loaded.spec.calls] == ["a", "r", "m", "b"]


def test_branches_that_share_some_layers(tmp_path: Path) -> None:
    other = chain(dense("a", 4, batch_input_shape=[None, 2]),
                  layer("Activation", name="t", activation="tanh"))  # fmt: skip
    model = chain(merged(BRANCH, other, mode="concat"))
    groups = {"a": weights_of(a=A), "r": [], "t": [], "m": []}
    expected = np.concatenate([RECTIFIED, np.tanh(FLAT @ W1 + B1)], axis=1)
    assert_gives(tmp_path, model, groups, FLAT, expected)


def test_the_same_branch_in_two_merges(tmp_path: Path) -> None:
    other = chain(dense("c", 4, batch_input_shape=[None, 2]))
    inner = chain(merged(BRANCH, other, name="m1"))
    model = chain(merged(inner, BRANCH, name="m2", mode="mul"))
    path = saved(tmp_path, model)
    groups = {"a": weights_of(a=A), "r": [], "c": weights_of(c=C), "m1": [], "m2": []}
    loaded = speccompiler.load(path, weights=h5(tmp_path / "w.h5", groups))
    other_x = RNG.standard_normal((5, 2)).astype(np.float32)
    y = loaded.compile("reference").run({"a": FLAT, "c": other_x})
    expected = (RECTIFIED + other_x @ W3 + B3) * RECTIFIED
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6)


def test_the_same_functional_branch_twice(tmp_path: Path) -> None:
    branch = functional(
        "f", [given("in", 2), node(dense("a", 4), [["in", 0, 0]])], [["in", 0, 0]], [["a", 0, 0]]
    )
    groups = {"in": [], "a": weights_of(a=A), "m": []}
    assert_gives(tmp_path, chain(merged(branch, branch)), groups, FLAT, 2 * (FLAT @ W1 + B1))


def test_shared_branches_of_a_model_that_is_called(tmp_path: Path) -> None:
    """A Sequential of two equal branches has one input, wherever it stands."""
    nested = chain(merged(BRANCH, BRANCH))
    model = chain(
        layer("Activation", name="z", activation="linear", batch_input_shape=[None, 2]), nested
    )
    groups = {"z": [], "sequential_3": weights_of(a=A)}
    assert_gives(tmp_path, model, groups, FLAT, 2 * RECTIFIED)


def test_a_layer_twice_in_a_chain(tmp_path: Path) -> None:
    square = (RNG.standard_normal((2, 2)).astype(np.float32), np.ones(2, np.float32))
    model = chain(
        dense("a", 2, batch_input_shape=[None, 2]), dense("a", 2, batch_input_shape=[None, 2])
    )
    path = saved(tmp_path, model)
    loaded = speccompiler.load(path, weights=h5(tmp_path / "w.h5", {"a": weights_of(a=square)}))
    once = FLAT @ square[0] + 1
    y = loaded.compile("reference").run(FLAT)
    np.testing.assert_allclose(y, once @ square[0] + 1, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(
    "layers",
    [
        [merged(BRANCH, chain(dense("a", 4, batch_input_shape=[None, 2], activation="relu")))],
        [merged(BRANCH, chain(layer("Dropout", name="a", p=0.5, batch_input_shape=[None, 2])))],
        [dense("a", 2, batch_input_shape=[None, 2]), dense("a", 3)],
    ],
)
def test_two_layers_of_one_name_are_refused(layers: list[Any]) -> None:
    found = found_in(chain(*layers))
    assert "CS029" in [d.code for d in found]


def test_the_layers_of_two_models_are_not_the_same() -> None:
    """In a functional model each nested one has names of its own."""
    model = functional(
        "outer",
        [given("x", 2),
         {**chain(dense("a", 4)), "name": "s1", "inbound_nodes": [[["x", 0, 0]]]},
         {**chain(dense("a", 4)), "name": "s2", "inbound_nodes": [[["x", 0, 0]]]}],
        [["x", 0, 0]], [["s1", 1, 0], ["s2", 1, 0]],
    )  # fmt: skip
    assert [d.code for d in found_in(model)] == ["CS029"]
