"""The cache of kernels: what a second process finds there, and what it never trusts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speccompiler.kernels.cpu.runtime.object_code import ObjectCode
from tests.places import ROOT

RUN = """
import sys
import numpy as np
sys.path.insert(0, {root!r})
from tests.cases import build
layers = {first} + [
    {{"type": "MaxPooling2D"}},
    {{"type": "Activation", "activation": "relu"}},
    {{"type": "Flatten"}},
    {{"type": "Activation", "activation": "softmax"}},
]
x = np.linspace(-1, 1, 256, dtype=np.float32).reshape(2, 8, 8, 2)
print(build(layers, [8, 8, 2]).compile().run(x).tolist())
"""
CONVOLUTION = [
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "border_mode": "same"}
]
KERNELS = ("activation", "map", "pool", "softmax", "teamwork")


NO_NUMBA = "assert not any(name.split('.')[0] == 'numba' for name in sys.modules)"


def start_process(
    folder: Path, first: list[dict[str, object]], last: str = "", before: str = ""
) -> subprocess.Popen[str]:
    code = before + RUN.format(root=str(ROOT), first=first) + last
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "CONVSPEC_CACHE_DIR": str(folder)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_process(
    folder: Path,
    first: list[dict[str, object]] = [],  # noqa: B006
    last: str = "",
    before: str = "",
) -> str:
    process = start_process(folder, first, last, before)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return out


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size)
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that a first process filled, and what that process printed."""
    folder = tmp_path_factory.mktemp("cache")
    run_process(folder, CONVOLUTION)
    return folder, run_process(folder)


@pytest.fixture
def warm(filled, tmp_path):
    """A copy of it to spoil."""
    shutil.copytree(filled[0], tmp_path / "warm")
    return tmp_path / "warm", filled[1]


def test_a_second_process_compiles_nothing(filled):
    folder, first = filled
    cached = listing(folder)
    for kernel in ("conv", *KERNELS):
        (module,) = [n for n in cached if n.startswith(f"kernels/convspec_{kernel}_")
                     and n.endswith(".py")]  # fmt: skip
        assert module.replace(".py", ".o") in cached
    assert run_process(folder, last=NO_NUMBA) == first
    run_process(folder, CONVOLUTION, NO_NUMBA)
    assert listing(folder) == cached


def test_a_damaged_module_is_written_again(warm):
    folder, first = warm
    (victim,) = (folder / "kernels").glob("convspec_pool_*.py")
    good = victim.read_text()
    victim.write_text("raise RuntimeError('this is not the kernel')\n")
    assert run_process(folder) == first
    assert victim.read_text() == good


@pytest.mark.parametrize("damage", [
    lambda code: code[:-1],
    lambda code: code[:-100] + bytes([code[-100] ^ 1]) + code[-99:],
    lambda code: b"",
    lambda code: code.partition(b"\n")[2],
], ids=["cut off", "one bit", "empty", "no digest"])  # fmt: skip
def test_damaged_machine_code_is_never_run(warm, damage):
    folder, first = warm
    (victim,) = (folder / "kernels").glob("convspec_pool_*.o")
    good = victim.read_bytes()
    victim.write_bytes(damage(good))
    assert run_process(folder) == first
    assert run_process(folder, last=NO_NUMBA) == first
    assert ObjectCode.from_bytes(victim.read_bytes()) is not None


def test_one_flipped_bit_anywhere_is_seen():
    stored = ObjectCode(bytes(range(256)) * 40, ("expf", "sqrtf")).to_bytes()
    assert ObjectCode.from_bytes(stored) is not None
    for place in (*range(120), 200, 5000, len(stored) - 1):
        flipped = stored[:place] + bytes([stored[place] ^ 1 << place % 8]) + stored[place + 1 :]
        assert ObjectCode.from_bytes(flipped) is None, place
    for place in (0, 4096, len(stored) - 4096):
        assert ObjectCode.from_bytes(stored[:place] + bytes(4096) + stored[place + 4096 :]) is None


def test_the_machine_code_of_another_kernel_is_never_run(warm):
    """Sound as it is, under a name that is not its own."""
    folder, first = warm
    (victim,) = (folder / "kernels").glob("convspec_pool_*.o")
    (other,) = (folder / "kernels").glob("convspec_map_*.o")
    assert victim.stem.encode() in victim.read_bytes()
    victim.write_bytes(other.read_bytes())
    assert run_process(folder) == first
    assert victim.stem.encode() in victim.read_bytes()


def test_machine_code_that_calls_an_unknown_function_is_compiled_again(warm):
    """As after a move to another C library: LLVM would end the process."""
    folder, first = warm
    (victim,) = (folder / "kernels").glob("convspec_softmax_*.o")
    found = ObjectCode.from_bytes(victim.read_bytes())
    victim.write_bytes(ObjectCode(found.code, ("expf", "no_such_function")).to_bytes())
    assert run_process(folder) == first
    assert ObjectCode.from_bytes(victim.read_bytes()).needs == found.needs


def test_a_cache_that_cannot_be_written_is_read_all_the_same(warm):
    folder, first = warm
    (missing,) = (folder / "kernels").glob("convspec_map_*.o")
    missing.unlink()
    cached = listing(folder)
    full = """
import speccompiler.system.cache as cache
def full(*a, **k): raise OSError(28, 'no space')
cache.create_unfinished = full
"""
    assert run_process(folder, before=full) == first
    assert listing(folder) == cached


def test_a_cache_folder_that_is_a_file(tmp_path, filled):
    """What is in the way is left alone, and kernels stay in memory."""
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    assert run_process(blocked) == filled[1]
    assert blocked.read_text() == "mine"


def test_processes_that_start_together_share_a_cold_cache(tmp_path, filled):
    started = [start_process(tmp_path, []) for _ in range(3)]
    found = [(*p.communicate(timeout=180), p.returncode) for p in started]
    assert found == [(filled[1], "", 0)] * 3
    assert not list(tmp_path.rglob("*.part"))
    assert len(list((tmp_path / "kernels").glob("*.py"))) == len(KERNELS)
