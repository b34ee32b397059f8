"""RLIMIT_AS and RLIMIT_DATA as files tell them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speccompiler.system import facilities
from speccompiler.system.resource_limits import process_limits

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max data size             {data}            unlimited            bytes
Max resident set          1000                 1000                 bytes
Max open files            20000                20000                files
Max address space         {addresses}           unlimited            bytes
"""
linux = pytest.mark.skipif(not facilities.MEMORY_LIMITS.here, reason="only Linux has the files")


def written(folder: Path, limits: str | None, statm: str | None) -> str:
    process = folder / "proc/self"
    process.mkdir(parents=True)
    for name, text in (("limits", limits), ("statm", statm)):
        if text is not None:
            (process / name).write_text(text)
    return str(folder)


@linux
def test_both(tmp_path: Path) -> None:
    import mmap

    page = mmap.PAGESIZE
    text = LIMITS.format(data=100 * page, addresses=1000 * page)
    found = process_limits(written(tmp_path, text, "300 20 10 5 0 120 0\n"))
    assert [(one.most, one.left, one.source) for one in found] == [
        (100 * page, 0, "ulimit -d"),
        (1000 * page, 700 * page, "ulimit -v"),
    ]


@pytest.mark.parametrize(
    ("limits", "statm"),
    [
        (LIMITS.format(data="unlimited", addresses="unlimited"), "1 1 1 1 1 1 1\n"),
        (LIMITS.format(data="some", addresses="more"), "1 1 1 1 1 1 1\n"),
        ("Max data size", "1 1 1 1 1 1 1\n"),
        (LIMITS.format(data="100", addresses="unlimited"), "1 1\n"),
        (LIMITS.format(data="100", addresses="unlimited"), None),
        ("", ""),
        (None, None),
    ],
)
def test_none(tmp_path: Path, limits: str | None, statm: str | None) -> None:
    assert process_limits(written(tmp_path, limits, statm)) == ()


PROGRAM = """
import mmap
import resource

from speccompiler.system.resource_limits import process_limits

assert process_limits() == ()
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
(before,) = process_limits()
region = mmap.mmap(-1, 256 << 20)
(after,) = process_limits()
print(before.most, before.left - after.left)
"""


@linux
def test_a_real_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    most, taken = map(int, done.stdout.split())
    assert most == 4 << 30
    assert taken == pytest.approx(256 << 20, rel=0.05)
