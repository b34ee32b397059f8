"""The driver interface, against a library that does on the host what a GPU's would."""

from __future__ import annotations

import ctypes
import gc
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from speccompiler.cli.main import convspec
from speccompiler.diagnostics.core import SpecError
from speccompiler.kernels.cuda.runtime import cuda_device, driver, gpus
from tests.cases import build

SOURCE = Path(__file__).with_name("fake_libcuda.c")
COMPILER = shutil.which("cc") or shutil.which("gcc")
TOOLKIT = Path("/usr/local/cuda/include")


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("the fake driver needs a C compiler on Linux")
    file = tmp_path_factory.mktemp("fake") / "libfakecuda.so"
    include = [f"-I{TOOLKIT}"] if TOOLKIT.is_dir() else []
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-w", "-o", str(file), *include, str(SOURCE)], check=True
    )
    return file


@pytest.fixture
def fake(library, monkeypatch):
    """A machine with the extra and one GPU; the returned function says what is alive there."""
    monkeypatch.setattr(driver, "LIBRARY", str(library))
    monkeypatch.setattr(gpus, "toolkit_major", lambda: 13)
    monkeypatch.setattr(cuda_device, "load_cubin", lambda text, *rest: b"copy 15\0")
    gpus.open_driver.cache_clear()
    cuda_device.devices.cache_clear()
    yield ctypes.CDLL(str(library)).fake_live
    gpus.open_driver.cache_clear()
    cuda_device.devices.cache_clear()


@pytest.fixture
def model():
    """One copy of fifteen values."""
    return build([{"type": "Dropout", "p": 0.5, "name": "d"}, {"type": "Flatten"}], (5, 3))


def finding(model, target: str = "cuda"):
    with pytest.raises(SpecError) as caught:
        model.compile(target)
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize("count", [1, 2])
def test_a_batch_goes_there_and_back(fake, model, count, monkeypatch, rng):
    monkeypatch.setenv("FAKE_CUDA_GPUS", str(count))
    gc.collect()
    before = fake()
    compiled = model.compile("cuda", batch_size=5)
    assert len(compiled.executor.devices) == count
    x = rng.standard_normal((12, 5, 3)).astype(np.float32)
    assert np.array_equal(compiled.run(x), x.reshape(12, 15))
    assert np.array_equal(compiled.run(x[:1]), x[:1].reshape(1, 15))
    spent = [0.0]
    out = np.empty((2, 15), np.float32)
    compiled.executor.run_batch([x[:2]], [out], spent)
    assert spent == [2.5e-3]
    assert fake() > before
    del compiled
    gc.collect()
    assert fake() == before


def test_what_is_given_back_leaves_the_present_gpu(fake, monkeypatch):
    """An object of one GPU may die between two calls that are meant for another."""
    monkeypatch.setenv("FAKE_CUDA_GPUS", "2")
    first, second = cuda_device.devices()
    first.use()
    stream = first.stream()
    second.use()
    gc.collect()
    before = fake()
    del stream
    gc.collect()
    assert fake() == before - 1
    mine = second.stream()
    second.wait(second.record(mine))


@pytest.mark.parametrize("count", [1, 2])
def test_memory_is_cut_to_what_is_free(fake, model, monkeypatch, rng, count):
    monkeypatch.setenv("FAKE_CUDA_FREE", "4000")
    monkeypatch.setenv("FAKE_CUDA_GPUS", str(count))
    compiled = model.compile("cuda", batch_size=200)
    assert compiled.executor.piece < 200 // count
    assert len(compiled.executor._lanes) == 2 * count
    x = rng.standard_normal((200, 5, 3)).astype(np.float32)
    assert np.array_equal(compiled.run(x), x.reshape(200, 15))


def test_one_gpu_by_its_number(fake, model, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_GPUS", "3")
    monkeypatch.setenv("FAKE_CUDA_MIXED", "1")
    assert [d.name for d in model.compile("cuda:2").executor.devices] == ["Fake 2"]
    # Only equal ones share a batch.
    assert [d.name for d in model.compile("cuda").executor.devices] == ["Fake 0"]
    found = finding(model, "cuda:3")
    assert found.message == "there is no GPU number 3"
    assert found.hint == "this machine has 3 GPUs, cuda:0 to cuda:2"


def test_without_the_extra(model, monkeypatch):
    monkeypatch.setattr(gpus, "toolkit_major", lambda: None)
    gpus.open_driver.cache_clear()
    cuda_device.devices.cache_clear()
    found = finding(model)
    assert (found.code, found.message) == (
        "CS133",
        "--target cuda needs numba-cuda, which is not installed",
    )
    assert found.hint == (
        "install convspec[cuda13], or convspec[cuda12] for a driver older than 580"
    )


def test_numba_cuda_without_its_compilers(monkeypatch, tmp_path):
    from speccompiler.diagnostics.core import Problem
    from speccompiler.kernels.cuda.runtime.cubins import load_cubin

    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "numba.cuda", None)
    with pytest.raises(Problem) as caught:
        load_cubin("def kernel(x, y, w, b, n):\n    pass\n", (8, 0), 32, 1)
    assert caught.value.code == "CS133"
    assert caught.value.message.startswith(
        "CUDA's compilers cannot be loaded: import of numba.cuda"
    )
    assert str(caught.value.hint).endswith("numba-cuda alone is without them")
    assert not list(tmp_path.rglob("*.cubin"))


def test_without_a_driver(model, monkeypatch, fake):
    monkeypatch.setattr(driver, "LIBRARY", "libcuda.so.none")
    found = finding(model)
    assert (found.code, found.message) == (
        "CS133",
        "no NVIDIA driver was found (libcuda.so.none)",
    )
    assert found.hint == "install the driver of your GPU; the CUDA toolkit is not needed"


def test_with_an_old_driver(fake, model, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_VERSION", "12040")
    found = finding(model)
    assert (found.code, found.message) == (
        "CS133",
        "the NVIDIA driver is too old: it runs CUDA 12.4, and convspec[cuda13] needs 13.0",
    )
    assert found.hint == "update the driver, or install convspec[cuda12]"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("FAKE_CUDA_INIT", "100", "the NVIDIA driver sees no GPU"),
        ("FAKE_CUDA_GPUS", "0", "the NVIDIA driver sees no GPU"),
        ("FAKE_CUDA_INIT", "804",
         "the NVIDIA driver does not start: CUDA_ERROR_OF_THE_FAKE"),
        ("FAKE_CUDA_CAPABILITY", "61",
         "Fake 0 has compute capability 6.1; 7.5 or later is needed"),
    ],
)  # fmt: skip
def test_without_a_usable_gpu(fake, model, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    found = finding(model)
    assert (found.code, found.message) == ("CS133", message)


def test_memory_that_is_gone_after_all(fake, model, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_FULL", "1")
    found = finding(model)
    assert (found.code, found.message) == ("CS134", "the GPU is out of memory")
    assert found.hint == "use a smaller --batch-size"


def test_what_the_gpu_lacks_is_not_said_of_the_weights(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("FAKE_CUDA_FULL", "1")
    weights = tmp_path / "w.npz"
    np.savez(weights, **{"d/W": np.ones((3, 2), np.float32), "d/b": np.ones(2, np.float32)})
    dense = {"type": "Dense", "name": "d", "output_dim": 2}
    assert finding(build([dense], (3,), weights=weights)).file == "t.json"


def test_memory_of_the_host_that_cannot_be_locked(fake, model, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_LOCKED", "1")
    found = finding(model)
    assert (found.code, found.message.partition(" of ")[2]) == (
        "CS134",
        "this machine's memory cannot be page-locked, for copies to the GPU",
    )
    assert found.hint == "use a smaller --batch-size, or allow more with ulimit -l"


def test_a_gpu_that_is_too_old_is_passed_over(fake, model, monkeypatch):
    monkeypatch.setattr("speccompiler.reports.machine.toolkit_major", lambda: 13)
    monkeypatch.setenv("FAKE_CUDA_GPUS", "2")
    monkeypatch.setenv("FAKE_CUDA_MIXED", "1")
    monkeypatch.setenv("FAKE_CUDA_CAPABILITY", "61")
    for target in ("cuda", "cuda:1"):
        assert [d.name for d in model.compile(target).executor.devices] == ["Fake 1"]
    said = "Fake 0 has compute capability 6.1; 7.5 or later is needed"
    assert finding(model, "cuda:0").message == said
    assert doctor().endswith("--target cuda can be used\n")
    cuda_device.devices.cache_clear()
    monkeypatch.setenv("FAKE_CUDA_SECOND", "52")
    assert f"--target cuda cannot be used: {said}; use --target cpu" in doctor()


def test_a_kernel_that_fails(fake, model, monkeypatch):
    compiled = model.compile("cuda")
    for status, name in (("700", "ILLEGAL_ADDRESS"), ("3", "NOT_INITIALIZED")):
        monkeypatch.setenv("FAKE_CUDA_FAILS", status)
        with pytest.raises(SpecError) as caught:
            compiled.run(np.zeros((2, 5, 3), np.float32))
        (found,) = caught.value.diagnostics
        assert (found.code, found.message) == (
            "CS135",
            f"the GPU's driver reports CUDA_ERROR_{name} from cuLaunchKernel",
        )
    assert found.hint.startswith("a process that was forked from one that used the GPU")


def doctor(*arguments: str) -> str:
    result = CliRunner().invoke(convspec, ["doctor", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_doctor_shows_every_gpu(fake, monkeypatch):
    monkeypatch.setattr("speccompiler.reports.machine.toolkit_major", lambda: 13)
    monkeypatch.setenv("FAKE_CUDA_GPUS", "2")
    text = doctor()
    assert (
        "cuda:1     Fake 0, compute capability 9.0, 132 multiprocessors, 8.0 GiB\n"
        "           --target cuda can be used\n"
    ) in text
    assert "cuda       convspec[cuda13], driver for CUDA 13.0\n" in text
    data = json.loads(doctor("--format", "json"))["cuda"]
    assert [gpu["target"] for gpu in data["gpus"]] == ["cuda:0", "cuda:1"]
    assert (data["problem"], data["driver"]) == (None, "13.0")


def test_doctor_says_what_is_missing(fake, monkeypatch):
    monkeypatch.setattr("speccompiler.reports.machine.toolkit_major", lambda: 13)
    monkeypatch.setattr(driver, "LIBRARY", "libcuda.so.none")
    assert doctor().splitlines()[-2:] == [
        "cuda       convspec[cuda13], no driver",
        "           --target cuda cannot be used: no NVIDIA driver was found "
        "(libcuda.so.none); install the driver of your GPU; the CUDA toolkit is not needed",
    ]


def test_doctor_knows_the_machine():
    import os

    import psutil

    data = json.loads(doctor("--format", "json"))
    cpu = data["processor"]
    assert cpu["vector"] in (4, 8, 16)
    assert ("avx512f" in cpu["features"]) == (cpu["vector"] == 16)
    assert 1 <= cpu["threads"] <= cpu["usable"] <= cpu["processors"] == os.cpu_count()
    assert data["memory"]["total"] == psutil.virtual_memory().total
    assert data["cache"]["folder"] == os.environ["CONVSPEC_CACHE_DIR"]
    assert data["packages"]["numpy"] == np.__version__
    text = doctor()
    assert f"threads    {cpu['threads']} of {cpu['processors']} processors" in text
    kernels = f"for {cpu['level']}, vectors of {cpu['vector']} float32 values"
    assert f"kernels    {kernels}\n" in text


def test_doctor_without_caches_that_the_system_tells(tmp_path):
    from speccompiler.reports.machine import _caches

    assert _caches(tmp_path) == []
    for index, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "2048K"),
         ("3", "Unified", "odd")]
    ):  # fmt: skip
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(text + "\n")
    assert _caches(tmp_path) == [("L1", 48 << 10), ("L2", 2048 << 10)]


def test_a_plan_for_a_gpu_needs_none(in_folder_with_spec):
    result = CliRunner().invoke(convspec, ["plan", "m.json", "--target", "cuda"])
    assert result.exit_code == 0
    kernels = [line.split()[1] for line in result.output.split("steps\n")[1].splitlines()[2:5]]
    assert kernels == ["winograd", "pool", "softmax"]
    assert CliRunner().invoke(convspec, ["plan", "m.json", "--target", "cuda:1"]).output == (
        result.output
    )
    precise = CliRunner().invoke(
        convspec, ["plan", "m.json", "--target", "cuda", "--math", "precise"]
    )
    assert "winograd" not in precise.output


def test_compiling_for_a_gpu_needs_weights(in_folder_with_spec):
    result = CliRunner().invoke(convspec, ["compile", "m.json", "--target", "cuda:0"])
    assert result.exit_code == 2
    assert "--target cuda:0 puts weights on the GPU: give them, or --seed" in result.output


@pytest.fixture
def in_folder_with_spec(tmp_path, monkeypatch):
    from tests.cases import spec

    layers = [
        {"type": "Convolution2D", "nb_filter": 256, "nb_row": 3, "nb_col": 3},
        {"type": "MaxPooling2D"},
        {"type": "Flatten"},
        {"type": "Activation", "activation": "softmax"},
    ]
    (tmp_path / "m.json").write_text(spec(layers, [56, 56, 256]))
    monkeypatch.chdir(tmp_path)
