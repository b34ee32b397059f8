"""The cache is used only where nobody else can write."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("mode", "private"), [(0o700, True), (0o755, True), (0o775, False), (0o777, False)]
)
def test_a_cache_is_used_only_where_nobody_else_writes(tmp_path, mode, private):
    from speccompiler.system.cache import is_private

    tmp_path.chmod(mode)
    assert is_private(tmp_path) is private


def test_a_shared_umask_keeps_the_cache(tmp_path):
    """With umask 002 new folders would be writable by the group; the cache is used all the same."""
    import os
    import subprocess
    import sys

    code = (
        "import os; os.umask(0o002)\n"
        "from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel\n"
        "from speccompiler.kernels.cpu.softmax import source\n"
        "load_kernel('softmax', source(4))\n"
    )
    environment = {**os.environ, "CONVSPEC_CACHE_DIR": str(tmp_path)}
    times = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        times.append([(path, path.stat().st_mtime_ns) for path in sorted(tmp_path.rglob("*.*"))])
    assert [path.suffix for path, _ in times[0]] == [".o", ".py"]
    assert times[0] == times[1]
