"""Kernels in other forms: of CuDNN's layers, and of what TensorFlow keeps as one matrix."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError

h5py = pytest.importorskip("h5py")
RNG = np.random.default_rng(5)
Arrays = Mapping[str, np.ndarray]


def save(path: str, layers: list[Any], tensors: Arrays, *, model: bool = True) -> None:
    """As ``model.save`` of Keras 2 writes it, or ``save_weights``; by ``layer/tensor``."""
    layers[0]["config"]["dtype"] = "float32"
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    version = {"keras_version": "2.2.4", "backend": "tensorflow"}
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if model else file
        for owner in (file, group):
            for key, value in version.items():
                owner.attrs[key] = value.encode()
        file.attrs["model_config"] = json.dumps(config).encode()
        names = [layer["config"]["name"] for layer in layers]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            mine = {k: v for k, v in tensors.items() if k.startswith(f"{name}/")}
            own = group.create_group(name)
            own.attrs["weight_names"] = [f"{key}:0".encode() for key in mine]
            for key, value in mine.items():
                own.create_dataset(f"{key}:0", data=value)
    if not model:
        with h5py.File(path, "a") as file:
            del file.attrs["model_config"]
        with open(f"{path}.json", "w") as stream:
            json.dump({**config, **version}, stream)


def layer(kind: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **arguments}}


def run(path: str, x: np.ndarray, target: str = "reference", **options: Any) -> Any:
    model = speccompiler.load(path, **options)
    return model.compile(target, input_shape=x.shape[1:]).run(x)


def error(path: str, **options: Any) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as caught:
        speccompiler.load(path, **options)
    (found,) = caught.value.diagnostics
    return found.message, found.hint


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


UNITS, CHANNELS = 3, 5
X = RNG.uniform(-1, 1, (2, 6, CHANNELS)).astype(np.float32)


def drawn(gates: int, prefix: str = "r/") -> dict[str, np.ndarray]:
    """What a CuDNN layer holds: kernels and a bias of the input, then one of the state."""
    shapes = {"kernel": (CHANNELS, gates * UNITS), "recurrent_kernel": (UNITS, gates * UNITS),
              "bias": (2 * gates * UNITS,)}  # fmt: skip
    return {f"{prefix}{k}": RNG.uniform(-1, 1, s).astype(np.float32) for k, s in shapes.items()}


def canonical(kernel: np.ndarray, gates: int) -> list[np.ndarray]:
    """The matrices ``(units, inputs)`` of CuDNN, which Keras hands each gate's numbers flat."""
    return [part.ravel().reshape(UNITS, -1) for part in np.split(kernel, gates, axis=1)]


def cudnn(kind: str, tensors: Arrays, x: np.ndarray, prefix: str = "r/") -> np.ndarray:
    """All outputs of cudnnRNNForward by NVIDIA's equations, the gates in Keras's order."""
    gates = 4 if kind == "LSTM" else 3
    w = canonical(tensors[f"{prefix}kernel"], gates)
    u = canonical(tensors[f"{prefix}recurrent_kernel"], gates)
    b = np.split(tensors[f"{prefix}bias"].astype(np.float64), 2 * gates)
    h = c = np.zeros((len(x), UNITS))
    found = []
    for step in x.astype(np.float64).swapaxes(0, 1):
        given = [step @ w[g].T + b[g] for g in range(gates)]
        fed = [h @ u[g].T + b[gates + g] for g in range(gates)]
        if kind == "LSTM":
            i, f, n, o = (a + d for a, d in zip(given, fed, strict=True))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(n)
            h = sigmoid(o) * np.tanh(c)
        else:
            z, r = (sigmoid(given[g] + fed[g]) for g in range(2))
            h = (1 - z) * np.tanh(given[2] + r * fed[2]) + z * h
        found.append(h)
    return np.stack(found, 1)


PLAIN = {"LSTM": {"recurrent_activation": "sigmoid"},
         "GRU": {"recurrent_activation": "sigmoid", "reset_after": True}}  # fmt: skip
START = {"batch_input_shape": [None, None, CHANNELS]}


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("twin", [True, False], ids=["cudnn-class", "plain-class"])
@pytest.mark.parametrize("back", [False, True])
def test_a_cudnn_layers_weights(tmp_path, kind: str, twin: bool, back: bool, target: str) -> None:
    tensors = drawn(4 if kind == "LSTM" else 3)
    arguments = {"units": UNITS, "return_sequences": True, "go_backwards": back, **START}
    one = layer(f"CuDNN{kind}", "r", **arguments)
    if not twin:
        one = layer(kind, "r", **arguments, **PLAIN[kind])
    path = str(tmp_path / "m.h5")
    save(path, [one], tensors)
    wanted = cudnn(kind, tensors, X[:, ::-1] if back else X)
    np.testing.assert_allclose(run(path, X, target), wanted, atol=2e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_cudnn_class_with_the_weights_of_the_plain_one(tmp_path, kind: str) -> None:
    gates = 4 if kind == "LSTM" else 3
    tensors = drawn(gates)
    plain = dict(tensors)
    for name in ("r/kernel", "r/recurrent_kernel"):
        plain[name] = np.concatenate([m.T for m in canonical(tensors[name], gates)], axis=1)
    rows = tensors["r/bias"].reshape(2, -1)
    plain["r/bias"] = rows.sum(0) if kind == "LSTM" else rows
    path = str(tmp_path / "m.h5")
    save(path, [layer(f"CuDNN{kind}", "r", units=UNITS, **START)], plain)
    np.testing.assert_allclose(run(path, X), cudnn(kind, tensors, X)[:, -1], atol=2e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_both_ways_and_a_file_of_weights_alone(tmp_path, kind: str) -> None:
    gates = 4 if kind == "LSTM" else 3
    there, back = (f"b/{way}_r/" for way in ("forward", "backward"))
    tensors = {**drawn(gates, there), **drawn(gates, back)}
    inner = layer(f"CuDNN{kind}", "r", units=UNITS, return_sequences=True)
    path = str(tmp_path / "w.h5")
    save(path, [layer("Bidirectional", "b", layer=inner, **START)], tensors, model=False)
    forward = cudnn(kind, tensors, X, there)
    backward = cudnn(kind, tensors, X[:, ::-1], back)[:, ::-1]
    found = run(f"{path}.json", X, weights=path)
    np.testing.assert_allclose(found, np.concatenate([forward, backward], -1), atol=2e-6)


def test_a_layer_is_told_from_its_twin_one_by_one(tmp_path) -> None:
    """Two layers of one file, of which one alone was CuDNN's."""
    first, second = drawn(4), drawn(4, "s/")
    second["s/kernel"] = second["s/kernel"][:UNITS]
    both = {**first, **second, "s/bias": second["s/bias"][:12]}
    layers = [
        layer("CuDNNLSTM", "r", units=UNITS, return_sequences=True, **START),
        layer("LSTM", "s", units=UNITS, recurrent_activation="sigmoid"),
    ]
    path = str(tmp_path / "m.h5")
    save(path, layers, both)
    as_cudnn = {
        name: np.concatenate([p.T.ravel().reshape(p.shape) for p in np.split(v, 4, 1)], 1)
        for name, v in both.items()
        if name in {"s/kernel", "s/recurrent_kernel"}
    }
    as_cudnn["s/bias"] = np.concatenate([both["s/bias"], np.zeros(12)])
    middle = cudnn("LSTM", both, X)
    wanted = cudnn("LSTM", as_cudnn, middle, "s/")[:, -1]
    np.testing.assert_allclose(run(path, X), wanted, atol=2e-6)


def test_a_gru_that_resets_before_is_no_cudnn_layer(tmp_path) -> None:
    path, tensors = str(tmp_path / "m.h5"), drawn(3)
    save(path, [layer("GRU", "r", units=UNITS, reset_after=False, **START)], tensors)
    assert error(path) == (
        "wrong shapes: r/b is stored as (18,), expected (9,)",
        "this looks like the bias of a CuDNNLSTM or CuDNNGRU: an LSTM takes it, and a GRU that "
        "says reset_after: true, where the whole file is given as weights of the model",
    )
    plain = {**tensors, "r/bias": tensors["r/bias"][:9]}
    save(path, [layer("CuDNNGRU", "r", units=UNITS, **START)], plain)
    assert error(path) == (
        "wrong shapes: r/b is stored as (9,), expected (2, 9)",
        "this looks like the bias of a GRU that computes with reset_after: false, as no CuDNNGRU "
        "does: say that it is such a GRU",
    )


def unshared(x: np.ndarray, kernel: Any, out: tuple[int, ...], sides: Any) -> np.ndarray:
    """``kernel(place, tap)`` gives ``(channels, filters)``; ``sides`` each place's first tap."""
    rank = len(out)
    y = np.zeros((len(x), *out, FILTERS))
    for place in itertools.product(*map(range, out)):
        starts = [start[at] for start, at in zip(sides, place, strict=True)]
        for tap in itertools.product(*map(range, KERNEL[:rank])):
            at = tuple(s + t for s, t in zip(starts, tap, strict=True))
            if all(0 <= a < n for a, n in zip(at, x.shape[1:], strict=False)):
                y[(slice(None), *place)] += x[(slice(None), *at)] @ kernel(at, place)
    return y


FILTERS, KERNEL, LENGTHS, SEEN = 4, (3, 2), (7, 6), 2


@pytest.mark.parametrize(("rank", "first"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("implementation", [2, 3])
def test_a_matrix_of_all_places(
    tmp_path, rank: int, first: bool, padding: str, stride: int, implementation: int
) -> None:
    lengths, sizes = LENGTHS[:rank], KERNEL[:rank]
    if padding == "same":
        out = tuple(-(-n // stride) for n in lengths)
        sides = [[o * stride - k // 2 for o in range(m)] for m, k in zip(out, sizes, strict=True)]
    else:
        out = tuple((n - k) // stride + 1 for n, k in zip(lengths, sizes, strict=True))
        sides = [[o * stride for o in range(m)] for m in out]
    into_shape, out_shape = (*lengths, SEEN), (*out, FILTERS)
    matrix = RNG.uniform(-1, 1, (*into_shape, *out_shape)).astype(np.float32)
    x = RNG.uniform(-1, 1, (2, *into_shape)).astype(np.float32)
    bias = RNG.uniform(-1, 1, out_shape).astype(np.float32)

    def kernel(at: tuple[int, ...], place: tuple[int, ...]) -> np.ndarray:
        return matrix[(*at, slice(None), *place, slice(None))]

    wanted = unshared(x, kernel, out, sides)
    ordered = matrix
    if first:
        ordered = np.moveaxis(np.moveaxis(matrix, rank, 0), -1, rank + 1)
    if implementation == 3:
        pairs = []
        for place, tap in itertools.product(
            itertools.product(*map(range, out)), itertools.product(*map(range, sizes))
        ):
            at = tuple(s[p] + t for s, p, t in zip(sides, place, tap, strict=True))
            if all(0 <= a < n for a, n in zip(at, lengths, strict=True)):
                for c, f in itertools.product(range(SEEN), range(FILTERS)):
                    read = (c, *at) if first else (*at, c)
                    gives = (f, *place) if first else (*place, f)
                    pairs.append((gives, read, matrix[(*at, c, *place, f)]))
        ordered = np.array([value for *_, value in sorted(pairs)], np.float32)
    moved = x
    if first:
        moved = np.moveaxis(x, -1, 1)
    flat = bias if not first else np.moveaxis(bias, -1, 0).reshape(bias.shape)
    one = layer(
        f"LocallyConnected{rank}D", "l", filters=FILTERS, kernel_size=list(sizes),
        strides=[stride] * rank, padding=padding, implementation=implementation,
        data_format="channels_first" if first else "channels_last",
        batch_input_shape=[None, *moved.shape[1:]],
    )  # fmt: skip
    path = str(tmp_path / "m.h5")
    save(path, [one], {"l/kernel": ordered, "l/bias": flat})
    found = run(path, moved)
    found = np.moveaxis(found, 1, -1) if first else found
    np.testing.assert_allclose(found, wanted + bias, atol=2e-5)
