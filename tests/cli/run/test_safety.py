"""What a run says of values that are not finite, and never writes over."""

from __future__ import annotations

import numpy as np
import pytest


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


@pytest.mark.parametrize(
    ("given", "output", "role"),
    [
        ("x.npy", "x.npy", "input"),
        ("file://{here}/x.npy", "x.npy", "input"),
        ("x.npz", "x.npz", "input"),
        ("x.npz::x", "x.npz", "input"),
        ("g.zarr", "g.zarr/in/x", "input"),
        ("g.zarr::in/x", "g.zarr/in/x", "input"),
        ("g.zarr/in/x", "g.zarr::/in/x", "input"),
        ("file://{here}/g.zarr/in/x", "file://{here}/g.zarr/in/x", "input"),
        ("linked.zarr/in/x", "g.zarr/in/x", "input"),
        ("x.npy", "w.npz", "weights"),
    ],
)
def test_whatever_it_is_called_what_is_read_stays(
    tmp_path, monkeypatch, capfd, given, output, role
):
    zarr = pytest.importorskip("zarr")

    from speccompiler.cli.main import run

    monkeypatch.chdir(tmp_path)
    x = np.ones((1, 2), np.float32)
    np.save("x.npy", x)
    np.savez("x.npz", x=x)
    zarr.open_group("g.zarr", mode="w").create_array("in/x", data=x)
    (tmp_path / "linked.zarr").symlink_to("g.zarr")
    np.savez("w.npz", **{"d/W": np.ones((2, 2), np.float32), "d/b": np.zeros(2, np.float32)})
    spec = "convspec: 1\ninput_shape: [2]\nweights: w.npz\n"
    (tmp_path / "s.yaml").write_text(spec + "layers: [{type: Dense, name: d, output_dim: 2}]\n")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    given, output = given.format(here=tmp_path), output.format(here=tmp_path)
    assert run(["run", "s.yaml", "--input", given, "--output", output]) == 2
    shown = output.removeprefix("file://").replace("::", "")
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"Error: '{shown}' is the {role} of this run; name another output"
    )
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
