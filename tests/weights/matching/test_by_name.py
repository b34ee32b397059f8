"""Tensors of a file by their names: every form that is accepted, and every finding at once."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.weights.files.weight_file import open_weights
from speccompiler.weights.matching.by_name import match_by_name
from speccompiler.weights.matching.wanted_tensors import (
    StoredTensor,
    WantedTensor,
)
from tests.places import GOLDEN
from tests.weights.stored_tensors import infos, matched, refused

WANTED = {
    ("conv1", "W"): WantedTensor((3, 3, 2, 4)),
    ("conv1", "b"): WantedTensor((4,)),
}


@pytest.mark.parametrize(
    "form",
    [
        "{0}/{1}",
        "{0}_{1}",
        "{0}_{1}:0",
        "{0}/{0}_{1}",
        "{0}/{0}_{1}:0",
        "{0}.{1}",
        "model_weights/{0}/{0}_{1}",
        "model_weights/{0}/{0}_{1}:0",
        "model_weights/enclosing_1/{0}_{1}:0",
    ],
)
def test_every_accepted_form(form):
    keys = {name: form.format(*name) for name in WANTED}
    found = matched(WANTED, {keys[n]: w.shape for n, w in WANTED.items()})
    assert found == {name: StoredTensor(key) for name, key in keys.items()}


def test_optimizer_state_of_a_whole_model_file_is_passed_over():
    shapes = {
        "model_weights/conv1/conv1_W": (3, 3, 2, 4),
        "model_weights/conv1/conv1_b": (4,),
        "optimizer_weights/param_0": (),
    }
    assert len(matched(WANTED, shapes)) == 2


def test_a_npy_file_serves_a_model_of_one_tensor():
    wanted = {("conv1", "W"): WantedTensor((2, 2))}
    assert matched(wanted, {"k": (2, 2)}, unnamed=True) == {("conv1", "W"): StoredTensor("k")}
    assert refused("CS105", match_by_name, wanted, infos(k=(2, 2))).code == "CS105"
    with pytest.raises(Problem, match="conv1/W is stored as"):
        matched(wanted, {"k": (2, 3)}, unnamed=True)


def test_all_missing_and_unused_tensors_are_listed_at_once():
    wanted = {
        **WANTED,
        ("conv2", "W"): WantedTensor((1, 1, 4, 5)),
        ("conv2", "b"): WantedTensor((5,)),
    }
    shapes = {"conv1_W": (3, 3, 2, 9), "conv1_b": (4,), "extra_W": (7,), "extra_b": ()}
    with pytest.raises(Problem) as caught:
        matched(wanted, shapes)
    assert caught.value.code == "CS105"
    assert caught.value.message == (
        "missing from the weight file: conv2/W (1, 1, 4, 5), conv2/b (5,); "
        "in the weight file but not used: 'extra_W' (7,), 'extra_b' (); "
        "wrong shapes: conv1/W is stored as (3, 3, 2, 9), expected (3, 3, 2, 4)"
    )
    assert caught.value.hint == (
        "the names come from the layers' names: check that the file belongs to this model"
    )


def test_a_foreign_naming_shows_its_first_keys():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {f"arr_{i}": (i,) for i in range(9)})
    assert caught.value.message == (
        "missing from the weight file: conv1/W (3, 3, 2, 4), conv1/b (4,); "
        "in the weight file but not used: 'arr_0' (0,), 'arr_1' (1,), 'arr_2' (2,), "
        "'arr_3' (3,), 'arr_4' (4,), 'arr_5' (5,) and 3 more"
    )
    assert caught.value.hint == (
        "the file names its tensors in another way; rename them like 'conv1/W' or 'conv1_W'"
    )


def test_an_empty_file_and_a_model_without_weights():
    assert matched({}, {}) == {}
    with pytest.raises(Problem, match="missing from the weight file: conv1/W") as caught:
        matched(WANTED, {})
    assert caught.value.hint == "the weight file holds no tensors"
    with pytest.raises(Problem, match="in the weight file but not used: 'W'"):
        matched({}, {"W": (1,)})


def test_one_tensor_under_two_names():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {"conv1/W": (3, 3, 2, 4), "conv1_W:0": (3, 3, 2, 4), "conv1/b": (4,)})
    assert caught.value.code == "CS105"
    assert caught.value.message == "conv1/W is given 2 times: 'conv1/W', 'conv1_W:0'"


def test_all_wrong_shapes_are_listed_at_once():
    with pytest.raises(Problem) as caught:
        matched(WANTED, {"conv1/W": (3, 3, 2, 5), "conv1/b": (5,)})
    assert caught.value.code == "CS106"
    assert caught.value.message == (
        "wrong shapes: conv1/W is stored as (3, 3, 2, 5), expected (3, 3, 2, 4); "
        "conv1/b is stored as (5,), expected (4,)"
    )
    assert caught.value.hint == "check that the file belongs to this model"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden data")
@pytest.mark.parametrize("folder", ["tensorflow-tf", "theano-th"])
def test_a_real_model_file_and_its_weights_file_hold_the_same(folder):
    pytest.importorskip("h5py")
    weights = open_weights(GOLDEN / "digits" / folder / "weights.h5")
    model = open_weights(GOLDEN / "digits" / folder / "model.h5")
    wanted = {}
    for key, info in weights.tensors.items():
        layer, _, last = key.partition("/")
        tensor = last.removesuffix(":0").removeprefix(f"{layer}_")
        wanted[layer, tensor] = WantedTensor(info.shape)
    assert len(wanted) == 11
    first = match_by_name(wanted, weights.tensors)
    second = match_by_name(wanted, model.tensors)
    for name in wanted:
        assert second[name].key == f"model_weights/{first[name].key}"
        assert np.array_equal(weights.read(first[name].key), model.read(second[name].key))
