"""What does not go together among the options of ``convspec run``, before any file is read."""

from __future__ import annotations

import sys

import click

from speccompiler.cli.run_images import Images
from speccompiler.cli.run_outputs import Targets
from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions
from speccompiler.targets import TARGETS


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


def check_usage(model: str, wanted: Wanted, compiling: CompileOptions) -> None:
    """Refuse options that contradict each other."""
    inputs, output, target = wanted.inputs, wanted.output, compiling.target
    streams = sum(file == "-" or file.endswith("=-") for file in inputs)
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
    if any(file == "-" or file.endswith("=-") for file in wanted.inputs):
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
