"""The benchmarks of arrays larger than memory, tiles and clusters compute and judge as they say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speccompiler
from benchmarks import many_sizes, tiled
from benchmarks.contenders import present
from benchmarks.files import PROGRAMS
from benchmarks.markdown import bars_line
from benchmarks.processes import Failed
from benchmarks.results import Clustered, LargeArray, ManySizes, Streamed, Tiled, from_json
from benchmarks.scale_page import MISSING, filled
from benchmarks.scale_tables import scale_tables
from benchmarks.watching import watched
from tests.places import ROOT

PAGE = ROOT / "docs/scale.md"
SIZE = 96


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A small image, and the model with the same weights for both."""
    pytest.importorskip("torch")
    tiled._write_model(tmp_path, torch=True)
    tiled._write_image(tmp_path, SIZE)
    return tmp_path


def by_torch(folder: Path, tile: int, halo: int, layout: str = "contiguous") -> np.ndarray:
    numbers = map(str, (tiled.FILTERS, tile, halo, 1))
    program = [sys.executable, PROGRAMS / "torch_tiled.py", "model.pt", "first.npy", "y.npy"]
    subprocess.run([*program, *numbers, layout], cwd=folder, check=True)
    return np.load(folder / "y.npy")


def test_both_run_the_same_network(scan: Path) -> None:
    model = speccompiler.load(tiled.SPEC, weights=scan / "weights.npz")
    x = np.load(scan / "last.npy")
    wanted = model.compile(input_shape=x.shape[1:]).run(x).transpose(0, 3, 1, 2)
    for layout in ("contiguous", "channels_last"):
        found = by_torch(scan, 0, 0, layout)
        assert found == pytest.approx(wanted, abs=1e-5)
    # More than a constant, or nothing would be compared.
    assert wanted.std() > 0.01


def test_the_halo_of_overlap_and_crop_is_wide_enough(scan: Path) -> None:
    """And not much too wide: the radius is 11, which 8 is less than."""
    whole = by_torch(scan, 0, 0)
    assert by_torch(scan, 32, tiled.HALO) == pytest.approx(whole, abs=1e-6)
    assert np.abs(by_torch(scan, 32, 8) - whole).max() > 1e-4


def test_equal_means_every_bit(tmp_path: Path) -> None:
    one, other = tmp_path / "one.npy", tmp_path / "other.npy"
    x = np.random.default_rng(1).random((1, 3, 300, 7), np.float32)
    np.save(one, x)
    np.save(other, x)
    assert tiled.difference(one, other) == 0
    x[0, 2, 290, 3] += 0.5
    np.save(other, x)
    assert tiled.difference(one, other) == pytest.approx(0.5, rel=0.1)
    x = np.zeros((1, 4, 4, 3), np.float32)
    np.save(one, x + 1)
    np.save(other, x + 1 - np.float32(1e-7))
    assert 0 < tiled.difference(one, other) < 1e-6


HOLD = "x = b'1' * (300 << 20); print(len(x)); import time; time.sleep({seconds})"


@pytest.mark.skipif(sys.platform != "linux", reason="watches by /proc")
def test_a_command_is_watched_and_killed(tmp_path: Path) -> None:
    found = watched([sys.executable, "-c", HOLD.format(seconds=300)], tmp_path, kill_after=4)
    assert found.killed
    assert 4 < found.seconds < 100
    assert 300 << 20 < found.peak_bytes < 400 << 20
    ended = watched([sys.executable, "-c", "print('done')"], tmp_path, kill_after=60)
    assert (ended.killed, ended.out) == (False, "done\n")
    with pytest.raises(Failed, match="bad news"):
        watched([sys.executable, "-c", "exit('bad news')"], tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="watches by /proc")
def test_what_a_command_starts_counts(tmp_path: Path) -> None:
    inner = HOLD.format(seconds=1)
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    found = watched([sys.executable, "-c", program], tmp_path)
    assert found.peak_bytes > 300 << 20


STREAMED = Streamed("vgg", 112, 8, 9.7, 10.0, 5)
CLUSTERED = Clustered("vgg", 112, 3, 10.0, 10.8, True, 5)
IMAGES = (
    Tiled("3x64x64", "convspec precise", 0, 2.0, 100.0),
    Tiled("3x64x64", "convspec precise", 16, 2.5, 50.0, 0.0),
    Tiled("3x64x64", "torch", 16, 5.0, 80.0, 3e-7),
)
LARGE = LargeArray(20.0, 25440, 500.0, None, 40.0, 300.0, 20.0, 80, 39, 21.0, True, True)


def results(**parts: object):
    text = (ROOT / "tests/benchmarks/report/results.json").read_text(encoding="utf-8")
    empty = dict.fromkeys(("rows", "scaling", "memory", "processes", "starts", "reviews"), ())
    return replace(from_json(text), **{**empty, **parts})


SIZES = (
    ManySizes("fcn", 200, "convspec fast", 1.5, 1.0, 0.0),
    ManySizes("fcn", 200, "convspec precise", 2.0, 2.0, 2e-6),
    ManySizes("fcn", 200, "onnxruntime", 3.0, 2.5, 1e-6),
    ManySizes("vgg", 200, "convspec fast", 1.0, 1.0, 0.0),
    ManySizes("vgg", 200, "onnxruntime", 2.0, 2.0, 0.5),
)


def test_the_tables() -> None:
    found = results(
        streamed=(STREAMED,), clustered=(CLUSTERED,), tiled=IMAGES, lengths=SIZES, large=(LARGE,)
    )
    cells = {name: table.cells for name, table in scale_tables(found)}
    assert cells == {
        "streaming": (
            ("vgg, 112 samples, batches of 8", "9.70", "10.00", "0.970", "0.95: met"),
        ),
        "tiled": (
            ("3x64x64, whole, convspec precise", "2.0", "", "100", ""),
            ("3x64x64, tiles of 16, convspec precise", "2.5", "2.00", "50", "equal bit for bit"),
            ("3x64x64, tiles of 16, torch", "5.0", "", "80", "3e-07"),
        ),
        "lengths": (
            ("fcn, 200 sizes, convspec fast", "1500", "1000", "2.00", "2.50"),
            ("fcn, 200 sizes, convspec precise", "2000", "2000", "1.50", "1.25"),
            ("fcn, 200 sizes, onnxruntime", "3000", "2500", "", ""),
            ("vgg, 200 sizes, convspec fast", "1000", "1000", "", ""),
            ("vgg, 200 sizes, onnxruntime, wrong by 5e-01", "2000", "2000", "", ""),
        ),
        "cluster": (
            ("vgg, 112 samples, 3 workers", "10.00", "10.80", "1.080", "the same",
             "at most 1.1: met"),
        ),
        "large": (
            ("20 GB, 25,440 samples, 500 MiB on disk", "40.0", "20.0, 39 of 80 tasks",
             "21.0", "300", "equal",
             "equal within 1024 MiB: met"),
        ),
    }  # fmt: skip
    assert bars_line(found) == "3 of 3 bars met"


@pytest.mark.parametrize(
    "parts",
    [
        {"streamed": (replace(STREAMED, files_s=11.0),)},
        {"clustered": (replace(CLUSTERED, cluster_s=11.1),)},
        {"clustered": (replace(CLUSTERED, same=False),)},
        {"large": (replace(LARGE, equal=False),)},
        {"large": (replace(LARGE, varied=False),)},
        {"large": (replace(LARGE, done=0),)},
        {"large": (replace(LARGE, done=80),)},
        {"large": (replace(LARGE, killed_after_s=None),)},
        {"large": (replace(LARGE, peak_mib=1100.0),)},
    ],
)
def test_what_is_not_met(parts: dict[str, object]) -> None:
    assert bars_line(results(**parts)) == "0 of 1 bars met"


def test_a_page_is_filled() -> None:
    page = "a\n<!-- figures: streaming -->\nold\n<!-- end of figures -->\nb\n"
    page += "<!-- figures: large -->\n<!-- end of figures -->\n"
    once = filled(page, results(streamed=(STREAMED,)))
    assert "old" not in once
    assert once.startswith("a\n<!-- figures: streaming -->\n\n| median s ")
    assert f"<!-- figures: large -->\n\n{MISSING}\n\n<!-- end of figures -->\n" in once
    assert filled(once, results(streamed=(STREAMED,))) == once


def test_the_page_of_the_docs_shows_its_figures() -> None:
    """``python -m benchmarks --scale docs/scale.md`` writes both."""
    figures = PAGE.with_suffix(".json")
    found = from_json(figures.read_text(encoding="utf-8")) if figures.exists() else None
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, found) == page


def test_sizes_are_different_and_fit() -> None:
    for one in many_sizes.CASES:
        shapes = many_sizes.shapes_of(one, 200)
        assert len(set(shapes)) == 200
        assert all(one.least <= n <= one.most for shape in shapes for n in shape[2:])
        assert {shape[:2] for shape in shapes} == {one.case.shape[:2]}


def test_contenders_of_any_length_compute_the_same() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    able, _ = present(("convspec", "onnxruntime"))
    _, found = next(many_sizes.many_sizes(able, 1, many_sizes.Sizes(3, 1)))
    assert [one.contender for one in found] == [
        "convspec fast",
        "convspec precise",
        "onnxruntime",
    ]
    assert all(one.difference < 1e-4 and one.first_s > 0 < one.second_s for one in found)
