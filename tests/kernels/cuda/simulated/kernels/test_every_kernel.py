"""No kernel is without a test here. ``test_ptx`` compiles them all."""

from __future__ import annotations

from pathlib import Path

from speccompiler.kernels.cuda.table import KERNELS


def test_every_kernel_has_a_file_of_tests():
    """``pool.py`` has ``test_pool.py``."""
    modules = {kernel.work.__module__.split(".")[-1] for kernel in KERNELS}
    files = {file.stem for file in Path(__file__).parent.glob("test_*.py")}
    assert {f"test_{module}" for module in modules} <= files
    assert len(modules) == len(KERNELS), "one file is one kernel"
