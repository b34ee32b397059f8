"""What is refused for want of memory (CS130)."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.planning.plan import Plan
from speccompiler.system.available_memory import Room, tightest_room


def check_memory(plan: Plan, batch_size: int, needed: int) -> None:
    """Raise ``Problem`` CS130, with both figures, where there are no ``needed`` bytes."""
    room = tightest_room()
    if needed <= room.left:
        return
    per_batch = needed - plan.weight_bytes
    weights = f" ({memory_text(plan.weight_bytes)} for weights)"
    if plan.weight_bytes < needed // 100:
        weights = ""
    hint = "the model is too large for this machine"
    if room.limit is not None:
        hint = "the model is too large for this limit: raise it"
    if batch_size > 1 and per_batch > plan.weight_bytes:
        hint = "use a smaller --batch-size"
    raise Problem(
        "CS130",
        f"a batch of {batch_size} needs {memory_text(needed)} of memory{weights}; "
        f"{available_text(room)}",
        hint,
    )


def available_text(room: Room) -> str:
    """What is there, and whose limit that is."""
    available = f"{memory_text(room.left)} are available"
    if room.limit is None:
        return available
    return f"{available}, of the {memory_text(room.limit)} that {room.source} allows"


def memory_text(count: int) -> str:
    """A memory size for people: ``1.5 GiB``, ``512 MiB``."""
    if count < 1 << 30:
        return f"{count / 2**20:.0f} MiB"
    return f"{count / 2**30:,.1f} GiB"
