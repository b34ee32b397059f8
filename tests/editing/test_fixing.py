"""Fixes of findings: what each changes, and that a spec never gets worse by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.editing.fixing import Fixed, fixed
from speccompiler.model import checked
from speccompiler.options import LoadOptions
from speccompiler.source.document import Document
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import to_data
from tests.places import ROOT

HEAD = "convspec: 1\ndim_ordering: tf\ninput_shape: [8, 8, 3]\nlayers:\n"


def check(text: str, file: str = "model.yaml") -> Sequence[Diagnostic]:
    found = checked(parse_document(text, file), LoadOptions())[1]
    return [d for d in found if d.file == file]


def mended(text: str, *, unsafe: bool = False, file: str = "model.yaml") -> Fixed:
    return fixed(text, lambda changed: check(changed, file), unsafe=unsafe)


CONV = "type: Convolution2D, nb_filter: 2, nb_row: 3, nb_col: 3"
SAFE = [
    # A misspelt word with one candidate.
    ("{type: Flaten}", "{type: Flatten}"),
    ("{type: conv2d, nb_filter: 2, nb_row: 3, nb_col: 3}",
     "{type: Conv2D, nb_filter: 2, nb_row: 3, nb_col: 3}"),
    (f"{{{CONV}, boder_mode: same}}", f"{{{CONV}, border_mode: same}}"),
    (f"{{{CONV}, border_mode: SAME}}", f"{{{CONV}, border_mode: same}}"),
    (f"{{{CONV}, activation: 'softplsu'}}", f"{{{CONV}, activation: 'softplus'}}"),
    (f'{{{CONV}, activation: "softplsu"}}', f'{{{CONV}, activation: "softplus"}}'),
    (f"{{{CONV}, W_regularizer: {{name: L2, l: 1}}}}",
     f"{{{CONV}, W_regularizer: {{name: l2, l: 1}}}}"),
    (f"{{{CONV}, W_regularizer: {{name: l1l2, l1: 1, ll2: 1}}}}",
     f"{{{CONV}, W_regularizer: {{name: l1l2, l1: 1, l2: 1}}}}"),
    ('{type: Activation, activation: {expr: "x * sigmiod(x)"}}',
     '{type: Activation, activation: {expr: "x * sigmoid(x)"}}'),
    # Values in quotes, or without.
    ("{type: Dense, output_dim: '10'}", "{type: Dense, output_dim: 10}"),
    ("{type: Dense, output_dim: 0010}", "{type: Dense, output_dim: 10}"),
    ("{type: Dense, output_dim: 1_000}", "{type: Dense, output_dim: 1000}"),
    ("{type: Dense, output_dim: 3.0}", "{type: Dense, output_dim: 3}"),
    ("{type: Dropout, p: '2.50e-1'}", "{type: Dropout, p: 2.50e-1}"),
    ("{type: Dense, output_dim: 3, bias: 'false'}", "{type: Dense, output_dim: 3, bias: false}"),
    ("{type: Dense, output_dim: 3, bias: yes}", "{type: Dense, output_dim: 3, bias: true}"),
    ("{type: Flatten, name: 7}", '{type: Flatten, name: "7"}'),
    ("{type: Flatten, name: 1e3}", '{type: Flatten, name: "1e3"}'),
    ("{type: Dense, output_dim: 3, W_constraint: None}",
     "{type: Dense, output_dim: 3, W_constraint: null}"),
    ('{type: MaxPooling2D, pool_size: "(2, 2)"}', "{type: MaxPooling2D, pool_size: [2, 2]}"),
    ("{type: Activation, activation: null}", "{type: Activation, activation: linear}"),
    # Names of Keras 2.
    ("{type: Conv2D, filters: 4, kernel_size: [3, 2], strides: 2, padding: same, use_bias: false}",
     "{type: Conv2D, nb_filter: 4, nb_row: 3, nb_col: 2, subsample: [2, 2], border_mode: same, "
     "bias: false}"),
    ("{type: MaxPooling2D, data_format: channels_last}", "{type: MaxPooling2D, dim_ordering: tf}"),
    ("{type: Dropout, rate: 0.5}", "{type: Dropout, p: 0.5}"),
    ("{type: Dense, units: 3, kernel_initializer: he_normal}",
     "{type: Dense, output_dim: 3, init: he_normal}"),
    ("{type: GlobalAvgPool2D, name: a}", "{type: GlobalAveragePooling2D, name: a}"),
    ("{type: AvgPool2D}", "{type: AveragePooling2D}"),
    ("{class_name: Flatten, name: a}", "{type: Flatten, name: a}"),
    ("Flatten", "{type: Flatten}"),
    # In block style, with comments.
    ("type: Conv2D  # the first\n    filters: 4    # few\n"
     "    kernel_size: [3, 3]\n    activation: relu",
     "type: Conv2D  # the first\n    nb_filter: 4    # few\n"
     "    nb_row: 3\n    nb_col: 3\n    activation: relu"),
    ("type: Flatten\n    'nme': a", "type: Flatten\n    'name': a"),
]  # fmt: skip
UNSAFE = [
    ("{type: MaxPooling2D, pool_size: 2}", "{type: MaxPooling2D, pool_size: [2, 2]}"),
    ("{type: Dense, output_dim: 3, bias: 0}", "{type: Dense, output_dim: 3, bias: false}"),
    ("{type: Dense, output_dim: 3, activation: quick_gelu}",
     '{type: Dense, output_dim: 3, activation: {expr: "x * sigmoid(1.702 * x)"}}'),
    ('{type: Activation, activation: "2 * x"}', '{type: Activation, activation: {expr: "2 * x"}}'),
    ('{type: Activation, activation: "lambda x: x*2"}',
     '{type: Activation, activation: {expr: "x*2"}}'),
    ("{type: Flatten, qqqq: [1, 2], name: a}", "{type: Flatten, name: a}"),
    ("{type: Flatten, name: a, qqqq: {b: 1}}", "{type: Flatten, name: a}"),
    ("{qqqq: 1, type: Flatten}", "{type: Flatten}"),
    ("{type: Flatten, qqqq: 1,\n    name: a}", "{type: Flatten, name: a}"),
    ("qqqq: 1\n    type: Flatten", "type: Flatten"),
    ("type: Flatten\n    qqqq:     # gone\n      - 1\n      - 2\n    # kept\n    name: a",
     "type: Flatten\n    # kept\n    name: a"),
    ("type: Flatten\n    qqqq: 1", "type: Flatten"),
    ("{kind: Flatten}", "{type: Flatten}"),
    ("{type: Dense, output_dim: 3, bias_initializer: zeros}", "{type: Dense, output_dim: 3}"),
    ("{type: Dense, output_dim: 3, input_dim: 7}", "{type: Dense, output_dim: 3}"),
    (f"{{{CONV}, input_shape: [-1, 8, 3]}}", f"{{{CONV}, input_shape: [null, 8, 3]}}"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), SAFE, ids=[b for b, _ in SAFE])
def test_a_safe_fix_writes_what_was_meant(before: str, after: str) -> None:
    tail = "\n  # the last\n  - {type: Flatten}\n"
    result = mended(f"{HEAD}  - {before}{tail}")
    assert result.text == f"{HEAD}  - {after}{tail}"
    assert result.made > 0


@pytest.mark.parametrize(("before", "after"), UNSAFE, ids=[b for b, _ in UNSAFE])
def test_what_is_only_likely_is_asked_for(before: str, after: str) -> None:
    tail = "\n  # the last\n  - {type: Flatten}\n"
    text = f"{HEAD}  - {before}{tail}"
    assert mended(text).text == text
    assert mended(text, unsafe=True).text == f"{HEAD}  - {after}{tail}"


HEADERS = [
    ("layers:\n  - {type: Flatten, input_shape: [2]}\n",
     "convspec: 1\nlayers:\n  - {type: Flatten, input_shape: [2]}\n", False),
    ("# a model\nname: a\nlayers: [{type: Flatten, input_shape: [2]}]\n",
     "# a model\nconvspec: 1\nname: a\nlayers: [{type: Flatten, input_shape: [2]}]\n", False),
    ("convspec: '1'\ninput_shpe: [2]\nlayers: [{type: Flatten}]\n",
     "convspec: 1\ninput_shape: [2]\nlayers: [{type: Flatten}]\n", False),
    ("convspec: 1\nsemantics: tf\ninput_shape: [2]\nlayers: [{type: Flatten}]\n",
     "convspec: 1\nsemantics: tensorflow\ninput_shape: [2]\nlayers: [{type: Flatten}]\n", False),
    ("convspec: 1\ninput_shape: [2]\nepochs: 3\nlayers: [{type: Flatten}]\n",
     "convspec: 1\ninput_shape: [2]\nlayers: [{type: Flatten}]\n", True),
    # The image has its channels last.
    ("convspec: 1\n# colour\ninput_shape: [28, 28, 1]\nlayers: [{type: MaxPooling2D}]\n",
     "convspec: 1\n# colour\ndim_ordering: tf\n"
     "input_shape: [28, 28, 1]\nlayers: [{type: MaxPooling2D}]\n",
     True),
    ("convspec: 1\ndim_ordering: th\ninput_shape: [28, 28, 1]\nlayers: [{type: MaxPooling2D}]\n",
     "convspec: 1\ndim_ordering: tf\ninput_shape: [28, 28, 1]\nlayers: [{type: MaxPooling2D}]\n",
     True),
    ("convspec: 1\ninput_shape: [9]\noutputs: [lable, b]\n"
     "layers: [{type: Flatten, name: label}, {type: Flatten, name: b}]\n",
     "convspec: 1\ninput_shape: [9]\noutputs: [label, b]\n"
     "layers: [{type: Flatten, name: label}, {type: Flatten, name: b}]\n", False),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "unsafe"), HEADERS)
def test_the_top_of_a_spec(before: str, after: str, unsafe: bool) -> None:
    assert mended(before).text == (before if unsafe else after)
    assert mended(before, unsafe=True).text == after


def test_the_name_of_a_layer_that_is_read() -> None:
    text = (
        HEAD
        + "  - {type: Flatten, name: image}\n  - {type: Dense, output_dim: 2, inputs: [imge]}\n"
    )
    assert mended(text).text == text.replace("imge", "image")


def test_line_ends_stay() -> None:
    text = "layers:\r\n  - {type: Flaten, input_shape: [2]}\r\n"
    assert mended(text).text == (
        "convspec: 1\r\nlayers:\r\n  - {type: Flatten, input_shape: [2]}\r\n"
    )


JSON = """\
{
  "layers": [
    {
      "type": "Conv2D",
      "filters": "4",
      "kernel_size": [3, 3],
      "activation": "quick_gelu",
      "qqqq": 1
    },
    {"type": "AvgPool2D", "trainable": True}
  ],
  "input_shape": [3, 8, 8],
}
"""
JSON_AFTER = """\
{
  "convspec": 1,
  "layers": [
    {
      "type": "Conv2D",
      "nb_filter": 4,
      "nb_row": 3,
      "nb_col": 3,
      "activation": {"expr": "x * sigmoid(1.702 * x)"}
    },
    {"type": "AveragePooling2D", "trainable": true}
  ],
  "input_shape": [3, 8, 8]
}
"""


def test_json_stays_json() -> None:
    result = mended(JSON, unsafe=True, file="model.json")
    assert (result.text, result.left) == (JSON_AFTER, ())


KEPT = [
    # The layer may have been taken out.
    "convspec: 1\ninput_shape: [2]\nlayers:\n  - {type: Flatten, name: conv1}\n"
    "  - {type: Flatten, name: b, inputs: conv2}\n",
    # An anchor, an alias, a tag: what they stand for is used elsewhere or said on purpose.
    "x-a: &n '10'\nconvspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: *n}]\n",
    "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: !!str 10}]\n",
    "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: &n '10'}]\n",
    "convspec: 1\ninput_shape: [2]\nlayers:\n  - type: Dense\n    output_dim: >\n      10\n",
    # Two candidates.
    "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: 1, activation: rellu}]\n",
    # The name that is meant is taken.
    "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: 1, units: 1}]\n",
    "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, output_dim: 1, nme: a, name: b}]\n",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_may_mean_something_else_stays(text: str) -> None:
    assert any(d.severity is Severity.ERROR for d in check(text))
    assert mended(text).text == text


def test_a_file_of_keras_is_not_edited() -> None:
    text = (
        '{"class_name": "Sequential", "keras_version": "1.2.2", "config": [{"class_name": '
        '"Dense", "config": {"output_dim": "3", "batch_input_shape": [null, 2]}}]}'
    )
    (found,) = (d for d in check(text, "model.json") if d.severity is Severity.ERROR)
    assert found.fix is None
    assert mended(text, unsafe=True, file="model.json").text == text


def test_a_fix_that_makes_it_worse_is_not_made() -> None:
    """Two keys become one that is there twice; the first alone does no harm."""
    text = "convspec: 1\ninput_shape: [2]\nlayers: [{type: Dense, units: 1, output_dims: 2}]\n"
    result = mended(text)
    assert sum(d.severity is Severity.ERROR for d in result.left) <= len(check(text))
    assert "output_dim: 1" in result.text
    assert "output_dims: 2" in result.text


def test_fixes_that_undo_each_other_end() -> None:
    def flips(text: str) -> Sequence[Diagnostic]:
        from speccompiler.diagnostics.core import Edit, Fix, Span

        fix = Fix("turn", (Edit(Span(1, 1, 1, 2), "b" if text == "a" else "a"),), True)
        return [Diagnostic("CS023", "wrong", fix=fix)]

    assert fixed("a", flips, unsafe=False).text in {"a", "b"}


BROKEN = sorted(
    [*(ROOT / "tests/diagnostics/transcripts").glob("*.[yj][as][mo]*"),
     *(ROOT / "examples/broken").glob("*.yaml")]
)  # fmt: skip


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("file", BROKEN, ids=[f.name for f in BROKEN])
def test_no_broken_spec_gets_worse(file: Path, unsafe: bool) -> None:
    text = file.read_text(encoding="utf-8", errors="replace")
    before = check(text, file.name)
    result = mended(text, unsafe=unsafe, file=file.name)
    count = sum(d.severity is Severity.ERROR for d in before)
    assert sum(d.severity is Severity.ERROR for d in result.left) <= count
    assert [*result.left] == check(result.text, file.name)
    # What was read before is read still, and there is nothing left to mend.
    assert (root_of(text, file.name) is None) or (root_of(result.text, file.name) is not None)
    assert mended(result.text, unsafe=unsafe, file=file.name).text == result.text


def root_of(text: str, name: str) -> object:
    document: Document = parse_document(text, name)
    return None if document.root is None else to_data(document.root)
