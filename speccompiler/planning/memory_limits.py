"""How many samples a batch has by default, and what is refused for want of memory (CS130)."""

from __future__ import annotations

from math import prod

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import BatchNormalize
from speccompiler.planning.plan import Plan

BATCH_BYTES = 64 << 20
"""What a batch may take where nobody says its size."""
GPU_BATCH_BYTES = 512 << 20
"""What the inputs and outputs of a batch may take where a GPU holds the rest."""
LARGEST_BATCH = 256
KERAS_BATCH = 32
"""The batch of Keras's ``predict``, taken where samples of a batch change each other's numbers."""


def default_batch_size(plan: Plan) -> int:
    """As many samples as fit into ``BATCH_BYTES``."""
    return _batch_size(plan, plan.peak_bytes(1) - plan.weight_bytes, BATCH_BYTES)


def gpu_batch_size(plan: Plan) -> int:
    """As many samples as have their ends in ``GPU_BATCH_BYTES``; a GPU cuts them into pieces."""
    return _batch_size(plan, end_bytes(plan), GPU_BATCH_BYTES)


def _batch_size(plan: Plan, per_sample: int, limit: int) -> int:
    if any(isinstance(node.op, BatchNormalize) for node in plan.graph):
        return KERAS_BATCH
    return max(1, min(LARGEST_BATCH, limit // max(per_sample, 1)))


def end_bytes(plan: Plan) -> int:
    """Bytes of the inputs and the outputs of one sample."""
    return 4 * sum(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))


def check_memory(plan: Plan, batch_size: int, needed: int) -> None:
    """Raise ``Problem`` CS130, with both figures, where the machine has no ``needed`` bytes."""
    import psutil

    available = psutil.virtual_memory().available
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
