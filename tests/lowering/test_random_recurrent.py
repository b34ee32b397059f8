"""Random chains of recurrent layers, against the rules of Keras 1.x written out in float64.

Cells, layouts of tensors, masks, directions, states and backends meet here as no golden has them.
The rules are those that were measured on the real Keras, and nothing of the compiler computes here
but the drawing of the weights.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from speccompiler.model import check
from speccompiler.source.texts import parse_document
from tests.lowering.formulas import TARGETS

Config = dict[str, Any]
Array = Any


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACTIVATIONS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softmax": softmax,
    "relu": lambda x: np.maximum(x, 0),
}


def step(kind: str, config: Config, w: dict[str, Array], x: Array, state: list[Array]) -> Any:
    """The states after one step; the first is what the step gives."""
    a, s = (ACTIVATIONS[config.get(n, "tanh")] for n in ("activation", "inner_activation"))
    h = state[0]
    if kind == "SimpleRNN":
        return [a(x @ w["W"] + w["b"] + h @ w["U"])]

    def gate(name: str, h: Array) -> Array:
        return x @ w[f"W_{name}"] + w[f"b_{name}"] + h @ w[f"U_{name}"]

    if kind == "LSTM":
        c = s(gate("f", h)) * state[1] + s(gate("i", h)) * a(gate("c", h))
        return [s(gate("o", h)) * a(c), c]
    z, r = s(gate("z", h)), s(gate("r", h))
    return [z * h + (1 - z) * a(gate("h", r * h))]


def apart(kind: str, w: dict[str, Array], units: int) -> dict[str, Array]:
    """The tensors of each gate, where those of all are stored side by side."""
    order = {"LSTM": "ifco", "GRU": "zrh"}.get(kind, "")
    if not order or "W" not in w:
        return w
    return {
        f"{name}_{gate}": w[name][..., k * units : (k + 1) * units]
        for k, gate in enumerate(order)
        for name in "WUb"
    }


@dataclass
class Keras:
    """What the layers give, batch after batch."""

    layers: list[tuple[str, Config]]
    arrays: dict[tuple[str, str], Array]
    backend: str
    states: dict[str, list[Array]] = field(default_factory=dict)

    def run(self, x: Array) -> Array:
        y, mask = x.astype(np.float64), None
        for kind, config in self.layers:
            if kind == "Masking":
                mask = (y.astype(np.float32) != np.float32(config["mask_value"])).any(-1)
                y = y * mask[..., None]
            elif kind == "Activation":
                y = ACTIVATIONS[config["activation"]](y)
            else:
                y = self.both(config, y, mask) if kind == "Bidirectional" else self.one(
                    kind, config, config["name"], "", config["go_backwards"], y, mask
                )  # fmt: skip
        return y

    def both(self, config: Config, x: Array, mask: Array | None) -> Array:
        kind, inner = config["layer"]["class_name"], config["layer"]["config"]
        forward, backward = (
            self.one(
                kind, inner, config["name"], f"{way}_", inner["go_backwards"] != turned, x, mask
            )
            for turned, way in enumerate(("forward", "backward"))
        )  # fmt: skip
        if inner["return_sequences"]:
            backward = backward[:, ::-1]
        merged = {"sum": forward + backward, "mul": forward * backward,
                  "ave": (forward + backward) / 2,
                  "concat": np.concatenate([forward, backward], -1)}  # fmt: skip
        return merged[config["merge_mode"]]

    def one(self, kind: str, config: Config, name: str, prefix: str, backwards: bool,
            x: Array, mask: Array | None) -> Array:  # fmt: skip
        units, key = config["output_dim"], name + prefix
        own = {t[len(prefix) :]: a for (n, t), a in self.arrays.items()
               if n == name and t.startswith(prefix)}  # fmt: skip
        w = apart(kind, own, units)
        nought = np.zeros((len(x), units))
        state = self.states.get(key, [nought] * (2 if kind == "LSTM" else 1))
        shows_state = self.backend == "tensorflow" and not config["unroll"]
        given, rows = state[0] if shows_state else nought, []
        for t in range(x.shape[1])[:: -1 if backwards else 1]:
            new = step(kind, config, w, x[:, t], state)
            kept = np.ones(len(x), bool) if mask is None else mask[:, t]
            given = np.where(kept[:, None], new[0], given)
            state = [np.where(kept[:, None], a, b) for a, b in zip(new, state, strict=True)]
            rows.append(given)
        if config["stateful"]:
            self.states[key] = state
        return np.stack(rows, 1) if config["return_sequences"] else rows[-1]


def some_layers(r: random.Random, batch: int | None) -> list[tuple[str, Config]]:
    """One to three recurrent layers, most often behind a Masking or two."""
    found: list[tuple[str, Config]] = [
        ("Masking", {"mask_value": value})
        for value in r.sample([0.0, 0.1, 7.0], r.choice((0, 1, 1, 2)))
    ]  # fmt: skip
    count = r.randint(1, 3)
    for number in range(count):
        kind = r.choice(("SimpleRNN", "LSTM", "GRU"))
        config: Config = {
            "output_dim": r.choice((1, 2, 3, 16, 19)),
            "activation": r.choice(list(ACTIVATIONS)),
            "return_sequences": number < count - 1 or r.random() < 0.5,
            "go_backwards": r.random() < 0.4,
            "stateful": batch is not None and r.random() < 0.8,
            "unroll": r.random() < 0.3,
        }
        if kind != "SimpleRNN":
            config["inner_activation"] = r.choice(("hard_sigmoid", "sigmoid", "softmax"))
            config["consume_less"] = r.choice(("cpu", "mem", "gpu"))
        if r.random() < 0.35:
            config = {"layer": {"class_name": kind, "config": config},
                      "merge_mode": r.choice(("sum", "mul", "ave", "concat"))}  # fmt: skip
            kind = "Bidirectional"
        found.append((kind, {**config, "name": f"scan{number}"}))
        if r.random() < 0.3:
            found.append(("Activation", {"activation": "softsign"}))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_random_chains(seed: int) -> None:
    r, rng = random.Random(seed), np.random.default_rng(seed)
    rows, steps, channels = r.choice((1, 2, 5)), r.choice((1, 2, 7)), r.choice((1, 3, 8))
    batch = rows if r.random() < 0.5 else None
    layers, backend = some_layers(r, batch), r.choice(("tensorflow", "theano"))
    layers[0][1]["batch_input_shape"] = [batch, r.choice((None, steps)), channels]
    document = {"class_name": "Sequential", "keras_version": "1.2.2",
                "config": [{"class_name": k, "config": c} for k, c in layers]}  # fmt: skip
    model, findings = check(
        parse_document(json.dumps(document), "m.json"), seed=seed, semantics=backend
    )
    assert model is not None, findings
    arrays = {(w.layer, w.tensor): np.asarray(a, np.float64)
              for w, a in model.weight_sources.read().items()}  # fmt: skip
    x = rng.uniform(-1, 1, (rows * (3 if batch else 1), steps, channels)).astype(np.float32)
    x[rng.random(x.shape[:2]) < 0.4] = r.choice((0.0, 0.1))
    x[0] = 0
    keras = Keras(layers, arrays, backend)
    wanted = np.concatenate([keras.run(x[i : i + rows]) for i in range(0, len(x), rows)])
    for target in TARGETS:
        y = model.compile(target, input_shape=(steps, channels)).run(x)
        assert y.shape == wanted.shape
        np.testing.assert_allclose(y, wanted, atol=1e-5 * max(np.abs(wanted).max(), 0.1))
