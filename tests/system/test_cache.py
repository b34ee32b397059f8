"""The cache on disk: what is kept, what goes first, and what is not ours."""

from __future__ import annotations

import os
import time

import pytest

from speccompiler.system import cache
from tests.system.cached_model import kept
from tests.system.killed_writer import writer


@pytest.fixture(autouse=True)
def folder(own_cache):
    """Kernels stay loaded in the process."""
    return own_cache


def put(name, size, age, kind="kernels"):
    path = cache.cache_folder(kind) / f"{cache.PREFIX}{name}"
    assert cache.write_entry(path, [bytes(size)])
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_was_used_least_recently_goes_first(monkeypatch):
    old, used, new = put("a.o", 400_000, 9000), put("b.o", 400_000, 8000), put("c.o", 400_000, 10)
    assert cache.read_entry(used) == bytes(400_000)
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "1")
    fourth = put("d.o", 100_000, 0)
    assert [p.exists() for p in (old, used, new, fourth)] == [False, True, True, True]


def test_a_kernel_goes_as_a_whole(monkeypatch):
    pair = put("a.py", 10, 9000), put("a.o", 900_000, 9000)
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "1")
    put("b.o", 900_000, 0, "weights")
    assert not any(path.exists() for path in pair)


def test_nothing_is_kept_where_nothing_may_be(monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "0")
    path = cache.cache_folder("kernels") / "convspec_a.o"
    assert not cache.write_entry(path, [b"x"])
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "much", "nan", "inf"])
def test_a_limit_that_is_none_is_the_default(text, monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", text)
    assert cache.cache_limit() == cache.DEFAULT_LIMIT


def test_the_next_process_sweeps_the_cache(folder):
    with writer(cache.cache_folder("weights"), "convspec_d_0.weights"):
        pass
    assert len(list((folder / "weights").iterdir())) == 1
    cache._folder.cache_clear()  # as a new process has it
    cache.cache_folder("weights")
    assert list((folder / "weights").iterdir()) == []


def test_clearing_leaves_what_is_not_ours(folder):
    put("a.o", 10, 0)
    put("b.weights", 20, 0, "weights")
    (folder / "kernels" / "mine.txt").write_text("mine")
    assert cache.clear() == (2, 30)
    assert kept(folder, "kernels") == ["mine.txt"]
    assert cache.clear() == (0, 0)


def test_a_use_is_noted_at_most_once_an_hour():
    path = put("a.o", 10, 100)
    before = path.stat().st_mtime_ns
    cache.read_entry(path)
    assert path.stat().st_mtime_ns == before
    os.utime(path, (time.time() - 9000,) * 2)
    aged = path.stat().st_mtime_ns
    cache.read_entry(path)
    assert path.stat().st_mtime_ns > aged
