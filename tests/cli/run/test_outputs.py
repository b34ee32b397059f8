"""Where the outputs of a run go: files, streams, a summary."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import REFERENCE, REPEAT, call, close, expected, good, npy, start


def test_an_output_file() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy"
    )
    close(np.load("y.npy"), expected()["dense"])
    assert result.text == "wrote y.npy: (7, 3) float32, output of 'dense'\n"
    assert re.fullmatch(
        r"(?:kernels compiled in .*\n)?"
        r"model\.yaml:11:19: warning CS096: W breaks its MaxNorm constraint: largest norm over "
        r"axis 0 is [\d.]+, allowed 0\.5 \[layer dense\]\n"
        r"(?:.*\n)+?"
        r"7 samples in .* on cpu, batch \d+, \d+ threads?\n",
        result.err,
    ), result.err


def test_without_an_output_a_summary_is_printed() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", *REFERENCE,
        "--layer", "flat",
    )  # fmt: skip
    for line, (name, y) in zip(result.text.splitlines(), expected("flat").items(), strict=True):
        found = re.fullmatch(r"(\w+): (\(.*\)) float32, min (.*), mean (.*), max (.*)", line)
        assert found is not None, line
        assert found.group(1, 2) == (name, str(y.shape))
        numbers = [float(found.group(i)) for i in (3, 4, 5)]
        np.testing.assert_allclose(numbers, [y.min(), y.mean(), y.max()], rtol=1e-4)


def test_values_that_are_not_finite_are_counted() -> None:
    x = np.ones((3, 4, 8), np.float32)
    x[0, 0, 0] = np.inf
    x[1, 1, 1] = np.nan
    np.save("odd.npy", x)
    result = good("run", "repeat.yaml", "--input", "odd.npy", *REFERENCE)
    assert result.text == "up: (3, 8, 8) float32, min 1, mean 1, max 1, 4 values are not finite\n"


def test_streams_both_ways() -> None:
    x = np.load("steps.npy")
    result = good("run", "repeat.yaml", "--input", "-", "--output", "-", stdin=npy(x))
    y = np.load(io.BytesIO(result.out))
    assert (y == np.repeat(x, 2, axis=1)).all()
    # Byte for byte what numpy.save writes, and everything else on stderr.
    assert result.out == npy(y)
    assert result.err.splitlines()[-1].startswith("6 samples in ")


def test_a_pipeline_of_two_models() -> None:
    first = start("run", "repeat.yaml", "--input", "steps.npy", "--output", "-", *REFERENCE)
    second = start(
        "run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=first.stdout
    )
    assert first.stdout is not None
    first.stdout.close()
    _, err = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), err
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 4, axis=1)).all()


def test_the_spec_from_standard_input() -> None:
    result = good(
        "run", "-", "--input", "steps.npy", "--output", "y.npy", *REFERENCE, stdin=REPEAT.encode()
    )
    assert result.text == "wrote y.npy: (6, 8, 8) float32, output of 'up'\n"
    broken = call(
        "run", "-", "--input", "steps.npy", *REFERENCE, stdin=REPEAT.replace("Up", "Upp").encode()
    )
    assert broken.status == 1
    assert "<stdin>:5:12: error CS027: unknown layer type 'UppSampling1D'" in broken.err
    assert "did you mean 'UpSampling1D'" in broken.err


def test_the_outputs_of_several_layers() -> None:
    Path("out").mkdir()
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "out/y.npy",
        "--layer", "flat", "--layer", "conv 1", "--layer", "flat",
    )  # fmt: skip
    wanted = expected("flat", "conv 1")
    close(np.load("out/y.npy"), wanted["dense"])
    close(np.load("out/y.flat.npy"), wanted["flat"])
    close(np.load("out/y.conv_1.npy"), wanted["conv 1"])
    assert sorted(os.listdir("out")) == ["y.conv_1.npy", "y.flat.npy", "y.npy"]
    assert result.text == (
        "wrote out/y.npy: (7, 3) float32, output of 'dense'\n"
        "wrote out/y.flat.npy: (7, 72) float32, output of 'flat'\n"
        "wrote out/y.conv_1.npy: (7, 6, 6, 2) float32, output of 'conv 1'\n"
    )


def test_the_last_layer_by_name_too() -> None:
    good("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy", "--layer", "up",
         *REFERENCE)  # fmt: skip
    assert (np.load("y.up.npy") == np.load("y.npy")).all()


def test_a_summary_of_the_layers_asked_for_only() -> None:
    """Penalties look at outputs as well; those are not what was asked for."""
    Path("two.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nseed: 1\nlayers:\n"
        "  - {type: Dense, output_dim: 2, name: a, activity_regularizer: l1}\n"
        "  - {type: Flatten, name: b}\n"
    )
    np.save("three.npy", np.ones((2, 3), np.float32))
    result = good("run", "two.yaml", "--input", "three.npy", "--penalties", *REFERENCE)
    assert [line.split()[0] for line in result.text.splitlines()] == [
        "b:", "layer", "-------", "a", "total"
    ]  # fmt: skip


@pytest.mark.parametrize("output", ["/", "."])
def test_a_layer_needs_a_file_name_to_extend(output: str) -> None:
    result = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output,
                  "--layer", "up", *REFERENCE)  # fmt: skip
    assert result.status == 2
    assert "is no file name that --layer could extend" in result.err


def test_layers_that_share_a_file_name_are_refused() -> None:
    Path("two.yaml").write_text(
        "convspec: 1\ninput_shape: [4]\nlayers:\n"
        "  - {type: Flatten, name: a b}\n  - {type: Flatten, name: a_b}\n"
    )
    np.save("four.npy", np.zeros((1, 4), np.float32))
    result = call("run", "two.yaml", "--input", "four.npy", "--output", "y.npy",
                  "--layer", "a b", "--layer", "a_b")  # fmt: skip
    assert result.status == 2
    assert "two of the layers would be written to the same file" in result.err
    assert not Path("y.npy").exists()


@pytest.mark.parametrize("output", ["steps.npy", "./steps.npy", "link.npy"])
def test_the_input_file_is_never_the_output_file(output: str) -> None:
    Path("link.npy").symlink_to("steps.npy")
    kept = Path("steps.npy").read_bytes()
    result = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output, *REFERENCE)
    assert result.status == 2
    assert f"Error: '{output}' is the input of this run; name another output" in result.err
    assert Path("steps.npy").read_bytes() == kept


def test_an_output_is_replaced_only_by_a_whole_one() -> None:
    Path("y.npy").write_bytes(b"old")
    cut = npy(np.load("steps.npy"))[:-1]
    result = call("run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=cut)
    assert result.status == 1
    assert "<stdin>: error CS112: the data is cut off" in result.err
    assert Path("y.npy").read_bytes() == b"old"
    assert not list(Path().glob(".y.npy*"))
