"""Chunks that nobody asked for: some MiB, whole samples, and not for all of a large input."""

from __future__ import annotations

import pytest

from speccompiler.arrays.chunk_layout import FEW_BYTES, INPUT_BYTES, ChunkOptions, laid_out

IMAGE = 4 * 256 * 256 * 3


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
def test_samples_of_a_chunk(shape: tuple[int, ...], input_bytes: int, samples: int) -> None:
    layout = laid_out(ChunkOptions(), "y", shape, shape[1:], input_bytes)
    assert layout.chunks == (samples, *shape[1:])


def test_chunks_that_are_asked_for_stay() -> None:
    layout = laid_out(ChunkOptions(chunks=(5000,)), "y", (25440, 16), (16,), IMAGE)
    assert layout.chunks == (5000, 16)
