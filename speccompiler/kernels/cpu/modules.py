"""Kernels as Python modules in a per-user cache.

numba caches a function beside the file that holds it, keyed by that file's name and
time, and does not see changes in other files. So each kernel becomes a readable module
whose name is a hash of its text, of the vector vocabulary that it imports and of the
versions that matter: the next process finds the compiled code, and a changed kernel never
meets old code. Two
processes may write the same module at once: both write the same text, and the
rename is atomic.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numba

Kernel = Callable[..., None]


def cache_folder() -> Path:
    """``$CONVSPEC_CACHE_DIR``, or the user's cache folder; a temporary one if unwritable."""
    configured = os.environ.get("CONVSPEC_CACHE_DIR")
    if configured:
        folder = Path(configured)
    else:
        import platformdirs

        folder = platformdirs.user_cache_path("convspec")
    try:
        (folder / "kernels").mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder / "kernels"):
            return folder
    except OSError:
        return _temporary_folder()


@cache
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="convspec-"))
    (folder / "kernels").mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def load_kernel(kernel: str, text: str) -> Kernel:
    """The jitted function of a kernel's text; its first call compiles it, or finds it cached."""
    versions = f"numba {numba.__version__}, Python {sys.version_info[:2]}"
    vocabulary = (resources.files(__package__) / "simd.py").read_text(encoding="utf-8")
    content = "\n".join([versions, vocabulary, text])
    digest = hashlib.sha256(content.encode()).hexdigest()[:24]
    name = f"convspec_{kernel}_{digest}"
    path = cache_folder() / "kernels" / f"{name}.py"
    _write_once(path, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    function: Any = module.kernel
    return function  # type: ignore[no-any-return]


def _write_once(path: Path, text: str) -> None:
    """Write unless the same text is there; a rewrite would change the time numba keys by."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
