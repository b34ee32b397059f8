"""Sizes that no machine can hold are refused before memory is taken."""

from __future__ import annotations

import re

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.planning import memory_limits
from speccompiler.planning.memory_limits import memory_text
from speccompiler.system.available_memory import Room
from tests.cases import build
from tests.models import only_refusal as refusal

TARGETS = ("cpu", "reference")


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
    refusal(lambda: model.compile(target))  # imports what it needs
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


GROUP = "/sys/fs/cgroup/memory.max"


def test_a_batch_that_does_not_fit_says_so(monkeypatch):
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: Room(10 << 20))
    model = build([{"type": "UpSampling1D", "length": 2}], [2**18, 1])
    assert model.plan().peak_bytes(1) == 3 << 20
    assert model.compile(batch_size=3).batch_size == 3
    found = refusal(lambda: model.compile(batch_size=1000))
    assert found.code == "CS130"
    assert found.message == "a batch of 1000 needs 2.9 GiB of memory; 10 MiB are available"
    assert found.hint == "use --batch-size 3 or less"
    assert found.file == "t.json"


@pytest.mark.parametrize("mib", [3, 4, 10, 100])
def test_the_batch_that_the_hint_names_fits_and_one_twice_as_large_does_not(monkeypatch, mib):
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: Room(mib << 20))
    model = build([{"type": "UpSampling1D", "length": 2}], [2**18, 1])
    hint = refusal(lambda: model.compile(batch_size=1000)).hint
    fits = int(re.fullmatch(r"use --batch-size (\d+)( or less)?", hint)[1])
    assert model.compile(batch_size=fits).batch_size == fits
    assert refusal(lambda: model.compile(batch_size=2 * fits)).code == "CS130"


TOO_LARGE = "the model is too large for this machine"
IN_TILES = "run it in tiles: --tile auto, or run_tiled in Python"
UP = {"type": "UpSampling2D"}
WIDE = {"type": "Convolution2D", "nb_filter": 512, "nb_row": 9, "nb_col": 9}
HUGE_UP = {"type": "UpSampling2D", "size": [10**5, 10**5]}


@pytest.mark.parametrize(
    ("layers", "shape", "mib", "hint"),
    [
        ([UP], [512, 512, 4], 10, IN_TILES),
        # One sample as a whole, because of its last layer.
        ([UP, {"type": "GlobalMaxPooling2D"}], [512, 512, 4], 10, TOO_LARGE),
        # The weights alone are too much.
        ([WIDE], [9, 9, 512], 10, TOO_LARGE),
        # A file of a petabyte is no use either.
        ([HUGE_UP], [64, 64, 4], 10, TOO_LARGE),
    ],
)
def test_tiles_are_named_where_they_help(monkeypatch, layers, shape, mib, hint):
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: Room(mib << 20))
    model = build(layers, shape)
    assert refusal(lambda: model.compile(batch_size=1)).hint == hint


def test_weights_that_are_loaded_are_not_wanted_again(monkeypatch):
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: Room(10 << 20))
    plan = build([{"type": "Dense", "output_dim": 2**12}], [2**12]).plan()
    assert plan.weight_bytes == (64 << 20) + (16 << 10)
    memory_limits.check_memory(plan, 8, 10 << 20, loaded=True)
    with pytest.raises(Problem) as caught:
        memory_limits.check_memory(plan, 8, 16 << 20, loaded=True)
    assert caught.value.message == (
        "a batch of 8 needs 16 MiB of memory beside the weights; 10 MiB are available"
    )
    assert caught.value.hint == "use --batch-size 5 or less"


def test_a_limit_is_named(monkeypatch):
    monkeypatch.setattr(memory_limits, "tightest_room", lambda: Room(2 << 20, 512 << 20, GROUP))
    layers = [{"type": "UpSampling1D", "length": 2}, {"type": "GlobalMaxPooling1D"}]
    model = build(layers, [2**18, 1])
    found = refusal(lambda: model.compile(batch_size=1))
    assert found.message == (
        "a batch of 1 needs 3 MiB of memory; 2 MiB are available, of the 512 MiB that "
        "/sys/fs/cgroup/memory.max allows"
    )
    assert found.hint == "the model is too large for this limit: raise it"


def test_sizes_for_people():
    sizes = [0, 700 << 10, 512 << 20, 3 << 29, 5 << 40]
    assert [memory_text(n) for n in sizes] == [
        "0 MiB",
        "1 MiB",
        "512 MiB",
        "1.5 GiB",
        "5,120.0 GiB",
    ]
