"""The outputs of ``convspec run``: where each is written, and how.

``Targets`` says which file each output becomes. What can be written in any order and finished by
a later run (Zarr arrays, .npy files) is ``planned``; everything else is ``written`` at once.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.arrays.output_kind import OutputKind, is_url, one_spelling, output_kind
from speccompiler.cli.storage_options import Storing
from speccompiler.diagnostics.core import Diagnostic, Severity, about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.arrays.hdf5_output import Hdf5Boxes
    from speccompiler.arrays.planned_output import PlannedOutput
    from speccompiler.arrays.zarr_array import ZarrArray
    from speccompiler.running.array_files import Sink

CHUNKED = (OutputKind.ZARR, OutputKind.HDF5)


@dataclass(frozen=True, slots=True)
class Targets:
    """The place of each output, by the name of its layer, in pairs; all are of one kind."""

    files: tuple[tuple[str, str], ...]
    kind: OutputKind = OutputKind.NPY
    output: str = ""
    """What ``--output`` says: the unfinished place is named after it."""

    @property
    def archive(self) -> bool:
        """Whether all outputs are members of one file."""
        return self.kind is OutputKind.NPZ

    @property
    def resumable(self) -> bool:
        """Whether a later run can finish what this one leaves."""
        if self.kind is OutputKind.NPY:
            return bool(self.files) and not any(_is_pipe_or_device(f) for _, f in self.files)
        return self.kind is OutputKind.ZARR

    @staticmethod
    def of(output: str | None, names: Sequence[str], layers: Sequence[str]) -> Targets:
        """Where ``--output`` and ``--layer`` say; ``names`` are the model's outputs."""
        if output is None:
            return Targets(())
        output = one_spelling(output)
        kind = output_kind(output)
        if kind is OutputKind.STREAM and len(names) > 1:
            raise click.UsageError(
                f"the model has {len(names)} outputs: give --output a file name, .npz for one file"
            )
        if kind is OutputKind.NPZ:
            every = dict.fromkeys((*names, *layers))
            return Targets(tuple((name, output) for name in every), kind, output)
        if (layers or len(names) > 1) and not _stem(output):
            raise click.UsageError(f"'{output}' is no file name that --layer could extend")
        first = [(names[0], output)] if len(names) == 1 else []
        extended = dict.fromkeys(layers if first else (*names, *layers))
        files = [*first, *((name, _beside(output, kind, name)) for name in extended)]
        if len({file for _, file in files}) < len(files):
            raise click.UsageError("two of the layers would be written to the same file")
        return Targets(tuple(files), kind, output)


def _stem(output: str) -> str:
    return output.rstrip("/").rpartition("/")[2] if is_url(output) else Path(output).name


def _beside(output: str, kind: OutputKind, layer: str) -> str:
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in layer)
    if kind is OutputKind.HDF5:
        return f"{output.rstrip('/')}.{safe}"
    if is_url(output):
        folder, _, name = output.rstrip("/").rpartition("/")
        path = Path(name)
        return f"{folder}/{path.stem}.{safe}{path.suffix}"
    path = Path(output)
    suffix = path.suffix or ("" if kind is OutputKind.ZARR else ".npy")
    return str(path.with_name(f"{path.stem}.{safe}{suffix}"))


def check_targets(targets: Targets, read: Sequence[tuple[str, str]]) -> None:
    """Refuse to write over what is being read."""
    for role, source in read:
        for _, file in targets.files:
            if _same_file(source, file):
                raise click.UsageError(f"'{file}' is the {role} of this run; name another output")


def check_storing(targets: Targets, storing: Storing) -> None:
    """Refuse options that mean nothing for these outputs."""
    shown = next((file for _, file in targets.files), None)
    for option in ("chunks", "shards", "compression", "fill_value"):
        if getattr(storing, option) is None:
            continue
        flag = f"--{option.replace('_', '-')}"
        if targets.kind not in CHUNKED:
            what = "there is no --output" if shown is None else f"'{shown}' is stored as one piece"
            raise click.UsageError(f"{flag} is for outputs in chunks, such as y.zarr; {what}")
        if targets.kind is OutputKind.HDF5 and option == "shards":
            raise click.UsageError("--shards is for Zarr outputs; an HDF5 file is one file")
    method = storing.compression and storing.compression.method
    if targets.kind is OutputKind.HDF5 and method in {"zstd", "blosc"}:
        raise click.UsageError(
            f"--compression {method} is for Zarr outputs; every HDF5 library reads none and gzip"
        )


def check_places(targets: Targets) -> None:
    """Refuse places that cannot be written to (CS120) now, and not after a minute of compiling."""
    from speccompiler.arrays.npy_output import check_array_target
    from speccompiler.files.atomic_output import cannot_create, check_target

    for file in dict.fromkeys(file for _, file in targets.files if file != "-"):
        with about(file):
            if is_url(file) and targets.kind is not OutputKind.ZARR:
                raise cannot_create(
                    "only Zarr arrays are written to URLs",
                    "name it .zarr, or write a file and copy it",
                )
            match targets.kind:
                case OutputKind.ZARR:
                    from speccompiler.arrays.zarr_target import check_zarr, check_zarr_target

                    check_zarr()
                    if is_url(file):
                        from speccompiler.arrays.remote_place import check_url

                        check_url(file)
                    else:
                        check_zarr_target(Path(file))
                case OutputKind.HDF5:
                    from speccompiler.arrays.hdf5_output import check_new_file, split_dataset

                    check_new_file(Path(split_dataset(file)[0]))
                case OutputKind.NPZ:
                    check_target(Path(file))
                case _:
                    check_array_target(Path(file))
            _check_disk(targets, file)


def _check_disk(targets: Targets, file: str) -> None:
    """CS120 where several outputs would have to be moved from one disk to another."""
    from speccompiler.files.atomic_output import cannot_create

    if len(targets.files) < 2 or not targets.resumable or is_url(file):
        return
    folders = [os.path.dirname(os.path.realpath(name)) for name in (file, targets.output)]
    with contextlib.suppress(OSError):
        if len({os.stat(folder).st_dev for folder in folders}) > 1:
            raise cannot_create(
                f"it would lie on another disk than '{targets.output}', and outputs of one run "
                "appear together",
                "replace the symbolic link by a file of the same disk",
            )


def arrays_of(
    targets: Targets,
    storing: Storing,
    shapes: Mapping[str, tuple[int, ...]],
    steps: Mapping[str, Sequence[int]],
    attributes: Mapping[str, Mapping[str, Any]],
    axes: Mapping[str, tuple[str, ...]],
    input_bytes: int,
) -> dict[str, ZarrArray]:
    """How each chunked output is stored; none of other kinds. ``SpecError`` CS190.

    The numbers of an option may be for a layer's output that has more axes than the model's: one
    with fewer takes the first of them.

    All by the names of outputs: whole shapes, ``steps`` of the tiles along a sample's axes,
    ``output_attributes``, ``axis_names``. ``input_bytes`` are those of a sample.
    """
    from speccompiler.arrays.chunk_layout import ChunkOptions, Compression, laid_out
    from speccompiler.arrays.zarr_array import ZarrArray

    if targets.kind not in CHUNKED:
        return {}
    plain = targets.kind is OutputKind.HDF5
    compression = storing.compression or (Compression("none") if plain else Compression())
    most = max(len(shapes[name]) for name, _ in targets.files)

    def of_axes(given: tuple[int, ...] | None, axes: int) -> tuple[int, ...] | None:
        return given if given is None or len(given) > most else given[:axes]

    found = {}
    for name, file in targets.files:
        axes_here = len(shapes[name])
        asked = ChunkOptions(
            of_axes(storing.chunks, axes_here),
            of_axes(storing.shards, axes_here),
            compression,
            storing.fill_value or 0.0,
        )
        with about(file):
            layout = laid_out(asked, name, shapes[name], steps[name], input_bytes)
        found[name] = ZarrArray(shapes[name], layout, attributes[name], axes.get(name))
    return found


def planned(
    targets: Targets, shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, ZarrArray]
) -> list[PlannedOutput]:
    """What ``hold_place(targets.output)`` opens, in the targets' order: they are resumable."""
    from speccompiler.arrays.planned_output import PlannedOutput

    assert targets.resumable, "what is written at once is not planned"
    return [PlannedOutput(file, shapes[name], arrays.get(name)) for name, file in targets.files]


def storage_findings(targets: Targets, arrays: Mapping[str, ZarrArray]) -> list[Diagnostic]:
    """Warnings about very many files, CS193, and about the room on the disk, CS194."""
    import shutil
    from math import prod

    from speccompiler.arrays.chunk_layout import ITEM_BYTES, MANY_CHUNKS

    found = []
    if targets.kind is not OutputKind.ZARR:
        return []
    for name, file in targets.files:
        count = arrays[name].layout.files(arrays[name].shape)
        if count > MANY_CHUNKS:
            found.append(
                Diagnostic(
                    "CS193",
                    f"the output is stored in {count} files",
                    Severity.WARNING,
                    file=file,
                    hint="put many chunks into one with --shards, or give larger --chunks",
                )
            )
    if is_url(targets.output):
        return found
    size = sum(prod(array.shape) * ITEM_BYTES for array in arrays.values())
    folder = os.path.dirname(os.path.realpath(targets.output))
    with contextlib.suppress(OSError):
        usage = shutil.disk_usage(folder)
        compressed = any(a.layout.compression.method != "none" for a in arrays.values())
        if usage.total and usage.free < size and compressed:
            found.append(
                Diagnostic(
                    "CS194",
                    f"the output may not fit: {size} bytes before compression, {usage.free} free",
                    Severity.WARNING,
                    file=targets.output,
                    hint="free some space, or write to another disk",
                )
            )
    return found


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


def _is_pipe_or_device(file: str) -> bool:
    try:
        mode = os.stat(file).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


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


@contextlib.contextmanager
def datasets(
    targets: Targets, arrays: Mapping[str, ZarrArray]
) -> Iterator[list[tuple[str, Hdf5Boxes]]]:
    """The datasets of an HDF5 output, to be written in any order; see ``written``."""
    from speccompiler.arrays.hdf5_output import create_datasets, split_dataset

    assert targets.kind is OutputKind.HDF5, "other outputs are no datasets"
    file = split_dataset(targets.output)[0]
    paths = {split_dataset(place)[1]: arrays[name] for name, place in targets.files}
    with about(file), create_datasets(Path(file), paths) as made:
        yield list(zip((name for name, _ in targets.files), made, strict=True))
