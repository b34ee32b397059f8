"""The memory that ``convspec run`` takes, known before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem

if TYPE_CHECKING:
    from speccompiler.cli.run_parts import Work
    from speccompiler.running.tasks import TaskGrid


def run_memory(work: Work, grid: TaskGrid, *, chunked: bool) -> tuple[int, int]:
    """Bytes of the plan, and those of the batches that wait beside it and of chunks."""
    from speccompiler.planning.run_bytes import waiting_beside_tiles, waiting_bytes
    from speccompiler.running.input_reader import block_bytes
    from speccompiler.running.run_tasks import piece_sizes
    from speccompiler.running.tasks import bytes_of_a_sample
    from speccompiler.targets import find_target

    compiled, plan, runner = work.compiled, work.compiled.plan, work.runner
    batch, pieces = runner.batch_size, 4 * sum(piece_sizes(runner, grid))
    if runner.grid:
        read, _ = bytes_of_a_sample(runner, runner.output_shapes(1), grid.box)
        needed = compiled.tiled().cost.peak_bytes
        beside = waiting_beside_tiles(grid.batch, read, pieces)
    else:
        target = find_target(compiled.target)
        assert target is not None, "the model is compiled for it"
        needed = target.memory(plan.graph, plan, batch, compiled.threads) - plan.stored_bytes
        beside = waiting_bytes(plan, batch, grid.piece)
    tiles = runner.tiles
    for number, source in enumerate(work.sources):
        beside += block_bytes(source, grid.batch, tiles[0].inputs[number])
    # Chunks are encoded beside the values.
    return needed, beside + (pieces if chunked else 0)


def check_run_memory(work: Work, grid: TaskGrid, *, chunked: bool) -> None:
    """CS130 where the batches that wait, and chunks, do not fit beside the plan."""
    from speccompiler.planning.memory_limits import check_memory

    compiled, plan = work.compiled, work.compiled.plan
    needed = sum(run_memory(work, grid, chunked=chunked))
    try:
        check_memory(plan, work.runner.batch_size, needed - plan.weight_bytes, loaded=True)
    except Problem as problem:
        raise compiled.model.refused(problem) from None
