"""No kernel is without a test here. ``test_ptx`` compiles them all."""

from __future__ import annotations

from pathlib import Path

from speccompiler.kernels.cuda.table import KERNELS


def test_every_kernel_has_a_file_of_tests():
    """``pool.py`` has ``test_pool.py``."""
    modules = {kernel.work.__module__.split(".")[-1] for kernel in KERNELS}
    files = {file.stem for file in Path(__file__).parent.glob("test_*.py")}
    missing = sorted(f"test_{module}.py" for module in modules if f"test_{module}" not in files)
    assert not missing, f"add to {Path(__file__).parent}: {', '.join(missing)}"
    assert len(modules) == len(KERNELS), "one file is one kernel"
