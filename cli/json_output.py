"""What ``--format json`` prints: a function for each command, named after it.

The keys are an interface: programs read them, and they only ever gain new ones.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.render import diagnostic_data

if TYPE_CHECKING:
    from speccompiler.comparing.comparison import Comparison
    from speccompiler.diagnostics.core import Diagnostic
    from speccompiler.policy.judgement import Hidden
    from speccompiler.reports.machine import Cuda, Memory, Processor
    from speccompiler.reports.shape_report import ShapeReport
    from speccompiler.reports.weight_report import WeightReport
    from speccompiler.running.verify import Comparison as OutputComparison
    from speccompiler.source.document import Document
    from speccompiler.system.cache import Entry

PACKAGES = (
    *("convspec", "numba", "llvmlite", "numpy", "numba-cuda", "h5py"),
    *("pillow", "zarr", "fsspec", "dask", "distributed", "xarray"),
)
"""The packages whose versions ``doctor`` shows."""


def print_json(data: dict[str, Any], indent: int | None = 2, *, err: bool = False) -> None:
    """Print it, by default so that people can read it too."""
    click.echo(json_text(data, indent), nl=False, err=err)


def json_text(data: dict[str, Any], indent: int | None = 2) -> str:
    """The data as a text that ends with a line."""
    return json.dumps(data, indent=indent) + "\n"


def validate(
    documents: Sequence[Document], found: Sequence[Diagnostic], marks: Sequence[str]
) -> dict[str, Any]:
    """Every file that was checked, and every finding with its fingerprint."""
    return {
        "format_version": 1,
        "files": [document.file for document in documents],
        "diagnostics": [
            {**diagnostic_data(d), "fingerprint": mark}
            for d, mark in zip(found, marks, strict=True)
        ],
    }


def hidden(one: Hidden) -> dict[str, Any]:
    """A finding that is not reported, and what hides it."""
    return {**diagnostic_data(one.found), "by": one.by}


def shapes(report: ShapeReport) -> dict[str, Any]:
    """The report as Python callers get it, too."""
    return report.to_data()


def diff(comparison: Comparison) -> dict[str, Any]:
    """What changed between the two sides, file by file."""
    from speccompiler.comparing.diff_data import comparison_data

    return comparison_data(comparison)


def weights(report: WeightReport) -> dict[str, Any]:
    """Every tensor with its statistics, and what is to be said of them."""
    return {
        "model": report.model,
        "tensors": [tensor.to_data() for tensor in report.tensors],
        "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
    }


def verify(found: Sequence[OutputComparison], findings: Sequence[Diagnostic]) -> dict[str, Any]:
    """Each output beside what was recorded of it."""
    return {
        "equal": all(c.equal for c in found),
        "outputs": [
            {
                "name": c.name,
                "shape": list(c.shape),
                "largest_difference": c.largest if c.largest != float("inf") else None,
                "scale": c.scale,
                "differing": c.differing,
                "first": None
                if c.first is None
                else {
                    "sample": c.first.sample,
                    "position": list(c.first.position),
                    "expected": repr(c.first.expected),
                    "found": repr(c.first.found),
                },
            }
            for c in found
        ],
        "diagnostics": [diagnostic_data(d) for d in findings],
    }


def compile(made: Sequence[Entry], spent: float) -> dict[str, Any]:
    """What was made, in how many seconds, and the folder where it lies."""
    from speccompiler.system.cache import cache_root

    return {
        "folder": str(cache_root()),
        "seconds": round(spent, 3),
        "made": [{"kind": e.kind, "name": e.name, "size": e.size} for e in made],
    }


def cache(found: Sequence[Entry]) -> dict[str, Any]:
    """Every entry; sizes are in bytes."""
    from speccompiler.system.cache import cache_limit, cache_root

    return {
        "folder": str(cache_root()),
        "limit": cache_limit(),
        "size": sum(entry.size for entry in found),
        "entries": [
            {"kind": e.kind, "name": e.name, "size": e.size, "used": date(e.used)} for e in found
        ],
    }


def cache_cleared(count: int, removed: int) -> dict[str, Any]:
    """How many entries were removed, and their bytes."""
    from speccompiler.system.cache import cache_root

    return {"folder": str(cache_root()), "removed": count, "size": removed}


def date(seconds: float) -> str:
    """Local time to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def doctor(cpu: Processor, cuda: Cuda, memory: Memory) -> dict[str, Any]:
    """What the machine offers, and what this process is allowed of it; memory in bytes."""
    import platform

    from speccompiler.kernels.cuda.runtime.cubins import version
    from speccompiler.system.cache import cache_folder, cache_limit, cache_root, entries

    found = entries()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "packages": {name: version(name) for name in PACKAGES},
        "processor": {
            "name": cpu.name,
            "features": list(cpu.features),
            "level": cpu.level,
            "vector": cpu.lanes,
            "processors": cpu.cores,
            "usable": cpu.usable,
            "limit": None
            if cpu.limit is None
            else {"processors": cpu.limit.processors, "source": cpu.limit.file},
            "threads": cpu.threads,
            "caches": dict(cpu.caches),
        },
        "memory": {
            "total": memory.total,
            "available": memory.available,
            "limits": [
                {"limit": room.limit, "left": room.left, "source": room.source}
                for room in memory.limits
            ],
            "allowed": memory.allowed,
        },
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
