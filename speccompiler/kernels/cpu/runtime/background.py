"""The library of kernels, compiled once for all models, after the commands that began it.

Where no wheel brought machine code, the first command that needs some starts a process for the
rest. It is of lowest priority, writes to no terminal, goes on when the command has ended, and ends
when all is made. A lock lets only one work for a cache, and a mark beside the kernels says how far
it came: nobody begins again within the hour, whatever went wrong. ``$CONVSPEC_BACKGROUND`` 0
switches it off.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from speccompiler.kernels.cpu.runtime.compile_memory import processes_alone
from speccompiler.kernels.cpu.runtime.kernel_cache import brought, is_kept, vocabulary
from speccompiler.system import facilities
from speccompiler.system.cache import PREFIX, cache_folder, cache_root, keeps, write_entry
from speccompiler.system.processor import Level, host_level
from speccompiler.system.subprocesses import serving

SWITCH = "CONVSPEC_BACKGROUND"
COMPLETE, BEGUN = b"every kernel of the library was compiled\n", b"the library is compiled\n"
AGAIN_AFTER = 3600.0
"""Seconds after which a process that came to no end counts as dead."""
FREE_BYTES = 1 << 30
"""Memory that is left to others."""


def compile_the_rest() -> None:
    """See to it that the whole library will be there some time."""
    level = host_level()
    if brought(level) is None and os.environ.get(SWITCH) != "0":
        _begin(level, cache_root())


@cache
def _begin(level: Level, root: Path) -> None:
    """Start the process, unless it has been started; once for a cache."""
    mark = mark_of(level)
    if mark is None or not facilities.BACKGROUND.here or not sys.executable:
        return
    if _is_done(mark) or not keeps("kernels") or not processes_alone(FREE_BYTES):
        return
    import subprocess

    nothing = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        child = subprocess.Popen(
            # Where it works, the paths of this process lead elsewhere.
            **serving(__name__, CONVSPEC_CACHE_DIR=str(root.absolute())),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            cwd=os.sep,
            start_new_session=True,
        )
        # Somebody has to ask how it ended, where this process lives longer.
        threading.Thread(target=child.wait, name="convspec background", daemon=True).start()


def compile_library(threads: int) -> tuple[int, int]:
    """Compile the library here and now; how many kernels were missing, and how many were there."""
    from speccompiler.kernels.cpu.library import library
    from speccompiler.kernels.cpu.runtime.compile_ahead import compile_ahead

    level = host_level()
    wanted = library(level.lanes)
    # From the end: a process in the background may be on its way from the beginning.
    missing = [one for one in reversed(wanted) if not is_kept(*one)]
    if missing:
        compile_ahead(missing, threads)
    mark = mark_of(level)
    if mark is not None:
        write_entry(mark, [COMPLETE])
    return len(missing), len(wanted) - len(missing)


def mark_of(level: Level) -> Path | None:
    """The file that says how far the library of a level is; None where nothing can be kept."""
    folder = cache_folder("kernels")
    key = hashlib.sha256(f"{vocabulary(level)}\n{level.key}".encode()).hexdigest()[:24]
    return None if folder is None else folder / f"{PREFIX}library_{key}.txt"


def _is_done(mark: Path) -> bool:
    """Whether nothing is to be done now."""
    try:
        if mark.read_bytes() == COMPLETE:
            return True
        return time.time() - mark.stat().st_mtime < AGAIN_AFTER
    except OSError:
        return False


def serve() -> None:
    """In the process: compile what is missing, unless another process does."""
    _give_way()
    level = host_level()
    mark = mark_of(level)
    with _alone() as alone:
        if mark is None or not alone or _is_done(mark):
            return
        from speccompiler.kernels.cpu.library import library
        from speccompiler.kernels.cpu.runtime.compile_ahead import compile_ahead

        # First the mark: where nothing can be done now, the next command need not find that out.
        processes = processes_alone(FREE_BYTES) if write_entry(mark, [BEGUN]) else 0
        if processes:
            wanted = library(level.lanes)
            compile_ahead([one for one in wanted if not is_kept(*one)], processes)
            if all(is_kept(*one) for one in wanted):
                write_entry(mark, [COMPLETE])


def _give_way() -> None:
    """Run only when a processor has nothing else to do, as far as the system can say that."""
    os.nice(19)
    if facilities.IDLE_TIME.here:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextlib.contextmanager
def _alone() -> Iterator[bool]:
    """Whether this is the only process that compiles a library for the cache."""
    import fcntl

    with contextlib.ExitStack() as open_files:
        try:
            file = open_files.enter_context(open(cache_root() / "compiling.lock", "wb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            # The lock ends with the process, however that ends.
            yield True
