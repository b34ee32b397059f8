"""A SavedModel of TensorFlow's is refused by name, however it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.cli import main

TEXT = """\
{name}: error CS002: this is a SavedModel of TensorFlow's: a program, which is never executed
  hint: load it where TensorFlow is, and save it as model.h5 or model.keras: \
tf.keras.models.load_model(FOLDER).save('model.h5')

found 1 error"""


@pytest.mark.parametrize("command", ["validate", "shapes"])
@pytest.mark.parametrize("name", ["kept", "kept/saved_model.pb"])
def test_folder_and_file(
    command: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept" / "variables").mkdir(parents=True)
    # schema_version 1, then a graph: an ONNX model begins with the same fields.
    (tmp_path / "kept" / "saved_model.pb").write_bytes(b"\x08\x01\x12\x03\x0a\x01\xff")
    assert main.run([command, name]) == 1
    printed = capsys.readouterr()
    assert (printed.out + printed.err).startswith(TEXT.format(name=name))


def test_another_folder_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["shapes", str(tmp_path)]) == 2
    assert "error CS001: this is a folder\n" in capsys.readouterr().err
