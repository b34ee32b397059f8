"""What is refused for want of memory (CS130)."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.planning.plan import Plan
from speccompiler.system.available_memory import available_memory


def check_memory(plan: Plan, batch_size: int, needed: int) -> None:
    """Raise ``Problem`` CS130, with both figures, where the machine has no ``needed`` bytes."""
    available = available_memory()
    if needed <= available:
        return
    per_batch = needed - plan.weight_bytes
    weights = f" ({gibibytes(plan.weight_bytes)} for weights)"
    if plan.weight_bytes < needed // 100:
        weights = ""
    raise Problem(
        "CS130",
        f"a batch of {batch_size} needs {gibibytes(needed)} of memory{weights}; "
        f"{gibibytes(available)} are available",
        "use a smaller --batch-size"
        if batch_size > 1 and per_batch > plan.weight_bytes
        else "the model is too large for this machine",
    )


def gibibytes(count: int) -> str:
    """A memory size for people."""
    return f"{count / 2**30:,.1f} GiB"
