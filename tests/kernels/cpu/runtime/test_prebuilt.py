"""Machine code that a wheel brings: used where it fits, and nothing else ever."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from speccompiler.kernels.cpu import plain_copy, softmax
from speccompiler.kernels.cpu.runtime import kernel_cache, prebuilt
from speccompiler.kernels.cpu.runtime.compiler import compile_kernel
from speccompiler.kernels.cpu.runtime.kernel_cache import VOCABULARY
from speccompiler.kernels.cpu.runtime.object_code import ObjectCode
from speccompiler.system.processor import Level, host_level

TEXTS = [("copy", plain_copy.source(4)), ("softmax", softmax.source(4))]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a library of two kernels, for this machine."""
    level, kernels = host_level(), {}
    for name, text in TEXTS:
        symbol = kernel_cache.symbol_of(name, text, level)
        kernels[symbol], portable = compile_kernel(text, "<test>", symbol, level)
        assert portable
    path = tmp_path_factory.mktemp("built") / "library"
    prebuilt.write_library(path, level, VOCABULARY, kernels)
    return path.read_bytes()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file would lie, in an installation whose cache is empty."""
    monkeypatch.setattr(prebuilt, "FOLDER", tmp_path)
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    forget()
    yield tmp_path / prebuilt.file_name(host_level())
    forget()


def forget() -> None:
    for kept in (
        kernel_cache._loaded,
        kernel_cache.brought,
        kernel_cache.symbol_of,
        kernel_cache.vocabulary,
    ):
        kept.cache_clear()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The symbols that are compiled."""
    made: list[str] = []
    compiling = kernel_cache._compiled

    def noted(text: str, path: str, symbol: str, level: Level) -> tuple[ObjectCode, bool]:
        made.append(symbol)
        return compiling(text, path, symbol, level)

    monkeypatch.setattr(kernel_cache, "_compiled", noted)
    return made


def load_all() -> list[str]:
    return [kernel_cache.load_kernel(*one).symbol for one in TEXTS]


def test_what_a_wheel_brings_is_not_compiled(built, installed, compiled) -> None:
    installed.write_bytes(built)
    assert all(kernel_cache.is_kept(*one) for one in TEXTS)
    assert len(load_all()) == 2
    assert compiled == []
    assert not (installed.parent / "cache").exists()


def test_what_it_does_not_bring_is_compiled(built, installed, compiled) -> None:
    installed.write_bytes(built)
    other = ("softmax", softmax.source(8))
    assert not kernel_cache.is_kept(*other)
    assert compiled == [kernel_cache.load_kernel(*other).symbol]


def test_without_a_file_everything_is_compiled(installed, compiled) -> None:
    assert compiled == load_all()


@pytest.mark.parametrize("kernel", ["copy", "softmax"])
def test_damaged_code_is_refused_and_compiled(built, installed, compiled, kernel) -> None:
    index = json.loads(built.split(b"\n", 2)[1])["kernels"]
    (symbol,) = (one for one in index if one.startswith(f"convspec_{kernel}_"))
    start = built.index(b"\n", built.index(b"\n") + 1) + 1 + index[symbol][0]
    for place in (0, index[symbol][1] // 2, index[symbol][1] - 1):
        at = start + place
        installed.write_bytes(built[:at] + bytes([built[at] ^ 1]) + built[at + 1 :])
        library = prebuilt.read_library(installed, host_level(), VOCABULARY)
        assert [library.find(one) is None for one in index] == [one == symbol for one in index]
    load_all()
    assert compiled == [symbol]


@pytest.mark.parametrize("damage", [
    lambda file: b"",
    lambda file: file[:50],
    lambda file: file[: file.index(b"\n") + 40],
    lambda file: file.replace(b'"offset', b"", 1)[5:],
    lambda file: file.replace(b'"level":"', b'"level":"a', 1),
    lambda file: file.replace(b"library 1", b"library 2", 1),
], ids=["empty", "first line", "index cut off", "shifted", "changed", "other format"])  # fmt: skip
def test_a_damaged_index_is_refused(built, installed, damage) -> None:
    installed.write_bytes(damage(built))
    assert prebuilt.read_library(installed, host_level(), VOCABULARY) is None


def test_code_that_was_cut_off_is_refused(built, installed) -> None:
    installed.write_bytes(built[:-10])
    library = prebuilt.read_library(installed, host_level(), VOCABULARY)
    last = max(library.kernels, key=lambda symbol: library.kernels[symbol][0])
    assert [symbol for symbol in library.kernels if library.find(symbol) is None] == [last]


def test_code_of_another_level_is_refused(built, installed) -> None:
    installed.write_bytes(built)
    other = Level("another", 8, "x86-64-v3")
    assert prebuilt.read_library(installed, other, VOCABULARY) is None


def test_code_of_another_vocabulary_is_refused(installed) -> None:
    """As where somebody changes a source: the file is older, or the source has another size."""
    level = host_level()
    prebuilt.write_library(installed, level, ("speccompiler.system.threads",), {})
    assert prebuilt.read_library(installed, level, ("speccompiler.system.threads",)) is not None
    sources = prebuilt.source_files(("speccompiler.system.threads",)).values()
    newest = max(os.stat(file).st_mtime for file in sources)
    os.utime(installed, (newest - 3600, newest - 3600))
    assert prebuilt.read_library(installed, level, ("speccompiler.system.subprocesses",)) is None
    # A file that is only older, of the same sources, still holds.
    assert prebuilt.read_library(installed, level, ("speccompiler.system.threads",)) is not None


def test_sources_are_not_read_where_nobody_touched_them(
    built, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.write_bytes(built)

    def read(*modules: str) -> str:
        raise AssertionError("a source was read")

    monkeypatch.setattr(prebuilt, "code_digest", read)
    assert prebuilt.read_library(installed, host_level(), VOCABULARY) is not None
    text = built.split(b"\n", 2)[1]
    sources = json.loads(text)["sources"]
    assert "kernels/cpu/codegen/simd.py" in sources
    assert not prebuilt._untouched({**sources, "kernels/cpu/codegen/simd.py": 1}, 1e12)
    assert not prebuilt._untouched({"no_such_file.py": 1}, 1e12)
