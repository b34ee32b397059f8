"""A compiled model as a Python caller meets it: arrays in, arrays out, and plain refusals."""

from __future__ import annotations

import numpy as np
import pytest

import speccompiler
from speccompiler import compiled as compiled_module
from speccompiler.compiled import as_declared, default_batch_size, gibibytes
from speccompiler.diagnostics.core import SpecError
from tests.cases import array, build

IMAGE = [
    {"type": "MaxPooling2D", "name": "p"},
    {"type": "Convolution2D", "name": "c", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
]
TARGETS = ("cpu", "reference")


def images(samples=3, dtype=np.float32):
    values = np.random.default_rng(0).uniform(-100, 100, (samples, 8, 6, 2))
    return values.astype(dtype)


def refusal(action):
    """The one finding of an action that is refused."""
    with pytest.raises(SpecError) as caught:
        action()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.fixture(params=TARGETS)
def compiled(request):
    return build(IMAGE, [8, 6, 2]).compile(request.param)


# What goes in.


def test_run_gives_a_new_float32_array(compiled):
    y = compiled.run(images())
    assert y.dtype == np.float32
    assert y.shape == (3, 3, 2, 3) == compiled.output_shapes(3)[0]
    assert y.flags.c_contiguous
    assert y.flags.writeable
    assert compiled.output_names == ("c",)


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


def test_broadcast_input(compiled):
    one = images(1)
    same = np.broadcast_to(one, (5, *one.shape[1:]))
    assert np.array_equal(compiled.run(same), np.repeat(compiled.run(one), 5, axis=0))


def test_batches_of_any_size_give_the_same_rows():
    model, x = build(IMAGE, [8, 6, 2]), images(7)
    want = model.compile(batch_size=7).run(x)
    for batch_size in (1, 2, 3, 6, 100):
        compiled = model.compile(batch_size=batch_size)
        assert compiled.batch_size == batch_size
        assert np.array_equal(compiled.run(x), want)


def test_model_run_binds_and_runs():
    model = build([{"type": "MaxPooling1D"}], [None, 2])
    x = np.arange(12, dtype=np.float32).reshape(1, 6, 2)
    assert model.run(x).tolist() == [[[2, 3], [6, 7], [10, 11]]]


# run(x, out=y)


def test_out_is_filled_and_returned(compiled):
    x = images()
    out = np.full((3, 3, 2, 3), np.nan, np.float32)
    assert compiled.run(x, out=out) is out
    assert np.array_equal(out, compiled.run(x))


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


def test_run_allocates_nothing_after_the_first_call():
    import tracemalloc

    layers = [{"type": "Convolution1D", "nb_filter": 64, "filter_length": 3, "border_mode": "same"},
              {"type": "MaxPooling1D"}]  # fmt: skip
    compiled = build(layers, [4096, 4]).compile(threads=2)
    x = np.ones((4, 4096, 4), np.float32)
    out = np.empty(compiled.output_shapes(4)[0], np.float32)
    compiled.run(x, out=out)
    tracemalloc.start()
    try:
        for _ in range(3):
            compiled.run(x, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024, "an array of this model takes 256 KiB or more"


# What is refused, word for word.

REFUSED = [
    (np.zeros((0, 8, 6, 2), np.float32), "CS118", "the array (0, 8, 6, 2) holds no sample",
     "its first axis counts samples"),
    (np.zeros((8, 6, 2), np.float32), "CS119",
     "the array (8, 6, 2) is one sample without a batch axis",
     "the model takes (samples, ...): save it as x[None], with shape (1, 8, 6, 2)"),
    (np.zeros((3, 2, 8, 6), np.float32), "CS117",
     "the array has shape (3, 2, 8, 6); the model takes (samples, 8, 6, 2)",
     "the array looks channels-first; convert it with np.moveaxis(x, 1, -1)"),
    (np.zeros((3, 9, 6, 2), np.float32), "CS117",
     "the array has shape (3, 9, 6, 2); the model takes (samples, 8, 6, 2)", None),
    (np.zeros((3, 8, 6), np.float32), "CS116",
     "the array has 3 axes, (3, 8, 6); the model takes 4: (samples, 8, 6, 2)", None),
    (np.zeros((1, 3, 8, 6, 2), np.float32), "CS116",
     "the array has 5 axes, (1, 3, 8, 6, 2); the model takes 4: (samples, 8, 6, 2)",
     "there may be one batch axis too many: x[0]"),
    (np.zeros(7, np.float32), "CS116",
     "the array has 1 axis, (7,); the model takes 4: (samples, 8, 6, 2)", None),
    (np.float32(3), "CS114", "the array is a single number (0-d) and has no axis of samples",
     "save it with the samples along the first axis, for example shape (1, 28, 28, 1)"),
    (np.zeros((3, 8, 6, 2), complex), "CS113",
     "the elements are complex numbers (128 bits); allowed are floats, integers and booleans",
     "save the real part or the magnitude, for example numpy.abs(array)"),
    (np.array(["a"]), "CS113",
     "the elements are text strings; allowed are floats, integers and booleans",
     'save it as numbers, for example numpy.save("data.npy", array.astype("float32"))'),
    (None, "CS113",
     "the elements are Python objects (pickled); allowed are floats, integers and booleans",
     'save it as numbers, for example numpy.save("data.npy", array.astype("float32"))'),
    (np.zeros((3, 8, 6, 2), [("r", "f4")]), "CS113",
     "the elements are records with named fields; allowed are floats, integers and booleans",
     'save one field, for example numpy.save("x.npy", array["x"])'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "code", "message", "hint"), REFUSED, ids=[r[2][:40] for r in REFUSED]
)
def test_arrays_that_do_not_fit(compiled, x, code, message, hint):
    found = refusal(lambda: compiled.run(x))
    assert (found.code, found.message, found.hint) == (code, message, hint)
    assert found.file == "the array"


def test_lists_that_are_ragged(compiled):
    """What NumPy itself cannot make an array of."""
    assert refusal(lambda: compiled.run([[1.0], [1.0, 2.0]])).code.startswith("CS11")


@pytest.mark.parametrize(
    ("layers", "declared", "shape", "hint"),
    [
        ([{"type": "UpSampling2D", "dim_ordering": "th"}], [3, 5, 6], (4, 5, 6, 3),
         "the array looks channels-last; convert it with np.moveaxis(x, -1, 1)"),
        ([{"type": "UpSampling2D"}], [5, 6, 1], (4, 5, 6),
         "a channel axis may be missing: x[..., None]"),
        ([{"type": "UpSampling1D"}], [None, 3], (4, 3, 50), "the two axes look swapped"),
        ([{"type": "UpSampling3D"}], [None, 5, 6, 2], (4, 2, 9, 5, 6),
         "the array looks channels-first; convert it with np.moveaxis(x, 1, -1)"),
    ],
)  # fmt: skip
def test_hints_for_arrays(layers, declared, shape, hint):
    known = [9 if d is None else d for d in declared]
    compiled = build(layers, declared).compile("reference", input_shape=known)
    x = np.zeros(shape, np.float32)
    if declared == [None, 3]:
        compiled = build(layers, declared).compile("reference", input_shape=[50, 3])
    assert refusal(lambda: compiled.run(x)).hint == hint


def test_open_lengths():
    model = build([{"type": "UpSampling1D"}], [None, 3])
    found = refusal(lambda: model.compile().plan)
    assert (found.code, found.message) == ("CS052", "the input (T, 3) has open lengths")
    found = refusal(lambda: model.compile(input_shape=(4, 5)))
    assert (found.code, found.message) == (
        "CS117", "samples have shape (4, 5); the model's input is (T, 3)",
    )  # fmt: skip
    found = refusal(lambda: model.compile(input_shape=(4, 5, 3)))
    assert (found.code, found.message) == (
        "CS116", "a sample of shape (4, 5, 3) has 3 axes; the model's input has 2: (T, 3)",
    )  # fmt: skip
    found = refusal(lambda: model.compile(input_shape=(None, 3)))
    assert found.code == "CS052"
    assert refusal(lambda: model.compile(input_shape=(0, 3))).code.startswith("CS")
    assert refusal(lambda: model.compile(input_shape=(-4, 3))).code.startswith("CS")
    found = refusal(lambda: model.compile(input_shape=(6, 3)).run(np.zeros((1, 7, 3), np.float32)))
    assert found.message == "the array has shape (1, 7, 3); the model takes (samples, 6, 3)"


def test_a_target_that_does_not_exist():
    found = refusal(lambda: build(IMAGE, [8, 6, 2]).compile("tpu"))
    assert (found.code, found.message) == (
        "CS131",
        "no target 'tpu'; targets: cpu, cuda, cuda:N, reference",
    )


def test_a_layer_that_does_not_exist():
    found = refusal(lambda: build(IMAGE, [8, 6, 2]).compile(layers=["p", "q"]))
    assert "'q'" in found.message


# input_dtype


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


# Weights, penalties, constraints.


def test_without_weights_or_seed_a_run_is_refused():
    model = build([*IMAGE, {"type": "Dense", "output_dim": 2, "name": "d"}], [8, 6, 2], seed=None)
    found = refusal(model.compile)
    assert found.code == "CS095"
    assert found.message == "no weights for 'c/W', 'c/b', 'd/W', 'd/b'"
    assert found.hint == (
        "give --weights FILE, or --seed N to draw them at random by each layer's init"
    )
    assert build([{"type": "Flatten"}], [4], seed=None).compile().run(np.ones((1, 4))).sum() == 4


def test_a_seed_gives_the_same_weights_everywhere():
    x = images()
    one = build(IMAGE, [8, 6, 2], seed=5).compile(threads=1).run(x)
    assert np.array_equal(one, build(IMAGE, [8, 6, 2], seed=5).compile(threads=2).run(x))
    assert not np.array_equal(one, build(IMAGE, [8, 6, 2], seed=6).compile().run(x))
    # One stream a tensor: another layer in front changes no weight of this one.
    before = build(IMAGE, [8, 6, 2], seed=5).weight_sources.read()
    more = [{"type": "Convolution2D", "nb_filter": 2, "nb_row": 1, "nb_col": 1}, *IMAGE]
    after = {(w.layer, w.tensor): a for w, a in
             build(more, [8, 6, 2], seed=5).weight_sources.read().items()}  # fmt: skip
    for weight, values in before.items():
        assert np.array_equal(values, after[weight.layer, weight.tensor])


def test_penalties_are_of_the_projected_weights():
    layer = {
        "type": "Dense", "name": "d", "output_dim": 2, "bias": False,
        "weights": [[[3.0, -4.0]]], "W_regularizer": {"name": "l1", "l": 0.5},
        "W_constraint": "nonneg",
    }  # fmt: skip
    model = build([layer], [1])
    plain = model.compile("reference")
    assert [(p.layer, p.term, p.value) for p in plain.penalties] == [("d", "W", 3.5)]
    (warning,) = plain.diagnostics
    assert (warning.code, warning.layer) == ("CS096", "d")
    assert warning.message == (
        "W breaks its NonNeg constraint: 1 value is negative, the smallest -4; allowed 0 or more"
    )
    projected = model.compile("reference", apply_constraints=True)
    assert [p.value for p in projected.penalties] == [1.5]
    assert projected.diagnostics == ()
    x = np.ones((1, 1), np.float32)
    assert plain.run(x).tolist() == [[3, -4]]
    assert projected.run(x).tolist() == [[3, 0]]


def test_weights_that_are_not_finite_are_noticed(tmp_path):
    w = np.array(array(2, 2, 2, 3), np.float32)
    w[0, 0] = np.nan
    np.savez(tmp_path / "w.npz", c_W=w, c_b=np.zeros(3, np.float32))
    compiled = build(IMAGE, [8, 6, 2], weights=tmp_path / "w.npz").compile("reference")
    (warning,) = compiled.diagnostics
    assert (warning.code, warning.layer) == ("CS097", "c")
    assert warning.message == "W holds 6 values that are not finite, of 24"


def test_an_initialiser_that_cannot_fill_the_kernel():
    layer = {"type": "Dense", "output_dim": 2, "init": "identity"}
    assert build([layer], [2]).compile().run(np.array([[3, 4]], np.float32)).tolist() == [[3, 4]]
    found = refusal(lambda: build([layer], [3]).compile())
    assert found.code == "CS091"


# Memory: refused before it is taken.


LARGEST = 2**31 - 1
"""The largest number that an argument may be."""
HUGE = {
    "weights": ([{"type": "Dense", "output_dim": LARGEST}], [10**6]),
    "values": ([{"type": "UpSampling2D", "size": [10**7, 10**7]}], [4, 4, 1]),
    "input": ([{"type": "Flatten"}], [10**9, 10**9]),
    "just sayable": ([{"type": "UpSampling1D", "length": LARGEST}], [2**20, 1]),
    "kernel": ([{"type": "Convolution1D", "nb_filter": 10**6, "filter_length": LARGEST,
                 "border_mode": "same"}], [4, 1]),
    "padding": ([{"type": "ZeroPadding1D", "padding": LARGEST}], [4, 10**6]),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("target", TARGETS)
def test_what_no_machine_can_hold(name, target):
    import tracemalloc

    layers, shape = HUGE[name]
    model = build(layers, shape)
    tracemalloc.start()
    try:
        found = refusal(lambda: model.compile(target))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.code == "CS130"
    assert "of memory" in found.message
    assert found.hint == "the model is too large for this machine"
    assert peak < 4 << 20


def test_sizes_beyond_any_machine_are_refused_when_they_are_read():
    layers = [{"type": "UpSampling1D", "length": LARGEST}] * 3
    found = refusal(lambda: build(layers, [4, 1]))
    assert (found.code, found.layer) == ("CS047", "upsampling1d_2")


LARGE_NUMBERS = {
    "window": {"type": "MaxPooling1D", "pool_length": LARGEST, "stride": 1, "border_mode": "same"},
    "mean": {"type": "AveragePooling1D", "pool_length": LARGEST, "border_mode": "same"},
    "stride": {"type": "MaxPooling1D", "pool_length": 2, "stride": LARGEST},
    "conv stride": {"type": "Convolution1D", "nb_filter": 1, "filter_length": 2,
                    "subsample_length": LARGEST},
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE_NUMBERS)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_the_largest_numbers_are_computed(name, semantics):
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1)
    model = build([LARGE_NUMBERS[name]], [4, 1], semantics=semantics)
    y = model.compile("cpu").run(x).ravel()
    if name == "window":
        assert y.tolist() == ([4, 4, 4, 4] if semantics == "tensorflow" else [2, 3, 4, 4])
    if name == "stride":
        assert y.tolist() == [2]
    assert np.isfinite(y).all()


@pytest.mark.parametrize("name", LARGE_NUMBERS)
def test_numbers_no_kernel_can_hold(name):
    layer = {k: 10**30 if v == LARGEST else v for k, v in LARGE_NUMBERS[name].items()}
    found = refusal(lambda: build([layer], [4, 1]))
    assert found.code == "CS025"
    assert "is a huge number; it must be 2147483647 or less" in found.message


def test_the_reference_refuses_what_it_cannot_hold(monkeypatch):
    """Its float64 copies of a padded input are more than the plan's buffers."""
    layer = {"type": "MaxPooling2D", "pool_size": [10**5, 10**5], "strides": [1, 1],
             "border_mode": "same"}  # fmt: skip
    model = build([layer], [4, 4, 1])

    def small(x, widths, *args, **kwargs):
        assert sum(map(sum, widths)) < 1000, "80 GiB would be allocated here"
        return pad(x, widths, *args, **kwargs)

    pad = np.pad
    monkeypatch.setattr(np, "pad", small)
    try:
        y = model.compile("reference").run(np.ones((1, 4, 4, 1), np.float32))
    except SpecError:
        return
    assert (y == 1).all()


def test_a_batch_that_does_not_fit_says_so(monkeypatch):
    class Memory:
        available = 10 << 20

    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    model = build([{"type": "UpSampling1D", "length": 2}], [2**18, 1])
    assert model.plan().peak_bytes(1) == 3 << 20
    assert model.compile(batch_size=3).batch_size == 3
    found = refusal(lambda: model.compile(batch_size=1000))
    assert found.code == "CS130"
    assert found.message == "a batch of 1000 needs 2.9 GiB of memory; 0.0 GiB are available"
    assert found.hint == "use a smaller --batch-size"
    assert found.file == "t.json"
    assert gibibytes(5 << 40) == "5,120.0 GiB"


def test_the_default_batch_fits_a_budget():
    small = build([{"type": "UpSampling1D"}], [4, 1]).plan()
    assert default_batch_size(small) == compiled_module.LARGEST_BATCH
    large = build([{"type": "UpSampling1D"}], [2**24, 4]).plan()
    assert default_batch_size(large) == 1
    middle = build([{"type": "UpSampling1D", "length": 3}], [2**20, 1]).plan()
    assert default_batch_size(middle) == 4
    assert middle.peak_bytes(4) <= compiled_module.BATCH_BYTES


def test_load_from_files(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "convspec: 1\ninput_shape: [4, 2]\nlayers:\n"
        "  - {type: Convolution1D, name: c, nb_filter: 1, filter_length: 2}\n"
    )
    np.savez(tmp_path / "w.npz", **{"c/W": np.ones((2, 1, 2, 1)), "c/b": np.array([0.5])})
    model = speccompiler.load(tmp_path / "m.yaml", weights=tmp_path / "w.npz")
    y = model.compile().run(np.ones((1, 4, 2), np.float32))
    assert y.ravel().tolist() == [4.5, 4.5, 4.5]
    flipped = speccompiler.load(tmp_path / "m.yaml", weights=tmp_path / "w.npz",
                                semantics="theano", seed=3)  # fmt: skip
    assert flipped.spec.semantics is not None
    assert flipped.spec.semantics.profile == "theano"
    with pytest.raises(SpecError):
        speccompiler.load(tmp_path / "missing.yaml")
