"""A branch as a reviewer meets it: four changes of one model, told apart in every form."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.cli.calling import Call, write
from tests.cli.git_repository import ENVIRONMENT, commit, git, repository

CONVOLUTION = "type: Convolution2D, nb_row: 3, nb_col: 3, activation: relu"
BEFORE = f"""\
convspec: 1
dim_ordering: tf
input_shape: [16, 16, 3]
layers:
  - {{name: conv1, nb_filter: 8, border_mode: same, {CONVOLUTION}}}
  - {{name: conv2, nb_filter: 8, border_mode: same, {CONVOLUTION}}}
  - {{name: conv3, nb_filter: 8, border_mode: same, {CONVOLUTION}}}
  - {{name: pool, type: MaxPooling2D}}
  - {{name: conv4, nb_filter: 16, {CONVOLUTION}}}
  - {{name: mean, type: GlobalAveragePooling2D}}
  - {{name: classes, type: Dense, output_dim: 10, activation: softmax}}
"""
AFTER = (
    BEFORE.replace("nb_filter: 16", "nb_filter: 24")
    .replace("name: conv2", "name: features")
    .replace(
        "  - {name: features",
        "  - {name: norm, type: BatchNormalization, axis: -1}\n  - {name: features",
    )
    .replace(
        "  - {name: pool", "  - {name: skip, type: Merge, inputs: [conv3, norm]}\n  - {name: pool"
    )
)


@pytest.fixture(autouse=True)
def branch(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    repository(model=BEFORE)
    git("switch", "--quiet", "--create", "topic")
    write("model.yaml", AFTER)
    commit("Wider, normalised, with a connection past two layers")


def test_in_the_terminal(call: Call) -> None:
    result = call("diff", "main")
    assert (result.status, result.err) == (1, "")
    lines = {
        match[2]: match[1]
        for line in result.out.splitlines()
        if (match := re.match(r"([+~> -]) (\w+) ", line))
    }
    assert lines == {
        "norm": "+",
        "features": ">",
        "skip": "+",
        "conv4": "~",
        "mean": " ",
        "classes": " ",
    }
    said = " ".join(result.out.split())
    assert "renamed from 'conv2' old weights fit, and are named conv2/W, conv2/b" in said
    assert "old weights lack gamma (8,), beta (8,), running_mean (8,), running_std (8,)" in said
    assert "nb_filter 16 -> 24 first to differ: output (N, 6, 6, 16) -> (N, 6, 6, 24)" in said
    assert "old weights do not fit: W (16, 10) -> (24, 10), because of 'conv4'" in said
    # conv4 gains 3*3*8*8 + 8 = 584, classes 8*10 = 80, the normalisation has 4*8 = 32.
    assert "parameters 2,730 -> 3,426 +25.5%" in said
    assert 3426 - 2730 == 584 + 80 + 32


def test_in_the_pull_request(call: Call) -> None:
    text = call("diff", "main", "--format", "markdown").out
    own, _, behind = text.partition("<details>")
    assert re.findall(r"^\| \S+ \| (.+?) \|", own, re.MULTILINE)[-4:] == [
        "`norm` (new)",
        "`conv2` → `features`",
        "`skip` (new)",
        "`conv4`",
    ]
    assert re.findall(r"^\| \S+ \| (`\w+`) \|", behind, re.MULTILINE) == ["`mean`", "`classes`"]


def test_in_the_browser(call: Call) -> None:
    page = call("diff", "main", "--format", "html").out
    embedded = re.search(
        r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL
    )
    assert embedded is not None
    (file,) = json.loads(embedded[1])["files"]
    assert file["verdict"].startswith("breaking: numbers change, old weights: 2 layers misfit, ")


def test_for_programs(call: Call) -> None:
    (file,) = json.loads(call("diff", "main", "--format", "json").out)["files"]
    matches = {layer["name"]: layer["match"] for layer in file["model"]["layers"]}
    assert matches == {
        "conv1": "same",
        "norm": "inserted",
        "features": "renamed",
        "conv3": "same",
        "skip": "inserted",
        "pool": "same",
        "conv4": "same",
        "mean": "same",
        "classes": "same",
    }
    causes = {c["layer"]: c["because"] for c in file["model"]["changes"] if c["because"]}
    assert causes == {"mean": ["conv4"], "classes": ["conv4"]}
