"""What does not go together among the options of ``convspec run``, before any file is read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from speccompiler.arrays.picture_form import PictureOptions, Resize
from speccompiler.cli.run_images import Images
from speccompiler.cli.run_outputs import Targets
from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions
from speccompiler.targets import TARGETS

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.running.unfinished_run import Left


@dataclass(frozen=True, slots=True)
class Wanted:
    """What goes in, where it goes, and what is printed beside it."""

    inputs: tuple[str, ...]
    output: str | None
    penalties: bool
    profile: bool
    resume: bool
    restart: bool
    scheduler: str | None
    resize: Resize | None
    mode: str | None

    @property
    def pictures(self) -> PictureOptions:
        """What becomes of pictures among the inputs."""
        return PictureOptions(self.resize, self.mode)

    @property
    def left(self) -> Left:
        """What becomes of an unfinished run."""
        return "resume" if self.resume else "restart" if self.restart else "refuse"


def _is_stream(text: str) -> bool:
    return text == "-" or text.endswith("=-")


def check_usage(model: str, wanted: Wanted, compiling: CompileOptions) -> None:
    """Refuse options that contradict each other."""
    inputs, output, target = wanted.inputs, wanted.output, compiling.target
    streams = sum(map(_is_stream, inputs))
    if model == "-" and streams:
        raise click.UsageError("the spec and the input cannot both come from standard input")
    if streams > 1:
        raise click.UsageError("one input can come from standard input")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("--output - writes binary data: send it to a file or a pipe")
    if output == "-" and compiling.layers:
        raise click.UsageError("--layer writes files: give --output a file name")
    if not TARGETS[target.partition(":")[0]].has_steps:
        others = " or ".join(name for name, row in TARGETS.items() if row.has_steps)
        steps = f"the steps of --target {others}; {target} has none"
        if compiling.tune:
            raise click.UsageError(f"--tune measures {steps}")
        if wanted.profile:
            raise click.UsageError(f"--profile shows {steps}")
    if compiling.tile is not None and wanted.profile:
        raise click.UsageError(
            "--profile shows the steps of one plan, and tiles of several kinds have several plans"
        )
    if compiling.tile is not None and streams:
        raise click.UsageError(
            "--tile reads parts of the input in any order, and standard input has only one"
        )


def check_tiling(compiling: CompileOptions, sources: Sequence[ArrayInput]) -> None:
    """Refuse tiles of inputs that can only be read from their start to their end."""
    for source in sources:
        if compiling.tile is not None and not source.has_boxes:
            raise click.UsageError(
                f"--tile reads parts of an input in any order, and '{source.name}' can only be "
                "read from its start to its end: save it as .npy"
            )


def check_resuming(wanted: Wanted, targets: Targets, drawn: Images) -> None:
    """Refuse to go on with what was not kept, or with what has to see every sample."""
    if not (wanted.resume or wanted.restart):
        return
    option = "--resume" if wanted.resume else "--restart"
    if wanted.resume and wanted.restart:
        raise click.UsageError("--resume goes on with an unfinished run, --restart throws it away")
    if not targets.files:
        raise click.UsageError(f"{option} is about an unfinished output: give --output")
    if not targets.resumable:
        raise click.UsageError(
            f"{option} is for Zarr and .npy outputs; '{targets.output}' is written from its start "
            "to its end, and nothing of it is kept"
        )
    if not wanted.resume:
        return
    for option, given in (("--penalties", wanted.penalties), ("--images", drawn.images)):
        if given:
            raise click.UsageError(
                f"{option} needs every sample, and --resume does not compute those again that are "
                "done; give one of them"
            )
    if any(map(_is_stream, wanted.inputs)):
        raise click.UsageError("--resume reads the input again, and standard input cannot be")


def check_sharing(wanted: Wanted, targets: Targets, drawn: Images) -> None:
    """Refuse to share what one process has to do."""
    if wanted.scheduler is None:
        return
    if any(file == "-" or file.endswith("=-") for file in wanted.inputs):
        raise click.UsageError(
            "--scheduler: workers read the input themselves, and standard input is not theirs; "
            "save it to a file"
        )
    unfit = {
        "--penalties": wanted.penalties,
        "--profile": wanted.profile,
        "--images": drawn.images,
    }
    for option, given in unfit.items():
        if given:
            raise click.UsageError(
                f"{option} needs every sample in one process; leave out {option} or --scheduler"
            )
    if not targets.files:
        raise click.UsageError(
            "--scheduler: workers write the output themselves; give --output a .zarr or .npy"
        )
    if not targets.resumable:
        raise click.UsageError(
            f"--scheduler: '{targets.output}' can only be written by one process; name a .zarr "
            "or .npy"
        )
