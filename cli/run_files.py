"""Where the outputs of ``convspec run`` are written."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.diagnostics.core import about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.running.array_files import Sink

ARCHIVE = ".npz"


def _is_archive(file: str) -> bool:
    return Path(file).suffix.lower() == ARCHIVE


@dataclass(frozen=True, slots=True)
class Targets:
    """The file of each output, by the name of its layer, in pairs; ``archive`` is all of them."""

    files: tuple[tuple[str, str], ...]
    archive: bool = False

    @staticmethod
    def of(output: str | None, names: Sequence[str], layers: Sequence[str]) -> Targets:
        """Where ``--output`` and ``--layer`` say; ``names`` are the model's outputs."""
        if output is None:
            return Targets(())
        if output == "-" and len(names) > 1:
            raise click.UsageError(
                f"the model has {len(names)} outputs: give --output a file name, .npz for one file"
            )
        if _is_archive(output):
            every = dict.fromkeys((*names, *layers))
            return Targets(tuple((name, output) for name in every), archive=True)
        path = Path(output)
        if (layers or len(names) > 1) and not path.name:
            raise click.UsageError(f"'{output}' is no file name that --layer could extend")
        first = [(names[0], output)] if len(names) == 1 else []
        extended = dict.fromkeys(layers if first else (*names, *layers))
        files = [*first, *((name, str(_beside(path, name))) for name in extended)]
        if len({file for _, file in files}) < len(files):
            raise click.UsageError("two of the layers would be written to the same file")
        return Targets(tuple(files))


def _beside(path: Path, layer: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in layer)
    return path.with_name(f"{path.stem}.{safe}{path.suffix or '.npy'}")


def check_targets(targets: Targets, read: Sequence[tuple[str, str | None]]) -> None:
    """Refuse to write over what is being read."""
    for role, source in read:
        for _, file in targets.files:
            if source not in {None, "-"} and file != "-" and _same_file(str(source), file):
                raise click.UsageError(f"'{file}' is the {role} of this run; name another output")


def check_places(targets: Targets) -> None:
    """Refuse places that cannot be written to (CS120) now, and not after a minute of compiling."""
    from speccompiler.arrays.npy_output import check_array_target
    from speccompiler.files.atomic_output import check_target

    for file in dict.fromkeys(file for _, file in targets.files if file != "-"):
        with about(file):
            (check_target if targets.archive else check_array_target)(Path(file))


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


class _Output:
    """A file being written; problems with writing are findings about its name."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink

    def write(self, batch: Any) -> None:
        """The next samples."""
        with about(self._name):
            self._sink.write(batch)


@contextlib.contextmanager
def written(
    targets: Targets, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[list[tuple[str, _Output]]]:
    """A sink for each target; files appear when the block ends well, in the targets' order."""
    from speccompiler.arrays.npy_output import create_array, stream_array
    from speccompiler.arrays.npz_output import create_archive
    from speccompiler.files.atomic_output import FileGroup

    with contextlib.ExitStack() as stack:
        group = stack.enter_context(FileGroup())
        sinks: list[tuple[str, _Output]] = []
        if targets.archive:
            file = targets.files[0][1]
            # Problems inside the block have become findings already: those left are the output's.
            stack.enter_context(about(file))
            chosen = {name: shapes[name] for name, _ in targets.files}
            members = stack.enter_context(create_archive(Path(file), chosen))
            sinks = [(name, _Output(file, member)) for name, member in members.items()]
        else:
            for name, file in targets.files:
                shown = "<stdout>" if file == "-" else file
                stack.enter_context(about(shown))
                sink = stack.enter_context(
                    stream_array(sys.stdout.buffer, shapes[name])
                    if file == "-"
                    else create_array(Path(file), shapes[name], group=group)
                )
                sinks.append((name, _Output(shown, sink)))
        yield sinks
