"""Hints of findings: each shows what to write, and nothing that the user has just tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import speccompiler
from speccompiler import SpecError
from speccompiler.cli.main import run

STEPS = "input_shape: [32]"
IMAGE = "dim_ordering: tf\ninput_shape: [8, 8, 3]"
OPEN = "input_shape: [null, 3]"

CASES = [
    (STEPS, "{type: TimeDistributed, layer: {type: Dense, output_dim: 3}}", "CS038",
     "an axis of steps comes before those of the inner layer's input: where (32,) is one step, "
     "write (steps, 32); null leaves it open"),
    (STEPS, "{type: MaxPooling1D}", "CS038",
     "the channel axis may be missing: a row of single values is (32, 1); or that of steps: "
     "steps of 32 values each are (steps, 32)"),
    ("input_shape: [1, 24]", "{type: Cropping1D, cropping: [2, 2]}", "CS044",
     "steps come first, then channels: write input_shape: [24, 1], which would give (20, 1)"),
    ("input_shape: [3, 3]", "{type: Cropping1D, cropping: [2, 2]}", "CS044", "cut off less"),
    ("input_shape: (32, 2)", "{type: Flatten}", "CS024", "write [32, 2]"),
    ("input_shape: (None, 2)", "{type: Flatten}", "CS024", "write [null, 2]"),
    ("input_shape: (32,)", "{type: Flatten}", "CS024", "write [32]"),
    ("input_shape: 24", "{type: Dense, output_dim: 2}", "CS024", "write [24]"),
    ("input_shape: 32 x 2", "{type: Flatten}", "CS024", "write [..], one number for each axis"),
    (IMAGE, "{type: MaxPooling2D, pool_size: 3}", "CS024", "write [3, 3]"),
    (IMAGE, "{type: MaxPooling2D, strides: 2}", "CS024", "write [2, 2]"),
    (STEPS, "{Activation: relu}", "CS021", "write - {type: Activation, activation: relu}"),
    (STEPS, "{Dense: 3}", "CS021", "write - {type: Dense, ...}"),
    (STEPS, "{kind: Dense, output_dim: 3}", "CS021",
     "write type: Dense in the place of kind: Dense"),
    (STEPS, "{name: Dense, output_dim: 3}", "CS021", "for example type: Convolution2D"),
    (STEPS, "[Dense, {output_dim: 3}]", "CS026", "write - {type: Dense, ...}"),
    (STEPS, "{type: Identity}", "CS027", "write {type: Activation, activation: linear}"),
    (STEPS, "{type: LogSoftmax}", "CS027", "write {type: Activation, activation: log_softmax}"),
    (STEPS, "{type: Activation, activation: logSoftmax}", "CS023",
     "'logSoftmax' is called log_softmax here"),
    (STEPS, "{type: Swish}", "CS027", "write {type: Activation, activation: swish}"),
    (STEPS, "{type: HardSwish}", "CS027", "write {type: Activation, activation: hard_silu}"),
    (STEPS, "{type: rescaling, scale: 0.5}", "CS027", "did you mean 'Rescaling'?"),
    (STEPS, "{type: layer_normalization}", "CS027", "did you mean 'LayerNormalization'?"),
    (STEPS, "{type: alpha_dropout, p: 0.5}", "CS027", "did you mean 'AlphaDropout'?"),
    (IMAGE, "{type: depthwise_conv2d}", "CS027", "did you mean 'DepthwiseConv2D'?"),
    (IMAGE, "{type: Resizing}", "CS027", "it is called Resize here"),
    (OPEN, "{type: separable_conv1d}", "CS027", "did you mean 'SeparableConv1D'?"),
    (OPEN, "{type: CuDNNGRU, output_dim: 3}", "CS027",
     "write a GRU with inner_activation: sigmoid and reset_after: true; it takes the weights of a "
     "CuDNN layer too"),
    (OPEN, "{type: LSTMCell, output_dim: 3}", "CS027",
     "write an LSTM: a layer around one cell is that"),
    (STEPS, "{type: Activation, activation: null}", "CS023", "write linear, or leave it out"),
    (OPEN, "{type: Convolution1D, nb_filter: 2, filter_length: 3, dilation_rate: 2}", "CS022",
     "'dilation_rate' is Keras 2's name; Keras 1.x says atrous_rate"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "layer", "code", "hint"), CASES, ids=[c[1] for c in CASES])
def test_the_hint_says_what_to_write(header: str, layer: str, code: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        speccompiler.loads(f"convspec: 1\n{header}\nlayers:\n  - {layer}\n")
    (found,) = [d for d in caught.value.diagnostics if d.severity.value == "error"]
    assert (found.code, found.hint) == (code, hint)


@pytest.mark.parametrize(
    ("before", "last", "named"),
    [
        ("{type: Permute, dims: [2, 1], name: turned}", "{type: Dense, output_dim: 3}", "turned"),
        (
            "{type: Permute, dims: [2, 1], name: turned}",
            "{type: Convolution1D, nb_filter: 2, filter_length: 2}",
            "turned",
        ),
        (
            "{type: Flatten, name: flat}\n  - {type: RepeatVector, n: 3}",
            "{type: AtrousConvolution1D, nb_filter: 2, filter_length: 2}",
            "flat",
        ),
    ],
)
def test_open_channels_name_the_layer_that_made_them(before: str, last: str, named: str) -> None:
    """ "Only spatial lengths may be null" is no help to one who left only those open."""
    with pytest.raises(SpecError) as caught:
        speccompiler.loads(f"convspec: 1\n{OPEN}\nlayers:\n  - {before}\n  - {last}\n")
    (found,) = caught.value.diagnostics
    assert found.code == "CS045"
    assert found.hint == (
        f"'{named}' puts an open length there: give it a number (input_shape, or --input-shape)"
    )


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ("[8, null]", "{type: Dense, output_dim: 3}"),
        (
            "[null, 8, null]",
            "{type: Convolution2D, nb_filter: 2, nb_row: 3, nb_col: 3, dim_ordering: th}",
        ),
    ],
)
def test_an_open_channel_axis_of_the_input_itself(shape: str, layer: str) -> None:
    with pytest.raises(SpecError) as caught:
        speccompiler.loads(f"convspec: 1\ninput_shape: {shape}\nlayers: [{layer}]\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("CS045", "only spatial lengths may be null")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "m.yaml", "--input", ""], "Invalid value for '--input': the name is empty"),
        (
            ["run", "m.yaml", "--input", "x.npy", "--output", ""],
            "Invalid value for '--output' / '-o': the name is empty",
        ),
        (["run", "m.yaml", "--input", "input="], "--input input=: the name of the file is empty"),
        (
            ["convert", "m.yaml", "-o", ""],
            "Invalid value for '--output' / '-o': the name is empty",
        ),
        (
            ["convert", "m.yaml", "-o", "n.yaml", "--weights-output", ""],
            "Invalid value for '--weights-output': the name is empty",
        ),
        (
            ["verify", "m.yaml", "--input", "x.npy", "--expect", ""],
            "Invalid value for '--expect': the name is empty",
        ),
    ],
)
def test_an_empty_name_is_a_usage_error(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(
        "convspec: 1\nseed: 1\ninputs: {input: [4]}\nlayers: [{type: Dense, output_dim: 2}]\n"
    )
    assert run(arguments) == 2
    assert capsys.readouterr().err.endswith(f"\nError: {text}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.yaml"]


def test_one_value_is_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Flatten}]\n")
    np.save("x.npy", np.array([[1, np.nan]], np.float32))
    assert run(["run", "m.yaml", "--input", "x.npy", "--target", "reference"]) == 0
    out, err = capsys.readouterr()
    assert "max 1, 1 value is not finite\n" in out
    assert "warning CS098: the output holds 1 value that is not finite\n" in err
