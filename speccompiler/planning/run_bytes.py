"""The memory of a run from array to array: that of its plan, and what waits before and after it."""

from __future__ import annotations

from math import prod

from speccompiler.planning.plan import Plan

IN_FLIGHT = 3
"""Batches of an input: being read, waiting, being computed. Pieces of an output likewise."""


def run_bytes(
    plan: Plan,
    batch: int,
    threads: int,
    piece: int | None = None,
    in_blocks: int = 0,
    in_cells: int = 0,
) -> int:
    """The most that a run takes, whatever the number of samples.

    ``piece`` is how many samples are written at once, a batch where outputs have no chunks.
    ``in_blocks`` are bytes that are held for the sake of an input's chunks, ``in_cells`` those
    that writing takes beside the values.
    """
    read, written = end_bytes(plan)
    ahead = (IN_FLIGHT - 1) * batch * read
    behind = (IN_FLIGHT * (piece or batch) - batch) * written
    return plan.peak_bytes(batch, threads) + ahead + behind + in_blocks + in_cells


def end_bytes(plan: Plan) -> tuple[int, int]:
    """Bytes of all inputs and of all outputs of one sample."""
    read = 4 * sum(prod(shape) for _, shape in plan.inputs)
    return read, 4 * sum(prod(shape) for _, shape in plan.outputs)
