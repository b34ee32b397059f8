"""The GPU's benchmark runs; its figures mean nothing here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks import cuda, cuda_contenders, cuda_limits
from benchmarks.cases import Case, Conv, Pool
from benchmarks.cuda_cases import NETWORKS, cases
from benchmarks.cuda_limits import gpu_limits
from benchmarks.geometry import output_shape
from speccompiler.kernels.cuda.runtime import tuning
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.kernels.cuda.tiles import Tile


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch):
    monkeypatch.setattr(cuda_limits, "THREADS", 4)
    monkeypatch.setattr(cuda_limits, "TRIES", 1)


def with_two_that_are_out(case):
    """convspec's, one that fails as a compiler may, and one whose numbers are others."""
    first, second = cuda_contenders.contenders(case)

    def fail():
        raise RuntimeError("no compiler")

    yield from (first, second)
    yield replace(first, name="broken", whole=fail)
    yield replace(first, name="other", output=lambda: 2 * first.output())


def test_a_case_is_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tuning, "TILES", (Tile(16, 16, 8, 4, 4),))
    monkeypatch.setattr(cuda, "gpu_limits", lambda device: gpu_limits(device, 2, 64))
    monkeypatch.setattr(cuda, "torch_is_there", lambda: False)
    monkeypatch.setattr("benchmarks.cuda_contenders.torch_is_there", lambda: False)
    monkeypatch.setattr("benchmarks.measuring.ROUNDS", 1)
    monkeypatch.setattr("benchmarks.measuring.WARM_SECONDS", 0)
    monkeypatch.setattr(cuda, "contenders", with_two_that_are_out)
    tiny = Case("tiny b2", (Conv(4), Pool()), (2, 3, 2, 2))
    monkeypatch.setattr(cuda, "cases", lambda words, batches: (tiny,))
    result = CliRunner().invoke(cuda.main, ["--seconds", "0"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "a simulated GPU, compute capability 7.5" in result.output
    assert "torch with CUDA is not installed: convspec alone" in result.output
    rows = [line.split() for line in result.output.splitlines() if line.startswith("tiny")]
    assert [row[2:4] for row in rows[:2]] == [["convspec", "precise"], ["convspec", "fast"]]
    assert all(row[-1].endswith("%") for row in rows[:2])
    assert [row[2:] for row in rows[2:]] == [["broken", "failed:", "RuntimeError"],
                                             ["other", "wrong"]]  # fmt: skip


def test_the_cases_are_sound():
    assert len(cases()) == 3 * len(cases(batches=(1,)))
    assert [c.shape[0] for c in cases(("vgg16",))] == [1, 8, 64]
    assert output_shape(NETWORKS[1]) == (1, 1000)


def test_limits_are_those_of_the_device():
    found = gpu_limits(SimulatedDevice(), 1, 64)
    assert found.gflops > 0 and found.gbps > 0  # noqa: PT018
