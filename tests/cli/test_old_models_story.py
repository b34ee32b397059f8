"""A model of 2016, 2018, 2021 or 2025: Keras's numbers in two commands, an ONNX file in a third.

docs/how-to/old-models.md tells it; here unmodified releases of Keras judge, and onnxruntime.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from speccompiler.cli import main
from tests.places import OWN_GOLDEN_KERAS2, OWN_GOLDEN_RECURRENT, ROOT

TOLERANCE = 1e-5
"""Of the largest value of the output."""


@dataclass(frozen=True)
class Kept:
    """A file that somebody kept, with what Keras gave for an input."""

    file: Path
    layers: int
    semantics: tuple[str, ...] = ()
    """What has to be said beside the file's name."""
    given: str = "input.npy"
    expected: str = "output.npy"

    def array(self, name: str) -> np.ndarray:
        found: np.ndarray = np.load(self.file.parent / name)
        return found


KEPT = {
    "2016-digits": Kept(
        ROOT / "examples" / "keras" / "digits.h5", 10,
        ("--semantics", "theano"), "images.npy", "predictions.npy",
    ),
    "2016-clips": Kept(
        OWN_GOLDEN_RECURRENT / "keras-1.2.2-tensorflow" / "convlstm_tf_same_seq" / "model.h5", 1,
        ("--semantics", "tensorflow"),
    ),
    "2016-series": Kept(
        OWN_GOLDEN_RECURRENT / "keras-1.2.2-theano" / "rnn_gru_cpu_last" / "model.h5", 1
    ),
    "2018-text": Kept(
        OWN_GOLDEN_KERAS2 / "keras-2.2.4-tensorflow" / "m_k2_text" / "model.h5", 4
    ),
    "2021-text": Kept(
        OWN_GOLDEN_KERAS2 / "tf_keras-2.16.0-tensorflow" / "m_k2_text" / "model.h5", 5
    ),
    "2025-images": Kept(
        OWN_GOLDEN_KERAS2 / "keras-3-tensorflow" / "m_k2_nested" / "model.keras", 10
    ),
}  # fmt: skip
"""Of 2016 a file asks whose numbers it holds where that matters; those of later years know."""


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_three_commands(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model, x = str(kept.file), kept.array(kept.given)
    given = str(kept.file.parent / kept.given)
    expected = kept.array(kept.expected)

    assert main.run(["validate", model, *kept.semantics]) == 0
    printed = capsys.readouterr()
    layers = f"{kept.layers} layer{'s' if kept.layers > 1 else ''}"
    assert f"{model}: ok, {layers}\n" in printed.out
    assert "warning" not in printed.out + printed.err

    assert main.run(["run", model, *kept.semantics, "--input", given, "--output", "y.npy"]) == 0
    y = np.load("y.npy")
    assert y.dtype == np.float32
    assert_equal(y, expected)

    assert main.run(["convert", model, *kept.semantics, "-o", "model.onnx"]) == 0
    assert "wrote model.onnx: " in capsys.readouterr().out
    session = onnxruntime.InferenceSession("model.onnx")
    (entry,) = session.get_inputs()
    (found,) = session.run(None, {entry.name: x.astype(np.float32)})
    assert_equal(found, expected)
    assert_equal(found, y)


def assert_equal(y: np.ndarray, expected: np.ndarray) -> None:
    assert y.shape == expected.shape
    assert np.abs(y - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("name", [name for name, kept in KEPT.items() if kept.semantics])
def test_a_file_of_2016_asks_where_it_matters(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second command names the two words that the third needs as well."""
    monkeypatch.chdir(tmp_path)
    kept = KEPT[name]
    given = str(kept.file.parent / kept.given)
    assert main.run(["run", str(kept.file), "--input", given, "--output", "y.npy"]) == 1
    assert (
        "hint: a run needs --semantics tensorflow or --semantics theano" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []
