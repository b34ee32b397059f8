"""Array files for tests, and what reading and writing them says."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.npy_input import open_array
from speccompiler.arrays.npy_output import create_array
from speccompiler.diagnostics.core import Problem
from tests.places import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def npy_bytes(array: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def with_header(text: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text.encode()))
    return b"\x93NUMPY" + bytes(version) + length + text.encode() + data


def plain_header(descr: str = "<f4", order: str = "False", shape: str = "(2,)") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


def read_all(source: ArrayInput, batch_size: int = 3) -> np.ndarray:
    parts = [batch.copy() for batch in source.batches(batch_size)]
    return np.concatenate([np.empty((0, *source.shape[1:]), np.float32), *parts])


def saved(tmp_path: Path, content: bytes, name: str = "data.npy") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refused(call: Callable[[], object]) -> tuple[str, str, str | None]:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.code, caught.value.message, caught.value.hint


def opened(path: Path) -> ArrayInput:
    return open_array(path, path.name)


def enter(path: Path, shape: tuple[int, ...] = (1,)) -> Callable[[], object]:
    return lambda: create_array(path, shape).__enter__()


def run_python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
