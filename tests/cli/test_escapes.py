"""What a file says is only ever shown, never obeyed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.calling import GOOD, Call, shown_safely, write

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe\u2028next\r\n\x00"


@pytest.mark.parametrize("command", ["validate", "shapes", "plan", "run"])
@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.update(name=ESCAPES),
        lambda spec: spec.update({ESCAPES: 1}),
        lambda spec: spec["layers"][0].update(name=ESCAPES),
        lambda spec: spec["layers"][0].update(type=ESCAPES),
        lambda spec: spec["layers"][0].update({ESCAPES: 1}),
        lambda spec: spec["layers"][0].update(border_mode=ESCAPES),
        lambda spec: spec["layers"][0].update(activation={"expr": ESCAPES}),
        lambda spec: spec["layers"][0].update(weights=[ESCAPES, ESCAPES]),
        lambda spec: spec["layers"][0].update(W_regularizer={"name": ESCAPES}),
        lambda spec: spec.update(weights=ESCAPES),
        lambda spec: spec.update(weights=f"{ESCAPES}.npz"),
        lambda spec: spec.update(layers=[ESCAPES]),
        lambda spec: (spec.clear(), spec.update({"class_name": ESCAPES, "config": []})),
        lambda spec: (
            spec.clear(),
            spec.update({"class_name": "Model", "config": [], "keras_version": ESCAPES}),
        ),
    ],
)
def test_escapes_in_a_spec_reach_no_terminal(
    call: Call, command: str, change: Callable[[dict[str, Any]], object]
) -> None:
    spec = {"convspec": 1, "dim_ordering": "tf", "input_shape": [8, 8, 1], "layers": [
        {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3}]}  # fmt: skip
    change(spec)
    more = ["--input", "x.npy"] if command == "run" else []
    # As JSON escapes, and as they are where YAML lets them stand.
    write("spec.json", json.dumps(spec))
    write("raw.yaml", json.dumps(spec, ensure_ascii=False))
    for name in ("spec.json", "raw.yaml"):
        result = call(command, name, *more)
        assert result.status in (1, 2)
        shown_safely(result)


def test_escapes_in_names_of_files_and_tensors(call: Call) -> None:
    name = write("a\x1b[31mb.yaml")
    for command in (["validate", name], ["shapes", name], ["validate", "."], ["plan", name]):
        shown_safely(call(*command))
    shown_safely(call("validate", "no\x1b[31mfile.yaml"))
    shown_safely(call("validate", "no\x1b[31m*.yaml"))
    shown_safely(call("no\x1b[31mcommand"))
    shown_safely(call("validate", "--no\x1b[31moption", "x"))
    np.savez("w.npz", **{"a\x1b[31m": np.ones(3, np.float32)})
    shown_safely(call("validate", name, "--weights", "w.npz"))
    shown_safely(call("run", name, "--seed", "1", "--input", "w.npz"))
    shown_safely(call("run", name, "--seed", "1", "--input", "w\x1b.npy", "--layer", "\x1b"))


def test_a_name_that_is_not_utf8(call: Call) -> None:
    name = os.fsdecode(b"gr\xf6\xdfe.yaml")
    Path(name).write_text(GOOD)
    assert call("validate", name).out == "gr\\udcf6\\udcdfe.yaml: ok, 1 layer\n"
    assert json.loads(call("validate", "--format", "json", ".").out)["diagnostics"] == []
    assert call("shapes", name).status == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Convolution2D", "C" * 300_000),
        ("nb_row", "n" * 300_000),
        ("convspec: 1", "convspec: 1\n" + "k" * 300_000 + ": 1"),
        ("name: conv", "border_mode: " + "v" * 300_000),
        ("name: conv", "dim_ordering: no, name: " + "v" * 300_000),
        ("name: conv", "nb_filter: " + "9" * 300),
        ("[8, 8, 1]", "[8, " + "8" * 3000 + ", 1.5]"),
        ("name: conv", "weights: [" + "w" * 300_000 + "]"),
        ("name: conv", "W_regularizer: {name: " + "w" * 300_000 + "}"),
        ("name: conv", "W_regularizer: {name: l2, " + "w" * 300_000 + ": 1}"),
        ("  - {", "  - " + "F" * 300_000 + "\n  - {"),
        ("  - {", "  - {type: Flatten, name: " + "F" * 300_000 + "}\n" * 1 + "  - {"),
    ],
)
def test_a_message_about_a_long_value_is_short(call: Call, old: str, new: str) -> None:
    write("long.yaml", GOOD.replace(old, new))
    for command in ("validate", "shapes"):
        result = call(command, "long.yaml")
        assert result.status == 1, result.out
        assert max(map(len, (result.out + result.err).splitlines())) < 400
