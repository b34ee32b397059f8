"""What a run says of values that are not finite, and never writes over."""

from __future__ import annotations

import numpy as np


def test_outputs_that_are_not_finite_are_said(tmp_path, capfd):

    from speccompiler.cli.main import run

    spec = tmp_path / "s.yaml"
    spec.write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Dropout, p: 0.5}]\n")
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, np.array([[1, np.nan], [np.inf, 2]], np.float32))
    assert run(["run", str(spec), "--input", str(x), "--output", str(y)]) == 0
    assert "warning CS098: the output holds 2 values that are not finite" in capfd.readouterr().err
    np.save(x, np.full((1, 2), np.nan, np.float32))
    assert run(["run", str(spec), "--input", str(x)]) == 0
    assert "no finite value, 2 values are not finite" in capfd.readouterr().out


def test_an_output_never_replaces_what_is_read(tmp_path, capfd):

    from speccompiler.cli.main import run

    spec = tmp_path / "s.yaml"
    spec.write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Dropout, name: d, p: 0.5}]\n")
    x = tmp_path / "x.npy"
    np.save(x, np.ones((1, 2), np.float32))
    kept = x.read_bytes()
    assert run(["run", str(spec), "--input", str(x), "--output", str(x)]) == 2
    assert "is the input of this run; name another output" in capfd.readouterr().err
    side = tmp_path / "o.d.npy"
    side.write_bytes(kept)
    main = str(tmp_path / "o.npy")
    assert run(["run", str(spec), "--input", str(side), "--output", main, "--layer", "d"]) == 2
    assert side.read_bytes() == x.read_bytes() == kept
