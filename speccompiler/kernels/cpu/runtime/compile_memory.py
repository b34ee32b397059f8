"""The memory that compiling takes: how many processes there is room for, and when there is none.

Measured with numba 0.66 on Linux: importing it and compiling the kernels of ResNet-50 adds
130 MiB to a process that runs a model; a process that only compiles takes 210 MiB.
"""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.planning.memory_limits import available_text, memory_text
from speccompiler.system.available_memory import available_memory, tightest_room
from speccompiler.system.threads import default_threads

HERE_BYTES = 150 << 20
"""What compiling adds to the process that runs the model."""
PROCESS_BYTES = 250 << 20
"""What a process takes that only compiles."""
MOST_PROCESSES = 8


def processes_beside(threads: int) -> int:
    """How many processes may help one that compiles: for as many threads, and in this memory."""
    room = (available_memory() - HERE_BYTES) // PROCESS_BYTES
    return max(0, min(threads - 1, default_threads() - 1, MOST_PROCESSES - 1, room))


def processes_alone(left_free: int) -> int:
    """How many processes may compile for nobody who waits, with some bytes left to others."""
    room = (available_memory() - left_free) // PROCESS_BYTES
    return max(0, min(default_threads(), MOST_PROCESSES, room))


def check_room_to_compile(kernels: int, held: int) -> None:
    """Raise ``Problem`` CS130 where ``kernels`` cannot be compiled.

    ``held`` are bytes that the run takes afterwards, because what compiling took is not given back.
    """
    room = tightest_room()
    if HERE_BYTES + held <= room.left:
        return
    compiled = "1 kernel is" if kernels == 1 else f"{kernels} kernels are"
    raise Problem(
        "CS130",
        f"{compiled} to be compiled first, which with the run needs "
        f"{memory_text(HERE_BYTES + held)} of memory; {available_text(room)}",
        "run `convspec compile --all` where there is more, with the same cache "
        "($CONVSPEC_CACHE_DIR), or install a wheel that brings the kernels",
    )
