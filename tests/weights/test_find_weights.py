"""Where tensors come from: --weights, a layer's own, the spec's file, a seed, in this order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.model import Model
from speccompiler.weights.drawn_weights import random_note
from speccompiler.weights.files import weight_file

Arrays = Mapping[str, npt.NDArray[Any]]

A = {"layer": "a", "W": (2, 3), "b": (3,)}
B = {"layer": "b", "W": (3, 2), "b": (2,)}


def arrays(start: float, *layers: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float32]]:
    """Tensors of these layers, told apart by where their numbers start."""
    found = {}
    for layer in layers or (A, B):
        for tensor in "Wb":
            shape = layer[tensor]
            count = int(np.prod(shape))
            found[f"{layer['layer']}/{tensor}"] = np.arange(
                start, start + count, dtype=np.float32
            ).reshape(shape)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Specs stand in ``models``, the command is given elsewhere."""
    (tmp_path / "models").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "models"


def spec(folder: Path, a: Any = None, b: Any = None, **header: Any) -> Path:
    """Two Dense layers, with ``weights`` where they are given."""
    layers: list[dict[str, Any]] = [
        {"type": "Dense", "name": "a", "output_dim": 3},
        {"type": "Dense", "name": "b", "output_dim": 2},
    ]
    for layer, weights in zip(layers, (a, b), strict=True):
        if weights is not None:
            layer["weights"] = weights
    path = folder / "m.json"
    path.write_text(json.dumps({"convspec": 1, "input_shape": [2], **header, "layers": layers}))
    return path


def read(model: Model) -> dict[str, npt.NDArray[np.float32]]:
    """Every tensor by its name."""
    return {f"{w.layer}/{w.tensor}": x for w, x in model.weight_sources.read().items()}


def firsts(model: Model) -> dict[str, float]:
    """Where the numbers of each tensor start: which source they come from."""
    return {name: float(x.flat[0]) for name, x in read(model).items()}


# --- precedence


def test_the_order_of_precedence(folder: Path) -> None:
    np.savez(folder / "spec.npz", **arrays(100))
    np.savez(folder / "own.npz", **arrays(200))
    np.savez("given.npz", **arrays(300))
    own = ["own.npz#a/W", "own.npz#a/b"]
    path = spec(folder, a=own, weights="spec.npz", seed=1)
    assert firsts(speccompiler.load(path)) == {"a/W": 200, "a/b": 200, "b/W": 100, "b/b": 100}
    given = speccompiler.load(path, weights="given.npz")
    assert firsts(given) == {"a/W": 300, "a/b": 300, "b/W": 300, "b/b": 300}
    assert speccompiler.load(path, seed=2).weight_sources.drawn == ()


def test_the_given_file_has_to_hold_everything(folder: Path) -> None:
    np.savez("given.npz", **arrays(300, B))
    path = spec(folder, a=[arrays(1)["a/W"].tolist(), [0, 0, 0]], seed=1)
    with pytest.raises(SpecError, match=r"CS105: missing from the weight file: a/W \(2, 3\), a/b"):
        speccompiler.load(path, weights="given.npz")


def test_the_specs_file_may_leave_out_what_a_layer_has(folder: Path) -> None:
    np.savez(folder / "spec.npz", **arrays(100, B))
    path = spec(folder, a=[arrays(1)["a/W"].tolist(), [7, 0, 0]], weights="spec.npz")
    assert firsts(speccompiler.load(path)) == {"a/W": 1, "a/b": 7, "b/W": 100, "b/b": 100}


def test_what_no_file_gives_is_drawn_from_the_seed(folder: Path) -> None:
    own = [arrays(1)["a/W"].tolist(), [7, 0, 0]]
    model = speccompiler.load(spec(folder, a=own), seed=4)
    found = read(model)
    assert (found["a/W"] == arrays(1)["a/W"]).all()
    assert (found["b/b"] == 0).all()
    assert 0 < np.abs(found["b/W"]).max() <= np.sqrt(6 / (3 + 2))
    note = random_note(model.weight_sources, "m.json")
    assert note is not None
    assert note.message == "the weights of 1 layer are random, drawn from seed 4"


def test_the_seed_of_the_call_wins_over_that_of_the_spec(folder: Path) -> None:
    path = spec(folder, seed=1)
    one, same, other = (read(speccompiler.load(path, seed=seed))["a/W"] for seed in (None, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_one_layers_numbers_do_not_depend_on_the_others(folder: Path) -> None:
    alone = read(speccompiler.load(spec(folder, a=[[[0] * 3] * 2, [0] * 3]), seed=1))
    both = read(speccompiler.load(spec(folder), seed=1))
    assert (alone["b/W"] == both["b/W"]).all()


def test_without_any_source_a_compile_is_refused(folder: Path) -> None:
    model = speccompiler.load(spec(folder))
    with pytest.raises(SpecError) as caught:
        model.compile("reference")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS095",
        "no weights for 'a/W', 'a/b', 'b/W', 'b/b'",
    )


def test_paths_in_a_spec_are_relative_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "data").mkdir()
    np.savez(folder / "data" / "w.npz", **arrays(5))
    assert firsts(speccompiler.load(spec(folder, weights="data/w.npz")))["a/W"] == 5
    assert firsts(speccompiler.load(spec(folder, weights="../models/data/w.npz")))["a/W"] == 5
    assert firsts(speccompiler.load(spec(folder, weights=str(folder / "data/w.npz"))))["a/W"] == 5
    # Named from the folder above: a message cuts long names.
    monkeypatch.chdir(folder.parent)
    file = Path(spec(folder, weights="w.npz")).relative_to(folder.parent)
    with pytest.raises(SpecError, match=r"CS100: cannot read weight file 'models/w\.npz'"):
        speccompiler.load(file)


def test_a_given_path_is_relative_to_where_the_command_is_given(folder: Path) -> None:
    np.savez("w.npz", **arrays(6))
    assert firsts(speccompiler.load(spec(folder), weights="w.npz"))["b/b"] == 6


# --- every kind of file, by reference and as a whole


def write_npz(path: Path, tensors: Arrays) -> None:
    np.savez(path, **tensors)


def write_safetensors(path: Path, tensors: Arrays) -> None:
    save_file(dict(tensors), path)


def write_h5(path: Path, tensors: Arrays) -> None:
    with h5py.File(path, "w") as file:
        for name, array in tensors.items():
            file[name] = array


KINDS = pytest.mark.parametrize(
    ("name", "write"),
    [("w.npz", write_npz), ("w.safetensors", write_safetensors), ("w.h5", write_h5),
     ("w.hdf5", write_h5)],
)  # fmt: skip
Write = Callable[[Path, Arrays], None]


@KINDS
def test_a_whole_file(folder: Path, name: str, write: Write) -> None:
    write(folder / name, arrays(10))
    found = read(speccompiler.load(spec(folder, weights=name)))
    assert found.keys() == arrays(10).keys()
    assert all((found[key] == array).all() for key, array in arrays(10).items())
    given = speccompiler.load(spec(folder), weights=folder / name)
    assert firsts(given) == dict.fromkeys(found, 10)


@KINDS
def test_references(folder: Path, name: str, write: Write) -> None:
    tensors = {"deep/kernel": arrays(10)["a/W"], "other": arrays(20)["a/b"]}
    write(folder / name, tensors)
    model = speccompiler.load(spec(folder, a=[f"{name}#deep/kernel", f"{name}#other"]), seed=1)
    assert {k: v for k, v in firsts(model).items() if k[0] == "a"} == {"a/W": 10, "a/b": 20}


def test_references_to_npy_files_and_inline_lists(folder: Path) -> None:
    np.save(folder / "kernel.npy", arrays(30)["a/W"].astype(np.float64))
    model = speccompiler.load(spec(folder, a=["kernel.npy", [1, 2.5, -3]]), seed=1)
    found = read(model)
    assert found["a/W"].dtype == np.float32
    assert found["a/W"].flat[0] == 30
    assert found["a/b"].tolist() == [1, 2.5, -3]


def test_a_file_of_one_tensor_needs_no_name(folder: Path) -> None:
    for name, write in (("w.npz", write_npz), ("w.safetensors", write_safetensors)):
        write(folder / name, {"anything": arrays(40)["a/W"]})
        model = speccompiler.load(spec(folder, a=[name, [0, 0, 0]]), seed=1)
        assert firsts(model)["a/W"] == 40


@pytest.mark.parametrize("form", ["{}/{}", "{}_{}", "{}_{}:0", "{}.{}", "{0}/{0}_{1}:0"])
def test_the_names_that_keras_gave(folder: Path, form: str) -> None:
    tensors = {form.format(*name.split("/")): x for name, x in arrays(50).items()}
    np.savez(folder / "w.npz", **tensors)
    assert set(firsts(speccompiler.load(spec(folder, weights="w.npz"))).values()) == {50}


# --- shapes are judged from headers


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the numbers of a tensor fails the test."""

    def refuse(self: object, name: str) -> None:
        raise AssertionError(f"the data of {name} was read")

    monkeypatch.setattr(weight_file.WeightFile, "read", refuse)


@KINDS
def test_shapes_are_checked_without_reading_data(
    folder: Path, name: str, write: Write, no_data: None
) -> None:
    write(folder / name, arrays(1))
    assert speccompiler.load(spec(folder, weights=name)) is not None
    assert speccompiler.load(spec(folder, a=[f"{name}#a/W", f"{name}#a/b"]), seed=1) is not None
    with pytest.raises(SpecError) as caught:
        speccompiler.load(spec(folder, a=[f"{name}#b/W", f"{name}#b/b"]), seed=1)
    assert [(d.code, d.layer, d.message) for d in caught.value.diagnostics] == [
        ("CS106", "a", "W has shape (3, 2); the layer takes (2, 3)"),
        ("CS106", "a", "b has shape (2,); the layer takes (3,)"),
    ]
    write(folder / name, {**arrays(1), "b/W": np.zeros((2, 3), np.float32)})
    with pytest.raises(SpecError) as caught:
        speccompiler.load(spec(folder, weights=name))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS106",
        "wrong shapes: b/W is stored as (2, 3), expected (3, 2)",
    )


def test_a_huge_file_is_judged_at_once(folder: Path, no_data: None) -> None:
    """A sparse .npy of 8 GB: only its header is looked at."""
    shape = (2, 10**9)
    with (folder / "huge.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        stream.truncate(stream.tell() + 8 * 10**9)
    with pytest.raises(SpecError, match=r"W has shape \(2, 1000000000\); the layer takes \(2, 3\)"):
        speccompiler.load(spec(folder, a=["huge.npy", [0, 0, 0]]), seed=1)


def test_inline_shapes(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"CS106: W has shape \(2,\); the layer takes \(2, 3\)"):
        speccompiler.load(spec(folder, a=[[1, 2], [0, 0, 0]]), seed=1)


def test_every_layer_with_bad_weights_is_reported(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        speccompiler.load(spec(folder, a=["gone.npy", [0]], b=[[0]]), seed=1)
    found = [(d.code, d.layer) for d in caught.value.diagnostics]
    assert found == [("CS100", "a"), ("CS106", "a"), ("CS090", "b")]


# --- layouts


def conv1d(folder: Path, **arguments: Any) -> Path:
    layer = {"type": "Convolution1D", "name": "c", "nb_filter": 4, "filter_length": 2, **arguments}
    path = folder / "c.json"
    path.write_text(json.dumps({"convspec": 1, "input_shape": [5, 3], "layers": [layer]}))
    return path


def test_the_old_layout_of_convolution1d(folder: Path) -> None:
    """Keras up to 1.0.8 stored (nb_filter, input_dim, filter_length, 1)."""
    new = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4)
    old = np.transpose(new, (3, 2, 0, 1))
    b = np.zeros(4, np.float32)
    np.savez(folder / "new.npz", **{"c/W": new, "c/b": b})
    np.savez(folder / "old.npz", **{"c/W": old, "c/b": b})
    for name in ("new.npz", "old.npz"):
        whole = read(speccompiler.load(conv1d(folder), weights=folder / name))
        named = read(speccompiler.load(conv1d(folder, weights=[f"{name}#c/W", f"{name}#c/b"])))
        assert (whole["c/W"] == new).all()
        assert (named["c/W"] == new).all()
    np.savez(folder / "bad.npz", **{"c/W": old.transpose(1, 0, 2, 3), "c/b": b})
    with pytest.raises(SpecError, match=r"stored as \(3, 4, 2, 1\), expected \(2, 1, 3, 4\) or "):
        speccompiler.load(conv1d(folder), weights=folder / "bad.npz")


def test_a_kernel_of_the_other_ordering_is_recognised(folder: Path) -> None:
    layer = {"type": "Convolution2D", "name": "c", "nb_filter": 4, "nb_row": 2, "nb_col": 3,
             "bias": False, "weights": ["w.npy"]}  # fmt: skip
    path = folder / "c.json"
    last = {"convspec": 1, "dim_ordering": "tf", "input_shape": [5, 6, 7], "layers": [layer]}
    path.write_text(json.dumps(last))
    np.save(folder / "w.npy", np.zeros((4, 7, 2, 3), np.float32))
    with pytest.raises(SpecError) as caught:
        speccompiler.load(path)
    (found,) = caught.value.diagnostics
    assert found.code == "CS106"
    assert found.hint is not None
    assert found.hint.startswith("this looks like a kernel in the other dim_ordering")
    path.write_text(
        json.dumps(
            {"convspec": 1, "dim_ordering": "th", "input_shape": [7, 5, 6], "layers": [layer]}
        )
    )
    assert read(speccompiler.load(path))["c/W"].shape == (4, 7, 2, 3)


def test_a_weight_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from speccompiler.weights import model_file
    from speccompiler.weights.files import weight_file

    opened: list[Path] = []
    real = weight_file.open_weights

    def counted(path: Path, *rest: Any) -> weight_file.WeightFile:
        opened.append(path)
        return real(path, *rest)

    monkeypatch.setattr(model_file, "open_weights", counted)
    file = tmp_path / "w.npz"
    np.savez(file, **{"d/W": np.eye(3, dtype="f4"), "d/b": np.zeros(3, "f4")})
    layer = "{type: Dense, output_dim: 3, name: d}"
    text = f"convspec: 1\ninput_shape: [3]\nlayers: [{layer}]\n"
    model = speccompiler.loads(text, weights=file)
    x = np.arange(6, dtype="f4").reshape(2, 3)
    assert np.array_equal(model.compile("reference").run(x), x)
    assert opened == [file]
