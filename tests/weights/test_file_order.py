"""Weights as people saved them by hand: numbered, a file each, by odd names, or pickled.

One model, whose output was worked out in NumPy, and its weights in every such form.
"""

from __future__ import annotations

import gzip
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.weights.matching.layer_groups import InGroups, InOneRow, LayerGroup
from speccompiler.weights.matching.numbered_names import order_in_names

SPEC = """\
convspec: 1
semantics: tensorflow
dim_ordering: tf
input_shape: [5, 4, 2]
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 3, nb_row: 2, nb_col: 3}
  - {type: BatchNormalization, name: bn, epsilon: 0.001}
  - {type: Flatten}
  - {type: Dense, name: fc, output_dim: 4}
"""
RNG = np.random.default_rng(9)
KERNEL = RNG.uniform(-1, 1, (2, 3, 2, 3)).astype(np.float32)
BIAS, GAMMA, BETA, MEAN = RNG.uniform(-1, 1, (4, 3)).astype(np.float32)
VARIANCE = RNG.uniform(0.5, 1, 3).astype(np.float32)
MATRIX = RNG.uniform(-1, 1, (24, 4)).astype(np.float32)
OFFSET = RNG.uniform(-1, 1, 4).astype(np.float32)
WEIGHTS = [KERNEL, BIAS, GAMMA, BETA, MEAN, VARIANCE, MATRIX, OFFSET]
"""In the order of ``get_weights()``."""
NAMES = ["conv1/W", "conv1/b", "bn/gamma", "bn/beta", "bn/running_mean", "bn/running_std",
         "fc/W", "fc/b"]  # fmt: skip
LAYERS = [("conv1", WEIGHTS[:2]), ("bn", WEIGHTS[2:6]), ("fc", WEIGHTS[6:])]
X = RNG.uniform(-1, 1, (3, 5, 4, 2)).astype(np.float32)


def wanted(x: np.ndarray = X) -> np.ndarray:
    """The model's output by its definition, in float64."""
    x = x.astype(np.float64)
    y = np.zeros((len(x), 4, 2, 3))
    for i, j in np.ndindex(4, 2):
        y[:, i, j] = np.tensordot(x[:, i : i + 2, j : j + 3], KERNEL, 3) + BIAS
    y = (y - MEAN) / np.sqrt(VARIANCE + np.float64(0.001)) * GAMMA + BETA
    return y.reshape(len(x), -1) @ MATRIX + OFFSET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(SPEC)
    return tmp_path


def notes(path: str, **options: Any) -> list[Diagnostic]:
    """The notes about a file of weights that gives what is wanted."""
    model = speccompiler.load("m.yaml", weights=path, **options)
    assert np.abs(model.compile("reference").run(X) - wanted()).max() < 1e-5
    found = list(model.weight_sources.diagnostics)
    assert all(note.severity is Severity.NOTE and note.file == path for note in found)
    return found


def refusal(path: str, **options: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        speccompiler.load("m.yaml", weights=path, **options)
    (finding,) = caught.value.diagnostics
    return finding


# --- numbers


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_get_weights_in_an_archive(save: Any) -> None:
    save("w.npz", *WEIGHTS)
    (note,) = notes("w.npz")
    assert note.code == "CS108"
    assert note.message == (
        "the arrays are numbered, so weights were matched by the order of get_weights(): "
        "conv1/W from 'arr_0', conv1/b from 'arr_1', bn/gamma from 'arr_2', bn/beta from "
        "'arr_3', bn/running_mean from 'arr_4', bn/running_std from 'arr_5' and 2 more"
    )
    assert note.hint == "--weights-by name refuses this"
    assert refusal("w.npz", weights_by="name").code == "CS105"
    assert notes("w.npz", weights_by="topology")[0].code == "CS108"
    assert run(["validate", "m.yaml", "--weights", "w.npz"]) == 0


def test_numbers_are_counted_and_not_spelled() -> None:
    many = "convspec: 1\ninput_shape: [2]\nlayers:\n" + "".join(
        f"  - {{type: Dense, name: d{i}, output_dim: 2, bias: false}}\n" for i in range(12)
    )
    Path("m.yaml").write_text(many)
    np.savez("w.npz", *(np.eye(2, dtype=np.float32) * i for i in range(12)))
    model = speccompiler.load("m.yaml", weights="w.npz")
    for weight, array in model.weight_sources.read().items():
        assert array[0, 0] == int(weight.layer[1:])


def test_model_weights_has_what_is_trained_first() -> None:
    """``[K.get_value(w) for w in model.weights]`` of a functional model."""
    np.savez("w.npz", *[KERNEL, BIAS, GAMMA, BETA, MATRIX, OFFSET, MEAN, VARIANCE])
    (note,) = notes("w.npz")
    assert note.message.startswith(
        "the arrays are numbered, so weights were matched by the order of model.weights, which "
        "has all that is trained first: conv1/W from 'arr_0'"
    )


def test_an_order_that_is_one_of_two_is_said() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nlayers:\n"
        "  - {type: BatchNormalization, name: a}\n  - {type: BatchNormalization, name: b}\n"
    )
    np.savez("w.npz", *(np.full(3, i, np.float32) for i in range(8)))
    model = speccompiler.load("m.yaml", weights="w.npz")
    (note,) = model.weight_sources.diagnostics
    assert (
        "matched by the order of get_weights(); that of model.weights, which has all that is "
        "trained first, would fit as well: a/gamma from 'arr_0'" in note.message
    )
    read = {w.name: a[0] for w, a in model.weight_sources.read().items()}
    assert read["a", "running_std"] == 3
    assert read["b", "gamma"] == 4


def test_orders_that_do_not_fit() -> None:
    np.savez("short.npz", *WEIGHTS[:-1])
    finding = refusal("short.npz")
    assert finding.code == "CS105"
    assert finding.message.endswith(
        "; nor does the order fit: it holds 7 numbered arrays, and the model takes 8"
    )
    assert finding.hint == "check that the file belongs to this model"
    np.savez("back.npz", *WEIGHTS[::-1])
    assert (
        "; nor does the order fit: wrong shapes: conv1/W is stored as (4,), expected (2, 3, 2, 3) "
        "('arr_0'), conv1/b is stored as (24, 4), expected (3,) ('arr_1')"
        in refusal("back.npz").message
    )


# --- forms


def numbered(folder: Path) -> None:
    for number, values in enumerate(WEIGHTS):
        np.save(folder / f"{number}.npy", values)


def in_front(folder: Path) -> None:
    for number, (name, values) in enumerate(zip("ponmlkji", WEIGHTS, strict=True)):
        np.save(folder / f"{number:02}_{name}.npy", values)


def by_name(folder: Path) -> None:
    for name, values in zip(NAMES, WEIGHTS, strict=True):
        np.save(folder / f"{name.replace('/', '_')}.npy", values)


def in_folders(folder: Path) -> None:
    for name, values in zip(NAMES, WEIGHTS, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        np.save(folder / f"{name}.npy", values)


def a_layer_each(folder: Path) -> None:
    for name, tensors in LAYERS:
        np.savez(folder / f"{name}.npz", *tensors)


def a_numbered_layer_each(folder: Path) -> None:
    for number, (_, tensors) in zip((1, 2, 10), LAYERS, strict=True):
        np.savez(folder / f"layer{number}.npz", *tensors)


def roles(folder: Path) -> None:
    named = ["W1", "b1", "gamma2", "beta2", "mean2", "var2", "W10", "b10"]
    for name, values in zip(named, WEIGHTS, strict=True):
        np.save(folder / f"{name}.npy", values)


def one_archive(folder: Path) -> None:
    np.savez(folder / "weights.npz", **dict(zip(NAMES, WEIGHTS, strict=True)))


@pytest.mark.parametrize(
    ("make", "how"),
    [(numbered, "the order of get_weights()"), (in_front, "the order of get_weights()"),
     (by_name, None), (in_folders, None), (one_archive, None),
     (a_layer_each, "by the layers' names, in each by number"),
     (a_numbered_layer_each, "by the numbers in them"), (roles, "by the numbers in them")],
)  # fmt: skip
def test_folders(make: Callable[[Path], None], how: str | None) -> None:
    folder = Path("w")
    folder.mkdir()
    make(folder)
    count = len([*folder.rglob("*.np[yz]")])
    first, *others = notes("w")
    assert first.code == "CS084"
    assert first.message == f"the folder's {count} array files were read as one weight file"
    assert [note.code for note in others] == ([] if how is None else ["CS108"])
    assert how is None or how in others[0].message
    (folder / "README.txt").write_text("hello")
    (folder / ".hidden.npy").write_text("passed over")
    (folder / "model.json").write_text("{}")
    assert notes("w")[0].message.endswith("; left: 'README.txt', 'model.json'")
    Path("m.yaml").write_text(SPEC + "weights: w\n")
    model = speccompiler.load("m.yaml")
    assert np.abs(model.compile("reference").run(X) - wanted()).max() < 1e-5


def test_a_folders_state_is_that_of_its_files() -> None:
    folder = Path("w")
    folder.mkdir()
    by_name(folder)
    old = 1_400_000_000
    import os

    for path in folder.iterdir():
        os.utime(path, (old, old))
    model = speccompiler.load("m.yaml", weights="w")
    source = next(s for w, s in model.weight_sources.sources.items() if w.tensor == "gamma")
    os.utime(folder / "fc_b.npy", (old + 5, old + 5))
    assert source.identity() is None


def test_folders_that_do_not_count() -> None:
    Path("none").mkdir()
    Path("none/a.txt").write_text("a")
    finding = refusal("none")
    assert (finding.code, finding.message) == (
        "CS100",
        "cannot read weight file 'none': it is a folder",
    )
    assert finding.hint == (
        "a folder counts where it holds .npy or .npz files; else give one of its files"
    )
    Path("none/saved_model.pb").write_text("a")
    assert "this is a TensorFlow SavedModel" in str(refusal("none").hint)
    Path("none/saved_model.pb").rename("none/checkpoint")
    assert "this is the folder of a TensorFlow checkpoint" in str(refusal("none").hint)
    Path("two").mkdir()
    np.save("two/a.npy", BIAS)
    np.savez("two/a.npz", BIAS)
    Path("two/a.npz").rename("two/A.NPZ")
    assert refusal("two").code == "CS105"
    np.savez("two/b.npz", c=BIAS)
    Path("two/b").mkdir()
    np.save("two/b/c.npy", BIAS)
    finding = refusal("two")
    assert finding.code == "CS101"
    assert finding.message == "the files 'b.npz' and 'c.npy' in 'two' both hold 'b/c'"


def hdf5(**named: np.ndarray) -> None:
    with h5py.File("w.h5", "w") as file:
        for name, values in named.items():
            file[name] = values


def places() -> list[str]:
    return [f"{layer}/{place}" for layer, tensors in LAYERS for place in range(len(tensors))]


@pytest.mark.parametrize(
    ("names", "how"),
    [
        ([f"weights/{i}" for i in range(8)], "the order of get_weights()"),
        ([f"w{i}" for i in range(2, 10)], "the order of get_weights()"),
        (places(), "by the layers' names, in each by number"),
        ([name.replace("/", "_") for name in places()], "by the layers' names, in each by number"),
        (["W_1", "b_1", "gamma_2", "beta_2", "mean_2", "std_2", "W_3", "b_3"],
         "by the numbers in them"),
        (["1_W", "1_b", "5_gamma", "5_beta", "5_running_mean", "5_running_std", "12_W", "12_b"],
         "by the numbers in them"),
        ([f"layer_{i}_{j}" for i, j in ((0, 0), (0, 1), (3, 0), (3, 1), (3, 2), (3, 3), (11, 0),
                                        (11, 1))], "by the numbers in them"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["h5", "npz", "safetensors"])
def test_names_of_peoples_own(names: list[str], how: str, ending: str) -> None:
    named = dict(zip(names, WEIGHTS, strict=True))
    shuffled = {name: named[name] for name in sorted(named, key=lambda n: n[::-1])}
    if ending == "h5":
        hdf5(**shuffled)
    elif ending == "npz":
        np.savez("w.npz", **shuffled)
    else:
        save_file(shuffled, "w.safetensors")
    (note,) = notes(f"w.{ending}")
    assert note.code == "CS108"
    assert how in note.message


def test_datasets_that_are_called_as_layers_were() -> None:
    hdf5(**{f"layer_{number}": values for number, values in enumerate(WEIGHTS)})
    (note,) = notes("w.h5")
    assert "the order of get_weights()" in note.message


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("prefix", ["", "model_weights/"])
def test_layers_and_parameters_without_attributes(attributes: bool, prefix: str) -> None:
    """``vgg16_weights.h5`` and its kin, copied without nb_params or nb_layers."""
    with h5py.File("w.h5", "w") as file:
        root = file.require_group(prefix) if prefix else file
        if attributes:
            root.attrs["nb_layers"] = 12
            for number in range(12):
                root.create_group(f"layer_{number}")
        for number, (_, tensors) in zip((0, 2, 11), LAYERS, strict=True):
            for place, values in enumerate(tensors):
                root[f"layer_{number}/param_{place}"] = values
    (note,) = notes("w.h5")
    assert note.message.startswith(
        "the names in the file are others, so weights were matched by the order of the layers"
    )


def test_odd_names_where_shapes_are_each_ones_own() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\ninput_shape: [2]\nlayers:\n  - {type: Dense, name: d, output_dim: 3}\n"
        "  - {type: Dense, name: e, output_dim: 4}\n"
    )
    tensors = {"p": np.ones((2, 3)), "q": np.ones(3), "r": np.ones((3, 4)), "s": np.ones(4)}
    np.savez("w.npz", **dict(reversed(tensors.items())))
    model = speccompiler.load("m.yaml", weights="w.npz")
    (note,) = model.weight_sources.diagnostics
    assert note.message == (
        "the names are others, so weights were matched by their shapes, each of which is one's: "
        "d/W from 'p', d/b from 'q', e/W from 'r', e/b from 's'"
    )
    # What another program wrote may have its axes in another order.
    save_file({k: v.astype(np.float32) for k, v in tensors.items()}, "w.safetensors")
    assert refusal("w.safetensors").code == "CS105"


def test_odd_names_that_fit_in_two_ways_are_not_guessed_at() -> None:
    np.savez("w.npz", **dict(zip("abcdefgh", WEIGHTS, strict=True)))
    finding = refusal("w.npz")
    assert finding.code == "CS105"
    assert finding.message.endswith(
        "; nor does the order fit: by their shapes alone, several arrays fit conv1/b (3,), "
        "bn/gamma (3,), bn/beta (3,), bn/running_mean (3,), bn/running_std (3,)"
    )
    assert finding.hint == (
        "name the arrays <layer>/W, <layer>/b, or save them in order: "
        'numpy.savez("weights.npz", *model.get_weights())'
    )


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["a", "b"], None),
        (["conv1_W", "fc1_W"], None),  # 1 and 1 of two kinds
        (["a1", "a01"], None),
        (["W1", "b1", "kernel1"], None),  # two kernels of one layer
        (
            ["x_1_1_0", "x_1_2_0", "x_1_1_1"],
            InGroups(
                (
                    LayerGroup("1", ((None, "x_1_1_0"), (None, "x_1_1_1"))),
                    LayerGroup("2", ((None, "x_1_2_0"),)),
                )
            ),
        ),
        (["arr_10", "arr_9"], InOneRow(("arr_9", "arr_10"))),
        (["02_fc1_W", "00_c1_W:0", "01_c1_b:0"], InOneRow(("00_c1_W:0", "01_c1_b:0", "02_fc1_W"))),
        (["1-c1_W", "2-c1_b", "3-c2_W"], InOneRow(("1-c1_W", "2-c1_b", "3-c2_W"))),
    ],
)
def test_the_order_of_names(names: list[str], order: InOneRow | InGroups | None) -> None:
    found = order_in_names(names, {"W", "b"}, {"conv"})
    assert found == order


# --- Keras 2


def keras2(ending: str, kernel: np.ndarray = KERNEL) -> str:
    tensors = [kernel, *WEIGHTS[1:]]
    own = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    owners = [layer for layer, mine in LAYERS for _ in mine]
    if ending == "npz":
        named = {
            f"{layer}/{name}:0": w for layer, name, w in zip(owners, own, tensors, strict=True)
        }
        np.savez("k2.npz", **named)
        return "k2.npz"
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.6", b"tensorflow"
        file.attrs["layer_names"] = [b"conv1", b"bn", b"fc"]
        for layer, name, values in zip(owners, own, tensors, strict=True):
            group = file.require_group(layer)
            group[f"{layer}/{name}:0"] = values
            mine = [n for o, n in zip(owners, own, strict=True) if o == layer]
            group.attrs["weight_names"] = [f"{layer}/{n}:0".encode() for n in mine]
    return "k2.h5"


def test_weights_of_keras_2_by_the_order_of_layers() -> None:
    (note,) = notes(keras2("h5"))
    assert note.message == (
        "Keras 2.1.6 wrote these tensors, and names them kernel, bias, moving_mean .., so weights "
        "were matched by the order of the layers, as Keras does: "
    )


def test_a_kernel_of_keras_2_under_th() -> None:
    """Keras 2 stores (rows, columns, in, out) under both orderings."""
    Path("m.yaml").write_text(
        SPEC.replace("tf", "th")
        .replace("[5, 4, 2]", "[2, 5, 4]")
        .replace("0.001", "0.001, axis: 1")
    )
    model = speccompiler.load("m.yaml", weights=keras2("h5"))
    read = {w.name: a for w, a in model.weight_sources.read().items()}
    assert np.array_equal(read["conv1", "W"], KERNEL.transpose(3, 2, 0, 1))
    # Its square kernel would fit without a transposition as well, and is not left as it is.
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [2, 5, 4]\nlayers:\n"
        "  - {type: Convolution2D, name: c, nb_filter: 2, nb_row: 2, nb_col: 2, dim_ordering: th,"
        " bias: false}\n"
    )
    square = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.0.2", ["c"]
        file["c/c/kernel:0"] = square
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, square.transpose(3, 2, 0, 1))


def test_a_kernel_of_keras_2_over_steps() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [5, 2]\nlayers:\n"
        "  - {type: Convolution1D, name: c, nb_filter: 4, filter_length: 3, bias: false}\n"
    )
    kernel = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.2.4", ["c"]
        file["c/c/kernel:0"] = kernel
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, kernel.reshape(3, 1, 2, 4))


def test_names_of_keras_2_are_told_for_what_they_are() -> None:
    finding = refusal(keras2("npz"))
    assert finding.code == "CS105"
    assert finding.message.startswith("missing from the weight file: conv1/W (2, 3, 2, 3)")
    assert finding.message.endswith(
        "; Keras 2 wrote these tensors, and names them kernel, bias, moving_mean .."
    )
    assert finding.hint == (
        "the layers are Keras 1.x's, whose tensors are <layer>/W, b, running_mean, running_std: "
        "give the weights that Keras 1.x saved, or rename them so"
    )
    Path("one.yaml").write_text(
        "convspec: 1\ninput_shape: [24]\nlayers: [{type: Dense, name: d_1, output_dim: 4}]\n"
    )
    np.savez("one.npz", **{"d_1/kernel:0": MATRIX, "d_1/bias:0": OFFSET})
    with pytest.raises(SpecError, match="; Keras 2 wrote these tensors"):
        speccompiler.load("one.yaml", weights="one.npz")
    other = refusal(keras2("h5", KERNEL[:1]))
    assert "Keras 2.1.6 wrote these tensors" in other.message
    assert other.hint == finding.hint


# --- what is not read


def objects() -> np.ndarray:
    found = np.empty(len(WEIGHTS), object)
    found[:] = WEIGHTS
    return found


left_open = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""A line of Python need not close its file."""


def executed(line: str) -> None:
    """Run the Python that a hint gives, as its reader would."""
    exec(line.partition("file: ")[2], {})


@left_open
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["w.pkl", "w.p", "weights", "w.weights", "w.model"])
def test_a_pickle_and_the_line_that_makes_an_archive_of_it(protocol: int, name: str) -> None:
    Path(name).write_bytes(pickle.dumps(WEIGHTS, protocol))
    finding = refusal(name)
    assert (finding.code, finding.message) == (
        "CS100",
        f"cannot read weight file '{name}': it is a pickle, which is code and is never loaded",
    )
    assert finding.hint == (
        'where you trust the file: import pickle, numpy; numpy.savez("weights.npz", '
        f'*pickle.load(open("{name}", "rb"), encoding="latin1"))'
    )
    executed(finding.hint)
    notes("weights.npz")


@left_open
@pytest.mark.parametrize("protocol", range(6))
def test_the_pickle_of_a_dictionary(protocol: int) -> None:
    named = dict(zip(NAMES, WEIGHTS, strict=True))
    Path("w.pkl").write_bytes(pickle.dumps(named, protocol))
    hint = str(refusal("w.pkl").hint)
    assert 'savez("weights.npz", **pickle.load(open("w.pkl"' in hint
    executed(hint)
    assert notes("weights.npz") == []


def test_pickles_of_other_programs() -> None:
    data = pickle.dumps(WEIGHTS)
    for name, load in (("w.joblib", 'joblib.load("w.joblib")'),
                       ("w.dill", 'dill.load(open("w.dill", "rb"))')):  # fmt: skip
        Path(name).write_bytes(data)
        assert load in str(refusal(name).hint)
    Path("w.h5").write_bytes(data)
    assert refusal("w.h5").message == (
        "'w.h5' is not a valid weight file: it is a pickle, which is code and is never loaded"
    )


def test_object_arrays_and_the_line_that_makes_an_archive_of_them() -> None:
    np.save("w.npy", objects(), allow_pickle=True)
    np.savez("w.npz", weights=objects())
    np.save("d.npy", {n: list(t) for n, t in LAYERS}, allow_pickle=True)  # type: ignore[arg-type]
    np.save("e.npy", dict(zip(NAMES, WEIGHTS, strict=True)), allow_pickle=True)  # type: ignore[arg-type]
    for name, code in (("w.npy", "CS108"), ("w.npz", "CS108"), ("d.npy", "CS108"), ("e.npy", None)):
        finding = refusal(name)
        assert finding.code == "CS102"
        assert "has dtype object; weights are floats, integers or booleans" in finding.message
        hint = str(finding.hint)
        assert hint.startswith(
            "pickled objects are code and are never loaded; where you trust the file: import numpy"
        )
        executed(hint)
        assert [note.code for note in notes("weights.npz")] == ([] if code is None else [code])
    numbers = {n: w.astype(object) for n, w in zip(NAMES, WEIGHTS, strict=True) if w.ndim > 1}
    np.savez("o.npz", **{**dict(zip(NAMES, WEIGHTS, strict=True)), **numbers})
    executed(str(refusal("o.npz").hint))
    assert notes("weights.npz") == []
    assert refusal("w.npy").hint == (
        "pickled objects are code and are never loaded; where you trust the file: import numpy; "
        'numpy.savez("weights.npz", *numpy.load("w.npy", allow_pickle=True, encoding="latin1"))'
    )


def test_a_pickled_file_for_each_layer() -> None:
    Path("w").mkdir()
    for name, tensors in LAYERS:
        mine = np.empty(len(tensors), object)
        mine[:] = tensors
        np.save(f"w/{name}.npy", mine, allow_pickle=True)
    finding = refusal("w")
    assert finding.code == "CS102"
    executed(str(finding.hint))
    assert "by the layers' names, in each by number" in notes("weights.npz")[0].message


def test_a_type_by_its_name() -> None:
    header = b"{'descr': 'float32', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)
    Path("w.npy").write_bytes(content)
    assert refusal("w.npy").message == (
        "tensor 'w' has dtype float32, where NumPy writes '<f4'; weights are floats, integers or "
        "booleans"
    )


def archive(*members: str) -> bytes:
    with zipfile.ZipFile("made.zip", "w") as made:
        for member in members:
            made.writestr(member, b"content")
    return Path("made.zip").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "what", "hint"),
    [
        ("w.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(200), "it is a MATLAB file",
         "loadmat"),
        ("w.h5f", b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(90),
         "it is a MATLAB file", "loadmat"),
        ("model.ckpt", b"\1\2\3", "it is a part of a TensorFlow checkpoint", "save_weights"),
        ("model.ckpt-7.data-00000-of-00001", b"\1\2\3", "it is a part of a TensorFlow checkpoint",
         "save_weights"),
        ("model.ckpt-7.meta", b"\n\1", "it is a part of a TensorFlow checkpoint", "save_weights"),
        ("g.pb", b"\n\5const", "it is a TensorFlow graph (GraphDef)", "model.save"),
        ("w.pt", archive, "it is a PyTorch file", 'torch.load("w.pt"'),
        ("w.bin", archive, "it is a PyTorch file", 'torch.load("w.bin"'),
        ("w.pth", b"\x80\2\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "it is a PyTorch file", "torch.load"),
        ("w.gz", gzip.compress(b"hello", mtime=0), "it is packed by gzip", "gunzip"),
        ("w.hdf", b"<html>", "it is a page of HTML or XML", "download the file again"),
        ("w.hdf5f", b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer, "
         "which stands for a file that was not fetched", "git lfs pull"),
        ("w.json", b'{"class_name": "Sequential"}', "it is JSON text, as of a model without its "
         "weights", "weights are read from"),
        ("w.json", b"[[[0.5, -1],\n [2, 3]], [0, 0]]", "it is JSON text, lists of numbers",
         'numpy.savez("weights.npz", *json.load(open("w.json")))'),
        ("w.txt", b" [ [ -1.5e3, 2 ] ]", "it is JSON text, lists of numbers", "*json.load"),
        ("w.json", b'["conv1", "conv2"]', "it is JSON text, as of a model without its weights",
         "weights are read from"),
        ("w.tflite", b"\x1c\0\0\0TFL3", "it is a TensorFlow Lite model", ".h5"),
        ("w.caffemodel", b"\n\4VGG", "it is a Caffe model", "numpy.savez"),
        ("w.zip", "notes.txt", "it is a zip archive, and none of its members is an array: "
         "'notes.txt'", "unpack it"),
        ("w.keras", "model.weights.h5", "it is a Keras 3 archive (.keras), which is not Keras 1.x",
         "unzip 'w.keras' model.weights.h5"),
        ("w.what", b"\1\2\3", "extension '.what', and its first bytes are of no known format",
         "weights are read from"),
        ("w.what", b"", "it is empty", "weights are read from"),
    ],
)  # fmt: skip
def test_other_files_are_told_for_what_they_are(
    name: str, content: Any, what: str, hint: str
) -> None:
    if callable(content):
        content = content("archive/data.pkl", "archive/data/0")
    elif isinstance(content, str):
        content = archive("metadata.json", content) if name == "w.keras" else archive(content)
    Path(name).write_bytes(content)
    finding = refusal(name)
    assert (finding.code, finding.message) == ("CS100", f"cannot read weight file '{name}': {what}")
    assert hint in str(finding.hint)
