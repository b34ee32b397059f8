"""Every CUDA kernel compiled and assembled for GPUs that are not there.

Needs the extra cuda13 or cuda12, 200 MB of wheels, which ``make test-cuda-ptx`` installs.
Registers and spills are in ``registers.txt``. ``compiled.txt`` lists the texts that passed, and
``test_compiled_texts.py``, which needs no compiler, holds that no text has changed since.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda import table
from speccompiler.kernels.cuda.launches import Launch
from speccompiler.kernels.cuda.runtime.compiler import (
    CAPABILITIES,
    assemble,
    compile_ptx,
    toolkit_version,
)
from speccompiler.kernels.cuda.runtime.cubins import load_cubin, version
from speccompiler.kernels.cuda.runtime.gpus import toolkit_major
from speccompiler.kernels.cuda.tiles import TILES
from tests.kernels.cuda.compiled_texts import COMPILED, digests, kinds_of_texts
from tests.kernels.cuda.cuda_kernels import kernels

GOLDEN = Path(__file__).parent / "registers.txt"
KERNELS = dict(kernels())
needs_extra = pytest.mark.skipif(
    toolkit_major() is None, reason="numba-cuda is not installed: make test-cuda-ptx"
)
SLACK = 24
"""Registers by which another release of the assembler may differ."""


def toolchain() -> str:
    return f"numba-cuda {version('numba-cuda')}, CUDA {'.'.join(map(str, toolkit_version()))}"


def row(name: str, registers: dict[str, tuple[int, int]]) -> str:
    cells = "".join(f"{used:>6}{spilled:>6}" for used, spilled in registers.values())
    return f"{name:<34}{cells}"


@pytest.fixture(scope="module")
def golden_rows() -> dict[str, str]:
    lines = GOLDEN.read_text().splitlines() if GOLDEN.exists() else []
    return {line[:34].strip(): line for line in lines[3:]}


def ptx_of(kernel: Launch, capability: tuple[int, int]) -> str:
    return compile_ptx(kernel.text, capability, kernel.threads, kernel.resident)


@needs_extra
@pytest.mark.parametrize("name", KERNELS)
def test_registers_and_spills(name: str, golden_rows: dict[str, str], request) -> None:
    kernel = KERNELS[name]
    found = {}
    for capability in CAPABILITIES:
        ptx = ptx_of(kernel, capability)
        assert f".target sm_{capability[0]}{capability[1]}" in ptx
        # float64 is up to 64 times slower, and one literal would bring it in. CUDA's sine of
        # very large numbers needs it, and memory for its digits.
        assert (".f64" in ptx) == (".local" in ptx) == (name == "map all functions")
        cubin = assemble(ptx, capability)
        assert cubin.code[:4] == b"\x7fELF"
        found[str(capability)] = cubin.registers, cubin.spills
    line = row(name, found)
    if request.config.getoption("--update-golden"):
        _update(golden_rows, name, line)
    elif GOLDEN.read_text().splitlines()[0] == toolchain():
        assert line == golden_rows[name], "make test-cuda-ptx UPDATE=1 accepts it"
    else:
        numbers = [int(n) for n in golden_rows[name][34:].split()]
        for (used, spilled), (was, spilt) in zip(
            found.values(), zip(numbers[::2], numbers[1::2], strict=True), strict=True
        ):
            assert used <= min(255, was + SLACK)
            assert spilled <= spilt + 4 * SLACK


def _update(rows: dict[str, str], name: str, line: str) -> None:
    rows[name] = line
    heads = "".join(f"{f'sm_{major}{minor}':>12}" for major, minor in CAPABILITIES)
    columns = "".join(f"{'regs':>6}{'spill':>6}" for _ in CAPABILITIES)
    head = [toolchain(), f"{'':<34}{heads}", f"{'kernel':<34}{columns}"]
    GOLDEN.write_text("\n".join([*head, *(rows[n] for n in KERNELS if n in rows), ""]))


KINDS = kinds_of_texts() if toolkit_major() is not None else {}


@needs_extra
@pytest.mark.parametrize("name", KINDS)
def test_the_kernels_of_every_layer_are_typed(name: str) -> None:
    """numba's types are stricter than the simulator's. Assembled they are above."""
    launch = KINDS[name]
    ptx = compile_ptx(launch.text, (7, 5), launch.threads, launch.resident)
    assert ".entry kernel(" in ptx
    assert ".f64" not in ptx
    # A thread's number in 32 bits would wrap in tensors of more than 2**31 values.
    assert "%ntid.x" not in ptx or "mul.wide.s32" in ptx


@needs_extra
def test_loads_and_stores_are_wide() -> None:
    kernel = KERNELS[f"conv {TILES[0]}"]
    ptx = ptx_of(kernel, (8, 0))
    assert len(re.findall(r"ld\.global(\.nc)?\.v4\.f32", ptx)) >= 3  # input, weights, bias
    assert "ld.shared.v4.f32" in ptx
    assert "st.shared.v4.f32" in ptx
    assert "st.global.v4.f32" in ptx
    assert ptx.count("fma.rn.f32") % (TILES[0].tall * TILES[0].wide) == 0
    assert "bar.sync" in ptx


@needs_extra
@pytest.mark.parametrize("tile", TILES, ids=str)
def test_tiles_fit_into_shared_memory_and_registers(tile) -> None:
    """48 KiB without asking for more, and as many blocks as ``resident`` says."""
    kernel = KERNELS[f"conv {tile}"]
    ptx = ptx_of(kernel, (7, 5))
    shared = re.search(r"\.shared \.align 16 \.b8 \w+\[(\d+)\]", ptx)
    assert shared is not None
    assert int(shared[1]) == 8 * tile.slab <= 48 << 10
    assert kernel.resident * int(shared[1]) <= 64 << 10
    assert assemble(ptx, (7, 5)).registers * kernel.threads * kernel.resident <= 1 << 16


@needs_extra
def test_machine_code_is_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    kernel = KERNELS["copy"]
    made = load_cubin(kernel.text, (8, 0), kernel.threads, 1)
    (file,) = (tmp_path / "kernels").glob("*.cubin")
    assert file.read_bytes().endswith(made)
    import speccompiler.kernels.cuda.runtime.compiler as compiler

    monkeypatch.setattr(compiler, "compile_ptx", None)  # not needed again
    assert load_cubin(kernel.text, (8, 0), kernel.threads, 1) == made
    monkeypatch.undo()
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert load_cubin(kernel.text, (8, 0), kernel.threads, 1).startswith(b"\x7fELF")
    assert not file.read_bytes().endswith(b"?")
    load_cubin(kernel.text, (9, 0), kernel.threads, 1)
    assert len(list((tmp_path / "kernels").glob("*.cubin"))) == 2


@needs_extra
def test_a_gpu_that_the_assembler_does_not_know_yet() -> None:
    kernel = KERNELS["copy"]
    with pytest.raises(Problem) as caught:
        load_cubin(kernel.text, (99, 0), kernel.threads, 1)
    assert caught.value.code == "CS133"
    assert caught.value.message.endswith("makes no code for compute capability 99.0")
    assert f"convspec[cuda{toolkit_major()}]" in str(caught.value.hint)


@needs_extra
def test_ptxas_by_itself_takes_it_too(tmp_path) -> None:
    """The assembler of a CUDA toolkit on PATH, where it is as new as the compiler."""
    ptxas = shutil.which("ptxas")
    if ptxas is None:
        pytest.skip("no ptxas on PATH; nvJitLink has assembled the kernels")
    (tmp_path / "k.ptx").write_text(ptx_of(KERNELS["copy"], (8, 0)))
    done = subprocess.run(
        [ptxas, "-arch=sm_80", str(tmp_path / "k.ptx"), "-o", str(tmp_path / "k.cubin")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unsupported .version" in done.stderr + done.stdout:
        pytest.skip("ptxas on PATH is older than the compiler; nvJitLink has assembled them")
    assert done.returncode == 0, done.stderr


def test_the_table_has_every_kernel_and_tile() -> None:
    launched = {launch.name for launch in KERNELS.values()}
    winograd = {"winograd in", "winograd out"}
    assert launched == {*(kernel.name for kernel in table.KERNELS), "copy", "sum", *winograd} - {
        "winograd"
    }
    assert all(f"conv {tile}" in KERNELS for tile in TILES)


@needs_extra
def test_the_list_of_compiled_texts(request) -> None:
    """Written when all that stands above has passed, so it stays the last test."""
    if request.config.getoption("--update-golden"):
        assert request.session.testsfailed == 0, "what failed is not listed as compiled"
        COMPILED.write_text("\n".join([toolchain(), *sorted(digests().values()), ""]))
    assert set(COMPILED.read_text().splitlines()[1:]) == set(digests().values())
