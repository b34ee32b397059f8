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

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from types import ModuleType

import numba
import numpy as np

Kernel = Callable[..., None]


def cache_folder() -> Path | None:
    """``$CONVSPEC_CACHE_DIR``, or the user's cache folder; None where it cannot be used.

    What lies in it is run, so it has to be the user's own and writable by nobody else.
    """
    configured = os.environ.get("CONVSPEC_CACHE_DIR")
    if configured:
        folder = Path(configured)
    else:
        import platformdirs

        folder = platformdirs.user_cache_path("convspec")
    kernels = folder / "kernels"
    try:
        kernels.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=kernels) as file:
            file.write(b"x")
    except OSError:
        return None
    return folder if _is_private(kernels) else None


def _is_private(folder: Path) -> bool:
    """Whether only this user can have put something there (always so where ids are unknown)."""
    if not hasattr(os, "geteuid"):
        return True
    status, user = folder.stat(), os.geteuid()
    if status.st_uid != user or status.st_mode & 0o022:
        return False
    # numba makes this one by the umask; inside a folder that only its owner enters, any
    # mode will do.
    inner = folder / "__pycache__"
    if not inner.exists():
        return True
    reachable = status.st_mode & 0o011
    found = inner.stat()
    return found.st_uid == user and not (reachable and found.st_mode & 0o022)


@cache
def load_kernel(kernel: str, text: str) -> Kernel:
    """The jitted function of a kernel's text, compiled or found in the cache."""
    versions = f"numba {numba.__version__}, Python {sys.version_info[:2]}"
    vocabulary = (resources.files(__package__) / "simd.py").read_text(encoding="utf-8")
    content = "\n".join([versions, vocabulary, text])
    digest = hashlib.sha256(content.encode()).hexdigest()[:24]
    name = f"convspec_{kernel}_{digest}"
    folder = cache_folder()
    if folder is not None:
        path = folder / "kernels" / f"{name}.py"
        try:
            _write_once(path, text)
            return _compiled(name, text, path)
        except Exception:
            # A damaged entry (cut off, or from another build) or a full disk: the next
            # process starts afresh, and this one does without.
            for entry in (path.parent / "__pycache__").glob(f"{name}*"):
                entry.unlink(missing_ok=True)
    return _compiled(name, text.replace("cache=True", "cache=False"), Path(f"<{name}>"))


def _compiled(name: str, text: str, path: Path) -> Kernel:
    """The function of a module's text. numba finds its cache by ``path``."""
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    # The text at hand is what runs, not a .pyc that may lie beside the file.
    exec(compile(text, str(path), "exec"), module.__dict__)
    function: Kernel = module.__dict__["kernel"]
    # No samples and no tasks: compiles it, or loads it, and does nothing else.
    empty, geometry = np.zeros(0, np.float32), np.ones(32, np.int64)
    function(0, 0, 0, empty, empty, empty, empty, geometry, empty)
    return function


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
