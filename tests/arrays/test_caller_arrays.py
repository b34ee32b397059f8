"""Arrays of any type and layout go in; results go only into arrays that fit."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.arrays.caller_arrays import as_declared
from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.models import IMAGE, images
from tests.models import only_refusal as refusal

TARGETS = ("cpu", "reference")


@pytest.fixture(params=TARGETS)
def compiled(request):
    return build(IMAGE, [8, 6, 2]).compile(request.param)


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "bool",
              ">f4", ">f8", ">i2"])  # fmt: skip
def test_other_number_types_are_converted(compiled, dtype):
    x = images().astype(dtype)
    before = x.copy()
    assert np.array_equal(compiled.run(x), compiled.run(x.astype(np.float32)))
    assert np.array_equal(x, before)


def test_memory_layout_does_not_matter(compiled):
    x = images()
    want = compiled.run(x)
    wide = np.zeros((6, 8, 12, 2), np.float32)
    wide[::2, :, ::2] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    views = {
        "Fortran order": np.asfortranarray(x),
        "every other element": wide[::2, :, ::2],
        "reversed twice": x[::-1].copy()[::-1],
        "moved axes": np.moveaxis(np.moveaxis(x, -1, 1).copy(), 1, -1),
        "read-only": read_only,
        "unaligned": np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32)
        .reshape(x.shape),
        "float64 in Fortran order": np.asfortranarray(x.astype(np.float64)),
        "a list": x.tolist(),
    }  # fmt: skip
    for name, view in views.items():
        assert np.array_equal(compiled.run(view), want), name
    assert np.array_equal(x, images()), "the input is never written to"


@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 3, 2, 3), np.float64),
        np.empty((2, 3, 2, 3), np.float32),
        np.empty((3, 18), np.float32),
        np.empty((3, 3, 2, 3), np.float32, order="F"),
        np.empty((6, 3, 2, 3), np.float32)[::2],
        np.frombuffer(bytes(4 * 54), np.float32).reshape(3, 3, 2, 3),
        np.empty((3, 3, 2, 3), ">f4"),
    ],
    ids=["float64", "samples", "rank", "Fortran", "strided", "read-only", "byte order"],
)
def test_an_out_that_does_not_fit(compiled, out):
    found = refusal(lambda: compiled.run(images(), out=out))
    assert found.code == "CS117"
    assert found.message == (
        "'out' must be a writeable C-contiguous float32 array of shape (3, 3, 2, 3)"
    )
    assert found.hint == "for example np.empty((3, 3, 2, 3), np.float32)"


def test_an_out_that_is_no_array(compiled):
    assert refusal(lambda: compiled.run(images(), out=[1.0])).code == "CS117"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_out_that_is_the_input(target, batch_size):
    """Either refused or right: never computed from what was already written."""
    layer = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "border_mode": "same"}
    compiled = build([layer], [500, 2]).compile(target, batch_size=batch_size, threads=1)
    x = np.random.default_rng(0).standard_normal((4, 500, 2)).astype(np.float32)
    want = compiled.run(x)
    both = np.zeros((5, 500, 2), np.float32)
    for place in (both[:4], both[1:]):
        both[:4] = x
        try:
            y = compiled.run(both[:4], out=place)
        except SpecError:
            continue
        assert np.array_equal(y, want)


def test_lists_that_are_ragged(compiled):
    """What NumPy itself cannot make an array of."""
    assert refusal(lambda: compiled.run([[1.0], [1.0, 2.0]])).code.startswith("CS11")


@pytest.mark.parametrize(
    ("dtype", "want"),
    [
        (None, [-1.5, 0.1, 2.7, 200.0, 1e-9]),
        ("float32", [-1.5, 0.1, 2.7, 200.0, 1e-9]),
        ("float64", [-1.5, 0.1, 2.7, 200.0, 1e-9]),
        ("float16", [-1.5, float(np.float16(0.1)), float(np.float16(2.7)), 200.0, 0.0]),
        ("int32", [-1, 0, 2, 200, 0]),
        ("int64", [-1, 0, 2, 200, 0]),
        ("bool", [1, 1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_input_dtype_rounds_the_input(dtype, want, target):
    x = np.array([[-1.5, 0.1, 2.7, 200.0, 1e-9]], np.float32)
    layer = {"type": "Dropout", "p": 0.5}
    layer |= {} if dtype is None else {"input_dtype": dtype}
    y = build([layer], [5]).compile(target).run(x)
    assert y[0] == pytest.approx(want, rel=1e-7)
    header = {} if dtype is None else {"input_dtype": dtype}
    y = build([{"type": "Flatten"}], [5], **header).compile(target).run(x)
    assert y[0] == pytest.approx(want, rel=1e-7)


def test_a_declared_batch_is_copied_only_where_it_has_to_be():
    x = images()
    assert as_declared(x, None) is x
    assert as_declared(x, "float32") is x
    x.flags.writeable = False
    assert as_declared(x, None) is x
    assert as_declared(x, "float16") is not x


def test_a_read_only_array_runs():
    compiled = build(IMAGE, [8, 6, 2]).compile()
    x = images()
    y = compiled.run(x)
    x.flags.writeable = False
    assert np.array_equal(compiled.run(x), y)
