"""What is refused for want of memory (CS130)."""

from __future__ import annotations

from collections.abc import Callable

from speccompiler.diagnostics.core import Problem
from speccompiler.planning.plan import Plan
from speccompiler.system.available_memory import Room, tightest_room

WITHIN_REACH = 1000
"""A sample that needs more than so many times the memory is hopeless."""


def check_memory(
    plan: Plan,
    batch_size: int,
    needed: int,
    *,
    loaded: bool = False,
    can_be_cut: Callable[[], bool] = lambda: False,
) -> None:
    """Raise ``Problem`` CS130, with both figures, where there are no ``needed`` bytes.

    Where the weights are ``loaded``, neither they nor what they were packed from is needed again.
    ``can_be_cut`` is asked where a sample is too large: whether it can be run in tiles.
    """
    room = tightest_room()
    if needed <= room.left:
        return
    weights = (
        " beside the weights" if loaded else f" ({memory_text(plan.weight_bytes)} for weights)"
    )
    if plan.weight_bytes < needed // 100:
        weights = ""
    packing = 0 if loaded else plan.weight_bytes + plan.stored_bytes
    hint = _smaller_batch(packing, batch_size, needed, room)
    # Tiles make a sample smaller, not the weights; nor do they help where nothing would.
    if hint is None and packing < room.left and needed < WITHIN_REACH * room.left and can_be_cut():
        hint = "run it in tiles: --tile auto, or run_tiled in Python"
    raise Problem(
        "CS130",
        f"a batch of {batch_size} needs {memory_text(needed)} of memory{weights}; "
        f"{available_text(room)}",
        hint or _too_large(room),
    )


def _smaller_batch(weights: int, batch_size: int, needed: int, room: Room) -> str | None:
    """The batch that would fit beside the weights; None where that would not help."""
    per_sample = max(1, -((weights - needed) // batch_size))
    fits = (room.left - weights) // per_sample
    if batch_size > 1 and fits > 0:
        return f"use --batch-size {fits} or less" if fits > 1 else "use --batch-size 1"
    if batch_size > 1 and needed > 2 * weights:
        return "use a smaller --batch-size"
    return None


def _too_large(room: Room) -> str:
    if room.limit is not None:
        return "the model is too large for this limit: raise it"
    return "the model is too large for this machine"


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
