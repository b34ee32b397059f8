"""Tiles by hand: boxes, halos, alignment, several outputs, refusals, what is read, memory."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

import speccompiler
from speccompiler.compiled import KEPT_TILINGS
from speccompiler.diagnostics.core import Diagnostic, SpecError
from speccompiler.model import Model
from speccompiler.running.tiles import TileRunner
from speccompiler.tiling import tiled_plan
from speccompiler.tiling.tile_cost import cost_words
from tests.cases import build


def conv(filters: int = 2, size: int = 3, border: str = "same", **more: Any) -> dict[str, Any]:
    return {
        "type": "Convolution2D", "nb_filter": filters, "nb_row": size, "nb_col": size,
        "border_mode": border, **more,
    }  # fmt: skip


POOL = {"type": "MaxPooling2D"}
UP = {"type": "UpSampling2D"}


def refusal(model: Model, tile: Any, **options: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        model.compile(**options).tiled(tile)
    (finding,) = caught.value.diagnostics
    return finding


def test_boxes_and_halos() -> None:
    """A window of 3 reaches one position further, at every border but the image's."""
    runner: TileRunner = build([conv()], (8, 6, 1)).compile(math="precise").tiled((4, 2))
    assert runner.grid == (2, 3)
    assert runner.steps == ((4, 2, 2),)
    assert runner.output_axes == ((0, 1),)
    assert [tile.inputs[0] for tile in runner.tiles] == [
        ((0, 5), (0, 3), (0, 1)), ((0, 5), (1, 5), (0, 1)), ((0, 5), (3, 6), (0, 1)),
        ((3, 8), (0, 3), (0, 1)), ((3, 8), (1, 5), (0, 1)), ((3, 8), (3, 6), (0, 1)),
    ]  # fmt: skip
    assert [tile.outputs[0] for tile in runner.tiles[1:4]] == [
        ((0, 4), (2, 4), (0, 2)), ((0, 4), (4, 6), (0, 2)), ((4, 8), (0, 2), (0, 2)),
    ]  # fmt: skip
    assert len(runner.tiles) == 6


def test_channels_first() -> None:
    model = build([conv()], (1, 8, 6), dim_ordering="th")
    runner = model.compile(math="precise").tiled((4, 2))
    assert runner.grid == (2, 3)
    assert runner.output_axes == ((1, 2),)
    assert runner.steps == ((2, 4, 2),)
    assert runner.tiles[1].inputs[0] == ((0, 1), (0, 5), (1, 5))


def test_sizes_are_rounded_up_to_the_strides() -> None:
    """Two pools of 2 make tiles of multiples of 4; that of 3 and the 4 meet at 12."""
    model = build([POOL, POOL, UP], (36, 48, 1))
    tiled = model.compile().tiled((5, 48))
    assert tiled.grid == (5,)
    assert tiled.note == (
        "tiles of 5,48 become 8,48: their edges lie at multiples of 4,4, where the strides of "
        "all layers meet"
    )
    thirds = build([POOL, POOL, {"type": "MaxPooling2D", "pool_size": [3, 1]}], (48, 48, 1))
    assert thirds.compile().tiled((1, 1)).tiled.tiling.axes[0].size == 12
    assert thirds.compile().tiled((12, 4)).note is None


def test_sizes_are_rounded_up_to_the_cells_of_fast_kernels() -> None:
    model = build([conv(32), conv(32)], (64, 64, 32))
    assert model.compile(math="precise").tiled(5).note is None
    assert model.compile(math="fast").tiled(5).note == (
        "tiles of 5,5 become 8,8: their edges lie at multiples of 4,4, where the strides of all "
        "layers and the cells of the fast kernels meet"
    )


def test_inner_tiles_share_a_plan() -> None:
    tiled = build([conv(), POOL, conv()], (160, 2, 1)).compile(math="precise").tiled((16, 2))
    assert tiled.grid == (10,)
    assert [tiled.tiled.tiling.kind(number) for number in range(10)] == [(0,), *[(1,)] * 8, (2,)]
    assert sorted(one.count for one in tiled.tiled.plans.values()) == [1, 1, 8]


def test_one_number_for_all_axes_and_an_image_smaller_than_a_tile() -> None:
    x = np.random.default_rng(0).random((1, 8, 20, 1), np.float32)
    plan = build([conv()], (8, 20, 1)).compile()
    assert plan.tiled(10).grid == (2,)
    assert plan.tiled(100).grid == ()
    assert len(plan.tiled(100).tiles) == 1
    assert plan.tiled(100).cost.extra_work == 0
    assert cost_words(plan.tiled(100).cost) == "one tile: the whole of each sample"
    assert np.array_equal(plan.run_tiled(x, tile=100), plan.run(x))


def test_outputs_of_several_scales() -> None:
    """Each output's boxes begin at multiples of its own step; what is over has none of one."""
    layers = [conv(border="valid", name="a"), POOL | {"name": "b"}]
    plan = build(layers, (10, 10, 1)).compile(math="precise", layers=["a"])
    tiled = plan.tiled(2)
    assert tiled.output_names == ("b", "a")
    assert tiled.steps == ((1, 1, 2), (2, 2, 2))
    x = np.random.default_rng(0).random((3, 10, 10, 1), np.float32)
    found, whole = tiled.run([x]), plan.run_all(x)
    assert all(map(np.array_equal, found, whole.values()))


def test_an_output_may_have_nothing_in_the_last_tiles() -> None:
    layers = [conv(name="a"), conv(border="valid", size=5, name="b")]
    plan = build(layers, (10, 10, 1)).compile(math="precise", layers=["a"])
    tiled = plan.tiled(2)
    assert tiled.grid == (5, 5)
    assert tiled.tiles[-1].outputs == (((6, 6), (6, 6), (0, 2)), ((8, 10), (8, 10), (0, 2)))
    x = np.random.default_rng(0).random((1, 10, 10, 1), np.float32)
    assert all(map(np.array_equal, tiled.run([x]), plan.run_all(x).values()))


def test_more_padding_than_a_tile_is_long() -> None:
    layers = [conv(), {"type": "ZeroPadding2D", "padding": [9, 0]}, POOL]
    plan = build(layers, (6, 6, 1)).compile(math="precise")
    x = np.random.default_rng(0).random((1, 6, 6, 1), np.float32)
    assert np.array_equal(plan.run_tiled(x, tile=2), plan.run(x))


@pytest.mark.parametrize("mode", ["Max", "Average"])
def test_a_pool_pads_what_was_cut_off(mode: str) -> None:
    """What lies behind the cut is no part of any window, in tiles either."""
    pool = {"type": f"{mode}Pooling2D", "pool_size": [4, 3], "strides": [1, 5],
            "border_mode": "same"}  # fmt: skip
    layers = [{"type": "Cropping2D", "cropping": [[2, 2], [1, 1]]}, pool]
    plan = build(layers, (48, 63, 3)).compile()
    x = np.random.default_rng(0).random((1, 48, 63, 3), np.float32)
    for tile in (5, 16, (48, 20)):
        assert np.array_equal(plan.run_tiled(x, tile), plan.run(x))


def test_an_axis_that_a_layer_needs_stays_whole() -> None:
    """Rows that are flattened one by one can be cut between them."""
    layers = [
        conv(name="c"),
        {"type": "TimeDistributed", "layer": {"type": "Flatten"}},
        {"type": "Dense", "output_dim": 3, "name": "d"},
    ]
    model = build(layers, (12, 5, 1))
    plan = model.compile(math="precise")
    x = np.random.default_rng(0).random((2, 12, 5, 1), np.float32)
    assert plan.tiled((4, 5)).grid == (3,)
    assert np.array_equal(plan.run_tiled(x, tile=(4, 5)), plan.run(x))
    assert plan.tiled("auto").grid == ()
    found = refusal(model, (4, 2))
    assert (found.code, found.layer) == ("CS180", "d")
    assert found.message == (
        "tiles that cut axis 2 of the input (12, 5, 1) cannot give the same numbers, because this "
        "layer adds up values of all positions"
    )
    assert found.hint == "leave axis 2 whole: tiles of 4,5"


NONE = "run it without tiles: no axis of (8, 8, 1) can be cut"


@pytest.mark.parametrize(
    ("layers", "layer", "what", "hint"),
    [
        ([{"type": "Flatten"}, {"type": "Dense", "output_dim": 2, "name": "d"}], "d",
         "is a sum over all of its input", NONE),
        ([{"type": "GlobalAveragePooling2D", "name": "g"}], "g",
         "takes the mean of all positions", NONE),
        ([{"type": "AveragePooling2D", "pool_size": [8, 8], "name": "p"}], "p",
         "makes one value of all positions", NONE),
        ([{"type": "PReLU", "name": "p"}], "p", "has parameters of its own at every position",
         NONE + "; or change the layer: parameters that are shared along the axis, as shared_axes "
         "says, can be cut"),
        ([{"type": "LocallyConnected2D", "nb_filter": 1, "nb_row": 2, "nb_col": 2, "name": "l"}],
         "l", "has weights of its own at every position",
         NONE + "; or change the layer: a Convolution has the same weights everywhere"),
        ([{"type": "BatchNormalization", "mode": 2, "axis": -1, "name": "b"}], "b",
         "normalises by the mean of a batch, over all positions", NONE),
        ([{"type": "Resize", "size": [5, 5], "name": "r"}], "r",
         "rounds places that depend on the whole length",
         NONE + "; or change the layer: make it larger by a power of two, without align_corners"),
        ([{"type": "Reshape", "target_shape": [4, 16, 1], "name": "s"}, conv(name="t")], "s",
         None, None),
        ([{"type": "Reshape", "target_shape": [8, 8], "name": "s"},
          {"type": "GRU", "output_dim": 2, "name": "g"}], "g",
         "steps along this axis, and each step needs the state of the one before",
         "leave axis 1 whole: tiles of 8,4"),
        ([{"type": "Flatten", "name": "f"}], "f",
         "gives an output whose rows several axes make together",
         "leave axis 2 whole: tiles of 4,8"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) == 1 else "",
)  # fmt: skip
def test_refusals(layers: Any, layer: str, what: str | None, hint: str | None) -> None:
    model = build(layers, (8, 8, 1))
    if what is None:
        # Rows of another length, of which each is two: they can be cut between the pairs.
        x = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
        plan = model.compile(math="precise")
        assert np.array_equal(plan.run_tiled(x, tile=(2, 8)), plan.run(x))
        return
    found = refusal(model, 4)
    assert (found.code, found.layer, found.hint) == ("CS180", layer, hint)
    assert found.message.endswith(f"cannot give the same numbers, because this layer {what}")


@pytest.mark.parametrize("tile", [(8, 2), (2, 8), 2, "auto"])
def test_an_image_beside_itself_with_swapped_axes(tile: Any) -> None:
    """A part of the rows needs the same part of the columns: neither axis can be cut alone."""
    layers = [
        conv(name="a"), {"type": "Permute", "dims": [2, 1, 3], "name": "p"},
        {"type": "Merge", "mode": "sum", "inputs": ["a", "p"], "name": "m"},
    ]  # fmt: skip
    found = refusal(build(layers, (8, 8, 1)), tile)
    assert (found.code, found.layer, found.hint) == ("CS180", "m", NONE)
    assert found.message.endswith("combines an image with one whose axes are swapped")


def test_branches_of_different_strides() -> None:
    layers = [
        POOL | {"name": "half", "inputs": "in"},
        {"type": "Cropping2D", "cropping": [[2, 2], [0, 4]], "inputs": "in", "name": "corner"},
        {"type": "Merge", "mode": "sum", "inputs": ["half", "corner"], "name": "m"},
    ]  # fmt: skip
    found = refusal(build(layers, inputs={"in": [8, 8, 1]}), 4)
    assert (found.code, found.layer, found.hint) == ("CS180", "m", NONE)
    assert found.message == (
        "tiles that cut axes 1 and 2 of the input (8, 8, 1) cannot give the same numbers, because "
        "this layer combines branches whose positions are not equally far apart"
    )


def test_auto_refuses_where_nothing_can_be_cut() -> None:
    model = build([{"type": "Flatten"}, {"type": "Dense", "output_dim": 2, "name": "d"}], (8, 8, 1))
    assert refusal(model, "auto").code == "CS180"


@pytest.mark.parametrize("tile", [0, (4, 0), "512", 1.5, (), (4, "a"), True, {"a": 1}, b"12"])
def test_what_is_no_tile(tile: Any) -> None:
    found = refusal(build([conv()], (8, 8, 1)), tile)
    assert found.code == "CS182"
    assert found.hint == (
        "give positions of the first input, 1 or more along each axis that is cut, such as "
        '(512, 512); one number for all axes; or "auto"'
    )
    with pytest.raises(SpecError, match="CS182"):
        build([conv()], (8, 8, 1)).compile(tile=tile)


def test_a_wrong_number_of_sizes() -> None:
    found = refusal(build([conv()], (8, 8, 1)), (4,))
    assert found.message == (
        "a tile of 4 has 1 size; the input (8, 8, 1) is cut along axes 1 and 2"
    )
    assert found.hint == "give 2, such as 512,512, or one for all"


class Counted:
    """An array that can only be sliced, and counts what is read."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.read, self.most = values, 0, 0
        self.shape = values.shape

    def __getitem__(self, place: Any) -> np.ndarray:
        assert isinstance(place, tuple)
        found = self._values[place]
        self.read += found.size
        self.most = max(self.most, found.size)
        return found


class Written:
    """An output of which boxes can be written, each value once."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.values = shape, np.full(shape, np.nan, np.float32)

    def __setitem__(self, place: Any, values: np.ndarray) -> None:
        assert np.isnan(self.values[place]).all()
        self.values[place] = values


def test_no_more_than_a_tile_is_read_at_a_time() -> None:
    plan = build([conv(), conv()], (64, 64, 1)).compile(math="precise", batch_size=1)
    x = np.random.default_rng(0).random((2, 64, 64, 1), np.float32)
    counted, out = Counted(x), Written((2, 64, 64, 2))
    plan.run_tiled(counted, (16, 16), out)
    assert np.array_equal(out.values, plan.run(x))
    # Sides of 18, 20, 20 and 18, of which each is read with each.
    assert counted.read == 2 * (18 + 20 + 20 + 18) ** 2
    assert counted.most == 20 * 20
    cost = plan.tiled((16, 16)).cost
    assert cost.bytes_read == 4 * 76**2
    assert cost.input_bytes == 4 * 64**2


def test_the_cost_by_hand() -> None:
    """One window of 3 over 64 positions in two tiles: each computes its 32; of two, one more."""
    line = {"type": "Convolution1D", "filter_length": 3, "border_mode": "same"}
    once = build([line | {"nb_filter": 2}], (64, 1)).compile(math="precise").tiled(32).cost
    assert (once.multiply_adds, once.whole_multiply_adds) == (64 * 3 * 2, 64 * 3 * 2)
    assert once.extra_work == 0
    twice = build([line | {"nb_filter": 2}, line | {"nb_filter": 4}], (64, 1))
    cost = twice.compile(math="precise", batch_size=3).tiled(32).cost
    assert cost.whole_multiply_adds == 64 * 3 * 2 + 64 * 3 * 2 * 4
    assert cost.multiply_adds == cost.whole_multiply_adds + 2 * 3 * 2
    assert (cost.grid, cost.size, cost.tiles, cost.kinds) == ((2,), (32,), 2, 2)
    assert cost.bytes_read == 4 * (34 + 34)
    assert cost.batch_size == 3
    words = cost_words(cost)
    assert words.startswith(
        "2 tiles (2) of 32, 2 plans; 0.6% more multiply-adds than the whole, for halos; "
        "6.2% more bytes read; "
    )
    assert words.endswith(" of memory for batches of 3")


def test_several_inputs_by_name_and_as_a_list() -> None:
    layers = [
        conv(2, inputs="a", name="p"), conv(2, inputs="b", name="q"),
        {"type": "Merge", "inputs": ["p", "q"], "mode": "sum", "name": "s"},
    ]  # fmt: skip
    header = {"inputs": {"a": [16, 16, 1], "b": [16, 16, 3]}}
    plan = build(layers, **header).compile(math="precise")
    rng = np.random.default_rng(0)
    a, b = (rng.random((2, 16, 16, n), np.float32) for n in (1, 3))
    y = plan.run([a, b])
    assert np.array_equal(plan.run_tiled({"b": b, "a": a}, tile=8), y)
    assert np.array_equal(plan.run_tiled([a, b], tile=8), y)
    with pytest.raises(SpecError, match="input 'b' has 1 samples, and input 'a' has 2"):
        plan.run_tiled([a, b[:1]], tile=8)


def test_open_lengths() -> None:
    """The shape of each array binds them; a whole that is too large is never planned for."""
    model = build([conv(), POOL, conv(), UP], (None, None, 1))
    plan = model.compile()
    rng = np.random.default_rng(0)
    for shape in ((1, 20, 12, 1), (2, 36, 24, 1)):
        x = rng.random(shape, np.float32)
        assert np.array_equal(plan.run_tiled(x, tile=8), plan.run(x))
    with pytest.raises(SpecError, match="CS052"):
        plan.tiled(8)


def test_tiles_of_one_run_do_not_change_those_of_the_model() -> None:
    plan = build([conv()], (None, None, 1)).compile(tile=8)
    x = np.zeros((1, 16, 16, 1), np.float32)
    plan.run_tiled(x, tile=4)
    assert plan.bound_to(x).tiled().grid == (2, 2)


def test_few_sizes_are_kept() -> None:
    plan = build([conv()], (64, 8, 1)).compile()
    x = np.random.default_rng(0).random((1, 64, 8, 1), np.float32)
    y = plan.run(x)
    for size in range(1, 30):
        assert np.array_equal(plan.run_tiled(x, tile=(size, 8)), y)
    assert plan.tiled((29, 8)) is plan.tiled((29, 8))
    assert len(plan._tilings) == KEPT_TILINGS


def test_sizes_may_be_an_array() -> None:
    model, sizes = build([conv()], (16, 16, 1)), cast("Any", np.array([8, 4]))
    assert model.compile(tile=sizes).tiled().grid == (2, 4)
    assert model.compile().tiled(sizes).grid == (2, 4)


def test_compiled_in_tiles_every_run_is_one() -> None:
    model = build([conv(), conv()], (32, 32, 1))
    x = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    y = model.compile().run(x)
    plan = model.compile(tile=16)
    assert plan.tiled().grid == (2, 2)
    assert np.array_equal(plan.run(x), y)
    out = np.empty_like(y)
    assert plan.run(x, out=out) is out
    assert np.array_equal(out, y)
    assert [*plan.run_all(x)] == [*model.compile().run_all(x)]
    with pytest.raises(SpecError, match="CS180"):
        build([conv(), {"type": "GlobalMaxPooling2D"}], (32, 32, 1)).compile(tile=16)


def test_a_whole_that_is_too_large_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a tile needs has to be free."""
    from speccompiler.planning import memory_limits
    from speccompiler.system.available_memory import Room

    room = Room(1 << 20)
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: room)
    monkeypatch.setattr(tiled_plan, "tightest_room", lambda: room)
    model = build([conv(4), conv(4)], (512, 512, 1))
    x = np.random.default_rng(0).random((1, 512, 512, 1), np.float32)
    with pytest.raises(SpecError, match="CS130"):
        model.compile(batch_size=1)
    plan = model.compile(batch_size=1, threads=1, tile="auto", math="precise")
    assert plan.tiled().cost.peak_bytes <= room.left // 2
    # Half of it would have been enough for four times as many positions of each tile, or not.
    assert 4 <= plan.tiled().cost.tiles <= 64
    found = plan.run(x)
    with pytest.raises(SpecError) as caught:
        model.compile(batch_size=1, threads=1, tile=400)
    (finding,) = caught.value.diagnostics
    assert finding.code == "CS130"
    assert finding.message.startswith("a batch of 1 tiles of 400,400 needs ")
    assert finding.hint == "use smaller tiles, or --tile auto"
    monkeypatch.undo()
    assert np.array_equal(found, model.compile(math="precise").run(x))


def test_anything_that_has_a_shape_and_slices(tmp_path: Any) -> None:
    dask = pytest.importorskip("dask.array")
    h5py = pytest.importorskip("h5py")
    zarr = pytest.importorskip("zarr")
    plan = build([conv()], (24, 24, 1)).compile()
    x = np.random.default_rng(0).random((2, 24, 24, 1), np.float32)
    y = plan.run(x)
    np.save(tmp_path / "x.npy", x)
    stored = zarr.create_array(tmp_path / "x.zarr", data=x, chunks=(1, 8, 8, 1))
    out = zarr.create_array(tmp_path / "y.zarr", shape=y.shape, dtype="f4", chunks=(1, 8, 8, 2))
    plan.run_tiled(stored, 8, out)
    assert np.array_equal(out[...], y)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = x.astype(np.float64)
        for array in (np.load(tmp_path / "x.npy", mmap_mode="r"), dask.from_array(x), file["x"]):
            assert np.array_equal(plan.run_tiled(array, tile=8), y)


def test_what_is_read_may_be_what_is_written() -> None:
    """A tile reads beside what the one before it wrote: as in ``run``, the input is copied."""
    plan = build([conv(1)], (24, 24, 1)).compile()
    x = np.random.default_rng(0).random((2, 24, 24, 1), np.float32)
    for both, read in ((x.copy(), slice(None)), (x.copy(), slice(None, None, -1))):
        y = plan.run(both[:, read])
        assert plan.run_tiled(both[:, read], tile=8, out=both) is both
        assert np.array_equal(both, y)


def test_an_array_on_disk_is_not_read_and_written_at_once(tmp_path: Any) -> None:
    zarr = pytest.importorskip("zarr")
    plan = build([conv(1)], (24, 24, 1)).compile()
    x = np.random.default_rng(0).random((1, 24, 24, 1), np.float32)
    stored = zarr.create_array(tmp_path / "x.zarr", data=x)
    with pytest.raises(SpecError, match="'out' is the array that is read, and tiles read what"):
        plan.run_tiled(stored, 8, stored)
    assert np.array_equal(stored[...], x)


@pytest.mark.parametrize("dtype", [np.int32, np.float16, bool])
def test_what_would_round_the_results(dtype: Any) -> None:
    plan = build([conv()], (8, 8, 1)).compile()
    x = np.ones((2, 8, 8, 1), np.float32)
    with pytest.raises(SpecError) as caught:
        plan.run_tiled(x, 4, np.zeros((2, 8, 8, 2), dtype))
    (finding,) = caught.value.diagnostics
    assert finding.message == f"'out' holds {np.dtype(dtype)}, which would change the results"
    assert finding.hint == "the results are float32; make 'out' of float32 or float64"
    wide = plan.run_tiled(x, 4, np.zeros((2, 8, 8, 2)))
    assert np.array_equal(wide, plan.run(x))


def read_only(*shape: int) -> np.ndarray:
    array = np.zeros(shape, np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("x", "out", "message"),
    [
        (np.zeros((2, 8, 8, 1)), read_only(2, 8, 8, 2), "'out' cannot be written to"),
        ([1, 2], None, "a list has no shape and no slices"),
        (np.zeros((2, 9, 8, 1)), None, "samples, 8, 8, 1"),
        (np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8)), r"'out' must have the shape \(2, 8, 8, 2\)"),
        (np.zeros((2, 8, 8, 1)), [], "'out' must be a list of 1 arrays"),
        (np.zeros((2, 8, 8, 1), complex), None, "CS113"),
    ],
)
def test_wrong_arrays(x: Any, out: Any, message: str) -> None:
    plan = build([conv()], (8, 8, 1)).compile()
    with pytest.raises(SpecError, match=message):
        plan.run_tiled(x, 4, out)


def test_a_scan_on_the_examples_autoencoder() -> None:
    model = speccompiler.load("examples/specs/scan_autoencoder.yaml", seed=3)
    (shape,) = [node.shape for node in model.graph.inputs]
    sizes = [40 if not isinstance(d, int) else d for d in shape]
    x = np.random.default_rng(0).random((1, *sizes), np.float32)
    plan = model.compile(input_shape=sizes)
    assert np.array_equal(plan.run_tiled(x, tile=16), plan.run(x))
