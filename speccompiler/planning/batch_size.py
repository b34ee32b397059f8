"""How many samples a batch has where nobody says it."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import BatchNormalize
from speccompiler.planning.plan import Plan
from speccompiler.system.available_memory import available_memory

BATCH_BYTES = 64 << 20
"""What a batch may take where nobody says its size."""
GPU_BATCH_BYTES = 512 << 20
"""What the inputs and outputs of a batch may take where a GPU holds the rest."""
SHARE = 4
"""A batch takes at most one part in this many of what is free beside the weights.

The next batch is read and the last one written meanwhile, and others want memory too."""
COMPILING_BYTES = 128 << 20
"""Left free, because kernels may have to be compiled."""
LARGEST_BATCH = 256
KERAS_BATCH = 32
"""The batch of Keras's ``predict``, taken where samples of a batch change each other's numbers."""


def default_batch_size(plan: Plan) -> int:
    """As many samples as fit into ``BATCH_BYTES``, or into a part of what is free."""
    return _batch_size(plan, plan.peak_bytes(1) - plan.weight_bytes, BATCH_BYTES)


def gpu_batch_size(plan: Plan) -> int:
    """As many samples as have their ends in ``GPU_BATCH_BYTES``; a GPU cuts them into pieces."""
    return _batch_size(plan, end_bytes(plan), GPU_BATCH_BYTES)


def _batch_size(plan: Plan, per_sample: int, limit: int) -> int:
    if any(isinstance(node.op, BatchNormalize) for node in plan.graph):
        return KERAS_BATCH
    most = min(LARGEST_BATCH, limit // max(per_sample, 1))
    if most < 2:
        return 1
    beside = available_memory() - plan.weight_bytes
    # Tensors as they are stored have gone when a batch comes, but both are asked for at once.
    spare = min((beside - COMPILING_BYTES) // SHARE, beside - plan.stored_bytes)
    return max(1, min(most, spare // max(per_sample, 1)))


def end_bytes(plan: Plan) -> int:
    """Bytes of the inputs and the outputs of one sample."""
    return 4 * sum(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))
