"""The memory of a run from array to array: that of its plan, and what waits before and after it."""

from __future__ import annotations

from math import prod

from speccompiler.planning.plan import Plan

IN_FLIGHT = 3
"""Batches of an input: being read, waiting, being computed. Pieces of an output likewise."""


def waiting_bytes(plan: Plan, batch: int, piece: int | None = None) -> int:
    """What a run holds beside the batch that is computed, whatever the number of samples.

    ``piece`` is how many samples are written at once, a batch where outputs have no chunks.
    """
    read, written = end_bytes(plan)
    return (IN_FLIGHT - 1) * batch * read + (IN_FLIGHT * (piece or batch) - batch) * written


def waiting_beside_tiles(batch: int, read: int, pieces: int) -> int:
    """The same where samples are run in tiles, which are computed beside the piece they go to.

    ``read`` are the bytes of a sample's largest tile, ``pieces`` those of a piece of all outputs.
    """
    return (IN_FLIGHT - 1) * batch * read + IN_FLIGHT * pieces


def end_bytes(plan: Plan) -> tuple[int, int]:
    """Bytes of all inputs and of all outputs of one sample."""
    read = 4 * sum(prod(shape) for _, shape in plan.inputs)
    return read, 4 * sum(prod(shape) for _, shape in plan.outputs)
