"""Models that are graphs: how they are read, what is shared, what goes in and comes out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document
from speccompiler.weights.penalties import activity_regularizers
from tests.cases import build

TARGETS = ("reference", "cpu")
CONV: dict[str, Any] = {"type": "Convolution1D", "nb_filter": 3, "filter_length": 3,
                        "border_mode": "same"}  # fmt: skip
TWO_BY_TWO: list[dict[str, Any]] = [
    {**CONV, "name": "conv", "activation": "relu", "inputs": "left"},
    {"type": "Shared", "layer": "conv", "inputs": "right"},
    {"type": "Merge", "name": "diff", "mode": "sum", "inputs": ["conv", "conv@2"]},
    {"type": "Flatten", "name": "flat"},
    {"type": "Dense", "name": "label", "output_dim": 2, "activation": "softmax"},
]
INPUTS = {"left": [8, 2], "right": [8, 2]}


def pair(count: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {name: rng.standard_normal((count, 8, 2), np.float32) for name in INPUTS}


def weights_of(model: Model) -> dict[str, np.ndarray]:
    return {f"{w.layer}/{w.tensor}": a for w, a in model.weight_sources.read().items()}


def convolved(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A 'same' convolution of length 3, written out."""
    padded = np.pad(x.astype(np.float64), [(0, 0), (1, 1), (0, 0)])
    taps = [padded[:, i : i + x.shape[1]] @ w[i, 0] for i in range(3)]
    return np.asarray(sum(taps) + b)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def two_by_two(**header: Any) -> Model:
    header.setdefault("outputs", ["label", "conv@2"])
    return build(TWO_BY_TWO, inputs=INPUTS, **header)


def test_two_inputs_two_outputs_and_a_shared_layer():
    model, x = two_by_two(), pair()
    w = weights_of(model)
    assert set(w) == {"conv/W", "conv/b", "label/W", "label/b"}
    one, two = (np.maximum(convolved(v, w["conv/W"], w["conv/b"]), 0) for v in x.values())
    label = softmax((one + two).reshape(5, -1) @ w["label/W"] + w["label/b"])
    for target in TARGETS:
        compiled = model.compile(target, threads=2)
        assert compiled.input_names == ("left", "right")
        assert compiled.output_names == ("label", "conv@2")
        found = compiled.run(x)
        assert isinstance(found, list)
        np.testing.assert_allclose(found[0], label, rtol=1e-5)
        np.testing.assert_allclose(found[1], two, rtol=1e-5, atol=1e-6)
        # In the model's order, too.
        assert np.array_equal(compiled.run([x["left"], x["right"]])[0], found[0])
        swapped = compiled.run({"left": x["right"], "right": x["left"]})[1]
        np.testing.assert_allclose(swapped, one, rtol=1e-5, atol=1e-6)
        every = compiled.run_all(x)
        assert list(every) == ["label", "conv@2"]
        assert np.array_equal(every["conv@2"], found[1])
    assert np.array_equal(model.run(x)[0], model.compile("cpu").run(x)[0])


def test_out_takes_every_output():
    compiled, x = two_by_two().compile(), pair()
    expected = compiled.run(x)
    out = [np.empty_like(y) for y in expected]
    found = compiled.run(x, out=out)
    assert all(a is b for a, b in zip(found, out, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    for wrong in (out[0], out[:1], [out[1], out[0]]):
        with pytest.raises(SpecError, match="CS117"):
            compiled.run(x, out=wrong)


def test_layers_of_a_graph_can_be_looked_at():
    compiled, x = two_by_two().compile(layers=["conv", "diff"]), pair()
    every = compiled.run_all(x)
    assert list(every) == ["label", "conv@2", "conv", "diff"]
    np.testing.assert_allclose(every["diff"], every["conv"] + every["conv@2"], rtol=1e-6)
    assert len(compiled.run(x)) == 2


def test_what_is_said_of_wrong_inputs():
    compiled, x = two_by_two().compile("reference"), pair()

    def refused(given: Any) -> str:
        with pytest.raises(SpecError) as caught:
            compiled.run(given)
        return str(caught.value)

    assert refused({"left": x["left"]}) == "the array: error CS124: no array for input 'right'"
    assert "CS124: the model has no input 'rigth'" in refused({**x, "rigth": 1})
    assert "the model has 2 inputs: left, right; one array was given" in refused(x["left"])
    assert "the model has 2 inputs: left, right; 1 arrays were given" in refused([x["left"]])
    assert "input 'right' has 4 samples, and input 'left' has 5" in refused(
        {**x, "right": x["right"][:4]}
    )
    assert "input 'right': error CS117" in refused({**x, "right": x["right"][:, :4]})


def test_a_diamond_in_any_order_of_the_list():
    layers = [
        {**CONV, "name": "top"},
        {**CONV, "name": "a", "inputs": "top"},
        {**CONV, "name": "b", "filter_length": 1, "inputs": "top"},
        {"type": "Merge", "name": "join", "mode": "mul", "inputs": ["a", "b"]},
    ]
    x = pair()["left"]
    expected = build(layers, [8, 2], outputs="join").compile("reference").run(x)
    shuffled = [layers[i] for i in (0, 3, 2, 1)]
    model = build(shuffled, [8, 2], outputs="join")
    assert [call.name for call in model.spec.calls] == ["top", "b", "a", "join"]
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run(x), expected, rtol=1e-5, atol=1e-6)


def test_without_outputs_a_model_gives_what_nobody_reads():
    layers = [{**CONV, "name": "c"}, {"type": "Flatten", "name": "f"},
              {"type": "Dropout", "p": 0.1, "name": "d", "inputs": "c"}]  # fmt: skip
    assert build(layers, [8, 2]).output_names == ("f", "d")


def test_a_layer_that_no_output_needs_is_a_warning_and_not_computed():
    model = build(TWO_BY_TWO, inputs=INPUTS, outputs="conv")
    assert [(d.code, d.layer) for d in model.diagnostics] == [
        ("CS065", name) for name in ("right", "conv@2", "diff", "flat", "label")
    ]
    assert [step.target for step in model.plan().steps] == ["conv"]


def test_shared_dense_of_several_ranks_has_one_weight():
    layers: list[dict[str, Any]] = [
        {"type": "Dense", "name": "d", "output_dim": 4, "inputs": "rows"},
        {"type": "Shared", "layer": "d", "name": "flat", "inputs": "row"},
        {"type": "Shared", "layer": "d", "name": "deep", "inputs": "planes"},
    ]
    shapes = {"rows": [3, 5], "row": [5], "planes": [2, 3, 5]}
    model = build(layers, inputs=shapes)
    assert model.shapes().parameters == 24
    w = weights_of(model)
    rng = np.random.default_rng(0)
    x = {name: rng.standard_normal((2, *shape), np.float32) for name, shape in shapes.items()}
    for target in TARGETS:
        found = model.compile(target).run_all(x)
        for name, given in zip(("d", "flat", "deep"), shapes, strict=True):
            np.testing.assert_allclose(found[name], x[given] @ w["d/W"] + w["d/b"], rtol=1e-5,
                                       atol=1e-5)  # fmt: skip


def test_packed_weights_of_a_shared_layer_exist_once():
    compiled = two_by_two().compile()
    first, second = compiled.executor._steps[:2]  # type: ignore[attr-defined]
    assert first.packing.w is second.packing.w
    assert first.packing.b is second.packing.b


def test_the_activity_of_a_shared_layer_counts_at_each_call():
    layers = [{**TWO_BY_TWO[0], "activity_regularizer": "activity_l1"}, *TWO_BY_TWO[1:]]
    model = build(layers, inputs=INPUTS)
    assert list(activity_regularizers(model.spec)) == ["conv", "conv@2"]


def test_bits_do_not_depend_on_threads_or_batches():
    layers = [
        {"type": "Convolution2D", "name": "a", "nb_filter": 20, "nb_row": 3, "nb_col": 3,
         "border_mode": "same", "inputs": "x"},
        {"type": "Merge", "name": "s", "mode": "ave", "inputs": ["a", "y"]},
        {"type": "Activation", "name": "t", "activation": "tanh"},
        {"type": "Merge", "name": "c", "mode": "concat", "inputs": ["t", "a", "y"]},
        {"type": "Reshape", "name": "r", "target_shape": [-1, 60]},
        {"type": "Merge", "name": "d", "mode": "dot", "inputs": ["r", "r"], "dot_axes": 2},
    ]  # fmt: skip
    model = build(layers, inputs={"x": [17, 19, 3], "y": [17, 19, 20]}, outputs=["d", "c"])
    rng = np.random.default_rng(0)
    x = {name: rng.standard_normal((7, 17, 19, c), np.float32) for name, c in
         (("x", 3), ("y", 20))}  # fmt: skip
    one = model.compile(threads=1, batch_size=7).run(x)
    for threads, batch in ((1, 1), (2, 3), (5, 2), (3, 100)):
        found = model.compile(threads=threads, batch_size=batch).run(x)
        assert all(np.array_equal(a, b) for a, b in zip(found, one, strict=True))


def test_open_lengths_of_several_inputs():
    layers = [{"type": "Merge", "mode": "sum", "inputs": ["a", "b"]}]
    model = build(layers, inputs={"a": [None, 2], "b": [None, 2]})
    assert [str(d) for d in model.graph.inputs[1].shape] != [
        str(d) for d in model.graph.inputs[0].shape
    ]
    x = {"a": np.ones((1, 4, 2), np.float32), "b": np.ones((1, 4, 2), np.float32)}
    assert np.array_equal(model.run(x), 2 * x["a"])
    with pytest.raises(SpecError, match="CS063"):
        model.compile(input_shape={"a": [4, 2], "b": [5, 2]})
    with pytest.raises(SpecError, match="--input-shape b=128,2"):
        model.compile(input_shape={"a": [4, 2]})
    with pytest.raises(SpecError, match="CS124"):
        model.compile(input_shape=[4, 2])


def test_the_report_of_a_graph():
    report = two_by_two().shapes()
    rows = [(r.name, r.type, r.inputs, r.parameters) for r in report.layers]
    assert rows == [
        ("left", "InputLayer", (), 0),
        ("right", "InputLayer", (), 0),
        ("conv", "Convolution1D", ("left",), 21),
        ("conv@2", "Convolution1D", ("right",), 0),
        ("diff", "Merge", ("conv", "conv@2"), 0),
        ("flat", "Flatten", (), 0),
        ("label", "Dense", (), 50),
    ]
    assert report.parameters == 71
    data = report.to_data()
    assert data["inputs"] == {"left": [8, 2], "right": [8, 2]}
    assert data["layers"][4]["inputs"] == ["conv", "conv@2"]


def test_receptive_fields_where_branches_meet():
    layers = [
        {**CONV, "name": "a", "filter_length": 5},
        {**CONV, "name": "b", "filter_length": 3, "inputs": "a"},
        {"type": "Merge", "name": "s", "inputs": ["a", "b"]},
        {"type": "Merge", "name": "c", "mode": "concat", "inputs": ["s", "b"]},
        {"type": "Merge", "name": "t", "mode": "concat", "concat_axis": 1, "inputs": ["s", "b"]},
        {**CONV, "name": "d", "inputs": "c"},
    ]  # fmt: skip
    found = {r.name: (r.receptive_field, r.stride) for r in build(layers, [9, 2]).shapes().layers}
    assert found["s"] == found["c"] == ((7,), (1,))
    assert found["t"] == ((7,), None)
    assert found["d"] == ((9,), (1,))


# Keras's own files


def keras(layers: list[Any], inputs: list[Any], outputs: list[Any], **more: Any) -> str:
    config = {"name": "m", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return json.dumps({"class_name": "Model", "config": config, "keras_version": "1.2.2", **more})


def entry(name: str, kind: str, inbound: list[Any], config: Any) -> dict[str, Any]:
    if isinstance(config, dict) and kind not in {"Model", "Sequential"}:
        config = {"name": name, **config}
    return {"name": name, "class_name": kind, "config": config, "inbound_nodes": inbound}


def given(name: str, *shape: Any) -> dict[str, Any]:
    return entry(name, "InputLayer", [], {"batch_input_shape": [None, *shape]})


def loaded(text: str) -> Model:
    model, found = check(parse_document(text, "m.json"), semantics="tensorflow", seed=1)
    assert model is not None, found
    return model


INNER = {
    "name": "inner",
    "layers": [
        given("i", 4),
        given("j", 4),
        entry("p", "Dense", [[["i", 0, 0]], [["j", 0, 0]]], {"output_dim": 3}),
        entry("q", "Merge", [[["p", 0, 0], ["p", 1, 0]]], {"mode": "mul"}),
    ],
    "input_layers": [["j", 0, 0], ["i", 0, 0]],
    "output_layers": [["q", 0, 0], ["p", 1, 0]],
}


def test_a_nested_model_called_twice_with_two_inputs_and_outputs():
    """Its calls are numbered from 1, and each repeats the calls inside."""
    text = keras(
        [
            given("a", 4),
            given("b", 4),
            entry("n", "Model", [[["a", 0, 0], ["b", 0, 0]], [["b", 0, 0], ["b", 0, 0]]], INNER),
            entry("out", "Merge", [[["n", 1, 0], ["n", 2, 1], ["n", 1, 1]]], {"mode": "concat"}),
        ],
        [["a", 0, 0], ["b", 0, 0]],
        [["out", 0, 0]],
    )
    model = loaded(text)
    names = [call.name for call in model.spec.calls]
    assert [n for n in names if n.startswith("p")] == ["p", "p@2", "p@3", "p@4"]
    w = weights_of(model)
    assert set(w) == {"p/W", "p/b"}
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((2, 4), np.float32) for _ in range(2))

    def dense(x: np.ndarray) -> np.ndarray:
        return np.asarray(x @ w["p/W"] + w["p/b"])

    # The inner model's inputs are (j, i): a goes to j, b to i.
    expected = np.concatenate([dense(b) * dense(a), dense(b), dense(a)], axis=1)
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run({"a": a, "b": b}), expected,
                                   rtol=1e-5, atol=1e-6)  # fmt: skip


def test_inputs_come_in_the_order_of_input_layers():
    text = keras(
        [given("a", 4), given("b", 3),
         entry("c", "Merge", [[["a", 0, 0], ["b", 0, 0]]], {"mode": "concat"})],
        [["b", 0, 0], ["a", 0, 0]], [["c", 0, 0]],
    )  # fmt: skip
    model = loaded(text)
    assert model.input_names == ("b", "a")
    b, a = np.ones((1, 3), np.float32), np.zeros((1, 4), np.float32)
    assert model.run([b, a]).tolist() == [[0, 0, 0, 0, 1, 1, 1]]


def test_a_layer_that_reads_its_own_other_call():
    """Keras lists the layer once, before what its second call reads."""
    text = keras(
        [given("a", 4),
         entry("d", "Dense", [[["a", 0, 0]], [["r", 0, 0]]], {"output_dim": 4}),
         entry("r", "Activation", [[["d", 0, 0]]], {"activation": "relu"})],
        [["a", 0, 0]], [["d", 1, 0]],
    )  # fmt: skip
    model = loaded(text)
    assert [call.name for call in model.spec.calls] == ["a", "d", "r", "d@2"]
    assert model.output_names == ("d@2",)


def test_a_merge_of_merges_at_the_head_of_a_sequential():
    def dense(name: str) -> dict[str, Any]:
        config = {"name": name, "output_dim": 2, "batch_input_shape": [None, 3]}
        return {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": config}]}

    def merge(name: str, *branches: Any) -> dict[str, Any]:
        return {"class_name": "Merge", "config": {"name": name, "layers": list(branches)}}

    inner = {"class_name": "Sequential", "config": [merge("m1", dense("a"), dense("b"))]}
    config = [merge("m2", inner, dense("c")), {"class_name": "Activation",
              "config": {"name": "act", "activation": "tanh"}}]  # fmt: skip
    text = json.dumps({"class_name": "Sequential", "config": config, "keras_version": "1.2.2"})
    model = loaded(text)
    assert model.input_names == ("a", "b", "c")
    w = weights_of(model)
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((2, 3), np.float32) for _ in range(3)]
    total = sum(x @ w[f"{n}/W"] + w[f"{n}/b"] for x, n in zip(xs, "abc", strict=True))
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run(xs), np.tanh(total), rtol=1e-5)


def test_nested_models_that_grow_without_bound_are_refused(monkeypatch):
    def doubled(level: int) -> dict[str, Any]:
        name = f"m{level}"
        if level == 0:
            inner = entry(name, "Activation", [[[f"i{level}", 0, 0]], [[f"i{level}", 0, 0]]],
                          {"activation": "relu"})  # fmt: skip
            first = 0
        else:
            inner = entry(name, "Model", [[[f"i{level}", 0, 0]], [[f"i{level}", 0, 0]]],
                          doubled(level - 1))  # fmt: skip
            first = 1
        merge = entry(f"s{level}", "Merge", [[[name, first, 0], [name, first + 1, 0]]], {})
        return {"name": f"n{level}", "layers": [given(f"i{level}", 2), inner, merge],
                "input_layers": [[f"i{level}", 0, 0]],
                "output_layers": [[f"s{level}", 0, 0]]}  # fmt: skip

    text = json.dumps({"class_name": "Model", "config": doubled(17), "keras_version": "1.2.2"})
    model, found = check(parse_document(text, "m.json"))
    assert model is None
    assert [d.code for d in found] == ["CS067"]
    assert found[0].span is not None


@pytest.mark.parametrize(
    ("layer", "code", "message"),
    [
        (entry("c", "Activation", [[["n", 0, 0]]], {"activation": "relu"}), "CS061",
         "layer 'n' is called once: there is no call 0"),
        (entry("c", "Activation", [[["n", 1, 2]]], {"activation": "relu"}), "CS061",
         "layer 'n' has 2 outputs: there is no output 2"),
        (entry("c", "Activation", [[["a", 0, 1]]], {"activation": "relu"}), "CS061",
         "layer 'a' has 1 output: there is no output 1"),
        (entry("c", "Activation", [["a", 0, 0]], {"activation": "relu"}), "CS024",
         "a link to a layer is [name, number of its call, of its output]"),
        (entry("c", "Activation", [], {"activation": "relu"}), "CS061",
         "layer 'c' reads nothing, and is none of the model's inputs"),
        (entry("c", "Model", [[["a", 0, 0]]], INNER), "CS062",
         "this nested model has 2 inputs, and is called on 1"),
    ],
)  # fmt: skip
def test_links_that_lead_nowhere(layer, code, message):
    text = keras(
        [given("a", 4), entry("n", "Model", [[["a", 0, 0], ["a", 0, 0]]], INNER), layer],
        [["a", 0, 0]],
        [["n", 1, 0]],
    )
    model, found = check(parse_document(text, "m.json"))
    assert model is None
    assert [(d.code, d.message) for d in found if d.code != "CS029"] == [(code, message)]
    assert found[0].span is not None
