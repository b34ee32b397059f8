"""``--scheduler`` of ``convspec run``: the tasks of a run on a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

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


def check_scheduler(
    scheduler: str | None,
    inputs: Sequence[str],
    output: str | None,
    *,
    in_any_order: bool,
    unfit: Mapping[str, object],
) -> None:
    """Refuse what workers cannot do.

    ``in_any_order``: whether the output can be written so, by several processes; ``unfit`` are
    options that need every sample in one process.
    """
    if scheduler is None:
        return
    if any(file == "-" or file.endswith("=-") for file in inputs):
        raise click.UsageError(
            "--scheduler: workers read the input themselves, and standard input cannot be read "
            "from elsewhere; save it to a file"
        )
    for option, given in unfit.items():
        if given:
            raise click.UsageError(
                f"{option} needs every sample in one process; leave out {option} or --scheduler"
            )
    if output is None:
        raise click.UsageError(
            "--scheduler: workers write the output themselves; give --output a .zarr or .npy"
        )
    if not in_any_order:
        raise click.UsageError(
            f"--scheduler: '{output}' is written by one process, from its start to its end; "
            "name a .zarr or .npy"
        )
