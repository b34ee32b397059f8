"""The run of ``convspec run`` as one that is kept when it is broken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from speccompiler.arrays.output_kind import OutputKind
from speccompiler.cli.run_outputs import planned
from speccompiler.diagnostics.core import Problem, about

if TYPE_CHECKING:
    from speccompiler.arrays.planned_output import PlannedOutput
    from speccompiler.arrays.zarr_array import ZarrArray
    from speccompiler.cli.run_parts import Work
    from speccompiler.cli.run_unfinished import Unfinished
    from speccompiler.running.fingerprint import Facts
    from speccompiler.running.tasks import TaskGrid
    from speccompiler.running.unfinished_run import ResumableRun


def check_going_on(work: Work, arrays: Mapping[str, ZarrArray], unfinished: Unfinished) -> None:
    """Refuse to go on with another run, before the tasks that it left are looked at. CS196, CS198.

    They may be those of other tiles.
    """
    from speccompiler.running.unfinished_run import check_same

    untold = next((source for source in work.sources if source.identity is None), None)
    if untold is not None and unfinished.resuming:
        with about(untold.name):
            raise Problem(
                "CS198",
                "nothing says whether this input still is what it was, so that no run can go on "
                "with another",
                "save it to a file, or leave --resume out",
            )
    if unfinished.found is not None:
        facts = _facts(work, planned(work.targets, work.shapes, arrays))
        with about(work.targets.output):
            check_same(unfinished.found, facts)


def kept_run(
    work: Work, arrays: Mapping[str, ZarrArray], grid: TaskGrid, unfinished: Unfinished
) -> ResumableRun | None:
    """The run as one that can be gone on with; None where it is not worth it, or cannot be.

    An unfinished one that was found is the same: ``check_going_on`` comes first.
    """
    from speccompiler.running.unfinished_run import begun, gone_on

    targets = work.targets
    told = all(source.identity is not None for source in work.sources)
    worth_it = targets.kind is OutputKind.ZARR or (len(grid) > 1 and told)
    worth_it = worth_it or work.sharing is not None
    if not targets.resumable or not (worth_it or unfinished.found):
        unfinished.say()
        return None
    place = unfinished.place()
    outputs = planned(targets, work.shapes, arrays)
    found = unfinished.found
    if found is None:
        facts = _facts(work, outputs)
        with about(targets.output):
            unfinished.run = begun(place, facts, outputs, grid)
    else:
        with about(targets.output):
            unfinished.run = gone_on(place, found, outputs, grid)
    unfinished.say()
    return unfinished.run


def _facts(work: Work, outputs: Sequence[PlannedOutput]) -> Facts:
    """What the run depends on."""
    from speccompiler.running.fingerprint import facts_of

    model, names = work.compiled.model, [name for name, _ in work.targets.files]
    with about(str(model.weights_file or model.file)):
        return facts_of(work.compiled, work.sources, dict(zip(names, outputs, strict=True)))
