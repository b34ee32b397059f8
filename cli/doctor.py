"""``convspec doctor``: what this machine offers, for whoever asks why a run is slow or fails."""

from __future__ import annotations

import json
import platform
import sys
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.render import printable
from speccompiler.reports.number_text import size
from speccompiler.system.cache import cache_folder, cache_limit, cache_root, entries

if TYPE_CHECKING:
    from speccompiler.reports.machine import Cuda, Processor

PACKAGES = ("convspec", "numba", "llvmlite", "numpy", "numba-cuda", "h5py")


@click.command("doctor")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(style: str) -> None:
    """Show the processor's features, threads, caches, CUDA and memory as convspec sees them.

    Nothing is changed, and a machine without a GPU is no error.
    """
    import psutil

    from speccompiler.reports.machine import cuda, processor

    memory = psutil.virtual_memory()
    data = _data(processor(), cuda(), memory.total, memory.available)
    click.echo(json.dumps(data, indent=2) if style == "json" else _text(data))


def _data(cpu: Processor, cuda: Cuda, total: int, available: int) -> dict[str, Any]:
    from speccompiler.kernels.cuda.runtime.cubins import version

    found = entries()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "packages": {name: version(name) for name in PACKAGES},
        "processor": {
            "name": cpu.name,
            "features": list(cpu.features),
            "vector": cpu.lanes,
            "processors": cpu.cores,
            "threads": cpu.threads,
            "caches": dict(cpu.caches),
        },
        "memory": {"total": total, "available": available},
        "cache": {
            "folder": str(cache_root()),
            "usable": cache_folder("kernels") is not None,
            "size": sum(entry.size for entry in found),
            "limit": cache_limit(),
        },
        "cuda": {
            "extra": None if cuda.toolkit is None else f"cuda{cuda.toolkit}",
            "driver": None if cuda.driver is None else ".".join(map(str, cuda.driver)),
            "gpus": [
                {
                    "target": f"cuda:{gpu.number}",
                    "name": gpu.name,
                    "capability": ".".join(map(str, gpu.capability)),
                    "multiprocessors": gpu.multiprocessors,
                    "memory": gpu.memory,
                }
                for gpu in cuda.gpus
            ],
            "problem": None if cuda.problem is None else cuda.problem.message,
            "hint": None if cuda.problem is None else cuda.problem.hint,
        },
    }


def _text(data: dict[str, Any]) -> str:
    cpu, memory, cache = data["processor"], data["memory"], data["cache"]
    versions = ", ".join(f"{name} {v}" for name, v in data["packages"].items() if v is not None)
    caches = ", ".join(f"{name} {size(bytes_)}" for name, bytes_ in cpu["caches"].items())
    features = ", ".join(cpu["features"]) or "no vector extension that kernels use"
    rows = [
        ("python", f"{data['python']} on {data['platform']}"),
        ("packages", versions),
        ("processor", f"{cpu['name']}: {features}"),
        ("vectors", f"{cpu['vector']} float32 values"),
        ("threads", f"{cpu['threads']} of {cpu['processors']} processors"),
        ("caches", caches or "not told by the system"),
        ("memory", f"{size(memory['total'])}, {size(memory['available'])} available"),
        (
            "kept",
            f"{size(cache['size'])} of at most {size(cache['limit'])} in {cache['folder']}"
            + ("" if cache["usable"] else " (cannot be used)"),
        ),
        *_cuda_rows(data["cuda"]),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {printable(text)}" for name, text in rows)


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
