"""Models over dask arrays: the bits of a run in one piece, and nothing before it is asked for."""

from __future__ import annotations

import pickle

import dask
import dask.array as da
import numpy as np
import pytest

import speccompiler
from speccompiler.dask import map_array, task_memory, worker_models
from speccompiler.diagnostics.core import SpecError
from tests.models import FIXED, OPEN, TWO, only_refusal

pytestmark = pytest.mark.xdist_group("dask")

CONV = """\
convspec: 1
name: conv
dim_ordering: tf
input_shape: [null, null, 2]
seed: 3
layers:
  - {type: Convolution2D, name: c, nb_filter: 3, nb_row: 3, nb_col: 3, activation: tanh}
  - {type: MaxPooling2D, name: p}
"""
PAIR = """\
convspec: 1
name: pair
inputs: {a: [5, 2], b: [4]}
seed: 3
outputs: [f, t]
layers:
  - {type: Dense, name: f, output_dim: 3, inputs: b}
  - {type: Activation, name: t, activation: tanh, inputs: a}
"""
NORMALIZED = """\
convspec: 1
name: normalized
input_shape: [6]
seed: 3
layers:
  - {type: BatchNormalization, name: n, mode: 2}
  - {type: Dense, name: d, output_dim: 2}
"""


def values(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def computed(y):
    return y.compute(scheduler="threads", num_workers=4)


@pytest.mark.parametrize(
    "chunks",
    [(4, 12, 12, 2), (5, 7, 3, 1), (11, 12, 12, 2), ((1, 9, 1), (12,), (2, 10), (2,))],
    ids=str,
)
def test_the_bits_of_a_run_in_one_piece(rng, chunks):
    model, x = speccompiler.loads(CONV), values(rng, 11, 12, 12, 2)
    y = map_array(model, da.from_array(x, chunks=chunks))
    assert y.shape == (11, 5, 5, 3)
    assert y.dtype == np.float32
    assert type(y._meta) is np.ndarray
    assert y.chunks[0] == da.from_array(x, chunks=chunks).chunks[0]
    np.testing.assert_array_equal(computed(y), model.compile(batch_size=3).run(x))


def test_the_reference_judges(rng):
    """Not only our own run: the plain float64 evaluation says the same within rounding."""
    model, x = speccompiler.loads(CONV), values(rng, 6, 9, 8, 2)
    judge = model.compile("reference", input_shape=(9, 8, 2)).run(x)
    y = computed(map_array(model, da.from_array(x, chunks=(2, 4, 8, 1))))
    np.testing.assert_allclose(y, judge, atol=1e-5)


def test_a_path_is_the_model_in_its_file(rng, tmp_path):
    file, x = tmp_path / "conv.yaml", values(rng, 4, 12, 12, 2)
    file.write_text(CONV)
    y = computed(map_array(str(file), da.from_array(x, chunks=(2, 12, 12, 2))))
    np.testing.assert_array_equal(y, speccompiler.loads(CONV).compile().run(x))


def test_nothing_is_called_before_it_is_computed():
    def never(block):
        raise AssertionError("a block was computed")

    x = da.zeros((8, 6, 2), chunks=(4, 6, 2), dtype=np.float32)
    x = x.map_blocks(never, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
    before = dict(worker_models.compilations)
    y = map_array(speccompiler.loads(FIXED), x)
    assert y.shape == (8, 12)
    assert worker_models.compilations == before


def test_several_inputs_and_outputs(rng):
    model = speccompiler.loads(PAIR)
    a, b = values(rng, 7, 5, 2), values(rng, 7, 4)
    given = {"a": da.from_array(a, chunks=(3, 2, 2)), "b": da.from_array(b, chunks=(2, 4))}
    expected = model.run({"a": a, "b": b})
    for x in (given, [given["a"], given["b"]]):
        found = dask.compute(*map_array(model, x), scheduler="threads")
        for y, judge in zip(found, expected, strict=True):
            np.testing.assert_array_equal(y, judge)
    assert [y.chunks[0] for y in map_array(model, given)] == [(3, 3, 1)] * 2


def test_layers_come_by_name(rng):
    model, x = speccompiler.loads(CONV), values(rng, 5, 8, 8, 2)
    found = map_array(model, da.from_array(x, chunks=(2, 8, 8, 2)), layers=["c"])
    expected = model.compile(layers=["c"]).run_all(x)
    assert list(found) == ["p", "c"]
    for name, y in found.items():
        np.testing.assert_array_equal(computed(y), expected[name])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, ">f4", np.bool_])
def test_other_elements_are_converted_block_by_block(rng, dtype):
    model = speccompiler.loads(FIXED)
    x = (values(rng, 5, 6, 2) * 3).astype(dtype)
    y = map_array(model, da.from_array(x, chunks=(2, 6, 2)))
    np.testing.assert_array_equal(computed(y), model.run(x))


def test_an_array_that_is_no_dask_array(rng):
    model, x = speccompiler.loads(FIXED), values(rng, 5, 6, 2)
    np.testing.assert_array_equal(computed(map_array(model, x)), model.run(x))


def test_empty_chunks(rng):
    model, x = speccompiler.loads(FIXED), values(rng, 4, 6, 2)
    y = map_array(model, da.from_array(x, chunks=((0, 3, 0, 1), (6,), (2,))))
    np.testing.assert_array_equal(computed(y), model.run(x))


def test_a_slice_needs_only_its_blocks(rng):
    model, x = speccompiler.loads(FIXED), values(rng, 40, 6, 2)
    y = map_array(model, da.from_array(x, chunks=(4, 6, 2)))[5:7]
    (one,) = dask.optimize(y)
    blocks = [key for key in one.dask if str(key).startswith("('convspec_fixed")]
    assert len(blocks) == 1
    np.testing.assert_array_equal(computed(y), model.run(x)[5:7])


def test_the_same_call_has_the_same_name(rng):
    model, x = speccompiler.loads(FIXED), da.from_array(values(rng, 4, 6, 2), chunks=(2, 6, 2))
    assert map_array(model, x).name == map_array(speccompiler.loads(FIXED), x).name
    assert map_array(model, x).name != map_array(model, x, math="precise").name
    other = speccompiler.loads(FIXED, seed=4)
    assert map_array(model, x).name != map_array(other, x).name


# --- refusals


def test_unknown_chunks_are_refused(rng):
    x = da.from_array(values(rng, 8, 6, 2), chunks=(4, 6, 2))
    x = x[x[:, 0, 0] > 0]
    found = only_refusal(lambda: map_array(speccompiler.loads(FIXED), x))
    assert str(found) == (
        "the array: error CS200: the lengths of its chunks are not known; "
        "call x.compute_chunk_sizes() first"
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "code"),
    [
        ((8, 7, 2), "f4", "CS117"),
        ((8, 2), "f4", "CS116"),
        ((6, 2), "f4", "CS119"),
        ((0, 6, 2), "f4", "CS118"),
        ((8, 6, 2), "c8", "CS113"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_at_once(shape, dtype, code):
    x = da.zeros(shape, dtype=dtype)
    assert only_refusal(lambda: map_array(speccompiler.loads(FIXED), x)).code == code


def test_what_the_model_lacks_is_refused_at_once():
    x = da.zeros((4, 6, 2), dtype=np.float32)
    model = speccompiler.loads(FIXED)
    assert only_refusal(lambda: map_array(model, x, layers=["z"])).code == "CS132"
    assert only_refusal(lambda: map_array(model, x, target="gpu")).code == "CS131"
    assert only_refusal(lambda: map_array(model, x, batch_size=0)).code == "CS025"
    bare = speccompiler.loads(FIXED.replace("seed: 3\n", ""))
    assert only_refusal(lambda: map_array(bare, x)).code == "CS095"
    two = speccompiler.loads(TWO)
    given = {"a": da.zeros((3, 5, 2)), "b": da.zeros((4, 4))}
    assert only_refusal(lambda: map_array(two, given)).code == "CS125"


def test_batches_that_are_normalized_are_not_cut(rng):
    model, x = speccompiler.loads(NORMALIZED), values(rng, 70, 6)
    found = only_refusal(lambda: map_array(model, da.from_array(x, chunks=(20, 6))))
    assert str(found) == (
        "<text>: error CS200: BatchNormalization over a batch: batches of 32 samples do not end "
        "where the chunks do; x.rechunk({0: 32}), or a multiple of that"
    )
    for chunks, size in ((64, None), (70, None), (20, 10)):
        y = map_array(model, da.from_array(x, chunks=(chunks, 6)), batch_size=size)
        np.testing.assert_array_equal(computed(y), model.compile(batch_size=size).run(x))


def test_a_value_that_only_a_block_has_is_named_with_it():
    model = speccompiler.loads(
        "convspec: 1\ninput_shape: [3]\nseed: 1\n"
        "layers:\n  - {type: Embedding, name: e, input_dim: 5, output_dim: 2}\n"
    )
    x = np.zeros((8, 3), np.float32)
    x[6, 1] = 9
    y = map_array(model, da.from_array(x, chunks=(4, 3)))
    assert str(only_refusal(lambda: computed(y))) == (
        "the block of samples 4 to 7: error CS126: the number 9 of sample 2 is that of no row: "
        "layer 'e' has rows 0 to 4; check how words or classes were numbered; input_dim of the "
        "layer counts the rows"
    )


@pytest.mark.parametrize("chunks", [(4, 3), (4, 1)], ids=str)
def test_a_chunk_of_another_shape_than_the_array_says(rng, chunks):
    """One that has the length 1 would be spread out, and a longer one cut."""
    model = speccompiler.loads(
        "convspec: 1\ninput_shape: [3]\nseed: 1\nlayers: [{type: Dense, output_dim: 2}]\n"
    )
    x = da.from_array(values(rng, 8, 3), chunks=chunks)
    wrong = x.map_blocks(lambda b: np.repeat(b, 2, axis=1), dtype=x.dtype, meta=x._meta)
    long = (4, 2 * chunks[1])
    assert str(only_refusal(lambda: computed(map_array(model, wrong)[:4]))) == (
        f"the block of samples 0 to 3: error CS200: a chunk has shape {long}, and the array says "
        f"{chunks}; tell map_blocks the shape that it gives: chunks=.. or drop_axis=.."
    )


# --- what travels


def test_a_task_holds_no_model(rng):
    """Its pickle is a few hundred bytes, whatever the model; the recipe has one key."""
    text = FIXED.replace("name: fixed", "name: fixed\n# " + "x" * 100_000)
    x = da.from_array(values(rng, 40, 6, 2), chunks=(4, 3, 2))
    (y,) = dask.optimize(map_array(speccompiler.loads(text), x))
    graph = dict(y.dask)
    blocks = [task for key, task in graph.items() if "convspec_fixed" in str(key)]
    recipes = [task for key, task in graph.items() if "convspec_recipe" in str(key)]
    assert len(blocks) == 10
    assert len(recipes) == 1
    assert max(len(pickle.dumps(task)) for task in blocks) < 1000
    assert len(pickle.dumps(recipes[0])) > 100_000


@pytest.fixture
def with_files(tmp_path, rng):
    """A model whose weights are in a file."""
    (tmp_path / "m.yaml").write_text(FIXED.replace("seed: 3\n", "weights: w.npz\n"))
    write_weights(tmp_path, rng)
    return tmp_path


def write_weights(folder, rng):
    weights = {"c/W": values(rng, 3, 1, 2, 3), "c/b": values(rng, 3)}
    np.savez(folder / "w.npz", **weights)


def test_weights_go_by_path_or_by_content(with_files, rng):
    model = speccompiler.load(with_files / "m.yaml")
    x = values(rng, 6, 6, 2)
    d = da.from_array(x, chunks=(2, 6, 2))
    expected = model.run(x)
    by_path, sent = map_array(model, d), map_array(model, d, send_weights=True)
    np.testing.assert_array_equal(computed(by_path), expected)
    for file in with_files.iterdir():
        file.unlink()
    np.testing.assert_array_equal(computed(sent), expected)


def test_weights_that_are_not_there_or_others(with_files, rng, monkeypatch):
    model = speccompiler.load(with_files / "m.yaml")
    monkeypatch.setattr("platform.node", lambda: "node7")
    y = map_array(model, da.from_array(values(rng, 6, 6, 2), chunks=(2, 6, 2)))
    write_weights(with_files, rng)
    hint = "put it where every worker sees it under this path, or send_weights=True"
    path = with_files / "w.npz"
    assert str(only_refusal(lambda: computed(y))) == (
        f"{path}: error CS203: a worker on node7 has another file under this path; {hint}"
    )
    path.unlink()
    assert str(only_refusal(lambda: computed(y))) == (
        f"{path}: error CS203: a worker on node7 cannot read it: no such file or directory; {hint}"
    )
    again = only_refusal(lambda: map_array(model, da.from_array(values(rng, 6, 6, 2))))
    assert str(again) == (
        f"{with_files / 'm.yaml'}: error CS100: cannot read '{path}': no such file or directory; "
        "it was there when the model was loaded"
    )


def test_other_weights_are_another_model(with_files, rng):
    d = da.from_array(values(rng, 6, 6, 2), chunks=(2, 6, 2))
    before = map_array(speccompiler.load(with_files / "m.yaml"), d)
    computed(before)
    write_weights(with_files, rng)
    model = speccompiler.load(with_files / "m.yaml")
    after = map_array(model, d)
    assert after.name != before.name
    np.testing.assert_array_equal(computed(after), model.run(d.compute()))


# --- compiled once, bounded


@pytest.fixture
def nothing_kept(monkeypatch):
    worker_models.forget()
    yield
    worker_models.forget()


def test_many_threads_compile_once(nothing_kept, rng, monkeypatch):
    model, x = speccompiler.loads(FIXED), values(rng, 64, 6, 2)
    before = sum(worker_models.compilations.values())
    y = map_array(model, da.from_array(x, chunks=(1, 6, 2)))
    found = y.compute(scheduler="threads", num_workers=8)
    assert sum(worker_models.compilations.values()) == before + 1
    np.testing.assert_array_equal(found, model.run(x))


def test_a_bounded_number_is_kept(nothing_kept, rng):
    x = da.from_array(values(rng, 2, 6, 2), chunks=(1, 6, 2))
    for seed in range(worker_models.MOST_KEPT + 3):
        computed(map_array(speccompiler.loads(FIXED, seed=seed), x))
    assert worker_models.kept() == worker_models.MOST_KEPT


def test_what_failed_is_tried_again(with_files, nothing_kept, rng):
    model = speccompiler.load(with_files / "m.yaml")
    x = values(rng, 6, 6, 2)
    y = map_array(model, da.from_array(x, chunks=(2, 6, 2)))
    expected = model.run(x)
    held = (with_files / "w.npz").read_bytes()
    (with_files / "w.npz").unlink()
    with pytest.raises(SpecError):
        computed(y)
    (with_files / "w.npz").write_bytes(held)
    np.testing.assert_array_equal(computed(y), expected)


# --- threads and memory


def test_threads_where_nobody_says_them(monkeypatch):
    monkeypatch.setattr(worker_models, "default_threads", lambda: 6)
    assert worker_models.threads_here() == 6
    monkeypatch.setattr("multiprocessing.parent_process", lambda: object())
    assert worker_models.threads_here() == 1


def test_a_task_says_what_it_takes(rng):
    model = speccompiler.loads(CONV)
    x = da.zeros((64, 20, 20, 2), chunks=(8, 20, 20, 2), dtype=np.float32)
    compiled = model.compile(input_shape=(20, 20, 2), batch_size=8, threads=1)
    ends = 4 * 8 * (20 * 20 * 2 + 9 * 9 * 3)
    least = compiled.plan.peak_bytes(8, 1) + ends
    assert least <= task_memory(model, x, threads=1) <= least + 4 * 8 * 800 + 4096
    assert task_memory(model, x.astype("f8"), threads=1) > task_memory(model, x, threads=1)
    assert task_memory(model, x.rechunk({0: 64}), threads=1) > task_memory(model, x, threads=1)


def test_tasks_ask_for_their_memory():
    model = speccompiler.loads(CONV)
    x = da.zeros((8, 20, 20, 2), chunks=(4, 20, 20, 2), dtype=np.float32)
    y = map_array(model, x, memory_resource="memory")
    asked = [layer.annotations for layer in y.dask.layers.values() if layer.annotations]
    assert asked == [{"resources": {"memory": task_memory(model, x)}}]


def test_the_open_model_is_bound_by_the_array(rng):
    model, x = speccompiler.loads(OPEN), values(rng, 6, 9, 2)
    y = map_array(model, da.from_array(x, chunks=(4, 5, 2)))
    np.testing.assert_array_equal(computed(y), model.run(x))


# --- tiles

SCAN = """\
convspec: 1
name: scan
dim_ordering: th
input_shape: [2, null, null]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 4, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: MaxPooling2D, name: p}
  - {type: Convolution2D, name: b, nb_filter: 3, nb_row: 5, nb_col: 5, activation: relu}
  - {type: UpSampling2D, name: u}
"""


@pytest.mark.parametrize("tile", [(16, 16), (8, 1000), "auto", 12], ids=str)
@pytest.mark.parametrize("chunks", [(2, 2, 40, 38), (1, 1, 13, 7)], ids=str)
def test_tiles_have_the_bits_of_the_whole(rng, tile, chunks):
    model, x = speccompiler.loads(SCAN), values(rng, 3, 2, 40, 38)
    y = map_array(model, da.from_array(x, chunks=chunks), tile=tile, math="precise")
    whole = model.compile(math="precise").run(x)
    assert y.shape == whole.shape
    np.testing.assert_array_equal(computed(y), whole)


def test_tiles_of_several_outputs_that_end_elsewhere(rng):
    model, x = speccompiler.loads(SCAN), values(rng, 2, 2, 44, 36)
    found = map_array(
        model, da.from_array(x, chunks=(1, 2, 20, 20)), tile=(8, 8), layers=["a", "b"]
    )
    expected = model.compile(layers=["a", "b"]).run_all(x)
    for name, y in found.items():
        assert y.shape == expected[name].shape
        np.testing.assert_array_equal(computed(y), expected[name])


def test_a_tile_reads_only_what_its_halo_reaches(rng):
    x = da.from_array(values(rng, 1, 2, 96, 96), chunks=(1, 2, 8, 8))
    y = map_array(speccompiler.loads(SCAN), x, tile=(16, 16))
    (one,) = dask.optimize(y[:, :, :10, :10])
    read = [key for key in one.dask if isinstance(key, tuple) and key[0] == x.name]
    # 16 positions and a halo of 11 after them at most: four chunks along each axis, of twelve.
    assert 4 <= len(read) <= 16


def test_what_no_tile_can_compute_is_refused():
    model = speccompiler.loads(FIXED + "  - {type: Dense, name: d, output_dim: 2}\n")
    x = da.zeros((4, 6, 2), dtype=np.float32)
    assert only_refusal(lambda: map_array(model, x, tile=2)).code == "CS180"
    assert only_refusal(lambda: map_array(model, x, tile=(0,))).code == "CS182"
