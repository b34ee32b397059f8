"""The HDF5 library in its child process: loops, crashes, memory, interrupted replies, forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import Problem
from speccompiler.files import hdf5_worker
from speccompiler.files.hdf5_files import read_hdf5
from speccompiler.source.files import read_document
from speccompiler.weights.files.weight_file import open_weights
from tests.files.saved_model import saved

h5py = pytest.importorskip("h5py")


def test_a_loop_in_the_library_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zeroed length in the heap of texts: libhdf5 2.0 reads on and on at one place."""
    data = saved(tmp_path / "m.h5").read_bytes()
    heap = data.index(b"GCOL")
    busy = None
    with monkeypatch.context() as patched:
        patched.setattr(hdf5_worker, "SECONDS", 1.5)
        for place in range(heap + 16, heap + 400, 8):
            changed = bytearray(data)
            changed[place : place + 8] = (2**64 - 16).to_bytes(8, "little")
            (tmp_path / "f.h5").write_bytes(changed)
            problems = read_document(tmp_path / "f.h5").diagnostics
            if any("still busy" in d.message for d in problems):
                busy = problems[0]
                break
    assert busy is not None
    assert busy.code == "CS080"
    model = speccompiler.load(saved(tmp_path / "m.h5"))  # another child
    assert {w.tensor for w in model.weight_sources.read()} == {"W", "b"}


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_crash_of_the_library_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "m.h5")
    worker = hdf5_worker.Worker()
    process = worker._started()
    process.send_signal(signal.SIGSTOP)

    class Crashing(hdf5_worker._Reader):
        """Lets the child go on, to its end, once it has been asked."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            process.send_signal(signal.SIGSEGV)
            process.send_signal(signal.SIGCONT)

    try:
        with monkeypatch.context() as patched:
            patched.setattr(hdf5_worker, "_Reader", Crashing)
            with pytest.raises(Problem) as caught:
                worker.contents(str(path))
        assert caught.value.code == "CS101"
        assert caught.value.message == "the HDF5 library crashed on it (signal 11)"
        assert worker.contents(str(path))["keras_version"] == "1.2.2"  # another child
    finally:
        worker.stop()


def test_a_reply_that_nobody_waited_for_is_not_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = saved(tmp_path / "first.h5"), tmp_path / "second.h5"
    second.write_bytes(first.read_bytes())
    with h5py.File(second, "r+") as file:
        file.attrs["keras_version"] = b"1.1.2"

    def interrupted(reader: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(hdf5_worker._Reader, "line", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_hdf5(first)
    assert read_hdf5(second).keras_version == "1.1.2"


def test_memory_of_the_library_is_bounded(tmp_path: Path) -> None:
    """In a process of its own: a limit once set can be set back, but not what it did."""
    code = (
        "from speccompiler.files.hdf5_worker import _limited\n"
        "with _limited(1 << 28):\n"
        "    try:\n"
        "        held = bytearray(1 << 29)\n"
        "    except MemoryError:\n"
        "        print('refused')\n"
        "held = bytearray(1 << 29)\n"
        "print('allowed')\n"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system cannot limit it")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\nallowed\n"


def test_filters_are_not_loaded_from_folders(tmp_path: Path) -> None:
    """A dataset may name a filter by its number; libhdf5 would look for a library of it."""
    assert hdf5_worker._ENVIRONMENT["HDF5_PLUGIN_PRELOAD"] == "::"
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("w", data=np.ones((64, 64), "f4"), chunks=(8, 8), compression="gzip")
    data = bytearray(path.read_bytes())
    # The filter's number (1, deflate) stands in front of its name.
    at = data.index(b"deflate") - 8
    data[at : at + 2] = (307).to_bytes(2, "little")  # bzip2's
    path.write_bytes(data)
    with pytest.raises(Problem) as caught:
        open_weights(path).read("w")
    assert caught.value.code == "CS101"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_child_of_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5")
    assert read_hdf5(path).keras_version == "1.2.2"
    first = hdf5_worker.WORKER._process
    forked = os.fork()
    if forked == 0:
        own = False
        try:
            own = read_hdf5(path).keras_version == "1.2.2"
            own = own and hdf5_worker.WORKER._process is not first
            hdf5_worker.WORKER.stop()
        finally:
            os._exit(0 if own else 1)
    assert os.waitpid(forked, 0)[1] == 0
    assert read_hdf5(path).keras_version == "1.2.2"
    assert hdf5_worker.WORKER._process is first
