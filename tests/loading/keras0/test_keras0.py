"""Models of Keras 0.1 to 0.3.3 and their weights; the numbers are worked out with NumPy here.

The files are as the sources of those years wrote them: ``get_config()`` of each layer, and
``layer_N/param_M`` (Sequential) or ``graph/param_M`` (Graph) for the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document

Array = np.ndarray
RANDOM = np.random.RandomState(7)


def layer(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, **arguments}


def new(name: str, **arguments: Any) -> dict[str, Any]:
    """As 0.3 wrote a layer."""
    return {"name": name, "custom_name": name.lower(), "cache_enabled": True, "trainable": True,
            **arguments}  # fmt: skip


def sequential(*layers: Any, **beside: Any) -> dict[str, Any]:
    return {"name": "Sequential", "layers": list(layers), **beside}


def read(model: Any, **options: Any) -> tuple[Model | None, list[Diagnostic]]:
    found, diagnostics = check(parse_document(json.dumps(model), "m.json"), **options)
    return found, list(diagnostics)


def numbers(*shape: int) -> Array:
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


def saved(path: Path, groups: Sequence[Sequence[Array]]) -> Path:
    """A weight file of a Sequential: a group for each layer, with its numbered tensors."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = len(groups)
        for number, tensors in enumerate(groups):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(tensors)
            for index, tensor in enumerate(tensors):
                group[f"param_{index}"] = tensor
    return path


def saved_graph(path: Path, tensors: Sequence[Array]) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("graph")
        group.attrs["nb_params"] = len(tensors)
        for index, tensor in enumerate(tensors):
            group[f"param_{index}"] = tensor
    return path


def result(
    tmp_path: Path, model: Any, weights: Path, x: Any, *, target: str = "reference", **options: Any
) -> Any:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    loaded = speccompiler.load(path, weights=weights, **options)
    shape = x.shape[1:] if isinstance(x, np.ndarray) else {n: a.shape[1:] for n, a in x.items()}
    return loaded.compile(target, input_shape=shape).run(x)


def convolved(x: Array, w: Array, b: Array, mode: str = "valid") -> Array:
    """Theano's conv2d: channels first, kernels reversed; 'same' is 'full', cut to the middle."""
    x = x.astype(np.float64)
    _, _, rows, cols = w.shape
    if mode != "valid":
        x = np.pad(x, ((0, 0), (0, 0), (rows - 1,) * 2, (cols - 1,) * 2))
    height, width = x.shape[2] - rows + 1, x.shape[3] - cols + 1
    y = np.zeros((len(x), len(w), height, width))
    for i in range(rows):
        for j in range(cols):
            part = x[:, :, i : i + height, j : j + width]
            y += np.einsum("nchw,fc->nfhw", part, w[:, :, rows - 1 - i, cols - 1 - j])
    if mode == "same":
        up, left = (rows - 1) // 2, (cols - 1) // 2
        y = y[:, :, up : up + height - rows + 1, left : left + width - cols + 1]
    return y + b[:, None, None]


def pooled(x: Array, size: int, stride: int, *, keeps_border: bool) -> Array:
    """Theano's max_pool_2d of square windows."""

    def starts(length: int) -> list[int]:
        if not keeps_border:
            return list(range(0, length - size + 1, stride))
        count = (
            -(-length // stride) if stride >= size else max(0, -(-(length - size) // stride)) + 1
        )
        return [n * stride for n in range(count)]

    return np.stack([
        np.stack([x[:, :, i : i + size, j : j + size].max((2, 3)) for j in starts(x.shape[3])], -1)
        for i in starts(x.shape[2])
    ], -2)  # fmt: skip


# --- Sequential


OLD = sequential(
    layer("Convolution2D", nb_filter=2, nb_row=3, nb_col=2, init="glorot_uniform",
          activation="relu", border_mode="same", subsample=[1, 1], W_regularizer=None,
          input_shape=[1, 7, 6]),
    layer("BatchNormalization", epsilon=1e-2, mode=0, momentum=0.9),
    layer("MaxPooling2D", pool_size=[3, 3], ignore_border=False, stride=[2, 2]),
    layer("Dropout", p=0.25),
    layer("Flatten"),
    layer("Dense", output_dim=3, init="uniform", activation="linear", input_dim=None,
          W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}),
    layer("Activation", activation="tanh", target=0, beta=0.1),
    loss="mse", class_mode="categorical", theano_mode=None, optimizer=layer("SGD", lr=0.1),
)  # fmt: skip


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_model_of_0_2_gives_what_it_gave(tmp_path: Path, target: str) -> None:
    w, b = numbers(2, 1, 3, 2), numbers(2)
    gamma, beta, mean, std = (
        numbers(2, 7, 6),
        numbers(2, 7, 6),
        numbers(2, 7, 6),
        numbers(2, 7, 6) ** 2,
    )
    kernel, bias = numbers(18, 3), numbers(3)
    weights = saved(
        tmp_path / "w.h5", [[w, b], [gamma, beta, mean, std], [], [], [], [kernel, bias], []]
    )
    x = numbers(4, 1, 7, 6)
    y = np.maximum(convolved(x, w, b, "same"), 0)
    y = (y - mean) / (std + 1e-2) * gamma + beta
    y = pooled(y, 3, 2, keeps_border=True) * 0.75
    y = np.tanh(y.reshape(4, -1) @ kernel + bias)
    got = result(tmp_path, OLD, weights, x, target=target)
    assert np.abs(got - y).max() < 1e-5


def test_what_was_decided_by_the_files_form_is_said() -> None:
    model, found = read(OLD)
    assert model is not None
    assert model.spec.semantics is not None
    assert model.spec.semantics.profile == "theano"
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("CS071", Severity.NOTE,
         "'loss', 'class_mode', 'theano_mode', 'optimizer': only training needs this; it was "
         "passed over"),
        ("CS072", Severity.NOTE,
         "this was written by Keras before 0.3, which had Theano alone; its Dropout multiplies by "
         "1 - p, as it was then"),
    ]  # fmt: skip
    assert [(r.name, r.type, r.output_shape) for r in model.shapes().layers] == [
        ("convolution2d_1", "Convolution2D", (2, 7, 6)),
        ("batchnormalization_1", "BatchNormalization", (2, 7, 6)),
        ("maxpooling2d_1", "MaxPooling2D", (2, 3, 3)),
        ("activation_1", "Activation", (2, 3, 3)),
        ("flatten_1", "Flatten", (18,)),
        ("dense_1", "Dense", (3,)),
        ("activation_2", "Activation", (3,)),
    ]


OLDEST = sequential(
    layer("Convolution2D", nb_filter=2, stack_size=3, nb_row=3, nb_col=3, init="uniform",
          activation="linear", border_mode="full", subsample=[1, 1]),
    layer("MaxPooling2D", poolsize=[2, 2], ignore_border=True, stride=None),
    layer("ZeroPadding2D", pad=[1, 0]),
    layer("UpSample2D", size=[1, 2]),
    layer("Flatten"),
    layer("Dense", input_dim=2 * 5 * 8, output_dim=4, init="uniform", activation="linear"),
    layer("BatchNormalization", input_shape=[4], epsilon=1e-6, mode=0),
    layer("LeakyReLU", alpha=0.1),
    layer("Reshape", dims=[2, 2]),
    layer("Permute", dims=[2, 1]),
)  # fmt: skip


def test_a_model_of_0_1_takes_its_size_from_the_array(tmp_path: Path) -> None:
    w, b, kernel, bias = numbers(2, 3, 3, 3), numbers(2), numbers(80, 4), numbers(4)
    gamma, beta, mean, std = numbers(4), numbers(4), numbers(4), numbers(4) ** 2
    groups = [[w, b], [], [], [], [], [kernel, bias], [gamma, beta, mean, std], [], [], []]
    weights = saved(tmp_path / "w.h5", groups)
    x = numbers(2, 3, 5, 7)
    y = pooled(convolved(x, w, b, "full"), 2, 2, keeps_border=False)
    y = np.pad(y, ((0, 0), (0, 0), (1, 1), (0, 0))).repeat(2, 3).reshape(2, -1)
    y = ((y @ kernel + bias) - mean) / (std + 1e-6) * gamma + beta
    y = np.where(y > 0, y, 0.1 * y).reshape(2, 2, 2).transpose(0, 2, 1)
    assert np.abs(result(tmp_path, OLDEST, weights, x) - y).max() < 2e-5


def test_an_array_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(OLDEST))
    model = speccompiler.load(tmp_path / "m.json", seed=0)
    with pytest.raises(speccompiler.SpecError, match="'input_dim' says 80, but the last axis"):
        model.compile("reference", input_shape=(3, 9, 9))


NEW = sequential(
    new("Convolution1D", nb_filter=2, filter_length=3, border_mode="valid", subsample_length=1,
        activation="relu", input_dim=4, input_length=6, input_shape=[6, 4], custom_name="conv"),
    new("Dropout", p=0.5),
    new("BatchNormalization", epsilon=1e-3, mode=0, axis=-1, momentum=0.9),
    new("MaxPooling1D", stride=2, pool_length=2, border_mode="valid"),
    new("Flatten"),
    new("Highway", init="glorot_uniform", transform_bias=-2, activation="tanh", input_dim=None),
    sample_weight_mode=None,
)  # fmt: skip


def test_a_model_of_0_3_gives_what_it_gave(tmp_path: Path) -> None:
    w, b = numbers(2, 4, 3, 1), numbers(2)
    gamma, beta, mean, std = numbers(2), numbers(2), numbers(2), numbers(2) ** 2
    main, bias, carry, carry_bias = numbers(4, 4), numbers(4), numbers(4, 4), numbers(4)
    groups = [[w, b], [], [gamma, beta, mean, std], [], [], [main, bias, carry, carry_bias]]
    weights = saved(tmp_path / "w.h5", groups)
    x = numbers(3, 6, 4)
    y = np.maximum(convolved(x.transpose(0, 2, 1)[..., None], w, b), 0)[..., 0].transpose(0, 2, 1)
    y = (y - mean) / (std + 1e-3) * gamma + beta
    y = y.reshape(3, 2, 2, 2).max(2).reshape(3, 4)
    gate = 1 / (1 + np.exp(-(y @ carry + carry_bias)))
    y = gate * np.tanh(y @ main + bias) + (1 - gate) * y
    got = result(tmp_path, NEW, weights, x, semantics="theano")
    assert np.abs(got - y).max() < 1e-5


def test_the_backend_of_0_3_is_still_asked_for(tmp_path: Path) -> None:
    model, found = read(NEW)
    assert model is not None
    assert model.spec.semantics is None
    assert [d.message for d in found if d.code == "CS072"] == ["this was written by Keras 0.3"]
    assert model.undecided() == ("conv",)


@pytest.mark.parametrize("mode", [0, 1])
def test_batch_normalization_of_images_had_statistics_for_every_value(
    tmp_path: Path, mode: int
) -> None:
    model = sequential(new("BatchNormalization", epsilon=1e-2, mode=mode, momentum=0.9,
                           input_shape=[2, 3, 4]))  # fmt: skip
    gamma, beta, mean, std = (numbers(2, 3, 4) for _ in range(4))
    weights = saved(tmp_path / "w.h5", [[gamma, beta, mean, std**2]])
    x = numbers(5, 2, 3, 4)
    if mode == 0:
        y = (x - mean) / (std**2 + 1e-2)
    else:
        y = (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-2)
    got = result(tmp_path, model, weights, x, semantics="theano")
    assert np.abs(got - (gamma * y + beta)).max() < 2e-5


@pytest.mark.parametrize(
    ("length", "size", "stride"),
    [(5, 2, 2), (6, 2, 2), (7, 3, 2), (8, 3, 2), (2, 3, 2), (7, 2, 3), (6, 2, 3), (1, 2, 2)],
)
def test_pools_that_kept_the_border(tmp_path: Path, length: int, size: int, stride: int) -> None:
    model = sequential(layer("MaxPooling2D", pool_size=[size, size], stride=[stride, stride],
                             ignore_border=False, input_shape=[1, length, length]))  # fmt: skip
    x = -1 - numbers(2, 1, length, length) ** 2
    got = result(tmp_path, model, saved(tmp_path / "w.h5", [[]]), x)
    assert np.array_equal(got, pooled(x, size, stride, keeps_border=True))


def test_branches_keep_their_weights_in_one_group(tmp_path: Path) -> None:
    branches = [
        sequential(
            new("Dense", output_dim=3, input_shape=[n], activation="linear", custom_name="same")
        )
        for n in (4, 5)
    ]
    merge = new("Merge", layers=branches, mode="concat", concat_axis=-1, dot_axes=-1)
    model = sequential(merge, new("Dense", output_dim=2, activation="linear"))
    one, two, last = numbers(4, 3), numbers(5, 3), numbers(6, 2)
    biases = numbers(3), numbers(3), numbers(2)
    weights = saved(tmp_path / "w.h5", [[one, biases[0], two, biases[1]], [last, biases[2]]])
    a, b = numbers(2, 4), numbers(2, 5)
    y = np.concatenate([a @ one + biases[0], b @ two + biases[1]], 1) @ last + biases[2]
    got = result(tmp_path, model, weights, {"same": a, "same_2": b}, semantics="theano")
    assert np.abs(got - y).max() < 1e-5


@pytest.mark.parametrize("mode", ["sum", "mul", "ave", "dot", "cos"])
def test_merges(tmp_path: Path, mode: str) -> None:
    branches = [
        new("Activation", activation="linear", input_shape=[4], custom_name=n) for n in "ab"
    ]
    axes: Any = [[1], [1]] if mode == "dot" else -1
    model = sequential(new("Merge", layers=branches, mode=mode, concat_axis=-1, dot_axes=axes))
    a, b = numbers(3, 4), numbers(3, 4)
    dot = (a * b).sum(1, keepdims=True)
    norm = np.sqrt((a * a).sum(1, keepdims=True) * (b * b).sum(1, keepdims=True))
    y = {"sum": a + b, "mul": a * b, "ave": (a + b) / 2, "dot": dot, "cos": dot / norm}[mode]
    weights = saved(tmp_path / "w.h5", [[]])
    got = result(tmp_path, model, weights, {"a": a, "b": b}, semantics="theano")
    assert got.shape == y.shape
    assert np.abs(got - y).max() < 1e-5


# --- Dropout


@pytest.mark.parametrize(
    ("beside", "shape"),
    [({"keras_version": "0.2.0"}, "Activation"), ({"keras_version": "0.3.0"}, "Dropout"),
     ({"sample_weight_mode": None, "theano_mode": None}, "Dropout")],
)  # fmt: skip
def test_the_release_decides_what_a_dropout_does(beside: dict[str, Any], shape: str) -> None:
    model, _ = read(sequential(layer("Dropout", p=0.4, input_shape=[3]), **beside))
    assert model is not None
    assert [r.type for r in model.shapes().layers] == [shape]


POOL = {"pool_size": [2, 2], "input_shape": [1, 4, 4]}
TARGET = layer("Activation", activation="relu", target=0, beta=0.1)


@pytest.mark.parametrize(
    ("first", "shape"),
    [(layer("MaxPooling2D", **POOL, stride=None), "Activation"),
     (layer("MaxPooling2D", **POOL, strides=[2, 2]), "Dropout"),
     (layer("MaxPooling2D", **POOL, border_mode="valid"), "Dropout"),
     (layer("Convolution2D", nb_filter=1, nb_row=2, nb_col=2, input_shape=[1, 4, 4]),
      "Activation"),
     (layer("Convolution2D", nb_filter=1, nb_row=2, nb_col=2, input_shape=[1, 4, 4],
            dim_ordering="th"), "Dropout"),
     (layer("ELU", alpha=1.0, input_shape=[4]), "Dropout")],
)  # fmt: skip
def test_what_0_2_and_0_3_both_write_does_not_hide_the_release(
    first: dict[str, Any], shape: str
) -> None:
    """The sources of 0.2.0 and 0.3.0: each writes ``theano_mode``, ``target`` and ``beta``."""
    written = sequential(first, TARGET, layer("Dropout", p=0.4), theano_mode=None, loss="mse")
    model, _ = read(written)
    assert model is not None
    assert [r.type for r in model.shapes().layers][2:] == [shape]


def test_what_0_2_and_0_3_both_write_decides_nothing() -> None:
    dense = layer("Dense", output_dim=2, input_dim=3)
    _, found = read(sequential(dense, TARGET, layer("Dropout", p=0.4), theano_mode=None))
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["CS072"]


def test_a_dropout_of_unknown_age_is_asked_about() -> None:
    dropout = layer("Dropout", p=0.4)
    _, found = read(sequential(layer("Dense", output_dim=2, input_dim=3), dropout, dropout))
    assert [(d.code, d.message, d.hint) for d in found if d.severity is Severity.ERROR] == [
        ("CS072",
         "Keras before 0.3 multiplied by 1 - p where a Dropout stands, Keras 0.3 does not, and "
         "nothing in this file tells which of them wrote it",
         'add the release beside "name", as in "keras_version": "0.3.0", or "0.2.0"'),
    ]  # fmt: skip
    _, found = read(sequential(layer("Dense", output_dim=2, input_dim=3), layer("Dropout", p=0.0)))
    assert [d.code for d in found] == ["CS072"]
    assert found[0].severity is Severity.NOTE


# --- Graph


def node(name: str, *reads: str, **more: Any) -> dict[str, Any]:
    one = reads[0] if len(reads) == 1 else None
    several = [] if one else list(reads)
    return {"name": name, "input": one, "inputs": several,
            "merge_mode": "concat", "concat_axis": -1, "dot_axes": -1, **more}  # fmt: skip


GRAPH = {
    "name": "Graph",
    "input_config": [{"name": "left", "input_shape": [3], "dtype": "float"},
                     {"name": "right", "ndim": 2, "dtype": "float"}],
    "input_order": ["right", "left"],
    "node_config": [
        node("a", "left", create_output=False), node("b", "right"),
        node("sum", "a", "b", merge_mode="sum"),
        {"name": "twice", "inputs": ["a", "b"], "merge_mode": None},
        {"name": "first", "inputs": ["twice"]}, {"name": "second", "inputs": ["twice"]},
        node("c", "first", "second", "sum", create_output=True),
    ],
    "output_config": [node("c", "c"), node("both", "a", "c")],
    "output_order": ["c", "both"],
    "nodes": {
        "c": new("Sequential", layers=[new("Activation", activation="relu"),
                                       new("Dense", output_dim=2, activation="linear")]),
        "a": new("Dense", output_dim=4, activation="linear", custom_name="a"),
        "b": layer("Dense", output_dim=4, input_dim=5, activation="linear"),
        "sum": new("Activation", activation="tanh"),
        "twice": new("Siamese", layer=new("Dense", output_dim=3, activation="linear"),
                     inputs=[], merge_mode=None, is_graph=True),
        "first": new("SiameseHead", head=0), "second": new("SiameseHead", head=1),
    },
    "loss": {"c": "mse", "both": "mse"}, "optimizer": layer("SGD", lr=0.1),
}  # fmt: skip
GRAPH["nodes"]["c"].pop("custom_name")  # type: ignore[index]


def test_a_graph_gives_what_it_gave(tmp_path: Path) -> None:
    tensors = [numbers(3, 4), numbers(4), numbers(5, 4), numbers(4), numbers(4, 3), numbers(3),
               numbers(10, 2), numbers(2)]  # fmt: skip
    weights = saved_graph(tmp_path / "w.h5", tensors)
    left, right = numbers(2, 3), numbers(2, 5)
    a, b = left @ tensors[0] + tensors[1], right @ tensors[2] + tensors[3]
    one, two = a @ tensors[4] + tensors[5], b @ tensors[4] + tensors[5]
    c = np.maximum(np.concatenate([one, two, np.tanh(a + b)], 1), 0) @ tensors[6] + tensors[7]
    got = result(tmp_path, GRAPH, weights, {"left": left, "right": right}, semantics="theano")
    for value, wanted in zip(got, (c, np.concatenate([a, c], 1)), strict=True):
        assert np.abs(value - wanted).max() < 1e-5


def test_the_inputs_of_a_graph_have_its_order() -> None:
    model, _ = read(GRAPH)
    assert model is not None
    assert model.input_names == ("right", "left")
    assert [(i.name, i.shape) for i in model.spec.inputs] == [("right", (5,)), ("left", (3,))]


def test_graphs_inside_of_graphs_and_sequentials(tmp_path: Path) -> None:
    """Each with an input of the same name; what they own stands one after another."""

    def inner(size: int) -> dict[str, Any]:
        return {
            "name": "Graph", "input_order": ["input"], "output_order": ["o"],
            "input_config": [{"name": "input", "input_shape": None, "dtype": "float"}],
            "node_config": [node("a", "input")], "output_config": [node("o", "a")],
            "nodes": {"a": new("Dense", output_dim=size, activation="linear")},
        }  # fmt: skip

    outer = {**inner(0), "input_config": [{"name": "input", "input_shape": [3], "dtype": "float"}],
             "nodes": {"a": inner(4)}}  # fmt: skip
    model = sequential(outer, inner(2))
    tensors = [numbers(3, 4), numbers(4), numbers(4, 2), numbers(2)]
    weights = saved(tmp_path / "w.h5", [tensors[:2], tensors[2:]])
    x = numbers(5, 3)
    y = (x @ tensors[0] + tensors[1]) @ tensors[2] + tensors[3]
    got = result(tmp_path, model, weights, x, semantics="theano")
    assert np.abs(got - y).max() < 1e-5


def test_a_graph_inside_takes_an_image_that_it_says_nothing_of() -> None:
    graph = {
        "name": "Graph", "input_order": ["i"], "output_order": ["o"],
        "input_config": [{"name": "i", "input_shape": None, "dtype": "float"}],
        "node_config": [node("a", "i")], "output_config": [node("o", "a")],
        "nodes": {"a": new("UpSampling2D", size=[2, 2])},
    }  # fmt: skip
    front = new("Activation", activation="relu", input_shape=[1, 3, 4])
    model, _ = read(sequential(front, graph))
    assert model is not None
    assert model.shapes().layers[-1].output_shape == (1, 6, 8)
    _, found = read(graph)
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["CS036"]


def test_the_graph_that_keras_1_0_kept() -> None:
    dense = {"class_name": "Dense", "config": {"name": "a", "output_dim": 2}}
    config = {"input_config": [{"name": "i", "input_shape": [3], "dtype": "int"}],
              "node_config": [node("a", "i")], "output_config": [node("o", "a")],
              "nodes": {"a": dense}, "input_order": ["i"], "output_order": ["o"]}  # fmt: skip
    model, found = read({"class_name": "Graph", "keras_version": "1.0.5", "config": config})
    assert model is not None
    assert found == []
    assert [(r.name, r.output_shape) for r in model.shapes().layers] == [("i", (3,)), ("a", (2,))]
    assert model.spec.inputs[0].dtype == "int32"


GRAPH_MISTAKES = {
    "no such node": ({"node_config": [node("a", "lef")]},
                     ("CS061", "no node before this one is named 'lef'")),
    "reads nothing": ({"node_config": [{"name": "a", "inputs": []}]},
                      ("CS061", "this node of the Graph reads nothing")),
    "no layer": ({"node_config": [node("x", "left")]},
                 ("CS021", "the Keras model needs 'x' here")),
    "no mapping": ({"nodes": [1]},
                   ("CS024", "'nodes' is a mapping from names to layers")),
    "no outputs": ({"output_config": []}, ("CS061", "the model has no output")),
    "head": ({"nodes": {**GRAPH["nodes"], "first": new("SiameseHead", head=2)}},  # type: ignore[dict-item]
             ("CS024", "'head' is the number of an input")),
}  # fmt: skip


@pytest.mark.parametrize("mistake", GRAPH_MISTAKES)
def test_mistakes_in_a_graph(mistake: str) -> None:
    change, wanted = GRAPH_MISTAKES[mistake]
    _, found = read({**GRAPH, **change})
    assert wanted in [(d.code, d.message) for d in found]


# --- other forms, names, refusals


def test_yaml_and_a_list_of_layers_are_read_alike() -> None:
    dense = new("Dense", output_dim=2, input_dim=3, input_shape=[3])
    texts = [
        json.dumps(sequential(dense)), json.dumps(json.dumps(sequential(dense))),
        str(sequential(dense)), json.dumps([dense]),
        json.dumps({"class_name": "Sequential", "config": [dense]}),
    ]  # fmt: skip
    for text in texts:
        model, _ = check(parse_document(text, "m.json"))
        assert model is not None
        assert [r.output_shape for r in model.shapes().layers] == [(2,)]
    model, _ = check(parse_document(yaml.dump(sequential(dense)), "m.yaml"))
    assert model is not None


def test_names_that_somebody_gave_stay_and_keras_own_are_numbered() -> None:
    names = ("dense", "mine", "mine", "dense")
    layers = [new("Dense", output_dim=2, custom_name=name) for name in names]
    layers[0]["input_shape"] = [3]
    model, _ = read(sequential(*layers))
    assert model is not None
    assert [r.name for r in model.shapes().layers] == ["dense_1", "mine", "mine_2", "dense_2"]


def test_before_0_3_channels_came_first() -> None:
    up = layer("UpSample2D", size=[2, 2], input_shape=[1, 4, 5])
    model, found = read(sequential(up))
    assert model is not None
    assert [d.code for d in found] == ["CS072"]
    assert model.shapes().layers[0].output_shape == (1, 8, 10)


def test_a_layer_without_an_ordering_follows_the_others() -> None:
    conv = new("Convolution2D", nb_filter=2, nb_row=1, nb_col=1, dim_ordering="tf",
               input_shape=[4, 5, 1])  # fmt: skip
    model, found = read(sequential(conv, new("UpSampling2D", size=[2, 2])))
    assert model is not None
    assert "CS042" in [d.code for d in found]
    assert model.shapes().layers[-1].output_shape == (8, 10, 2)


def test_the_table_of_an_embedding_is_no_length() -> None:
    words = layer("Embedding", input_dim=100, output_dim=4, input_shape=[100], mask_zero=False)
    model, _ = read(sequential(words))
    assert model is not None
    assert [i.shape for i in model.spec.inputs] == [(None,)]


def test_a_mean_over_steps_and_a_threshold(tmp_path: Path) -> None:
    model = sequential(new("TimeDistributedMerge", mode="ave", input_shape=[4, 3]),
                       new("ThresholdedLinear", theta=0.2))  # fmt: skip
    x = numbers(2, 4, 3)
    mean = x.mean(1)
    got = result(tmp_path, model, saved(tmp_path / "w.h5", [[], []]), x, semantics="theano")
    assert np.abs(got - np.where(np.abs(mean) < 0.2, 0, mean)).max() < 1e-6


REFUSED = {
    "AutoEncoder": "write the layers of its encoder and of its decoder into one Sequential; with "
    "output_reconstruction false its encoder's alone",
    "JZS1": "it steps through time with a state; what is convolutional before and after it can be "
    "run as models of their own",
    "LambdaMerge": "it holds Python code, which is never executed; write what it computes as a "
    "Merge with a named mode",
    "Siamese": "write the model as a Graph that names the inputs of the shared layer",
    "SiameseHead": "write the model as a Graph that names the inputs of the shared layer",
    "SimpleDeepRNN": "it steps through time with a state; what is convolutional before and after "
    "it can be run as models of their own",
    "WordContextProduct": "it multiplies two Embeddings: write them, and a Merge in mode dot",
    "MaskedLambda": "say what it computes, as an expression or as layers, for example "
    '--replace maskedlambda_1="x / 127.5 - 1"',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_is_refused_by_name(name: str) -> None:
    _, found = read(sequential(layer(name, input_shape=[3], mode="sum")))
    (error,) = [d for d in found if d.severity is Severity.ERROR]
    assert (error.code, error.hint) == ("CS028", REFUSED[name])
    assert error.message == f"{name} is a layer of Keras 0.x that convspec does not run"


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - {"MaskedLambda"}))
def test_a_name_does_not_take_the_hint_away(name: str) -> None:
    """An expression in its place answers none of these."""
    _, found = read(sequential(new(name, input_shape=[3]) | {"custom_name": "mine"}))
    (error,) = [d for d in found if d.severity is Severity.ERROR]
    assert error.hint == REFUSED[name]


def test_recurrent_layers_are_those_of_keras_1() -> None:
    """Only the length over which training went back in time is one of 0.x alone."""
    arguments = {"output_dim": 2, "truncate_gradient": -1, "return_sequences": True}
    found, diagnostics = read(
        sequential(
            layer("LSTM", input_shape=[4, 3], **arguments),
            *(layer(name, **arguments) for name in ("GRU", "SimpleRNN")),
        )
    )
    assert found is not None, diagnostics
    assert found.graph.nodes[-1].shape == (4, 2)


def test_what_keras_1_refuses_is_refused_in_its_words() -> None:
    _, found = read(sequential(layer("Lambda", function="x")))
    errors = [(d.message, d.hint) for d in found if d.severity is Severity.ERROR]
    assert errors == [
        (
            "Lambda holds Python code, which convspec never executes, whatever it does",
            "say what it computes, as an expression or as layers, for example "
            '--replace lambda_1="x / 127.5 - 1"',
        ),
    ]


def test_what_is_code_is_answered_by_the_name_that_keras_would_give() -> None:
    model = sequential(
        new("Lambda", function="x", input_shape=[3, 2]), new("Lambda"), new("MaskedLambda"),
        new("Mine"),
    )  # fmt: skip
    answers = {"lambda_1": "x * 2", "lambda_2": "x", "maskedlambda_1": "-x", "mine_1": "Flatten"}
    found, diagnostics = read(model, replace=answers)
    assert found is not None, diagnostics
    x = numbers(2, 3, 2)
    np.testing.assert_array_equal(found.compile("reference").run(x), -2 * x.reshape(2, 6))


# --- what convspec has and Keras 1.x has not


@pytest.mark.parametrize("mode", ["sum", "ave", "mul", None])
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_merges_over_steps(tmp_path: Path, mode: str | None, target: str) -> None:
    """theano.tensor.sum, mean and prod along axis 1; the sum where nothing is said."""
    x = numbers(2, 4, 3)
    said = {} if mode is None else {"mode": mode}
    model = sequential(new("TimeDistributedMerge", input_shape=[4, 3], **said))
    function = {"ave": np.mean, "mul": np.prod}.get(str(mode), np.sum)
    got = result(
        tmp_path, model, saved(tmp_path / "w.h5", [[]]), x, target=target, semantics="theano"
    )
    np.testing.assert_allclose(got, function(x.astype(np.float64), axis=1), rtol=1e-6, atol=1e-6)


def test_a_merge_over_steps_in_no_mode() -> None:
    _, found = read(sequential(new("TimeDistributedMerge", mode="max", input_shape=[4, 3])))
    (error,) = [d for d in found if d.severity is Severity.ERROR]
    assert (error.code, error.message, error.hint) == (
        "CS023",
        "TimeDistributedMerge has no mode 'max'",
        "'sum', 'ave' and 'mul' are those that Keras 0.x had",
    )


def normalised(x: Array, alpha: float, k: float, beta: float, n: int) -> Array:
    """keras 0.2.0 layers/normalization.py: channels are axis 1."""
    squares = np.pad(x.astype(np.float64) ** 2, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    scale = k + sum(alpha * squares[:, i : i + x.shape[1]] for i in range(n))
    return x / scale**beta


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("ordering", ["th", "tf", None])
def test_a_local_response_normalisation(tmp_path: Path, graph: bool, ordering: str | None) -> None:
    """Along axis 1 also where the layers around it have their channels last."""
    x = 30 * numbers(2, 6, 7, 4)
    lrn = layer("LRN2D", alpha=0.01, k=1, beta=0.75, n=3)
    said = {} if ordering is None else {"dim_ordering": ordering}
    pool = layer("MaxPooling2D", pool_size=[1, 1], **said)
    if graph:
        weights = saved_graph(tmp_path / "w.h5", [])
        model = {
            "name": "Graph", "input_order": ["in"], "output_order": ["out"],
            "input_config": [{"name": "in", "input_shape": [6, 7, 4]}],
            "node_config": [
                {"name": "p", "input": "in", "inputs": [], "merge_mode": "concat"},
                {"name": "l", "input": "p", "inputs": [], "merge_mode": "concat"},
            ],
            "output_config": [{"name": "out", "input": "l", "inputs": []}],
            "nodes": {"p": pool, "l": lrn},
        }  # fmt: skip
    else:
        weights = saved(tmp_path / "w.h5", [[], []])
        model = sequential(pool | {"input_shape": [6, 7, 4]}, lrn)
    got = result(tmp_path, model, weights, x, semantics="theano")
    wanted = normalised(x, 0.01, 1, 0.75, 3)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_convert_writes_what_keras_1_has_not(tmp_path: Path) -> None:
    model = sequential(
        layer("LRN2D", alpha=0.01, k=1, beta=0.75, n=3, input_shape=[6, 7, 4]),
        layer("Reshape", dims=[42, 4]), layer("TimeDistributedMerge", mode="mul"),
    )  # fmt: skip
    weights = saved(tmp_path / "w.h5", [[], [], []])
    x = 30 * numbers(2, 6, 7, 4)
    wanted = result(tmp_path, model, weights, x)
    output = tmp_path / "new.yaml"
    assert run(["convert", str(tmp_path / "m.json"), "--output", str(output)]) == 0
    np.testing.assert_array_equal(speccompiler.load(output).compile("reference").run(x), wanted)


def test_a_class_that_has_a_native_name_is_the_authors_own() -> None:
    _, found = read(sequential(new("Reduce", axis=1, input_shape=[4, 3])))
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["CS027"]


def test_places_are_those_of_the_old_file() -> None:
    text = json.dumps(sequential(layer("Reshape", dims=[0], input_shape=[3])))
    _, found = check(parse_document(text, "m.json"))
    (error,) = [d for d in found if d.severity is Severity.ERROR]
    assert error.span is not None
    assert text[error.span.column - 1 : error.span.end_column - 1] == "[0]"


def test_dot_over_several_axes_is_refused() -> None:
    branches = [new("Activation", activation="linear", input_shape=[4, 2]) for _ in range(2)]
    merge = new("Merge", layers=branches, mode="dot", dot_axes=[[1, 2], [1, 2]])
    _, found = read(sequential(merge))
    assert ("CS063", "'dot_axes' sums over several axes, and a Merge sums over one") in [
        (d.code, d.message) for d in found
    ]


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_convert_writes_an_old_model_as_a_spec(tmp_path: Path, ordering: str) -> None:
    """In either order, with the weights moved: the native spec gives the same numbers."""
    shapes = [(2, 1, 3, 2), (2,), (2, 7, 6), (2, 7, 6), (2, 7, 6), (2, 7, 6), (18, 3), (3,)]
    tensors = [np.abs(numbers(*shape)) for shape in shapes]
    groups = [tensors[:2], tensors[2:6], [], [], [], tensors[6:], []]
    weights = saved(tmp_path / "w.h5", groups)
    x = numbers(2, 1, 7, 6)
    wanted = result(tmp_path, OLD, weights, x)
    output = tmp_path / "new.yaml"
    line = ["convert", str(tmp_path / "m.json"), "--weights", str(weights), "--output", str(output)]
    assert run([*line, "--to-dim-ordering", ordering]) == 0
    model = speccompiler.load(output)
    given = x if ordering == "th" else x.transpose(0, 2, 3, 1)
    assert np.abs(model.compile("reference").run(given) - wanted).max() < 1e-5
