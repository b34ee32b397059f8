"""Hashes of content: what leaves them as they are, and what changes them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.cli.main import run
from speccompiler.weights.content_hashes import model_hash

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 2]
layers:
  - {type: Convolution2D, name: c, nb_filter: 3, nb_row: 3, nb_col: 3, activation: relu}
  - {type: Flatten, name: f}
  - {type: Dense, name: d, output_dim: 4}
"""
JSON = """\
{"convspec": 1, "dim_ordering": "tf", "input_shape": [8, 8, 2], "layers": [
{"name": "c", "type": "Convolution2D", "nb_row": 3, "nb_col": 3, "nb_filter": 3,
 "activation": "relu", "border_mode": "valid", "W_regularizer": "l2"},
{"name": "f", "type": "Flatten"}, {"name": "d", "type": "Dense", "output_dim": 4}]}
"""


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"c/W": (3, 3, 2, 3), "c/b": (3,), "d/W": (108, 4), "d/b": (4,)}
    return {name: rng.standard_normal(shape).astype("f4") for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(SPEC)
    Path("m.json").write_text(JSON)


def hashes(spec: str, weights: str | None = None, seed: int | None = None) -> tuple[str, str]:
    model = speccompiler.load(spec, weights=weights, seed=seed)
    return model_hash(model.graph), model.weights_hash


def test_the_words_of_a_spec_do_not_matter() -> None:
    """YAML or JSON, the order of arguments, a default that is written, what only training used."""
    assert hashes("m.yaml", seed=1)[0] == hashes("m.json", seed=1)[0]
    Path("other").mkdir()
    Path("other/n.yaml").write_text(f"# a comment\n{SPEC}")
    assert hashes("other/n.yaml", seed=1)[0] == hashes("m.yaml", seed=1)[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("activation: relu", "activation: tanh"),
        ("nb_row: 3, nb_col: 3", "nb_row: 3, nb_col: 3, border_mode: same"),
        ("dim_ordering: tf", "semantics: theano\ndim_ordering: tf"),
        ("name: d", "name: e"),
        ("activation: relu", "activation: {expr: x + 1}"),
    ],
)
def test_what_changes_the_model(old: str, new: str) -> None:
    Path("n.yaml").write_text(SPEC.replace(old, new))
    assert hashes("n.yaml", seed=1)[0] != hashes("m.yaml", seed=1)[0]


def test_weights_by_their_content() -> None:
    """Whatever the format, the order, the place and the time of the file."""
    np.savez("w.npz", **arrays())
    one = hashes("m.yaml", "w.npz")[1]
    save_file(dict(reversed(arrays().items())), "w.safetensors")
    assert hashes("m.yaml", "w.safetensors")[1] == one
    Path("sub").mkdir()
    shutil.copy("w.npz", "sub/v.npz")
    os.utime("sub/v.npz", (1, 1))
    assert hashes("m.json", "sub/v.npz")[1] == one
    np.savez("d.npz", **{name: array.astype("f8") for name, array in arrays().items()})
    assert hashes("m.yaml", "d.npz")[1] == one
    changed = arrays()
    changed["d/b"][0] = np.nextafter(changed["d/b"][0], np.float32(9))
    np.savez("x.npz", **changed)
    assert hashes("m.yaml", "x.npz")[1] != one


def test_drawn_weights_by_what_draws_them() -> None:
    assert hashes("m.yaml", seed=1) == hashes("m.json", seed=1)
    assert hashes("m.yaml", seed=1)[1] != hashes("m.yaml", seed=2)[1]


def test_it_is_the_digest_of_a_converted_file(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("w.npz", **arrays())
    options = ["--semantics", "tensorflow", "--weights-output", "n.safetensors", "-o", "n.yaml"]
    status = run(["convert", "m.yaml", "--weights", "w.npz", "--to-semantics", "theano", *options])
    assert status == 0, capsys.readouterr()
    model = speccompiler.load("n.yaml")
    assert model.weights_hash == model.spec.weights_sha256
