"""Stateful models: a state that is passed and returned, and batches in order."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.ir import Input
from tests.cases import build
from tests.cases.models import spec

TARGETS = ("reference", "cpu")
ROWS, STEPS, CHANNELS = 2, 3, 4

LAYERS: dict[str, dict[str, Any]] = {
    "SimpleRNN": {"type": "SimpleRNN", "output_dim": 3},
    "GRU": {"type": "GRU", "output_dim": 3},
    "LSTM": {"type": "LSTM", "output_dim": 3},
}


def layer(kind: str = "LSTM", **more: Any) -> dict[str, Any]:
    return {**LAYERS[kind], "name": "scan", "stateful": True, **more}


def model(*layers: dict[str, Any], batch: int | None = ROWS, steps: int | None = STEPS) -> Any:
    first = {**layers[0], "batch_input_shape": [batch, steps, CHANNELS]}
    return build([first, *layers[1:]])


def values(rng: Any, batches: int, steps: int = STEPS) -> np.ndarray:
    return rng.uniform(-1, 1, (batches * ROWS, steps, CHANNELS)).astype(np.float32)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_halves_of_a_sequence_give_what_the_whole_gives(kind, sequences, target, rng):
    x = values(rng, 1, 2 * STEPS)
    whole = model(layer(kind, return_sequences=sequences), steps=2 * STEPS).compile(target)
    half = model(layer(kind, return_sequences=sequences)).compile(target)
    first, state = half.run_stateful(x[:, :STEPS])
    then, _ = half.run_stateful(x[:, STEPS:], state)
    found = np.concatenate([first, then], 1) if sequences else then
    np.testing.assert_allclose(found, whole.run(x), atol=1e-6)


def test_a_state_is_plain_arrays(rng):
    compiled = model(layer("LSTM")).compile()
    _, state = compiled.run_stateful(values(rng, 1))
    assert {name: (a.shape, a.dtype) for name, a in state.items()} == {
        "scan/h": ((ROWS, 3), np.float32),
        "scan/c": ((ROWS, 3), np.float32),
    }
    x = values(rng, 1)
    expected, _ = compiled.run_stateful(x, state)
    again, _ = compiled.run_stateful(x, pickle.loads(pickle.dumps(state)))
    np.testing.assert_array_equal(again, expected)
    stored = io.BytesIO()
    np.savez(stored, **state)
    stored.seek(0)
    with np.load(stored) as read:
        again, _ = compiled.run_stateful(x, read)
    np.testing.assert_array_equal(again, expected)


def test_a_model_holds_no_state(rng):
    compiled = model(layer()).compile()
    x = values(rng, 1)
    first, state = compiled.run_stateful(x)
    assert np.any(state["scan/h"])
    np.testing.assert_array_equal(compiled.run_stateful(x)[0], first)
    np.testing.assert_array_equal(compiled.run(x), first)


def test_nothing_else_sees_the_states(rng):
    made = model(layer())
    compiled = made.compile()
    compiled.run_stateful(values(rng, 1))
    assert [node.layer for node in made.graph if isinstance(node.op, Input)] == ["scan"]
    assert compiled.input_names == compiled.output_names == ("scan",)
    assert made.shapes().layers[0].output_shape == (3,)


@pytest.mark.parametrize("target", TARGETS)
def test_more_samples_are_batches_in_order(target, rng):
    compiled = model(layer()).compile(target)
    x = values(rng, 3)
    state, rows = None, []
    for start in range(0, len(x), ROWS):
        y, state = compiled.run_stateful(x[start : start + ROWS], state)
        rows.append(y)
    expected = np.concatenate(rows)
    np.testing.assert_array_equal(compiled.run(x), expected)
    out = np.empty_like(expected)
    assert compiled.run(x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    y, last = compiled.run_stateful(x)
    np.testing.assert_array_equal(y, expected)
    assert state is not None
    assert all(np.array_equal(last[name], state[name]) for name in state)
    tapped = model(layer(return_sequences=True), {"type": "Flatten"}).compile(layers=["scan"])
    assert tapped.run_all(x)["scan"].shape == (6, STEPS, 3)


def test_a_smaller_batch_begins_with_zeros(rng):
    compiled = model(layer()).compile()
    x = values(rng, 1)
    np.testing.assert_array_equal(compiled.run(x[:1]), compiled.run(x)[:1])


def test_a_state_of_other_rows_decides_the_batch(rng):
    """As the explanation of CS212 says, whatever batch the model declares."""
    x = values(rng, 3)
    given = {f"scan/{name}": np.zeros((3, 3), np.float32) for name in "hc"}
    y, state = model(layer()).compile().run_stateful(x, given)
    expected, last = model(layer(), batch=3).compile().run_stateful(x)
    np.testing.assert_array_equal(y, expected)
    assert all(np.array_equal(state[name], last[name]) for name in last)


def test_without_a_batch_size_every_sample_is_a_sequence(rng):
    compiled = model(layer(), batch=None).compile()
    x = values(rng, 3)
    y, state = compiled.run_stateful(x)
    assert state["scan/h"].shape == (6, 3)
    np.testing.assert_array_equal(compiled.run(x), y)
    again, _ = compiled.run_stateful(x, state)
    assert not np.array_equal(again, y)


def test_a_batch_larger_than_that_of_the_kernels(rng):
    x = values(rng, 5)
    wide, narrow = (model(layer(), batch=None).compile(batch_size=n) for n in (16, 3))
    for compiled in (wide, narrow):
        compiled.run_stateful(x)
    y, state = wide.run_stateful(x)
    found, other = narrow.run_stateful(x)
    np.testing.assert_array_equal(found, y)
    again, _ = wide.run_stateful(x, state)
    found, _ = narrow.run_stateful(x, other)
    np.testing.assert_array_equal(found, again)


def test_open_lengths_may_differ_from_call_to_call(rng):
    compiled = model(layer(), steps=None).compile()
    x = values(rng, 1, 5)
    whole, _ = compiled.run_stateful(x)
    _, state = compiled.run_stateful(x[:, :2])
    y, _ = compiled.run_stateful(x[:, 2:], state)
    np.testing.assert_allclose(y, whole, atol=1e-6)


def test_both_directions_carry(rng):
    inner = {k: v for k, v in layer("LSTM").items() if k != "name"}
    both = {"type": "Bidirectional", "name": "both", "layer": inner}
    compiled = model(both).compile()
    x = values(rng, 1)
    first, state = compiled.run_stateful(x)
    assert list(state) == [
        "both/forward_h", "both/forward_c", "both/backward_h", "both/backward_c",
    ]  # fmt: skip
    np.testing.assert_array_equal(
        first, np.concatenate([state["both/forward_h"], state["both/backward_h"]], 1)
    )
    again, _ = compiled.run_stateful(x, state)
    assert not np.any(again == first)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_masked_steps_at_the_start_show_what_was_carried(semantics, target, rng):
    """TensorFlow's loop gives the state of the batch before, everything else 0."""
    scan = layer("GRU", return_sequences=True)
    masking = {"type": "Masking", "batch_input_shape": [ROWS, STEPS, CHANNELS]}
    compiled = build([masking, scan], semantics=semantics).compile(target)
    x = values(rng, 2)
    x[2, :2], x[3] = 0, 0
    _, state = compiled.run_stateful(x[:ROWS])
    y, after = compiled.run_stateful(x[ROWS:], state)
    carried = state["scan/h"] if semantics == "tensorflow" else np.zeros_like(state["scan/h"])
    np.testing.assert_array_equal(y[0, :2], [carried[0]] * 2)
    np.testing.assert_array_equal(y[1], [carried[1]] * STEPS)
    np.testing.assert_array_equal(after["scan/h"][1], state["scan/h"][1])


def refused(call: Any) -> Any:
    with pytest.raises(SpecError) as caught:
        call()
    (found,) = caught.value.diagnostics
    return found


def test_what_does_not_fit_is_refused(rng):
    compiled = model(layer()).compile()
    x = values(rng, 2)
    found = refused(lambda: compiled.run(x[:3]))
    assert (found.code, found.file, found.message, found.hint) == (
        "CS212",
        "the array",
        "3 samples make no whole batches of 2: the model is stateful, and each sample goes on "
        "with the state of the one that many before it",
        "give a multiple of 2 samples, sequence by sequence: the first 2 are the first parts of "
        "2 sequences, the next 2 their next parts",
    )
    found = refused(lambda: compiled.run_stateful(x, {"scan/h": np.zeros((2, 3))}))
    assert (found.code, found.file, found.message, found.hint) == (
        "CS214",
        "the state",
        "the state has scan/h; this model's are scan/h, scan/c",
        "give what run_stateful returned, or None to begin with zeros",
    )
    wrong = {"scan/h": np.zeros((2, 3)), "scan/c": np.zeros((3, 3))}
    found = refused(lambda: compiled.run_stateful(x, wrong))
    assert (found.code, found.message) == (
        "CS214",
        "the state 'scan/c' has shape (3, 3) and type float64, not (2, 3) and float32",
    )
    found = refused(lambda: compiled.run_stateful(x, [np.zeros((2, 3))] * 2))
    assert (found.code, found.message) == (
        "CS214",
        "the state is a list, not a mapping of arrays; this model's are scan/h, scan/c",
    )
    plain = build([{**layer(), "stateful": False}], [STEPS, CHANNELS]).compile()
    found = refused(lambda: plain.run_stateful(x))
    assert (found.code, found.message) == (
        "CS213",
        "no layer of the model is stateful: there is no state to carry",
    )


def test_what_carries_no_state_is_refused(rng):
    made = model(layer())
    found = refused(lambda: made.compile(tile=2))
    assert (found.code, found.message) == (
        "CS213",
        "the model is stateful: its batches are run in order, and a run in tiles would begin each "
        "with zeros",
    )
    timed = {"type": "TimeDistributed", "name": "each", "layer": layer()}
    each = build([{**timed, "batch_input_shape": [2, 2, STEPS, CHANNELS]}]).compile()
    found = refused(lambda: each.run_stateful(np.zeros((2, 2, STEPS, CHANNELS))))
    assert (found.code, found.layer) == ("CS213", "each")
    first = layer(return_sequences=True, output_dim=CHANNELS)
    again = {"type": "Shared", "layer": "scan", "name": "again"}
    found = refused(lambda: model(first, again).compile().run_stateful(values(rng, 1)))
    assert (found.code, found.layer) == ("CS213", "scan")


def test_the_command_runs_batches_in_order(tmp_path: Path, rng, capsys):
    file = tmp_path / "scan.json"
    shape = {"batch_input_shape": [ROWS, STEPS, CHANNELS]}
    file.write_text(spec([{**layer(), **shape}], seed=1))
    x = values(rng, 4)
    np.save(tmp_path / "x.npy", x)
    base = ["run", str(file), "--input", str(tmp_path / "x.npy")]
    out = tmp_path / "y.npy"
    assert run([*base, "--output", str(out)]) == 0
    expected = speccompiler.load(file).compile().run(x)
    np.testing.assert_array_equal(np.load(out), expected)
    assert run([*base, "--output", str(tmp_path / "y.zarr"), "--batch-size", "2"]) == 0
    verify = ["verify", str(file), "--input", str(tmp_path / "x.npy"), "--expect", str(out)]
    assert run(verify) == 0
    capsys.readouterr()
    assert run([*base, "--batch-size", "4"]) == 1
    said = capsys.readouterr()
    assert "CS212: --batch-size 4: the model is stateful, in batches of 2" in said.err + said.out
    for option in (["--tile", "2"], ["--scheduler", "local:1", "--output", "y.zarr"]):
        assert run([*base, *option]) == 1
        said = capsys.readouterr()
        assert f"and {option[0]} would begin each with zeros" in said.err + said.out


def test_an_onnx_file_carries_no_state_and_that_is_said(tmp_path: Path, capsys):
    pytest.importorskip("onnx")
    file = tmp_path / "scan.json"
    file.write_text(spec([{**layer(), "batch_input_shape": [ROWS, STEPS, CHANNELS]}], seed=1))
    assert run(["convert", str(file), "--output", str(tmp_path / "scan.onnx")]) == 0
    said = capsys.readouterr().err
    assert (
        "note CS213: the model is stateful, and in ONNX its states begin with zeros in each run "
        "[layer scan]" in said
    )
