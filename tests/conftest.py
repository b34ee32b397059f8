"""Where compiled kernels go while testing, and which tests are left out by default."""

from __future__ import annotations

import os

import pytest

from tests.golden_text import golden, pytest_addoption

__all__ = ["golden", "pytest_addoption"]


def pytest_configure(config):
    """Keep kernels in pytest's own cache: not in the user's, and not compiled anew each time."""
    cache = getattr(config, "cache", None)
    if cache is not None and "CONVSPEC_CACHE_DIR" not in os.environ:
        os.environ["CONVSPEC_CACHE_DIR"] = str(cache.mkdir("kernels"))
    # Tests have all processors to themselves already.
    os.environ.setdefault("CONVSPEC_COMPILE_PROCESSES", "1")
    os.environ.setdefault("CONVSPEC_BACKGROUND", "0")
    # Reports are those that people get, in a workflow of GitHub too.
    os.environ.pop("GITHUB_ACTIONS", None)


def pytest_collection_modifyitems(config, items):
    """Long fuzzing, and what needs Keras, runs only when it is asked for: ``pytest -m slow``."""
    for mark in ("slow", "keras"):
        if mark not in config.option.markexpr:
            marked = [item for item in items if item.get_closest_marker(mark)]
            config.hook.pytest_deselected(items=marked)
            items[:] = [item for item in items if not item.get_closest_marker(mark)]


@pytest.fixture
def rng():
    """The same numbers in every run."""
    import numpy as np

    return np.random.default_rng(20160411)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """The folder of a cache that is empty, and the test's own."""
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("CONVSPEC_CACHE_SIZE", raising=False)
    return tmp_path / "cache"


@pytest.fixture(params=[4, 8, 16])
def lanes(request, monkeypatch):
    """Each width of vectors, whatever this machine has."""
    from speccompiler.kernels.cpu.runtime import executor

    monkeypatch.setattr(executor, "host_lanes", lambda: request.param)
    return request.param


@pytest.fixture(autouse=True)
def _same_folder_afterwards():
    """A test that goes elsewhere leaves the next one where it was."""
    before = os.getcwd()
    yield
    os.chdir(before)
