"""Random graphs, randomly edited: outputs differ only where it is said, and both ways alike."""

from __future__ import annotations

import json
import zlib
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from speccompiler.comparing.compare import compare
from speccompiler.comparing.model_diff import Fit, Impact, Match, ModelDiff
from speccompiler.model import Model
from tests.comparing.pairs import model

Layers = list[dict[str, Any]]
INVERSE = {Match.INSERTED: Match.REMOVED, Match.REMOVED: Match.INSERTED}
NUMBERS = {"CD201", "CD202", "CD204", "CD205", "CD206", "CD301", "CD302"}
PLAIN = (
    {"type": "BatchNormalization", "axis": -1},
    {"type": "Activation", "activation": "relu"},
    {"type": "Activation", "activation": "tanh"},
    {"type": "Dropout", "p": 0.5},
    {"type": "LeakyReLU", "alpha": 0.3},
    {"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [1, 1], "border_mode": "same"},
    {"type": "MaxPooling2D", "pool_size": [3, 3], "strides": [1, 1], "border_mode": "same"},
)
"""Layers that keep the shape."""


def convolution(random: Random) -> dict[str, Any]:
    return {
        "type": "Convolution2D",
        "nb_filter": 3,
        "nb_row": random.choice([1, 3]),
        "nb_col": random.choice([1, 3]),
        "border_mode": "same",
        "activation": random.choice(["linear", "relu", "tanh"]),
    }


def graph(random: Random) -> Layers:
    """Layers of one shape, some of which read two; a Dense at the end reads the last."""
    layers: Layers = [{**convolution(random), "name": "n0"}]
    for number in range(1, random.randint(5, 11)):
        before = layers[-1]["name"]
        others = [layer["name"] for layer in layers[:-1]]
        reads = [before]
        if others and random.random() < 0.3:
            layer: dict[str, Any] = {"type": "Merge", "mode": random.choice(["sum", "mul", "max"])}
            reads.append(random.choice(others))
        else:
            layer = random.choice([convolution(random), dict(random.choice(PLAIN))])
        layers.append({**layer, "name": f"n{number}", "inputs": reads})
    flat = {"type": "Flatten", "name": "flat", "inputs": [layers[-1]["name"]]}
    return [*layers, flat, {"type": "Dense", "name": "end", "output_dim": 2, "inputs": ["flat"]}]


def edited(random: Random, layers: Layers, name: str) -> Layers:
    """The layers after an edit; ``name`` is for a layer that comes, or a new name."""
    new = deepcopy(layers)
    place = random.randrange(len(new) - 2)
    layer = new[place]
    edit = random.choice(["rename", "insert", "skip", "remove", "argument", "training", "swap"])
    if edit == "rename":
        read_instead(new, layer["name"], name)
        layer["name"] = name
    elif edit == "insert":
        read_instead(new, layer["name"], name)
        came = dict(random.choice(PLAIN))
        new.insert(place + 1, {**came, "name": name, "inputs": [layer["name"]]})
    elif edit == "skip" and place:
        read_instead(new, layer["name"], name)
        reads = [layer["name"], new[random.randrange(place)]["name"]]
        new.insert(place + 1, {"type": "Merge", "mode": "sum", "name": name, "inputs": reads})
    elif edit == "remove" and len(layer.get("inputs", ())) == 1:
        read_instead(new, layer["name"], layer["inputs"][0])
        del new[place]
    elif edit == "argument" and "activation" in layer:
        layer["activation"] = random.choice(["sigmoid", "tanh", "relu"])
    elif edit == "training" and layer["type"] == "Convolution2D":
        layer["W_regularizer"] = {"name": "l2", "l": 0.01}
    elif edit == "swap" and len(layer.get("inputs", ())) == 2:
        layer["inputs"].reverse()
    return new


def read_instead(layers: Layers, old: str, new: str) -> None:
    for layer in layers:
        if "inputs" in layer:
            layer["inputs"] = [new if name == old else name for name in layer["inputs"]]


def text(layers: Layers) -> str:
    head = {"convspec": 1, "dim_ordering": "tf", "input_shape": [6, 6, 3]}
    return json.dumps({**head, "layers": layers})


def outputs(side: Model, names: dict[str, str], path: Path) -> np.ndarray:
    """On the reference target; a tensor's values hang on its old name."""
    tensors = {}
    for weight in side.graph.weights():
        key = f"{weight.layer}/{weight.tensor}"
        random = np.random.default_rng(zlib.crc32(names.get(key, key).encode()))
        low = 0.5 if key.endswith("std") else -1
        tensors[key] = random.uniform(low, 1.5, weight.stored_shape).astype(np.float32)
    np.savez(path, **tensors)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 6, 6, 3)).astype(np.float32)
    found = model(side.loaded.document.text, weights=path).compile("reference").run(x)
    assert isinstance(found, np.ndarray)
    return found


def pairs(diff: ModelDiff, *, back: bool = False) -> list[tuple[str, str | None, str | None]]:
    found = []
    for pair in diff.layers:
        names = [None if side is None else side.name for side in (pair.old, pair.new)]
        match = INVERSE.get(pair.match, pair.match) if back else pair.match
        found.append((str(match), *(reversed(names) if back else names)))
    return sorted(found, key=str)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_said_is_what_is_computed(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    before = after = graph(random)
    for number in range(random.randint(1, 3)):
        after = edited(random, after, f"came{number}")
    old, new = model(text(before)), model(text(after))
    diff, back = compare(old, new), compare(new, old)
    assert pairs(diff) == pairs(back, back=True)
    assert diff.impact == back.impact
    tensors = [tensor for pair in diff.layers for tensor in pair.tensors]
    names = {str(t.new_name): str(t.old_name) for t in tensors if t.fit is Fit.RENAMED}
    one, other = outputs(old, {}, tmp_path / "old.npz"), outputs(new, names, tmp_path / "new.npz")
    breaking = {change.code for change in diff.changes if change.impact is Impact.BREAKING}
    # A layer may change what it computes, and happen to get nothing that shows it.
    assert breaking & NUMBERS or np.allclose(one, other, rtol=1e-5, atol=1e-6), str(diff)
