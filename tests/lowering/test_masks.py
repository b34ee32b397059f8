"""Masks: who makes one, who passes it on, who refuses it, and what it does to numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.ir import Combine, Graph, Kept, Recurrent
from speccompiler.lowering.lower import lower
from speccompiler.lowering.mask_table import OWN, PASSES, UNSUPPORTED, drops_masks, release_of
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import SemanticsFields
from speccompiler.schemas.registry import LAYERS
from tests.cases import build
from tests.completeness import assert_rows
from tests.lowering.formulas import TARGETS

STEPS, CHANNELS = 4, 3


def sequential(
    *layers: tuple[str, dict[str, Any]], shape: Any = (STEPS, CHANNELS), **top: Any
) -> str:
    """The text of a Sequential as Keras 1 wrote it."""
    config = []
    for number, (name, arguments) in enumerate(layers):
        said = {"name": f"{name.lower()}_{number + 1}", **arguments}
        if number == 0:
            said["batch_input_shape"] = [None, *shape]
        config.append({"class_name": name, "config": said})
    return json.dumps(
        {"class_name": "Sequential", "config": config, "keras_version": "1.2.2", **top}
    )


def load(text: str, **options: Any) -> speccompiler.Model:
    return speccompiler.loads(text, semantics="tensorflow", dim_ordering="tf", seed=0, **options)


def refused(text: str) -> Any:
    with pytest.raises(SpecError) as caught:
        load(text)
    (found,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    return found


def scans(model: speccompiler.Model) -> list[Recurrent]:
    return [node.op for node in model.graph if isinstance(node.op, Recurrent)]


MASKING = ("Masking", {"mask_value": 0.0})
LSTM = ("LSTM", {"output_dim": 2, "return_sequences": True})


def test_every_layer_has_a_row_for_masks():
    rows = {*PASSES, *OWN, *UNSUPPORTED, "GlobalAveragePooling1D"}
    assert_rows("UNSUPPORTED (speccompiler/lowering/mask_table.py), PASSES or OWN", rows, LAYERS)
    assert not {*PASSES} & {*OWN} | {*PASSES} & UNSUPPORTED | {*OWN} & UNSUPPORTED


PASSING: list[tuple[str, dict[str, Any]]] = [
    ("Dropout", {"p": 0.2}),
    ("SpatialDropout1D", {"p": 0.2}),
    ("GaussianNoise", {"sigma": 0.2}),
    ("GaussianDropout", {"p": 0.2}),
    ("Activation", {"activation": "relu"}),
    ("ActivityRegularization", {"l1": 0.1}),
    ("BatchNormalization", {}),
    ("LeakyReLU", {}),
    ("PReLU", {}),
    ("ELU", {}),
    ("ThresholdedReLU", {}),
    ("SReLU", {}),
    ("ParametricSoftplus", {}),
    ("TimeDistributedDense", {"output_dim": 2}),
    ("TimeDistributed", {"layer": {"class_name": "Dense", "config": {"output_dim": 2}}}),
    LSTM,
    ("Bidirectional", {"layer": {
        "class_name": "GRU", "config": {"output_dim": 2, "return_sequences": True}}}),
]  # fmt: skip


@pytest.mark.parametrize("layer", PASSING, ids=[name for name, _ in PASSING])
def test_these_pass_a_mask_on(layer):
    model = load(sequential(MASKING, layer, LSTM))
    assert scans(model)[-1].masked


REFUSING: list[tuple[str, dict[str, Any]]] = [
    ("Dense", {"output_dim": 2}),
    ("Flatten", {}),
    ("Reshape", {"target_shape": [STEPS * CHANNELS]}),
    ("Permute", {"dims": [2, 1]}),
    ("Convolution1D", {"nb_filter": 2, "filter_length": 2}),
    ("AtrousConvolution1D", {"nb_filter": 2, "filter_length": 2, "atrous_rate": 2}),
    ("LocallyConnected1D", {"nb_filter": 2, "filter_length": 2}),
    ("MaxPooling1D", {}),
    ("AveragePooling1D", {}),
    ("GlobalMaxPooling1D", {}),
    ("GlobalAveragePooling1D", {}),
    ("ZeroPadding1D", {}),
    ("Cropping1D", {}),
    ("UpSampling1D", {}),
]


@pytest.mark.parametrize("layer", REFUSING, ids=[name for name, _ in REFUSING])
def test_these_refuse_a_mask(layer):
    found = refused(sequential(MASKING, layer))
    name = f"{layer[0].lower()}_2"
    assert (found.code, found.layer, found.message) == (
        "CS210",
        name,
        f'Keras 1.2.2 refuses this {layer[0]}: "Layer {name} does not support masking, but was '
        "passed an input_mask\"; the mask comes from 'masking_1'",
    )


OF_VECTORS: list[tuple[str, dict[str, Any]]] = [
    ("Highway", {}),
    ("MaxoutDense", {"output_dim": 2}),
    ("RepeatVector", {"n": 2}),
    ("Dense", {"output_dim": 2}),
]


@pytest.mark.parametrize("layer", OF_VECTORS, ids=[name for name, _ in OF_VECTORS])
def test_masks_of_vectors_are_refused(layer):
    assert refused(sequential(MASKING, layer, shape=(3,))).code == "CS210"


def test_the_hint_names_the_closest_way_out():
    found = refused(sequential(MASKING, REFUSING[0], LSTM))
    assert found.hint == "a TimeDistributed around the Dense passes the mask on"
    words = ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True})
    found = refused(sequential(words, REFUSING[4], shape=(4,)))
    assert found.hint == (
        "write mask_zero: false in 'embedding_1' where no recurrent layer is to skip steps"
    )
    found = refused(sequential(MASKING, ("Flatten", {})))
    assert found.hint == (
        "put 'masking_1' behind this layer, or leave it out where no recurrent layer is to skip "
        "steps"
    )


def test_a_scan_of_the_last_step_stops_the_mask():
    last = ("LSTM", {"output_dim": 2})
    model = load(sequential(MASKING, last, ("RepeatVector", {"n": 3}), LSTM))
    assert [scan.masked for scan in scans(model)] == [True, False]


def test_releases():
    norm = ("BatchNormalization", {})
    found = refused(sequential(MASKING, norm, LSTM, keras_version="1.0.5"))
    assert "Keras 1.0.5 refuses this BatchNormalization" in found.message
    assert found.hint == "Keras 1.0.6 and later pass the mask on"
    assert scans(load(sequential(MASKING, norm, LSTM, keras_version="1.0.6")))[0].masked
    assert release_of("2.2.4-tf") == (2, 2, 4)
    assert release_of("1.2.2") == (1, 2, 2)
    assert not any(map(drops_masks, ("1.2.2", "2.3.1", "2.1.6-tf")))
    assert all(map(drops_masks, ("2.2.4-tf", "2.3.0-tf", "2.16.0", "3.0.5")))


def masked_values(rng: Any, samples: int = 5) -> np.ndarray:
    """Values with zeros for steps at the start, in the middle and at the end."""
    x = rng.uniform(-1, 1, (samples, STEPS, CHANNELS)).astype(np.float32)
    x[0, 0], x[1, 1], x[2, 2:], x[3] = 0, 0, 0, 0
    return x


def last_kept(model: speccompiler.Model, x: np.ndarray, mask: Any) -> np.ndarray:
    """What a GRU gives of each sample when the steps that are not there are left out."""
    rows = []
    for sample, kept in zip(x, mask.astype(bool), strict=True):
        if kept.any():
            rows.append(model.run(sample[kept][None])[0])
        else:
            rows.append(np.zeros(2, np.float32))
    return np.stack(rows)


def gru(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    w, u = rng.uniform(-1, 1, (more.pop("channels", CHANNELS), 6)), rng.uniform(-1, 1, (2, 6))
    arrays = [w.round(3).tolist(), u.round(3).tolist(), [0.1, -0.2, 0.3, 0.1, 0.2, -0.1]]
    return {"type": "GRU", "name": "gru", "output_dim": 2, "consume_less": "gpu",
            "weights": arrays, **more}  # fmt: skip


ALONE = [gru()]


def test_masked_steps_are_left_out(rng):
    x = masked_values(rng)
    alone = build(ALONE, [None, CHANNELS])
    model = build([{"type": "Masking"}, {"type": "Dropout", "p": 0.3}, gru()], [STEPS, CHANNELS])
    expected = last_kept(alone, x, x.any(axis=-1))
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run(x), expected, atol=1e-6)


def test_an_inexact_mask_value_is_compared_in_float32(rng):
    x = masked_values(rng)
    x[x == 0] = 0.1
    alone = build(ALONE, [None, CHANNELS])
    masking = {"type": "Masking", "name": "m", "mask_value": 0.1}
    model = build([masking, gru()], [STEPS, CHANNELS])
    mask = (x != np.float32(0.1)).any(axis=-1)
    expected = last_kept(alone, x, mask)
    for target in TARGETS:
        compiled = model.compile(target, layers=["m"])
        found = compiled.run_all(x)
        np.testing.assert_allclose(found["gru"], expected, atol=1e-6)
        np.testing.assert_array_equal(found["m"], np.where(mask[..., None], x, 0))


def test_numbers_of_no_row_are_masked(rng):
    words = {"type": "Embedding", "input_dim": 6, "output_dim": CHANNELS, "name": "words"}
    n = rng.integers(0, 6, (6, STEPS)).astype(np.float32)
    n[0] = 0
    table = rng.uniform(-1, 1, (6, CHANNELS)).round(3)
    model = build(
        [{**words, "mask_zero": True, "weights": [table.tolist()]}, gru()], [STEPS],
        input_dtype="int32",
    )  # fmt: skip
    alone = build(ALONE, [None, CHANNELS])
    expected = last_kept(alone, table[n.astype(int)].astype(np.float32), n != 0)
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run(n), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "both", "expected"),
    [
        ("sum", True, "and"), ("mul", True, "and"), ("ave", True, "and"), ("concat", True, "and"),
        ("sum", False, "first"), ("concat", False, "first"),
    ],
)  # fmt: skip
def test_merged_masks(mode, both, expected, rng):
    a, c = masked_values(rng), masked_values(rng)[::-1].copy()
    layers: list[dict[str, Any]] = [{"type": "Masking", "name": "one", "inputs": ["a"]}]
    if both:
        layers.append({"type": "Masking", "name": "other", "inputs": ["c"]})
    second = "other" if both else "c"
    layers += [{"type": "Merge", "name": "m", "mode": mode, "inputs": ["one", second]},
               gru(channels=6 if mode == "concat" else CHANNELS)]  # fmt: skip
    shape = [STEPS, CHANNELS]
    model = build(layers, inputs={"a": shape, "c": shape})
    merged = {"sum": a + c, "mul": a * c, "ave": (a + c) / 2, "concat": np.concatenate([a, c], -1)}
    mask = a.any(-1) & c.any(-1) if expected == "and" else a.any(-1)
    alone = build([layers[-1]], [None, merged[mode].shape[-1]])
    wanted = last_kept(alone, merged[mode], mask)
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run([a, c]), wanted, atol=1e-6)


def test_masks_are_joined_in_time(rng):
    a, c = masked_values(rng), masked_values(rng)[::-1].copy()
    shape = [STEPS, CHANNELS]
    merge = {"type": "Merge", "mode": "concat", "concat_axis": 1}
    layers: list[dict[str, Any]] = [
        {"type": "Masking", "name": "one", "inputs": ["a"]},
        {"type": "Masking", "name": "other", "inputs": ["c"]},
        {**merge, "inputs": ["one", "other"]},
        gru(),
    ]
    model = build(layers, inputs={"a": shape, "c": shape})
    whole = np.concatenate([a, c], 1)
    expected = last_kept(build(ALONE, [None, CHANNELS]), whole, whole.any(-1))
    np.testing.assert_allclose(model.run([a, c]), expected, atol=1e-6)
    layers[2]["inputs"] = ["one", "c"]
    with pytest.raises(SpecError) as caught:
        build(layers[:1] + layers[2:], inputs={"a": shape, "c": shape})
    assert caught.value.diagnostics[0].message == (
        'Keras 1.2.2 refuses this Merge: "all dimensions except for the concatenation axis must '
        "match\"; the mask comes from 'one'"
    )


def test_merges_that_refuse_or_stop():
    inputs = {"a": [STEPS, CHANNELS], "c": [STEPS, CHANNELS]}
    masking = {"type": "Masking", "name": "one", "inputs": ["a"]}

    def layers(**merge: Any) -> list[dict[str, Any]]:
        return [masking, {"type": "Merge", "name": "m", "inputs": ["one", "c"], **merge},
                {**gru(), "weights": None}]  # fmt: skip

    with pytest.raises(SpecError) as caught:
        build(layers(mode="max"), inputs=inputs)
    assert "Invalid merge mode: max" in caught.value.diagnostics[0].message
    model = build(layers(mode="dot", dot_axes=[2, 2]), inputs=inputs)
    assert [scan.masked for scan in scans(model)] == [False]


def test_native_specs_without_a_reader_keep_their_meaning():
    layers = [
        {"type": "Embedding", "name": "words", "input_dim": 5, "output_dim": 3, "mask_zero": True},
        {"type": "Convolution1D", "name": "conv", "nb_filter": 2, "filter_length": 2},
        {"type": "Flatten"},
    ]
    model = build(layers, [6])
    assert not any(isinstance(node.op, Kept) for node in model.graph)
    without = build([{**layers[0], "mask_zero": False}, *layers[1:]], [6])
    assert model.graph == without.graph
    (note,) = [d for d in model.diagnostics if d.code == "CS211"]
    assert (note.severity, note.layer, note.message) == (
        "note",
        "conv",
        "the mask of 'words' ends at this Convolution1D: Keras 1.2.2 would refuse it there, and "
        "nothing that follows reads it",
    )
    with pytest.raises(SpecError) as caught:
        build([*layers[:2], {"type": "GRU", "output_dim": 2}], [6])
    assert [d.code for d in caught.value.diagnostics] == ["CS210"]


def nested(inner: list[Any], *, functional: bool) -> str:
    """Masking, then a nested model that starts with a GRU."""
    part: dict[str, Any] = {"class_name": "Sequential", "config": inner}
    if functional:
        given = {"name": "i2", "batch_input_shape": [None, STEPS, CHANNELS]}
        entry = {"name": "i2", "class_name": "InputLayer", "inbound_nodes": [], "config": given}
        layer = {**inner[0], "name": "g", "inbound_nodes": [[["i2", 0, 0]]]}
        part = {"class_name": "Model", "config": {
            "name": "part", "layers": [entry, layer],
            "input_layers": [["i2", 0, 0]], "output_layers": [["g", 0, 0]]}}  # fmt: skip
    masking = {"class_name": "Masking", "config": {
        "name": "masking_1", "batch_input_shape": [None, STEPS, CHANNELS]}}  # fmt: skip
    return json.dumps(
        {"class_name": "Sequential", "config": [masking, part], "keras_version": "1.2.2"}
    )


GRU = {"class_name": "GRU", "config": {"name": "g", "output_dim": 2}}


def test_a_mask_does_not_enter_a_nested_model():
    found = refused(nested([GRU], functional=True))
    assert "Layer i2 does not support masking" in found.message
    found = refused(nested([GRU], functional=False))
    assert (found.layer, found.code) == ("g", "CS210")
    assert "Layer g_input does not support masking" in found.message


def test_masks_inside_of_the_steps_of_a_model(rng):
    """A model that is applied to every step makes masks of its own."""
    masking = {"class_name": "Masking", "config": {
        "name": "gaps", "batch_input_shape": [None, STEPS, CHANNELS]}}  # fmt: skip
    weights = gru()["weights"]
    scan = {"class_name": "GRU", "config": {
        "name": "g", "output_dim": 2, "consume_less": "gpu", "weights": weights}}  # fmt: skip
    inner = {"class_name": "Sequential", "config": [masking, scan]}
    timed = ("TimeDistributed", {"layer": inner})
    whole = load(sequential(timed, shape=(5, STEPS, CHANNELS)))
    assert [op.masked for op in scans(whole)] == [True]
    alone = load(json.dumps({**inner, "keras_version": "1.2.2"}))
    x = np.stack([masked_values(rng) for _ in range(3)])
    for target in TARGETS:
        compiled = whole.compile(target)
        expected = np.stack([alone.compile(target).run(sample) for sample in x])
        np.testing.assert_allclose(compiled.run(x), expected, atol=1e-6)


def test_layers_in_time_distributed_of_their_own_pass_no_masks_inside():
    gaps = ("TimeDistributed", {"layer": {"class_name": "Masking", "config": {"name": "gaps"}}})
    scan = ("TimeDistributed", {"layer": GRU})
    model = load(sequential(gaps, scan, shape=(5, STEPS, CHANNELS)))
    assert [op.masked for op in scans(model)] == [False]
    assert not any(isinstance(node.op, Kept) for node in model.graph)


def released(layer: tuple[str, dict[str, Any]], version: str) -> str:
    """What a release does with a mask that reaches a layer."""
    made = load(sequential(("Dropout", {"p": 0.5}), layer))
    masked = made.spec.layers[0].model_copy()
    masking = load(sequential(MASKING)).spec.layers[0]
    named = masking.model_copy(update={"name": masked.name})
    spec = made.spec.model_copy(
        update={"keras_version": version, "layers": (named, *made.spec.layers[1:])}
    )
    found = lower(spec, Semantics.of(SemanticsFields(), spec)).diagnostics
    return next((d.code for d in found if d.code in {"CS210", "CS211"}), "passes")


@pytest.mark.parametrize(
    ("layer", "version", "expected"),
    [
        (("Dense", {"output_dim": 2}), "1.2.2", "CS210"),
        (("Dense", {"output_dim": 2}), "2.0.2", "passes"),
        (("Dense", {"output_dim": 2}), "3.15.1", "passes"),
        (("Flatten", {}), "2.2.4", "CS210"),
        (("Flatten", {}), "2.2.4-tf", "CS211"),
        (("Flatten", {}), "3.15.1", "CS211"),
        (("GlobalAveragePooling1D", {}), "2.2.2", "CS210"),
        (("GlobalAveragePooling1D", {}), "2.2.3", "passes"),
        (("GlobalMaxPooling1D", {}), "2.3.1", "CS210"),
        (("GlobalMaxPooling1D", {}), "2.16.0", "CS211"),
        (("UpSampling1D", {}), "2.3.0-tf", "CS211"),
    ],
)
def test_what_later_releases_do(layer, version, expected):
    assert released(layer, version) == expected


def test_the_mean_of_the_kept_steps(rng):
    """Keras 2.2.3 and later; a sample without any step gives NaN."""
    x = masked_values(rng)
    text = sequential(MASKING, ("GlobalAveragePooling1D", {}))
    model = load(text.replace('"1.2.2"', '"2.2.4"'))
    kept: Any = np.any(x, -1, keepdims=True)
    with np.errstate(invalid="ignore"):
        expected = (x * kept).sum(1) / kept.sum(1)
    assert np.isnan(expected[3]).all()
    for target in TARGETS:
        np.testing.assert_allclose(model.compile(target).run(x), expected, atol=1e-6)


def two_branches(mode: str, *, both: bool, **merge: Any) -> str:
    """A functional model: one branch is masked, or both, and a GRU reads their merge."""
    shape = [None, STEPS, CHANNELS]

    def layer(name: str, kind: str, config: dict[str, Any], *reads: str) -> dict[str, Any]:
        inbound = [[[read, 0, 0] for read in reads]] if reads else []
        config = {"name": name, **config}
        return {"name": name, "class_name": kind, "config": config, "inbound_nodes": inbound}

    layers = [layer(n, "InputLayer", {"batch_input_shape": shape}) for n in ("a", "c")]
    layers.append(layer("one", "Masking", {"mask_value": 0.0}, "a"))
    if both:
        layers.append(layer("other", "Masking", {"mask_value": 0.0}, "c"))
    layers.append(layer("m", "Merge", {"mode": mode, **merge}, "one", "other" if both else "c"))
    layers.append(layer("g", "GRU", {"output_dim": 2, "consume_less": "gpu"}, "m"))
    config = {
        "name": "model",
        "layers": layers,
        "input_layers": [["a", 0, 0], ["c", 0, 0]],
        "output_layers": [["g", 0, 0]],
    }
    return json.dumps({"class_name": "Model", "config": config, "keras_version": "1.2.2"})


@pytest.mark.parametrize(
    ("mode", "both", "version", "expected"),
    [
        ("sum", True, "2.3.1", "mul"),
        ("sum", True, "3.3.3", "mul"),
        ("sum", True, "3.4.0", "max"),
        ("concat", True, "3.4.0", "max"),
        ("sum", False, "3.3.3", "one"),
        ("sum", False, "3.4.0", None),
        ("concat", False, "3.4.0", None),
        ("concat", False, "2.3.1", "one"),
    ],
)
def test_merges_of_later_releases(mode, both, version, expected):
    graph = later_graph(two_branches(mode, both=both), version)
    nodes = graph.by_name()
    (scan,) = [node for node in graph if isinstance(node.op, Recurrent)]
    mask = nodes[scan.inputs[1]] if len(scan.inputs) > 1 else None
    found = None
    if mask is not None:
        found = mask.op.mode if isinstance(mask.op, Combine) else mask.layer
    assert found == expected


def test_old_releases_joined_no_branch_without_a_mask():
    with pytest.raises(SpecError) as caught:
        later_graph(two_branches("concat", both=False), "1.0.6")
    assert "list indices must be integers" in caught.value.diagnostics[-1].message
    later_graph(two_branches("concat", both=False), "1.0.7")


def later_graph(text: str, version: str) -> Graph:
    """The graph as if this release had written the file."""
    spec = load(text).spec.model_copy(update={"keras_version": version})
    lowered = lower(spec, Semantics.of(SemanticsFields(), spec))
    if lowered.graph is None:
        raise SpecError(lowered.diagnostics)
    return lowered.graph


def test_time_distributed_hands_a_mask_on_from_2_1_6():
    """A mask of steps of steps reaches the scan inside; what is left is one of the outer steps."""
    scan = ("TimeDistributed", {"layer": {"class_name": "LSTM", "config": {"output_dim": 2}}})
    text = sequential(("Dropout", {"p": 0.5}), scan, LSTM, shape=(5, STEPS, CHANNELS))
    masking = load(sequential(MASKING, shape=(5, STEPS, CHANNELS))).spec.layers[0]
    made = load(text).spec
    layers = (masking.model_copy(update={"name": "dropout_1"}), *made.layers[1:])
    spec = made.model_copy(update={"keras_version": "2.1.6", "layers": layers})
    graph = lower(spec, Semantics.of(SemanticsFields(), spec)).graph
    assert graph is not None
    ops = [node.op for node in graph if isinstance(node.op, Recurrent)]
    assert [op.masked for op in ops] == [True, True]
