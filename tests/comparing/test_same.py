"""What is no change: the same model in another form, other spellings, other keys, comments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from speccompiler.cli.main import run
from speccompiler.comparing.compare import compare
from speccompiler.model import load, loads
from tests.comparing.pairs import BASE, HEAD, compared, said, spec
from tests.places import ROOT

SPECS = sorted(
    path for path in (ROOT / "examples" / "specs").iterdir() if path.suffix in {".yaml", ".json"}
)
GOLDEN = sorted((ROOT / "tests" / "golden").glob("keras-*/*/model.json"))


def semantics_of(path: Path) -> str:
    return "theano" if "theano" in path.parent.parent.name else "tensorflow"


class Loader(yaml.SafeLoader):
    """PyYAML's, with the tuples of Keras and numbers such as 1e-5, as YAML 1.2 has them."""


Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node)
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[0-9.]+e-?[0-9]+"), list("0123456789")
)


def turned(data: Any) -> Any:
    """The same data with all keys in another order, but for inputs, whose order counts."""
    if isinstance(data, list):
        return [turned(item) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: data[key] if key == "inputs" else turned(data[key]) for key in reversed(list(data))
    }


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_equals_itself_in_other_forms(path: Path) -> None:
    data = turned(yaml.load(path.read_text(encoding="utf-8"), Loader))
    model = load(path)
    for text in (json.dumps(data), yaml.safe_dump(data, sort_keys=False)):
        # Files of weights are looked for beside the name.
        diff = compare(model, loads(text, file=str(path.with_suffix(".other"))))
        assert said(diff, but=()) == []
        assert diff.impact is None
        assert diff.diverges_at is None


@pytest.mark.parametrize(
    "path",
    [path for path in GOLDEN if path.with_suffix(".yaml").exists()],
    ids=lambda path: path.parent.name,
)
def test_a_model_of_keras_in_both_of_its_forms(path: Path) -> None:
    one, other = (load(p, semantics=semantics_of(path)) for p in (path, path.with_suffix(".yaml")))
    assert compare(one, other).same


CONVERTED = [
    "conv1d_act_relu", "m_c3d_like_th", "conv2d_tf_rc_allregs", "m_conv1d_embedding",
    "m_f_bn_gap_tf", "m_f_nested", "m_f_separable_th", "m_vgg_like_tf", "m_f_deconv_tf",
    "m_f_merge_dot_cos", "m_seq_timedistributed_conv", "pad1d_dict_left",
]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [path for path in GOLDEN if path.parent.name in CONVERTED],
    ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}",
)
def test_a_model_of_keras_and_the_native_spec_made_of_it(path: Path, tmp_path: Path) -> None:
    made, semantics = tmp_path / "made.yaml", semantics_of(path)
    assert run(["convert", str(path), "-o", str(made), "--semantics", semantics]) == 0
    assert compare(load(path, semantics=semantics), load(made)).same


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("border_mode: same", "border_mode: same, activation: linear"),
        ("border_mode: same", "border_mode: same, subsample: [1, 1], bias: true, dim_ordering: tf"),
        ("name: pool", "name: pool, strides: [2, 2], border_mode: valid"),
        ("type: Convolution2D", "type: Conv2D"),
        ("output_dim: 10", "output_dim: 10, input_dim: 2304"),
    ],
)
def test_a_default_that_is_spelled_out(old: str, new: str) -> None:
    text = spec(*BASE)
    assert old in text
    assert compared(text, text.replace(old, new)).same


def test_comments_and_the_names_of_models() -> None:
    text = spec(*BASE)
    assert compared(
        text, f"# a comment\n{text}".replace("convspec: 1", "name: m\nconvspec: 1")
    ).same


def test_shifted_numbers_of_layers_without_weights_are_no_change() -> None:
    def chain(first: int) -> str:
        names = [f"type: Activation, name: activation_{first}", "type: Flatten, name: flatten_7"]
        return spec(f"{names[0]}, activation: relu", names[1])

    assert compared(chain(1), chain(5)).same
    assert HEAD in chain(1)
