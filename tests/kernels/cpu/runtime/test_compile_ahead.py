"""Kernels compiled in several processes: all are there, and no helper is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cpu import mask, plain_copy, softmax
from speccompiler.kernels.cpu.runtime import compile_ahead as ahead
from speccompiler.kernels.cpu.runtime import compile_memory, kernel_cache
from speccompiler.kernels.cpu.runtime.compile_ahead import compile_ahead
from speccompiler.system.available_memory import Room

WANTED = [
    ("copy", plain_copy.source(4)),
    ("copy", plain_copy.source(8)),
    ("softmax", softmax.source(4)),
    ("mask", next(iter(mask.MaskKernel.texts(4)))),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """What this process compiles, into a cache of its own."""
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CONVSPEC_COMPILE_PROCESSES", "2")
    compiled = kernel_cache._compiled
    made: list[str] = []

    def noted(text, path, symbol, level):
        made.append(text)
        return compiled(text, path, symbol, level)

    monkeypatch.setattr(kernel_cache, "_compiled", noted)
    kernel_cache._loaded.cache_clear()
    yield made
    kernel_cache._loaded.cache_clear()


def all_kept() -> bool:
    return all(kernel_cache.is_kept(*one) for one in WANTED)


def test_helpers_leave_theirs_in_the_cache(here):
    compile_ahead(WANTED, threads=2)
    assert all_kept()
    assert 0 < len(here) < len(WANTED)
    count = len(here)
    for one in WANTED:
        kernel_cache.load_kernel(*one)
    assert len(here) == count


def test_a_helper_that_fails_is_not_missed(here, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    compile_ahead(WANTED, threads=2)
    for one in WANTED:
        kernel_cache.load_kernel(*one)
    assert all_kept()
    assert len(here) == len(WANTED)


def no_helpers(*arguments, **options):
    raise AssertionError("a helper was started")


@pytest.mark.parametrize("why", ["one process", "no cache", "few kernels", "no interpreter"])
def test_where_helpers_would_not_pay(why, here, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", no_helpers)
    if why == "one process":
        monkeypatch.setenv("CONVSPEC_COMPILE_PROCESSES", "1")
    elif why == "no cache":
        monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "0")
    elif why == "no interpreter":
        monkeypatch.setattr(sys, "executable", "")
    wanted = WANTED[: 2 if why == "few kernels" else None]
    compile_ahead(wanted, threads=2)
    # The longest first, so that none is left to wait for at the end.
    assert here == sorted((text for _, text in wanted), key=len, reverse=True)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_it_says_how_many_are_ready(here, monkeypatch, caplog, processes):
    monkeypatch.setenv("CONVSPEC_COMPILE_PROCESSES", processes)
    caplog.set_level("DEBUG", "speccompiler")
    compile_ahead(WANTED, threads=2)
    made = [record.made for record in caplog.records if hasattr(record, "made")]
    assert made == [(count, len(WANTED)) for count in range(len(WANTED) + 1)]
    messages = [record.getMessage() for record in caplog.records if hasattr(record, "made")]
    assert messages[0] == "compiling 4 kernels"
    assert messages[-1] == "compiled 4 of 4 kernels"


@pytest.mark.parametrize(
    ("threads", "usable", "processes_of_memory", "wanted"),
    [
        (1, 64, 64, 1),
        (3, 64, 64, 3),
        (64, 64, 64, 8),
        # A container: one processor, or room for so many.
        (64, 1, 64, 1),
        (64, 64, 2.5, 3),
        (64, 64, 0, 1),
        (64, 64, -1, 1),
    ],
)
def test_as_many_processes_as_there_is_room_for(
    monkeypatch, threads, usable, processes_of_memory, wanted
):
    monkeypatch.delenv("CONVSPEC_COMPILE_PROCESSES")
    free = compile_memory.HERE_BYTES + int(processes_of_memory * compile_memory.PROCESS_BYTES)
    monkeypatch.setattr(compile_memory, "available_memory", lambda: free)
    monkeypatch.setattr(compile_memory, "default_threads", lambda: usable)
    assert ahead._most_processes(threads) == wanted


def test_no_room_to_compile(monkeypatch):
    room = Room(140 << 20, 256 << 20, "ulimit -v")
    monkeypatch.setattr(compile_memory, "tightest_room", lambda: room)
    with pytest.raises(Problem) as caught:
        compile_memory.check_room_to_compile(12, held=10 << 20)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "CS130",
        "12 kernels are to be compiled first, which with the run needs 160 MiB of memory; "
        "140 MiB are available, of the 256 MiB that ulimit -v allows",
        "run `convspec compile --all` where there is more, with the same cache "
        "($CONVSPEC_CACHE_DIR), or install a wheel that brings the kernels",
    )
    with pytest.raises(Problem, match="1 kernel is to be compiled first"):
        compile_memory.check_room_to_compile(1, held=0)
    monkeypatch.setattr(compile_memory, "tightest_room", lambda: Room(160 << 20))
    compile_memory.check_room_to_compile(12, held=10 << 20)


def test_an_interrupt_ends_the_helpers(here, monkeypatch):
    started = []
    popen = subprocess.Popen

    def noted(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    def interrupted(kernel, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(ahead, "load_kernel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compile_ahead(WANTED, threads=2)
    assert [child.returncode is not None for child in started] == [True]


PARENT = """
import os, sys, time
from speccompiler.kernels.cpu.runtime import compile_ahead as ahead

def never_done(kernel, text):
    time.sleep(600)

if sys.argv[1] == "child":
    ahead.load_kernel = never_done
    ahead.serve()
ahead.load_kernel = never_done
ahead.serving = lambda module: {"args": [sys.executable, __file__, "child"]}
popen = ahead.subprocess.Popen

def noted(*arguments, **options):
    child = popen(*arguments, **options)
    print(child.pid, flush=True)
    return child

ahead.subprocess.Popen = noted
ahead.compile_ahead([("a", "1"), ("b", "2"), ("c", "3")], threads=2)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks whether a process runs")
def test_helpers_die_with_their_parent(tmp_path):
    """Also in the midst of a kernel."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), "parent"]
    several = {**os.environ, "CONVSPEC_COMPILE_PROCESSES": "2"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=several) as parent:
        helper = int(parent.stdout.readline())
        assert is_running(helper)
        parent.kill()
    deadline = time.monotonic() + 60
    while is_running(helper):
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.02)


def is_running(process):
    """Not so once it has ended, though nobody may have asked how."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
