"""``convspec doctor``: what this machine offers, for whoever asks why a run is slow or fails."""

from __future__ import annotations

from typing import Any

import click

from speccompiler.cli import json_output
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import format_option
from speccompiler.cli.render import printable
from speccompiler.diagnostics.core import about
from speccompiler.reports.number_text import size

EXAMPLES = """
# What this machine offers
convspec doctor

# For a bug report
convspec doctor --format json
"""


@click.command("doctor", cls=ExampleCommand, examples=EXAMPLES)
@format_option("text", "json")
def command(style: str) -> None:
    """Show the processor's features, threads, caches, CUDA and memory as convspec sees them.

    With the limits of a container or of a batch system, and where they are set. Nothing is
    changed, and a machine without a GPU is no error.
    """
    from speccompiler.reports.machine import cuda, memory, processor
    from speccompiler.system.processor import CHOICE

    with about(CHOICE):
        cpu = processor()
    data = json_output.doctor(cpu, cuda(), memory())
    if style == "json":
        json_output.print_json(data)
    else:
        click.echo(_text(data))


def _text(data: dict[str, Any]) -> str:
    cpu, memory, cache = data["processor"], data["memory"], data["cache"]
    versions = ", ".join(f"{name} {v}" for name, v in data["packages"].items() if v is not None)
    caches = ", ".join(f"{name} {size(bytes_)}" for name, bytes_ in cpu["caches"].items())
    features = ", ".join(cpu["features"]) or "no vector extension that kernels use"
    rows = [
        ("python", f"{data['python']} on {data['platform']}"),
        ("packages", versions),
        ("processor", f"{cpu['name']}: {features}"),
        ("kernels", f"for {cpu['level']}, vectors of {cpu['vector']} float32 values"),
        ("threads", _threads(cpu)),
        ("caches", caches or "not told by the system"),
        ("memory", f"{size(memory['total'])}, {size(memory['available'])} available"),
        *_limit_rows(memory),
        (
            "kept",
            f"{size(cache['size'])} of at most {size(cache['limit'])} in {cache['folder']}"
            + ("" if cache["usable"] else " (cannot be used)"),
        ),
        *_cuda_rows(data["cuda"]),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {printable(text)}" for name, text in rows)


def _threads(cpu: dict[str, Any]) -> str:
    """The default, and what bounds it where that is less than the machine has."""
    text, limit = f"{cpu['threads']} of {cpu['processors']} processors", cpu["limit"]
    if limit is not None and limit["processors"] < cpu["usable"]:
        return f"{text}: {limit['source']} allows {limit['processors']:g}"
    if cpu["usable"] < cpu["processors"]:
        return f"{text}: the others are not for this process"
    return text


def _limit_rows(memory: dict[str, Any]) -> list[tuple[str, str]]:
    """The limits of memory, and what they come to."""
    if not memory["limits"]:
        return [("", "no limit is set")]
    rows = [
        ("", f"{limit['source']} allows {size(limit['limit'])}, {size(limit['left'])} are left")
        for limit in memory["limits"]
    ]
    return [*rows, ("", f"a run may take {size(memory['allowed'])}")]


def _cuda_rows(cuda: dict[str, Any]) -> list[tuple[str, str]]:
    parts = [
        "not installed" if cuda["extra"] is None else f"convspec[{cuda['extra']}]",
        "no driver" if cuda["driver"] is None else f"driver for CUDA {cuda['driver']}",
    ]
    rows = [("cuda", ", ".join(parts))]
    rows += [
        (
            gpu["target"],
            f"{gpu['name']}, compute capability {gpu['capability']}, "
            f"{gpu['multiprocessors']} multiprocessors, {size(gpu['memory'])}",
        )
        for gpu in cuda["gpus"]
    ]
    if cuda["problem"] is None:
        return [*rows, ("", "--target cuda can be used")]
    hint = "" if cuda["hint"] is None else f"; {cuda['hint']}"
    return [*rows, ("", f"--target cuda cannot be used: {cuda['problem']}{hint}")]
