"""``--scheduler`` of ``convspec run``: the tasks of a run on a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from speccompiler.diagnostics.core import Problem, about
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.dask.clusters import LocalWorkers
    from speccompiler.dask.remote_run import OpenInputs
    from speccompiler.kernels.executor import Array
    from speccompiler.running.run_tasks import Progress, Run
    from speccompiler.running.tasks import Task

F = TypeVar("F", bound=Callable[..., Any])
LOCAL = "local"
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx|ucxx)://.+")


class SchedulerOption(click.ParamType[str]):
    """``tcp://host:8786``, ``local`` or ``local:3``."""

    name = "scheduler"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The same text, once it can be one."""
        text = str(value)
        name, colon, count = text.partition(":")
        if name == LOCAL and (not colon or (count.isdecimal() and 1 <= int(count) <= 1024)):
            return text
        if _ADDRESS.fullmatch(text):
            return text
        if name == LOCAL:
            self.fail(f"'{text}': write local:N, where N is 1 to 1024 workers", param, ctx)
        self.fail(
            f"'{text}' is no address of a scheduler; write tcp://host:8786, local or local:3",
            param,
            ctx,
        )


scheduler_option = click.option(
    "--scheduler",
    type=SchedulerOption(),
    metavar="ADDRESS",
    help="Run on a Dask cluster: tcp://host:8786 of its scheduler, local for processes of this "
    "machine, local:3 for three. Workers read and write the files themselves.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a command line decides whether workers can do it."""

    inputs: Sequence[str]
    output: str | None
    kind: str
    """``npy``, ``zarr``, ``hdf5``, ``npz`` or ``stream``."""
    resumable: bool
    unfit: Mapping[str, bool]
    """Options that need every sample in one process, and whether they are given."""


def check_distributable(asked: Asked) -> None:
    """CS201 for what workers cannot do."""
    if any(file == "-" or file.endswith("=-") for file in asked.inputs):
        raise _refused("standard input can be read once, and by one process", "save it to a file")
    if asked.output is None:
        raise _refused("there is no --output that workers could write to", "name a .zarr or .npy")
    if not asked.resumable:
        raise _refused(
            f"'{asked.output}' is written from its start to its end, or by one process",
            "write to a .zarr or .npy file",
        )
    for option, given in asked.unfit.items():
        if given:
            raise _refused(
                f"{option} needs every sample in one process", f"leave out {option} or --scheduler"
            )


def _refused(message: str, hint: str) -> Exception:
    with about("--scheduler"):
        raise Problem("CS201", message, hint)
