"""``convspec fmt``: the layout, and that nothing is lost and nothing means anything else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import SpecError
from speccompiler.editing import formatting
from speccompiler.editing.formatting import NotTheSame, formatted, is_native
from speccompiler.source.texts import parse_document
from tests.editing.random_layouts import Layout
from tests.places import ROOT


def laid_out(text: str, name: str = "model.yaml", width: int = 100) -> str:
    return formatted(parse_document(text, name), width)


def comments_of(text: str) -> list[str]:
    """Every comment, found by PyYAML's scanner in Python: what stands between its tokens."""
    found, end = [], 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        start = token.start_mark.index
        found += [c.rstrip() for c in re.findall(r"#[^\n]*", text[end : max(start, end)])]
        end = max(end, token.end_mark.index)
    return found


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), width=st.sampled_from([40, 72, 100, 200]), ordered=st.booleans())
def test_nothing_is_lost(seed: int, width: int, ordered: bool) -> None:
    layout = Layout(seed, ordered=ordered)
    text = layout.spec()
    once = laid_out(text, width=width)
    assert yaml.safe_load(once) == yaml.safe_load(text)
    kept = comments_of(once)
    assert sorted(kept) == sorted(comments_of(text))
    assert set(layout.comments) <= set(kept)
    if ordered:
        assert kept == comments_of(text)
    assert laid_out(once, width=width) == once
    assert all(line == line.rstrip() for line in once.splitlines())
    assert "\n\n\n" not in once


CASES = {
    "keys in order": (
        "layers:\n- activation: relu\n  name: a\n  nb_col: 3\n  weights: [w.npy]\n  nb_row: 3\n"
        "  inputs: x\n  odd: 1\n  nb_filter: 4\n  W_regularizer: {l: 1, name: l2}\n"
        "  border_mode: same\n  type: Convolution2D\n"
        "verify: v.npz\ninput_shape: [3]\nname: m\nconvspec: 1\n",
        "convspec: 1\nname: m\ninput_shape: [3]\nlayers:\n  - type: Convolution2D\n    name: a\n"
        "    inputs: x\n    nb_filter: 4\n    nb_row: 3\n    nb_col: 3\n    border_mode: same\n"
        "    activation: relu\n    W_regularizer: {l: 1, name: l2}\n    odd: 1\n"
        "    weights: [w.npy]\nverify: v.npz\n",
    ),
    "a short layer on one line": (
        "convspec: 1\nlayers:\n  - type: Dense\n    output_dim: 3\n",
        "convspec: 1\nlayers:\n  - {type: Dense, output_dim: 3}\n",
    ),
    "a list of layers in brackets": (
        "{convspec: 1, layers: [{type: Dense, output_dim: 3}, {type: Flatten}]}\n",
        "convspec: 1\nlayers:\n  - {type: Dense, output_dim: 3}\n  - {type: Flatten}\n",
    ),
    "a layer with a comment inside keeps its lines": (
        "convspec: 1\nlayers:\n- type: Dense\n  # few\n  output_dim: 3    # three\n",
        "convspec: 1\nlayers:\n  - type: Dense\n    # few\n    output_dim: 3  # three\n",
    ),
    "comments below each other stay so": (
        "convspec: 1   # one\nname: abc     # two\nlayers:       # three\n- {type: Flatten}\n",
        "convspec: 1   # one\nname: abc     # two\nlayers:       # three\n  - {type: Flatten}\n",
    ),
    "a comment before a key goes with it": (
        "name: a\n# the version\nconvspec: 1  # one\nlayers: [{type: Flatten}]\n",
        "# the version\nconvspec: 1  # one\nname: a\nlayers:\n  - {type: Flatten}\n",
    ),
    "what opens the file stays there": (
        "# A model.\n\n# Of mine.\nname: a\nconvspec: 1\nlayers: [{type: Flatten}]\n",
        "# A model.\n\n# Of mine.\nconvspec: 1\nname: a\nlayers:\n  - {type: Flatten}\n",
    ),
    "a layer that is commented out": (
        "convspec: 1\nlayers:\n  - {type: Flatten}\n  # - {type: Flatten}\noutputs: a\n# end\n",
        "convspec: 1\noutputs: a\nlayers:\n  - {type: Flatten}\n  # - {type: Flatten}\n# end\n",
    ),
    "one blank line of many": (
        "\n\nconvspec: 1\n\n\n\nlayers:\n\n\n- {type: Flatten}\n\n\n",
        "convspec: 1\n\nlayers:\n\n  - {type: Flatten}\n",
    ),
    "quotes that are needed": (
        "convspec: 1\n'name': 'a'\nlayers:\n  - {type: \"Flatten\", name: 'yes'}\n"
        "  - {type: Flatten, name: '1'}\n  - {type: Flatten, name: 'say \"a\"'}\n",
        "convspec: 1\nname: a\nlayers:\n  - {type: Flatten, name: \"yes\"}\n"
        "  - {type: Flatten, name: \"1\"}\n  - {type: Flatten, name: 'say \"a\"'}\n",
    ),
    "quotes that brackets need": (
        "convspec: 1\nlayers:\n  - type: Activation\n    activation:\n      expr: max(x, 0)\n",
        "convspec: 1\nlayers:\n  - {type: Activation, activation: {expr: \"max(x, 0)\"}}\n",
    ),
    "numbers as they are written": (
        "convspec: 1\nseed: 0x10\nlayers:\n  - {type: Dropout, p: 5.00e-1}\n"
        "  - {type: Dropout, p: +.5}\n",
        "convspec: 1\nseed: 0x10\nlayers:\n  - {type: Dropout, p: 5.00e-1}\n"
        "  - {type: Dropout, p: +.5}\n",
    ),
    "nothing stays nothing": (
        "convspec: 1\nname:\nlayers:\n  - type: Dense\n    b_constraint:\n    output_dim: 1\n",
        "convspec: 1\nname:\nlayers:\n  - {type: Dense, output_dim: 1, b_constraint: null}\n",
    ),
    "a long row": (
        "convspec: 1\nlayers:\n  - {type: Dense, weights: [[" + "10, " * 30 + "1]]}\n",
        "convspec: 1\nlayers:\n  - type: Dense\n    weights:\n"
        "      - [" + ", ".join(["10"] * 23) + ",\n"
        "          " + "10, " * 7 + "1]\n",
    ),
    "the comment of a layer that needs lines": (
        "convspec: 1\nlayers:\n  - {type: Dense, output_dim: 3, activation: softmax, name: "
        + "a" * 60 + "}  # last\n",
        "convspec: 1\nlayers:\n  # last\n  - type: Dense\n    name: " + "a" * 60 + "\n"
        "    output_dim: 3\n    activation: softmax\n",
    ),
    "a layer whose findings are ignored keeps the line of the comment": (
        "convspec: 1\nlayers:\n  - {name: " + "a" * 60 + ", type: Dense, output_dim: 3, "
        "activation: odd}  # convspec: ignore[CS023] as trained\n"
        "  # odd # convspec: ignore[CS023]\n  # another\n"
        "  - {type: Dense, name: " + "b" * 60 + ", output_dim: 3, activation: odd}\n",
        "convspec: 1\nlayers:\n  - {type: Dense, name: " + "a" * 60 + ", output_dim: 3, "
        "activation: odd}  # convspec: ignore[CS023] as trained\n"
        "  # odd # convspec: ignore[CS023]\n  # another\n"
        "  - {type: Dense, name: " + "b" * 60 + ", output_dim: 3, activation: odd}\n",
    ),
    "comments between an anchor or a tag and its value": (
        "convspec: 1\nlayers:\n  - {type: &t  # why\n      # two\n      Dense,\n"
        "     output_dim: !!int\n      3}\n",
        "convspec: 1\nlayers:\n  # why\n  # two\n  - {type: &t Dense, output_dim: !!int 3}\n",
    ),
    "an anchor before a block of lines binds the order": (
        "convspec: 1\nx: &x |\n  a\nname: *x\nlayers: [{type: Flatten}]\n",
        "convspec: 1\nx: &x |\n  a\nname: *x\nlayers:\n  - {type: Flatten}\n",
    ),
    "a block that ends the text without a line end": (
        "convspec: 1\nlayers: [{type: Flatten}]\nx: |\n  a\n  b",
        "convspec: 1\nx: |-\n  a\n  b\nlayers:\n  - {type: Flatten}\n",
    ),
    "a comment between a key and a block of lines": (
        "convspec: 1\nx:  # why\n  |\n    a\n    b\nlayers:\n  - {type: Flatten}\n",
        "convspec: 1\n# why\nx: |\n  a\n  b\nlayers:\n  - {type: Flatten}\n",
    ),
    "empty lines inside quotes have no spaces": (
        "convspec: 1\nname: 'a\n\n  b'\nlayers:\n  - {type: Flatten}\n",
        "convspec: 1\nname: 'a\n\n  b'\nlayers:\n  - {type: Flatten}\n",
    ),
    "anchors, aliases, merge keys and tags": (
        "x-conv: &conv\n    nb_row: 3\n    nb_col: 3\nname: &n a\nconvspec: !!int 1\nlayers:\n"
        "  - {name: *n, <<: *conv, type: Convolution2D,  nb_filter: !!int \"3\"}\n"
        "  - &second\n    type: Flatten\n  - *second\n",
        "x-conv: &conv\n  nb_row: 3\n  nb_col: 3\nname: &n a\nconvspec: !!int 1\nlayers:\n"
        "  - {<<: *conv, type: Convolution2D, name: *n, nb_filter: !!int \"3\"}\n"
        "  - &second {type: Flatten}\n  - *second\n",
    ),
    "blocks of lines": (
        "convspec: 1\nx-a: |   # kept\n      one  \n        two\n\nx-b: >2-\n    folded\n   text\n"
        "x-c: |+\n a\n\n\nlayers:\n- {type: Flatten}\n",
        "convspec: 1\nx-a: |   # kept\n  one  \n    two\n\nx-b: >2-\n    folded\n   text\n"
        "x-c: |+\n  a\n\n\nlayers:\n  - {type: Flatten}\n",
    ),
    "a document's marks": (
        "%YAML 1.2\n# a\n---   # b\nconvspec: 1\nlayers: [{type: Flatten}]\n...\n# c\n",
        "%YAML 1.2\n# a\n---\n# b\nconvspec: 1\nlayers:\n  - {type: Flatten}\n...\n# c\n",
    ),
    "the layer inside a layer": (
        "convspec: 1\nlayers:\n"
        "  - {layer: {units: 1, output_dim: 3, type: Dense}, type: TimeDistributed}\n",
        "convspec: 1\nlayers:\n"
        "  - {type: TimeDistributed, layer: {type: Dense, output_dim: 3, units: 1}}\n",
    ),
    "the order of inputs is that of a run": (
        "convspec: 1\nlayers:\n  - {type: Flatten}\ninputs: {name: [1], convspec: [2], a: [3]}\n",
        "convspec: 1\ninputs: {name: [1], convspec: [2], a: [3]}\nlayers:\n  - {type: Flatten}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_the_layout(text: str, expected: str) -> None:
    assert laid_out(text) == expected
    assert laid_out(expected) == expected


def test_line_ends_stay() -> None:
    text = "name: a\r\n# b\r\nconvspec: 1\r\nx: |\r\n   a\r\n   b\r\nlayers: [{type: Flatten}]\r\n"
    assert laid_out(text) == (
        "# b\r\nconvspec: 1\r\nname: a\r\nx: |\r\n  a\r\n  b\r\nlayers:\r\n  - {type: Flatten}\r\n"
    )


JSON = (
    '{"layers": [{"nb_filter": 4, "type": "Conv2D", "weights": ['
    + "1.50, " * 20
    + '2]},\n\n {"type": "Flatten", "name": "\\u00e9"}], "input_shape": [3], "convspec": 1}'
)
JSON_AFTER = """\
{
  "convspec": 1,
  "input_shape": [3],
  "layers": [
    {
      "type": "Conv2D",
      "nb_filter": 4,
      "weights": [
        1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50, 1.50,
        1.50, 1.50, 1.50, 1.50, 1.50, 2
      ]
    },

    {"type": "Flatten", "name": "\\u00e9"}
  ]
}
"""


def test_json() -> None:
    once = laid_out(JSON, "model.json")
    assert once == JSON_AFTER
    assert json.loads(once) == json.loads(JSON)
    assert laid_out(once, "model.json") == once


SPECS = sorted((ROOT / "examples").rglob("*.yaml"))


@pytest.mark.parametrize("file", SPECS, ids=[f.name for f in SPECS])
def test_the_examples_are_laid_out(file: Path) -> None:
    """`make format` does it."""
    document = parse_document(file.read_text(encoding="utf-8"), file.name)
    if is_native(document):
        assert formatted(document) == document.text


BROKEN = sorted((ROOT / "tests/diagnostics/transcripts").glob("*.yaml"))


@pytest.mark.parametrize("file", BROKEN, ids=[f.name for f in BROKEN])
def test_a_spec_with_mistakes_is_laid_out_or_refused(file: Path) -> None:
    document = parse_document(file.read_text(encoding="utf-8"), file.name)
    if not document.diagnostics and is_native(document):
        once = formatted(document)
        assert yaml.safe_load(once) == yaml.safe_load(document.text)
        assert comments_of(once) == comments_of(document.text)
        assert laid_out(once) == once
    elif document.diagnostics:
        with pytest.raises(SpecError):
            formatted(document)


def test_what_would_mean_something_else_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "_lines", lambda document, width: ["convspec: 2"])
    with pytest.raises(NotTheSame):
        laid_out("convspec: 1\n")
