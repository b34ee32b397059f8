"""Checksums of what is kept."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from speccompiler.kernels.cpu.runtime import checksums


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 100_003])
@pytest.mark.parametrize("cut", [0.0, 0.3, 1.0])
def test_checksums_do_not_depend_on_where_parts_begin(size, cut, monkeypatch):
    data = memoryview(np.random.default_rng(size).bytes(size))
    at = int(cut * size)
    want = checksums.checksums([data])
    length = -(-size // 16)
    assert want == [zlib.crc32(data[i * length : (i + 1) * length]) for i in range(16)]
    monkeypatch.setattr(checksums, "WORTH_THREADS", 1)
    assert checksums.checksums([data[:at], data[at:]]) == want
