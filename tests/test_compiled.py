"""A compiled model as a Python caller meets it: arrays in, arrays out, and plain refusals."""

from __future__ import annotations

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from tests.cases import array, build
from tests.models import IMAGE, images
from tests.models import only_refusal as refusal

TARGETS = ("cpu", "reference")


@pytest.fixture(params=TARGETS)
def compiled(request):
    return build(IMAGE, [8, 6, 2]).compile(request.param)


def test_run_gives_a_new_float32_array(compiled):
    y = compiled.run(images())
    assert y.dtype == np.float32
    assert y.shape == (3, 3, 2, 3) == compiled.output_shapes(3)[0]
    assert y.flags.c_contiguous
    assert y.flags.writeable
    assert compiled.output_names == ("c",)


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


def test_out_is_filled_and_returned(compiled):
    x = images()
    out = np.full((3, 3, 2, 3), np.nan, np.float32)
    assert compiled.run(x, out=out) is out
    assert np.array_equal(out, compiled.run(x))


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
