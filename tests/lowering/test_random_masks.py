"""Random graphs of what makes, passes on, merges, stops and refuses masks, by Keras 1.x's table.

A recurrent layer at each end shows which mask arrived there. The table is that of the documents
on recurrent layers and masks; the cells are those of ``test_random_recurrent``.
"""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from speccompiler.model import check
from speccompiler.source.texts import parse_document
from tests.lowering.formulas import TARGETS
from tests.lowering.test_random_recurrent import Keras

STEPS, CHANNELS = 5, 3
PASSING: dict[str, Any] = {
    "Dropout": {"p": 0.5},
    "Activation": {"activation": "softsign"},
    "GaussianNoise": {"sigma": 0.5},
    "LeakyReLU": {"alpha": 0.3},
    "ThresholdedReLU": {"theta": 0.1},
    "ActivityRegularization": {"l1": 0.1},
    "TimeDistributed": {"layer": {"class_name": "Activation", "config": {"activation": "tanh"}}},
}
REFUSING: dict[str, Any] = {
    "UpSampling1D": {"length": 2}, "Cropping1D": {"cropping": [0, 0]}, "Permute": {"dims": [1, 2]},
    "Reshape": {"target_shape": [STEPS, CHANNELS]}, "MaxPooling1D": {"pool_length": 1, "stride": 1},
}  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    "Activation": lambda x: x / (1 + np.abs(x)),
    "LeakyReLU": lambda x: np.where(x > 0, x, 0.3 * x),
    "ThresholdedReLU": lambda x: x * (x > 0.1),
    "TimeDistributed": np.tanh,
    "UpSampling1D": lambda x: np.repeat(x, 2, 1),
}
MERGED: dict[str, Any] = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
}
Value = tuple[Any, Any]
"""An array and its mask."""


class Refused(Exception):
    """What Keras does not build."""


def masked(x: Any, value: float) -> Value:
    kept = (x.astype(np.float32) != np.float32(value)).any(-1)
    return x * kept[..., None], kept


def merged(config: dict[str, Any], values: list[Value], version: tuple[int, ...]) -> Value:
    mode, arrays = config["mode"], [x for x, _ in values]
    masks = [mask for _, mask in values if mask is not None]
    one = len(masks) == 1
    if mode == "max" and masks:
        raise Refused
    if mode != "concat":
        y = MERGED[mode](*arrays)
        return y, np.logical_and.reduce(masks) if masks else None
    if one and version < (1, 0, 7):
        raise Refused
    y = np.concatenate(arrays, config["concat_axis"])
    if config["concat_axis"] == 1:
        if one:
            raise Refused
        return y, np.concatenate(masks, 1) if masks else None
    return y, np.logical_and.reduce(masks) if masks else None


def drawn(r: random.Random) -> list[dict[str, Any]]:
    """The layers after two inputs, each with what it reads."""
    names, layers = ["a", "b"], []

    def add(kind: str, reads: list[str], **config: Any) -> str:
        name = f"{kind.lower()}{len(layers)}"
        layers.append({"class_name": kind, "name": name, "config": {"name": name, **config},
                       "inbound_nodes": [[[read, 0, 0] for read in reads]]})  # fmt: skip
        return name

    for _ in range(r.randint(2, 6)):
        draw = r.random()
        if draw < 0.35:
            names.append(add("Masking", [r.choice(names)], mask_value=r.choice([0.0, 0.1])))
        elif draw < 0.6:
            kind = r.choice(sorted(PASSING))
            names.append(add(kind, [names[-1]], **PASSING[kind]))
        elif draw < 0.9:
            mode = r.choice([*MERGED, "concat", "concat"])
            axis = r.choice([-1, 1])
            names.append(add("Merge", r.sample(names[-3:], 2), mode=mode, concat_axis=axis))
        else:
            kind = r.choice(sorted(REFUSING))
            names.append(add(kind, [names[-1]], **REFUSING[kind]))
    read = [names[-1]] if r.random() < 0.5 else r.sample(names, 2)
    for name in read:
        add("SimpleRNN", [name], output_dim=2, activation="tanh", return_sequences=r.random() < 0.5,
            go_backwards=r.random() < 0.3, stateful=False, unroll=False)  # fmt: skip
    return layers


def value_of(name: str, layers: dict[str, Any], given: dict[str, Any], version: Any) -> Value:
    if name in given:
        return given[name], None
    entry = layers[name]
    kind, config = entry["class_name"], entry["config"]
    values = [value_of(link[0], layers, given, version) for link in entry["inbound_nodes"][0]]
    x, mask = values[0]
    if kind == "Masking":
        return masked(x, config["mask_value"])
    if kind == "Merge":
        return merged(config, values, version)
    if kind in REFUSING and mask is not None:
        raise Refused
    return FUNCTIONS.get(kind, lambda x: x)(x), mask


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int) -> None:
    r, rng = random.Random(seed), np.random.default_rng(seed)
    listed, version = drawn(r), r.choice([(1, 0, 5), (1, 0, 8), (1, 2, 2)])
    layers = {entry["name"]: entry for entry in listed}
    given = {name: rng.uniform(-1, 1, (4, STEPS, CHANNELS)) for name in "ab"}
    for x in given.values():
        x[rng.random(x.shape[:2]) < 0.4] = 0
        x[0] = x[1, 0] = 0
    x32 = {name: x.astype(np.float32) for name, x in given.items()}
    ends = [entry for entry in listed if entry["class_name"] == "SimpleRNN"]
    needed, waiting = set(), [entry["name"] for entry in ends]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += [link[0] for link in layers[name]["inbound_nodes"][0]] if name in layers else []
    inputs = [
        {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
         "config": {"name": name, "batch_input_shape": [None, STEPS, CHANNELS]}}
        for name in "ab" if name in needed
    ]  # fmt: skip
    config = {"layers": [*inputs, *(entry for entry in listed if entry["name"] in needed)],
              "input_layers": [[entry["name"], 0, 0] for entry in inputs],
              "output_layers": [[entry["name"], 0, 0] for entry in ends]}  # fmt: skip
    document = {
        "class_name": "Model",
        "config": config,
        "keras_version": ".".join(map(str, version)),
    }
    model, findings = check(
        parse_document(json.dumps(document), "m.json"), seed=seed, semantics="tensorflow"
    )
    read = [entry["inbound_nodes"][0][0][0] for entry in ends]
    try:
        arrive = [value_of(name, layers, x32, version) for name in read]
    except (Refused, ValueError):  # a shape that does not fit, too
        assert model is None
        return
    assert model is not None, findings
    arrays = {(w.layer, w.tensor): np.asarray(a, np.float64)
              for w, a in model.weight_sources.read().items()}  # fmt: skip
    keras = Keras([], arrays, "tensorflow")
    wanted = [
        keras.one("SimpleRNN", e["config"], e["name"], "", e["config"]["go_backwards"], *value)
        for e, value in zip(ends, arrive, strict=True)
    ]
    for target in TARGETS:
        found = model.compile(target).run({e["name"]: x32[e["name"]] for e in inputs})
        for y, z in zip(found if len(ends) > 1 else [found], wanted, strict=True):
            np.testing.assert_allclose(y, z, atol=1e-5)
