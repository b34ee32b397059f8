"""``--scheduler`` of ``convspec run``: the tasks of a run on a Dask cluster."""

from __future__ import annotations

import re
from typing import Any

import click

LOCAL = "local"
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx|ucxx)://.+")


class SchedulerOption(click.ParamType[str]):
    """``tcp://host:8786``, ``local`` or ``local:3``."""

    name = "scheduler"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
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
