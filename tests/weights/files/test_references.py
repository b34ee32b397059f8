"""References of a spec to stored tensors."""

from __future__ import annotations

from pathlib import Path

from speccompiler.weights.files.references import Reference, resolve_reference
from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import refused, write


def test_references():
    base = Path("/specs")
    assert resolve_reference("kernel.npy", base) == Reference(Path("/specs/kernel.npy"), None)
    assert resolve_reference("sub/m.npz#conv1/W", base) == Reference(
        Path("/specs/sub/m.npz"), "conv1/W"
    )
    assert resolve_reference("m.h5#a/b#c", base) == Reference(Path("/specs/m.h5"), "a/b#c")
    assert resolve_reference("run#3/m.npz#W", base) == Reference(Path("/specs/run#3/m.npz"), "W")
    assert resolve_reference("/data/m.safetensors#W", base).path == Path("/data/m.safetensors")


def test_references_that_name_nothing():
    problem = refused("CS103", resolve_reference, "m.npz#", Path())
    assert problem.message == "reference 'm.npz#' ends in '#' and names no tensor"


def test_finding_a_tensor_in_a_file(tmp_path):
    file = open_weights(write(tmp_path / "m.npz"))
    assert file.find("conv1/W").shape == (3, 3, 2, 4)
    problem = refused("CS103", file.find, None)
    assert problem.message == (
        "weight file 'm.npz' holds 2 tensors and the reference names none of them"
    )
    assert problem.hint == "write 'm.npz#NAME', where NAME is 'conv1/W' or 'conv1/b'"
    problem = refused("CS103", file.find, "conv/W")
    assert problem.message == "weight file 'm.npz' holds no tensor 'conv/W'"
    assert problem.hint == "did you mean 'conv1/W' or 'conv1/b'?"
    assert refused("CS103", file.find, "zzz").hint == "it holds 'conv1/W' or 'conv1/b'"
    single = open_weights(write(tmp_path / "k.npy"))
    assert single.find(None) is single.find("k")
