"""What an output's name asks for."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class OutputKind(Enum):
    """How an output is stored."""

    STREAM = "-"
    NPY = ".npy"
    NPZ = ".npz"
    ZARR = ".zarr"
    HDF5 = "::"


def output_kind(output: str) -> OutputKind:
    """What a name asks for; whatever asks for nothing else is a .npy file.

    A Zarr array is a folder named ``.zarr``, or lies in one, which then is a group.
    """
    if output == "-":
        return OutputKind.STREAM
    if "::" in output:
        return OutputKind.HDF5
    parts = re.split(r"[/\\]" if os.sep == "\\" else "/", output)
    if any(part.lower().endswith(".zarr") for part in parts):
        return OutputKind.ZARR
    return OutputKind.NPZ if Path(output).suffix.lower() == ".npz" else OutputKind.NPY


def local_path(output: str) -> str:
    """A path for what ``file://`` names, and anything else as it is."""
    found = re.match(r"file://(localhost)?(?=/)", output, re.IGNORECASE)
    return output[found.end() :] if found else output


def one_spelling(output: str) -> str:
    """An output's name as a path or URL: ``g.zarr::y`` is ``g.zarr/y``, as for an input."""
    output = local_path(output)
    group, separator, inner = output.rpartition("::")
    if separator and group.lower().endswith(".zarr"):
        return f"{group}/{inner.strip('/')}"
    return output


def is_url(output: str) -> bool:
    """Whether an output is at another place than a path of this machine."""
    return _URL.match(local_path(output)) is not None
