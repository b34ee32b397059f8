"""Small models as texts, the one finding that refuses one, and runs on every target."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from speccompiler.diagnostics.core import Diagnostic, SpecError
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document

FIXED = """\
convspec: 1
name: fixed
input_shape: [6, 2]
seed: 3
layers:
  - {type: Convolution1D, name: c, nb_filter: 3, filter_length: 3, activation: tanh}
  - {type: Flatten, name: f}
"""
OPEN = """\
convspec: 1
name: open
input_shape: [null, 2]
seed: 3
layers:
  - {type: Convolution1D, name: c, nb_filter: 3, filter_length: 3, activation: tanh}
  - {type: GlobalMaxPooling1D, name: g}
"""
TWO = """\
convspec: 1
name: two
inputs: {a: [null, 2], b: [4]}
seed: 3
layers:
  - {type: Flatten, name: f, inputs: b}
  - {type: Activation, name: t, activation: tanh, inputs: a}
"""
IMAGE = [
    {"type": "MaxPooling2D", "name": "p"},
    {"type": "Convolution2D", "name": "c", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
]


def refusal(run: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run()
    (found,) = (d for d in caught.value.diagnostics if d.severity == "error")
    return found


def keras(*layers: tuple[str, dict[str, Any]], version: str | None = "1.2.2") -> str:
    config = [{"class_name": name, "config": arguments} for name, arguments in layers]
    given = {} if version is None else {"keras_version": version}
    return json.dumps({"class_name": "Sequential", "config": config, **given})


def checked(text: str, file: str = "t.json", **given: Any) -> tuple[Model | None, Any]:
    return check(parse_document(text, file), **given)


def assert_targets_agree(model: Model, x: np.ndarray) -> np.ndarray:
    judge = model.compile("reference", input_shape=x.shape[1:]).run(x)
    y = model.compile("cpu", input_shape=x.shape[1:]).run(x)
    np.testing.assert_allclose(y, judge, atol=1e-5 * np.abs(judge).max())
    return judge


def only_refusal(action):
    """The one finding of an action that is refused."""
    with pytest.raises(SpecError) as caught:
        action()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def images(samples=3, dtype=np.float32):
    values = np.random.default_rng(0).uniform(-100, 100, (samples, 8, 6, 2))
    return values.astype(dtype)
