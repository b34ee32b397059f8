"""``speccompiler.diff``: paths, models, what both are read with, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import speccompiler
from tests.comparing.pairs import BASE, spec
from tests.comparing.test_codes import KERAS


def test_paths_and_models(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(spec(*BASE), encoding="utf-8")
    new.write_text(spec(*BASE).replace("relu", "elu"), encoding="utf-8")
    found = speccompiler.diff(old, str(new))
    assert isinstance(found, speccompiler.ModelDiff)
    assert [change.code for change in found.changes] == ["CD302"]
    assert str(found) == f"{old} -> {new}: breaking\nbreaking CD302: conv2: activation relu -> elu"
    model = speccompiler.load(new)
    assert speccompiler.diff(old, model) == found
    assert speccompiler.diff(model, model).same


def test_the_keywords_are_for_both(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(KERAS, encoding="utf-8")
    native = speccompiler.loads(
        spec("type: Convolution2D, name: conv1, nb_filter: 8, nb_row: 3, nb_col: 3").replace(
            "convspec: 1", "convspec: 1\nsemantics: theano"
        )
    )
    assert [c.code for c in speccompiler.diff(path, native).changes] == ["CD603"]
    assert speccompiler.diff(path, native, semantics="theano").same


def test_open_lengths_can_be_bound() -> None:
    text = spec(*BASE[:2]).replace("[28, 28, 1]", "[null, null, 1]")
    old, new = (
        speccompiler.loads(text),
        speccompiler.loads(text.replace("nb_filter: 8", "nb_filter: 9")),
    )
    assert speccompiler.diff(old, new).amounts[3].old is None
    bound = speccompiler.diff(old, new, input_shape=(8, 8, 1))
    assert {type(a.old) for a in bound.amounts} == {int}
    with pytest.raises(speccompiler.SpecError) as refused:
        speccompiler.diff(old, new, input_shape=(8, 8))
    assert refused.value.diagnostics[0].code == "CS116"


def test_a_model_with_errors(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("convspec: 1\nlayers: []\n", encoding="utf-8")
    with pytest.raises(speccompiler.SpecError):
        speccompiler.diff(bad, bad)


def test_numpy_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(spec(*BASE), encoding="utf-8")
    code = (
        "import sys, speccompiler\n"
        f"text = open({str(path)!r}).read()\n"
        "new = speccompiler.loads(text.replace('relu', 'elu').replace('MaxP', 'AverageP'))\n"
        f"assert len(speccompiler.diff({str(path)!r}, new).changes) == 2\n"
        "assert not {'numpy', 'numba', 'llvmlite', 'h5py', 'tabulate'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
