"""A run whose outputs are kept when it is broken off, and which a later one goes on with.

What is done stands in the journal of the outputs' place: a header that says what the run is and
how it is cut, then a line for each finished task, written when its outputs are safe. Each line
also says in which of the runs it was, counted from 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import Any, Literal

from speccompiler.arrays.box_output import BoxOutput
from speccompiler.arrays.planned_output import OutputPlace, PlannedOutput
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.running.fingerprint import Facts, differences
from speccompiler.running.tasks import Task, TaskGrid

FORMAT = 1
"""Of the journal; another one is not gone on with."""
Left = Literal["refuse", "resume", "restart"]
"""What becomes of an unfinished run that is found."""


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """What an earlier run left."""

    facts: Facts
    grid: TaskGrid
    done: Mapping[int, int]
    """The finished tasks, and how many values of each are not finite."""
    runs: int
    """How many runs have worked on it."""

    @property
    def how_far(self) -> str:
        """For messages: ``37 of 100 tasks are done``."""
        return _how_far(len(self.done), len(self.grid))


def _how_far(done: int, tasks: int) -> str:
    return f"{done} of {tasks} tasks {'is' if done == 1 else 'are'} done"


def left_in(place: OutputPlace) -> UnfinishedRun | None:
    """What lies in a place; CS197 where it cannot be understood."""
    if place.header is None:
        return None
    try:
        header = json.loads(place.header)
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']}")
        written = header["grid"]
        grid = TaskGrid(
            **{**written, "tiles": tuple(written["tiles"]), "box": tuple(written["box"])}
        )
        records = [json.loads(line) for line in place.records]
        done = {int(record["task"]): int(record["non_finite"]) for record in records}
        runs = max([1, *(int(record["run"]) for record in records)])
        facts = {str(what): str(value) for what, value in header["run"].items()}
        assert all(0 <= number < len(grid) for number in done), "a task of another run"
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        raise Problem(
            "CS197",
            "what an earlier run left unfinished cannot be understood: another version of convspec "
            "wrote it, or it is damaged",
            "begin anew with --restart",
        ) from None
    return UnfinishedRun(facts, grid, done, runs)


def found_at(place: OutputPlace, left: Left) -> UnfinishedRun | None:
    """The run to go on with; with ``restart`` it is thrown away. CS195, CS197."""
    if left == "restart":
        if place.header is not None:
            place.clear()
        return None
    found = left_in(place)
    if found is not None and left == "refuse":
        raise Problem(
            "CS195",
            f"an earlier run has left this output unfinished: {found.how_far}",
            "--resume goes on with it, --restart throws it away and begins anew",
        )
    return found


def check_same(found: UnfinishedRun, facts: Facts) -> None:
    """CS196 where the unfinished run was another one."""
    changed = [
        f"{what} ({_brief(before)} then, {_brief(now)} now)"
        for what, before, now in differences(found.facts, facts)
    ]
    if changed:
        raise Problem(
            "CS196",
            f"the unfinished run ({found.how_far}) was another one; changed: {', '.join(changed)}",
            "give what it was begun with, or begin anew with --restart",
        )


def _brief(value: str) -> str:
    """A hash by its first characters."""
    is_hash = len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if is_hash else value


@dataclass(slots=True)
class ResumableRun:
    """A run that notes which of its tasks are finished."""

    place: OutputPlace
    grid: TaskGrid
    outputs: Sequence[BoxOutput]
    run: int
    """Which of the runs that worked on these outputs."""
    done: dict[int, int] = field(default_factory=dict)
    """The finished tasks, and how many values of each are not finite."""

    @property
    def tasks(self) -> list[Task]:
        """Those that are left."""
        return [task for task in self.grid if task.number not in self.done]

    @property
    def how_far(self) -> str:
        """For messages, as of an unfinished run."""
        return _how_far(len(self.done), len(self.grid))

    def finished(self, task: Task, non_finite: int) -> None:
        """A task whose outputs are safe. CS121."""
        self.done[task.number] = non_finite
        line = {"task": task.number, "run": self.run, "non_finite": non_finite}
        self.place.record(json.dumps(line))


def begun(
    place: OutputPlace, facts: Facts, planned: Sequence[PlannedOutput], grid: TaskGrid
) -> ResumableRun:
    """Begin a run in a place. CS120, CS121, CS192."""
    outputs = place.open(planned)
    place.begin(json.dumps(_header(facts, grid)))
    return ResumableRun(place, grid, outputs, 1)


def gone_on(
    place: OutputPlace, found: UnfinishedRun, planned: Sequence[PlannedOutput], grid: TaskGrid
) -> ResumableRun:
    """Go on with a run that was found to be the same (``check_same``). CS120, CS121, CS192.

    It keeps its tasks, whatever they would be today: ``grid`` has them.
    """
    return ResumableRun(place, grid, place.open(planned), found.runs + 1, dict(found.done))


def _header(facts: Facts, grid: TaskGrid) -> dict[str, Any]:
    return {"format": FORMAT, "run": dict(facts), "grid": asdict(grid)}
