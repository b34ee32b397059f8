"""A .npy file that is written box by box, against what numpy.save writes."""

from __future__ import annotations

import io
import pickle
import random
import resource
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays.boxes import Box, slices
from speccompiler.arrays.npy_box_output import NpyBoxOutput
from speccompiler.diagnostics.core import Problem
from speccompiler.system import facilities
from speccompiler.system.facilities import Facility

Array = npt.NDArray[Any]


def saved(x: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, x)
    return stream.getvalue()


def cut(data: st.DataObject, length: int) -> list[tuple[int, int]]:
    """An axis in pieces."""
    at = sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=3))})
    return list(pairwise(at))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_boxes_in_any_order_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, shape: list[int]
) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    path = tmp_path_factory.mktemp("boxes") / "y.npy"
    boxes: list[Box] = [()]
    for length in shape:
        pieces = cut(data, length)
        boxes = [(*box, piece) for box in boxes for piece in pieces]
    random.Random(0).shuffle(boxes)
    with closing(NpyBoxOutput.create(path, tuple(shape))) as output:
        for box in boxes:
            values = x[slices(box)]
            output.put(box, values if data.draw(st.booleans()) else np.asfortranarray(values))
            output.sync(box)
    assert path.read_bytes() == saved(x)


def test_threads_and_copies_write_to_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).standard_normal((64, 50, 4)).astype(np.float32)
    for positioned in (True, False):
        if not positioned:
            monkeypatch.setattr(facilities, "POSITIONED_WRITES", Facility(("os.none",), ""))
        path = tmp_path / f"{positioned}.npy"
        output = NpyBoxOutput.create(path, x.shape)
        # Without positioned writes only threads of one process take turns by its lock.
        copies = [pickle.loads(pickle.dumps(output)) if positioned else output for _ in range(4)]

        def write(copy: NpyBoxOutput, first: int) -> None:
            for at in range(first, 64, 4):
                for half in ((0, 25), (25, 50)):
                    box = ((at, at + 1), half, (0, 4))
                    copy.put(box, x[slices(box)])

        threads = [threading.Thread(target=write, args=(c, i)) for i, c in enumerate(copies)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in {id(c): c for c in (output, *copies)}.values():
            each.close()
        assert path.read_bytes() == saved(x)


def is_whole(path: Path, shape: tuple[int, ...]) -> bool:
    with closing(NpyBoxOutput(path, shape)) as output:
        return output.is_whole


def test_what_was_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    NpyBoxOutput.create(path, (4, 2)).close()
    assert is_whole(path, (4, 2))
    assert not is_whole(path, (8, 1))
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_whole(path, (4, 2))


def test_no_room(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        NpyBoxOutput.create(tmp_path / "y.npy", (1 << 40, 4))
    assert raised.value.code == "CS121"
    assert raised.value.message.startswith("there is no room for the output: the disk is full (")
    assert raised.value.message.split("(")[1].startswith(f"{(16 << 40) + 128} bytes needed")


def test_a_write_that_fails(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    output = NpyBoxOutput.create(tmp_path / "y.npy", (1000, 4))
    request.addfinalizer(output.close)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(Problem) as raised:
            output.put(((500, 501), (0, 4)), np.ones((1, 4), np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (raised.value.code, raised.value.message) == (
        "CS121",
        "writing stopped after some samples: the file would be larger than is allowed here",
    )
