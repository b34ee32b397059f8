"""Models over labelled arrays: what dimensions, coordinates and attributes become."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import speccompiler
from speccompiler.xarray import apply_model
from tests.models import TWO, only_refusal

SCAN = """\
convspec: 1
name: scan
dim_ordering: tf
input_shape: [null, null, 2]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 2, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: Activation, name: t, activation: tanh}
  - {type: MaxPooling2D, name: p, pool_size: [1, 2]}
"""


@pytest.fixture
def scan(rng):
    """Two places on three days, ten rows, eight columns, two bands."""
    return xr.DataArray(
        rng.normal(size=(3, 10, 2, 8, 2)).astype(np.float32),
        dims=["time", "y", "place", "x", "band"],
        coords={
            "time": pd.date_range("2026-01-01", periods=3),
            "y": np.arange(10) * 30.0,
            "x": np.arange(8) * 30.0,
            "band": ["red", "nir"],
            "height": (("place",), [1.0, 2.0]),
            "mask": (("y", "x"), np.ones((10, 8))),
            "sensor": "B",
        },
        attrs={"units": "1"},
    )


def expected(model, scan, **options):
    x = scan.transpose("time", "place", "y", "x", "band").values.reshape(6, 10, 8, 2)
    return model.compile(input_shape=(10, 8, 2), **options).run_all(x)


@pytest.mark.parametrize("lazy", [False, True])
def test_names_coordinates_and_attributes(scan, lazy):
    model = speccompiler.loads(SCAN)
    given = scan.chunk({"time": 1, "y": 4}) if lazy else scan
    y = apply_model(model, given, dims=["y", "x", "band"])
    assert (y.chunks is not None) == lazy
    assert y.dims == ("time", "place", "y", "x", "channel")
    # A pool of two halves x: what it was at a column is no coordinate of two. Bands are mixed.
    assert {*y.coords} == {"time", "y", "height", "sensor"}
    xr.testing.assert_equal(y.y, scan.y)
    assert y.name == "p"
    assert set(y.attrs) == {"model", "model_hash", "weights_hash"}
    assert y.attrs["model"] == "scan"
    np.testing.assert_array_equal(y.values.reshape(6, 10, 4, 2), expected(model, scan)["p"])


def test_layers_by_name_and_tiles(scan):
    model = speccompiler.loads(SCAN)
    found = apply_model(
        model, scan.chunk({"y": 5}), dims=["y", "x", "band"], layers=["t"], tile=(4, 4)
    )
    assert {*found} == {"p", "t"}
    assert {*found["t"].coords} == {"time", "y", "x", "height", "sensor", "mask"}
    for name, judge in expected(model, scan, layers=["t"]).items():
        np.testing.assert_array_equal(found[name].values.reshape(judge.shape), judge)


def test_names_that_are_given(scan):
    model = speccompiler.loads(SCAN)
    y = apply_model(model, scan, dims=["y", "x", "band"], output_dims=["y", "column", "class"])
    assert y.dims == ("time", "place", "y", "column", "class")
    assert "y" in y.coords
    found = only_refusal(
        lambda: apply_model(model, scan, dims=["y", "x", "band"], output_dims=["y"])
    )
    assert str(found) == (
        "<text>: error CS116: 'output_dims' names 1 of the 3 dimensions that output 'p' has beside "
        "the samples; for example ('y', 'x', 'channel')"
    )


def test_no_sample_dimension_is_one_sample(scan):
    model = speccompiler.loads(SCAN)
    one = scan.isel(time=0, place=1)
    y = apply_model(model, one, dims=["y", "x", "band"])
    assert y.dims == ("y", "x", "channel")
    assert "time" in y.coords  # a scalar
    np.testing.assert_array_equal(y.values, model.run(one.values[None])[0])


def test_what_works_value_by_value_keeps_every_coordinate(scan):
    text = SCAN.partition("  - {type: Conv")[0] + "  - {type: Activation, activation: tanh}\n"
    y = apply_model(speccompiler.loads(text), scan, dims=["y", "x", "band"])
    assert y.dims == ("time", "place", "y", "x", "band")
    assert list(y.band.values) == ["red", "nir"]


@pytest.mark.parametrize(
    ("dims", "said"),
    [
        (["y", "x", "bands"], "the array has no dimension 'bands'; did you mean 'band'?"),
        (["y", "x"], "a sample of the model has 3 dimensions, and 'dims' names y, x; name each "
         "dimension of a sample once, in the model's order; others count samples"),
        (["y", "x", "x"], "a sample of the model has 3 dimensions, and 'dims' names y, x, x; name "
         "each dimension of a sample once, in the model's order; others count samples"),
    ],
)  # fmt: skip
def test_dimensions_that_do_not_fit(scan, dims, said):
    found = only_refusal(lambda: apply_model(speccompiler.loads(SCAN), scan, dims=dims))
    assert str(found) == f"<text>: error CS116: {said}"


def test_a_model_of_two_inputs(scan):
    found = only_refusal(lambda: apply_model(speccompiler.loads(TWO), scan, dims=["y"]))
    assert str(found) == (
        "<text>: error CS124: the model has 2 inputs, and one labelled array is given; give the "
        "arrays inside them to plan.run or speccompiler.dask.map_array"
    )


def test_the_extra_is_named(monkeypatch, scan):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    found = only_refusal(lambda: apply_model(speccompiler.loads(SCAN), scan, dims=["y"]))
    assert str(found) == (
        "<text>: error CS104: labelled arrays need the package xarray, which is not installed; "
        'pip install "convspec[xarray]"'
    )


def test_what_is_no_labelled_array(scan):
    model = speccompiler.loads(SCAN)
    found = only_refusal(
        lambda: apply_model(model, scan.to_dataset(name="image"), dims=["y", "x", "band"])
    )
    assert str(found) == (
        "<text>: error CS124: a Dataset is given, and the model takes one DataArray; its "
        "variables: 'image'; give one of them, dataset[name]; several: "
        "dataset.to_dataarray('channel')"
    )
    found = only_refusal(lambda: apply_model(model, scan.values, dims=["y", "x", "band"]))
    assert str(found) == (
        "<text>: error CS124: an object of type ndarray is given, and no DataArray; "
        "xarray.DataArray(x, dims=[..]) names dimensions; plan.run takes arrays as they are"
    )


@pytest.mark.parametrize(
    ("renamed", "output_dims", "twice", "now"),
    [
        ("channel", None, "channel", "('y', 'x', 'channel')"),
        ("time", ["y", "x", "time"], "time", "('y', 'x', 'time')"),
        ("time", ["y", "y", "c"], "y", "('y', 'y', 'c')"),
    ],
)
def test_dimensions_of_an_output_have_their_own_names(scan, renamed, output_dims, twice, now):
    found = only_refusal(
        lambda: apply_model(
            speccompiler.loads(SCAN),
            scan.rename(time=renamed) if renamed != "time" else scan,
            dims=["y", "x", "band"],
            output_dims=output_dims,
        )
    )
    assert str(found) == (
        f"<text>: error CS116: two dimensions of output 'p' would be '{twice}'; name those beside "
        f"the samples with 'output_dims'; now they are {now}"
    )


def test_one_dimension_by_its_name_alone(rng):
    text = (
        "convspec: 1\ninput_shape: [4]\nseed: 1\n"
        "layers: [{type: Dense, name: d, output_dim: 2}, {type: Activation, activation: relu}]\n"
    )
    x = xr.DataArray(rng.normal(size=(3, 4)).astype(np.float32), dims=["pixel", "band"])
    y = apply_model(speccompiler.loads(text), x, dims="band", output_dims="class")
    assert y.dims == ("pixel", "class")
