"""Folders of arrays, read as one weight file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import speccompiler
from tests.weights.saved_by_hand import (
    BIAS,
    LAYERS,
    NAMES,
    SPEC,
    WEIGHTS,
    X,
    notes,
    refusal,
    wanted,
)

pytestmark = pytest.mark.usefixtures("folder")


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
