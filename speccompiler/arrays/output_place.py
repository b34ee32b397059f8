"""Where outputs are built so that a later run can go on: beside their names, and not under them.

A run writes its outputs box by box in an unfinished place, with a journal of what is done::

    y.zarr.unfinished/
        lock            held by the process that writes
        journal         a header, then a line for each task that is done (files/journal.py)
        0.y.zarr/       the outputs, numbered: arrays and .npy files
        complete        only while the outputs take their names
        replaced/       what they replace, until all of them have theirs

    with hold_place(output) as place:
        place.header, place.records     what an earlier run left: None, () where none did
        place.clear()                   to begin anew
        outputs = place.open(planned)   made, or opened again where there is a header
        place.begin(header)             where there was none
        outputs[0].put(..); outputs[0].sync(..); place.record(line)      task by task
        place.complete()                every output appears

Leaving the block without ``complete`` keeps the place where a task was recorded, and removes it
otherwise. A process that dies while the outputs take their names leaves ``complete`` behind: the
run that goes on, which has no task left, gives those their names that have none. Where they go is
for that run to say, and never for a file that lies in the place.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.box_output import BoxOutput
from speccompiler.arrays.boxes import Box
from speccompiler.arrays.element_types import FLOAT32
from speccompiler.arrays.npy_box_output import NpyBoxOutput
from speccompiler.arrays.output_kind import is_url, local_path
from speccompiler.arrays.planned_output import UNFINISHED, OutputPlace, PlannedOutput
from speccompiler.arrays.zarr_target import check_zarr_target
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files import atomic_output
from speccompiler.files.journal import Journal
from speccompiler.files.synced import sync_folder
from speccompiler.files.system_errors import FULL, writing_reason
from speccompiler.frozen import dataclass
from speccompiler.system import facilities
from speccompiler.system.folder_lock import Busy, lock_folder, remove_lock

_LOCK, _JOURNAL, _COMPLETE, _REPLACED = "lock", "journal", "complete", "replaced"
_PART = re.compile(r"\d+\.")


def place_folder(output: str) -> Path:
    """The unfinished place of a run with this ``--output``."""
    final = Path(os.path.realpath(output))
    return final.with_name(final.name + UNFINISHED)


def hold_place(output: str) -> OutputPlace:
    """The unfinished place of a run with this ``--output``, held; a path, or a URL of an array."""
    if is_url(output):
        from speccompiler.arrays.remote_place import RemotePlace

        return RemotePlace(output)
    return LocalPlace(local_path(output))


class LocalPlace:
    """An unfinished place on a disk. It is held from its making to the end of its block."""

    def __init__(self, output: str) -> None:
        """Hold the place; CS120, CS121, CS191, CS192."""
        self.folder = place_folder(output)
        self._check_is_ours()
        self._lock = self._hold()
        self._outputs: list[tuple[PlannedOutput, BoxOutput]] = []
        self._closed = False
        try:
            left = [name for name in os.listdir(self.folder) if _PART.match(name)]
            self.completed = self._is_complete() and not left
            if self.completed:
                self._empty()  # all outputs had their names, and only this was left to do
            self._journal = Journal(self.folder / _JOURNAL)
            if self._journal.count == 1 and not self._is_complete():
                self._start_anew()  # killed before a task was done: nothing is lost
        except OSError as error:
            self._lock.close()
            raise _cannot_write(error, self.folder) from None
        except BaseException:
            self._lock.close()
            raise
        self.header = self._journal.lines[0] if self._journal.lines else None
        self.records = self._journal.lines[1:]

    def clear(self) -> None:
        """Remove what an earlier run left."""
        try:
            self._start_anew()
        except OSError as error:
            raise _cannot_write(error, self.folder) from None
        self.header, self.records = None, ()

    def _start_anew(self) -> None:
        self._journal.close()
        self._empty()
        self._journal = Journal(self.folder / _JOURNAL)

    def open(self, planned: Sequence[PlannedOutput]) -> list[BoxOutput]:
        """The outputs, new or as they were left."""
        if self.header is None:
            self.clear()
            atomic_output.check_room(self.folder, sum(map(_certain_bytes, planned)))
        for number, each in enumerate(planned):
            try:
                part = self._part(number, each)
                output: BoxOutput
                if self.header is None:
                    output = _create(part, each)
                elif self._is_complete() and not part.exists():
                    output = _Named(each.shape)
                else:
                    output = _open_again(part, each)
            except Problem as problem:
                raise SpecError([problem.at(file=each.target)]) from None
            self._outputs.append((each, output))
        try:
            sync_folder(self.folder)
        except OSError as error:
            raise _cannot_write(error, self.folder) from None
        return [output for _, output in self._outputs]

    def begin(self, header: str) -> None:
        """The first line of the journal."""
        assert self._journal.count == 0, "a run begins once"
        self._note(header)

    def record(self, line: str) -> None:
        """A further line."""
        assert self._journal.count > 0, "what is recorded comes after the header"
        self._note(line)

    def _note(self, line: str) -> None:
        try:
            self._journal.add(line)
        except OSError as error:
            raise atomic_output.write_failure(error, "some samples") from None

    def complete(self) -> None:
        """Every output appears under its name, one right after the other."""
        self._close_outputs()
        try:
            with open(self.folder / _COMPLETE, "wb") as file:
                os.fsync(file.fileno())
            sync_folder(self.folder)
        except OSError as error:
            raise atomic_output.write_failure(error, "all samples") from None
        interrupted = self._take_names()
        self._journal.close()
        self._remove()
        if interrupted is not None:
            raise interrupted

    def _take_names(self) -> BaseException | None:
        """Move every output that is still here. Ctrl-C waits until it is done, and is returned."""
        interrupted: BaseException | None = None
        for number, (each, _) in enumerate(self._outputs):
            part, final = self._part(number, each), Path(os.path.realpath(each.target))
            while part.exists():
                try:
                    _take_name(part, final)
                except (KeyboardInterrupt, SystemExit) as stopped:
                    interrupted = stopped
                except Problem as problem:
                    raise SpecError([problem.at(file=each.target)]) from None
            with suppress(OSError):
                sync_folder(final.parent)
        return interrupted

    def _is_complete(self) -> bool:
        return (self.folder / _COMPLETE).exists()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._closed:
            return
        self._close_outputs()
        kept = self._journal.count > 1
        self._journal.close()
        if kept:
            self._lock.close()
            self._closed = True
        else:
            with suppress(OSError):
                self._remove()

    def _close_outputs(self) -> None:
        for _, output in self._outputs:
            close: Callable[[], None] = getattr(output, "close", lambda: None)
            close()

    def _part(self, number: int, planned: PlannedOutput) -> Path:
        """Where an output is built: under its own name, as far as that is not too long."""
        return self.folder / f"{number}.{Path(planned.target).name[-40:]}"

    def _empty(self) -> None:
        """Remove everything but the lock; what says that it is whole comes first."""
        for name in (_JOURNAL, *sorted(set(os.listdir(self.folder)) - {_LOCK, _JOURNAL})):
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _remove(self) -> None:
        """The whole place; what cannot be removed stays, and is not in the way of a later run."""
        self._closed = True
        try:
            self._empty()
        finally:
            remove_lock(self._lock, self.folder / _LOCK)
            with suppress(OSError):
                os.rmdir(self.folder)

    def _check_is_ours(self) -> None:
        """CS192 for something else of this name: it is never touched."""
        try:
            status = os.lstat(self.folder)
            found = os.listdir(self.folder) if stat.S_ISDIR(status.st_mode) else [""]
        except FileNotFoundError:
            return
        except OSError as error:
            raise _cannot_write(error, self.folder) from None
        except ValueError:
            raise atomic_output.cannot_create(
                "the path is not a valid file name", "check the path"
            ) from None
        if found and _LOCK not in found:
            raise Problem(
                "CS192",
                f"'{self.folder.name}' beside it is where the output would be built, and is not of "
                "convspec's making",
                "move it away, or choose another name",
            )

    def _hold(self) -> FileIO:
        try:
            return lock_folder(self.folder, _LOCK)
        except Busy as busy:
            who = f" ({busy.who})" if busy.who else ""
            raise Problem(
                "CS191",
                f"another run is writing it now{who}",
                "wait until it is done, or choose another name",
            ) from None
        except OSError as error:
            if error.errno in FULL:
                raise _cannot_write(error, self.folder) from None
            raise atomic_output.cannot_create(
                f"no folder can be made in '{self.folder.parent}' ({writing_reason(error)})",
                "choose a folder that you may write to",
            ) from None


@dataclass(frozen=True, slots=True)
class _Named:
    """An output that has its name already: nothing is left to be written."""

    shape: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        """Of no use any longer."""
        return (1,) * len(self.shape)

    def put(self, box: Box, values: npt.NDArray[np.float32]) -> None:
        """A bug: a run whose outputs take their names has no task left."""
        raise AssertionError("the output is complete")

    def sync(self, box: Box) -> None:
        """It was."""


def _create(part: Path, planned: PlannedOutput) -> BoxOutput:
    if planned.zarr is None:
        return NpyBoxOutput.create(part, planned.shape)
    from speccompiler.arrays.zarr_output import create_zarr

    return create_zarr(part, planned.zarr)


def _certain_bytes(planned: PlannedOutput) -> int:
    """What an output takes on the disk, as far as it is known before it is compressed."""
    array = planned.zarr
    compressed = array is not None and array.layout.compression.method != "none"
    return 0 if compressed else prod(planned.shape) * FLOAT32.itemsize


def _open_again(part: Path, planned: PlannedOutput) -> BoxOutput:
    """CS192 where something was changed since; that it is of this run is for the caller to know."""
    output: Any = None
    try:
        if planned.zarr is None:
            output = NpyBoxOutput(part, planned.shape)
            good = output.is_whole
        else:
            from speccompiler.arrays.zarr_output import ZarrBoxes, remove_partial_files

            remove_partial_files(part)
            output = ZarrBoxes(part)
            good = (output.shape, output.grid) == (planned.shape, planned.zarr.layout.cell)
    except (OSError, ValueError, KeyError):
        good = False
    if not good:
        if output is not None:
            output.close()
        raise Problem(
            "CS192",
            f"the unfinished output '{part.parent.name}/{part.name}' is missing or damaged",
            "begin anew with --restart",
        )
    result: BoxOutput = output
    return result


def _take_name(source: Path, final: Path) -> None:
    """Move a complete output to its name. Called again after an interrupt, it goes on. CS120."""
    replaced = source.parent / _REPLACED / source.name
    try:
        if source.is_dir():
            check_zarr_target(final)
            if final.exists():
                replaced.parent.mkdir(exist_ok=True)
                os.rename(final, replaced)
            try:
                os.rename(source, final)
            except OSError:
                with suppress(OSError):
                    os.rename(replaced, final)
                raise
            return
        if facilities.PERMISSIONS.here:
            with suppress(OSError):
                os.chmod(source, stat.S_IMODE(os.stat(final).st_mode) & 0o777)
        os.replace(source, final)
    except Problem as problem:
        raise _not_named(problem.message, source) from None
    except OSError as error:
        raise _not_named(writing_reason(error), source) from None


def _not_named(why: str, source: Path) -> Problem:
    return Problem(
        "CS120",
        f"it is complete, but could not take its name: {why}",
        f"it lies in '{source}': give --resume when the name is free",
    )


def _cannot_write(error: OSError, folder: Path) -> Problem:
    if error.errno in FULL:
        return atomic_output.write_failure(error, "no samples")
    return atomic_output.cannot_create(
        f"'{folder.name}', where it is built, cannot be used ({writing_reason(error)})",
        "check its permissions, or choose another name",
    )
