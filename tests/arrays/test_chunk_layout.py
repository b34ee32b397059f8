"""How outputs are cut: defaults by hand, whole tiles and chunks, and every refusal."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speccompiler.arrays.chunk_layout import (
    FEW_BYTES,
    INPUT_BYTES,
    ChunkLayout,
    ChunkOptions,
    Compression,
    laid_out,
)
from speccompiler.diagnostics.core import Problem


@pytest.mark.parametrize(
    ("shape", "steps", "chunks"),
    [
        # All samples where they are few; else a power of two of them, some MiB together.
        ((10, 8, 8, 3), (8, 8, 3), (10, 8, 8, 3)),
        ((1000, 1000), (1000,), (1000, 1000)),
        ((5000, 1000), (1000,), (1024, 1000)),
        ((500, 64, 56, 56), (64, 56, 56), (4, 64, 56, 56)),
        # A sample of some MiB is one chunk.
        ((500, 224, 224, 64), (224, 224, 64), (1, 224, 224, 64)),
        # Of a very large one the longest axes are halved.
        ((3, 21, 8192, 8192), (21, 8192, 8192), (1, 21, 512, 1024)),
        # A tile is a chunk, of as many samples as make some MiB.
        ((9, 4096, 4096, 2), (512, 512, 2), (2, 512, 512, 2)),
        # A tile of an odd length that is too large is halved along the others.
        ((9, 4095, 65536, 8), (1365, 65536, 8), (1, 1365, 1024, 8)),
    ],
)
def test_default_chunks(shape: Any, steps: Any, chunks: Any) -> None:
    assert laid_out(ChunkOptions(), "y", shape, steps).chunks == chunks


IMAGE = 4 * 256 * 256 * 3
"""Bytes of a sample that is read."""


@pytest.mark.parametrize(
    ("shape", "input_bytes", "samples"),
    [
        # Small inputs: as many samples as make 4 MiB, or all.
        ((1000, 16), 64, 1000),
        ((10**6, 16), 64, FEW_BYTES // 64),
        # 20 GB of images, of which 16 numbers each are kept: 341 images are 256 MiB.
        ((25440, 16), IMAGE, 256),
        ((100, 16), IMAGE, 100),
        ((1000, 16), 2 * INPUT_BYTES, 1),
    ],
)
def test_a_chunk_does_not_read_too_much(
    shape: tuple[int, ...], input_bytes: int, samples: int
) -> None:
    layout = laid_out(ChunkOptions(), "y", shape, shape[1:], input_bytes)
    assert layout.chunks == (samples, *shape[1:])


def test_chunks_that_are_asked_for_may_read_more() -> None:
    layout = laid_out(ChunkOptions(chunks=(5000,)), "y", (25440, 16), (16,), IMAGE)
    assert layout.chunks == (5000, 16)


@pytest.mark.parametrize(
    ("chunks", "shards", "cell", "files"),
    [
        ((16,), None, (16, 60, 60, 3), 7),
        ((16, 20, -1), None, (16, 20, 60, 3), 21),
        ((500, 99, 99, 99), None, (100, 60, 60, 3), 1),
        ((2, 20, 20, 3), (4, 40, 40, -1), (4, 40, 40, 3), 100),
        (None, (10,), (10, 60, 60, 3), 10),
    ],
)
def test_lengths_that_are_asked_for(chunks: Any, shards: Any, cell: Any, files: int) -> None:
    layout = laid_out(ChunkOptions(chunks, shards), "y", (100, 60, 60, 3), (60, 60, 3))
    assert (layout.cell, layout.files((100, 60, 60, 3))) == (cell, files)


def refused(chunks: Any, shards: Any, shape: Any, steps: Any) -> tuple[str, str, str | None]:
    with pytest.raises(Problem) as raised:
        laid_out(ChunkOptions(chunks, shards), "out", shape, steps)
    return raised.value.code, raised.value.message, raised.value.hint


def test_refusals() -> None:
    assert refused((1, 2, 3), None, (9, 4), (4,)) == (
        "CS190",
        "--chunks has 3 numbers; the output 'out' has 2 axes",
        "its shape is (9, 4), samples first",
    )
    assert refused((2, 20), (8, 50), (9, 60, 3), (60, 3)) == (
        "CS190",
        "a shard of the output 'out' is 50 long along axis 1 and its chunks 20: a shard is made "
        "of whole chunks",
        "give --shards a multiple of 20, or --chunks a divisor of 50",
    )
    assert refused((2, 48), None, (9, 512, 3), (64, 3)) == (
        "CS190",
        "the chunks of the output 'out' are 48 long along axis 1 and the tiles 64: each is "
        "written as a whole, and so has to hold whole tiles or to lie within one",
        "give --chunks a multiple or a divisor of 64 there, or -1 for the whole axis",
    )
    assert refused((2, 16), (4, 96), (9, 512, 3), (64, 3))[1].startswith(
        "the shards of the output 'out' are 96 long along axis 1 and the tiles 64: "
    )


def test_an_axis_that_is_whole_fits_any_tile() -> None:
    assert laid_out(ChunkOptions((1, -1)), "y", (9, 500, 3), (64, 3)).chunks == (1, 500, 3)
    assert laid_out(ChunkOptions((1, 600)), "y", (9, 500, 3), (64, 3)).chunks == (1, 500, 3)


lengths = st.integers(1, 9)


@given(st.data(), st.integers(1, 4))
def test_every_layout_is_made_of_whole_parts(data: st.DataObject, axes: int) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 5000)] * (axes + 1)))
    steps = tuple(
        min(n, data.draw(st.integers(1, n))) if data.draw(st.booleans()) else n for n in shape[1:]
    )
    shards = None
    if data.draw(st.booleans()):
        shards = (data.draw(lengths), *(s * data.draw(lengths) for s in steps))
    layout = laid_out(ChunkOptions(None, shards), "y", shape, steps)
    for axis, (chunk, cell, n) in enumerate(zip(layout.chunks, layout.cell, shape, strict=True)):
        assert 1 <= chunk <= n
        assert cell % chunk == 0
        if axis and cell < n:
            step = steps[axis - 1]
            assert step >= n or cell % step == 0 or step % cell == 0
    # A chunk that is large is one sample of a tile that could not be cut.
    assert math.prod(layout.chunks) * 4 <= 1 << 26 or layout.chunks[0] == 1 or shards


def test_words() -> None:
    layout = ChunkLayout((2, 4), (4, 8), Compression("blosc", 5, "lz4", "bitshuffle"), float("nan"))
    assert str(layout) == (
        "chunks of 2x4 in shards of 4x8, compression blosc:lz4:5:bitshuffle, fill value nan"
    )
    assert str(ChunkLayout((2, 4), None, Compression("none"), 0.0)) == (
        "chunks of 2x4, compression none, fill value 0.0"
    )
