"""What OLD and NEW may be beside two files: streams, kinds that mix, weights of revisions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cli.calling import Call, shown_safely, write
from tests.cli.git_repository import ENVIRONMENT, MODEL, WIDER, commit, repository

KERAS = json.dumps(
    {
        "class_name": "Sequential",
        "keras_version": "1.2.2",
        "config": [
            {
                "class_name": "Convolution2D",
                "config": {
                    "name": "conv1",
                    "nb_filter": 4,
                    "nb_row": 3,
                    "nb_col": 3,
                    "dim_ordering": "tf",
                    "batch_input_shape": [None, 8, 8, 1],
                },
            },
            {"class_name": "Flatten", "config": {"name": "flat"}},
            {"class_name": "Dense", "config": {"name": "fc", "output_dim": 3}},
        ],
    }
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def saved(path: str, text: str) -> str:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text.encode()
        file.attrs["keras_version"] = b"1.2.2"
        file.create_group("model_weights").attrs["layer_names"] = []
    return path


def test_standard_input_is_either_of_the_two(call: Call) -> None:
    write("model.yaml", WIDER)
    for names, numbers in (
        (("-", "model.yaml"), "475 -> 711"),
        (("model.yaml", "-"), "711 -> 475"),
    ):
        result = call("diff", *names, stdin=MODEL.encode())
        assert result.status == 1
        assert f"parameters {numbers}" in " ".join(result.out.split())


def test_a_bad_stream_is_told_with_its_line(call: Call) -> None:
    write("model.yaml", MODEL)
    result = call("diff", "-", "model.yaml", stdin=MODEL.replace("fc", "conv1").encode())
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("<stdin>:7:")
    assert result.err.endswith("\nfound 1 error\n")


def test_keras_and_native_mix(call: Call) -> None:
    write("model.json", KERAS)
    write("model.yaml", MODEL)
    saved("model.h5", KERAS)
    for one, other in (("model.json", "model.yaml"), ("model.h5", "model.yaml")):
        result = call("diff", one, other, "--semantics", "tensorflow")
        assert result.status == 0, result
        assert result.out.splitlines()[0] == "no change"


def test_a_saved_model_at_a_revision(call: Call) -> None:
    repository(model=MODEL)
    saved("model.h5", KERAS)
    commit()
    saved("model.h5", KERAS.replace('"nb_filter": 4', '"nb_filter": 6'))
    options = ("--semantics", "tensorflow")
    result = call("diff", "HEAD:model.h5", "model.h5", *options)
    assert result.status == 1
    assert "HEAD:model.h5 -> model.h5; layers: 1 changed, 2 follow" in result.out
    # Named, it counts for a revision; among others a file of weights is no spec.
    assert "1 file: 1 changed" in call("diff", "HEAD", "model.h5", *options).out
    assert call("diff", "HEAD", *options).out == "no spec changed\n"


def test_weights_of_a_revision(call: Call) -> None:
    spec = MODEL + "weights: parts/w.npz\n"
    repository(model=spec)
    tensors = {
        "conv1/W": np.ones((3, 3, 1, 4), np.float32),
        "conv1/b": np.zeros(4, np.float32),
        "fc/W": np.ones((144, 3), np.float32),
        "fc/b": np.zeros(3, np.float32),
    }
    Path("parts").mkdir()
    np.savez("parts/w.npz", **tensors)
    commit()
    np.savez("parts/w.npz", **{**tensors, "fc/b": np.ones(3, np.float32)})
    result = call("diff", "--weights", "HEAD:model.yaml", "model.yaml")
    assert result.status == 1, result
    assert result.out.splitlines()[0] == "HEAD:model.yaml -> model.yaml"
    assert result.out.endswith("4 tensors: 3 equal, 1 different\n")
    # Where the revision lacks them, that is told in the user's words.
    missing = call("diff", "--weights", "HEAD~1:model.yaml", "model.yaml")
    assert missing.status == 2
    assert missing.err.startswith(
        "HEAD~1:model.yaml:8:10: error CS100: cannot read weight file 'HEAD~1:parts/w.npz': "
        "no such file\n"
    )
    other = call(
        "diff", "--weights", "HEAD~1:model.yaml", "model.yaml", "--old-weights", "parts/w.npz"
    )
    assert other.status == 0


def test_no_copy_is_left(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path.parent / f"{tmp_path.name}-tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    repository(model=MODEL, bad=MODEL.replace("fc", "conv1"))
    write("model.yaml", WIDER)
    write("bad.yaml", MODEL)
    for names, status in ((("HEAD",), 1), (("HEAD:bad.yaml", "bad.yaml"), 2)):
        result = call("diff", *names)
        assert result.status == status
        assert str(place) not in result.out + result.err
        for style in ("json", "markdown", "html", "sarif", "junit", "gitlab", "github"):
            assert str(place) not in call("diff", *names, "--format", style).out, style
    assert list(place.iterdir()) == []


def test_names_reach_a_terminal_safely(call: Call) -> None:
    name = "a\x1b[31m\n.yaml"
    repository(model=MODEL)
    write(name, MODEL)
    commit()
    write(name, WIDER)
    for style in ("text", "markdown", "github"):
        shown_safely(call("diff", "HEAD", "--format", style))
    shown_safely(call("diff", "--git", "a\x1b[31m"))
    shown_safely(call("diff", f"HEAD:{name}x", "model.yaml"))


def test_an_empty_folder_has_lost_its_models(call: Call) -> None:
    write("before/a.yaml", MODEL)
    Path("after").mkdir()
    result = call("diff", "before", "after")
    assert result.status == 1
    assert result.out == ("removed: before/a.yaml, 3 layers, 475 parameters\n\n1 file: 1 removed\n")
    Path("before/a.yaml").unlink()
    assert call("diff", "before", "after").err.endswith(
        "Error: no spec in 'before' or 'after': no .yaml, .yml or .json file there says 'convspec' "
        "or 'class_name'\n"
    )


def test_an_input_shape_that_suits_neither(call: Call) -> None:
    write("a.yaml", MODEL)
    result = call("diff", "a.yaml", "a.yaml", "--input-shape", "9,9,1")
    assert result.status == 2
    assert "CS117" in result.err
