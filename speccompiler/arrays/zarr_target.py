"""Whether a Zarr array can be made at a place. The library itself is not needed for it."""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.files.atomic_output import cannot_create
from speccompiler.files.system_errors import writing_reason

_OF_AN_ARRAY = re.compile(r"zarr\.json|\.zarray|\.zattrs|\.zmetadata|c|(c[./])?\d+([./]\d+)*")
"""What may lie at the top of an array's folder: metadata and chunks, of versions 2 and 3."""


def is_array_folder(folder: Path) -> bool:
    """Whether a folder is a Zarr array, of version 2 or 3, and no group."""
    try:
        text = (folder / "zarr.json").read_text(encoding="utf-8")
        return bool(json.loads(text)["node_type"] == "array")
    except FileNotFoundError:
        return (folder / ".zarray").is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_zarr_target(target: Path) -> None:
    """Refuse a place where no Zarr array can be made, or where something else is: CS120."""
    try:
        final = Path(os.path.realpath(target))
        exists = os.path.lexists(final)
    except (OSError, ValueError):
        raise cannot_create("the path is not a valid file name", "check the path") from None
    if not exists:
        if not final.parent.is_dir():
            raise cannot_create(
                f"the folder '{target.parent}' does not exist", "create the folder first"
            )
        if is_array_folder(final.parent):
            raise cannot_create(
                f"the folder '{target.parent}' is a Zarr array, in which no other can be",
                "choose another name",
            )
        return
    if not final.is_dir():
        raise cannot_create(
            "a file of this name exists, and a Zarr array is a folder", "choose another name"
        )
    try:
        found = sorted(os.listdir(final))
    except OSError as error:
        raise cannot_create(writing_reason(error), "check the path") from None
    if not is_array_folder(final):
        group = {"zarr.json", ".zgroup"} & set(found)
        raise cannot_create(
            "this folder is a Zarr group, and is never replaced"
            if group
            else "this folder is no Zarr array, and is never replaced",
            f"name an array in it, for example '{target / 'y'}'"
            if group
            else "choose another name",
        )
    others = [name for name in found if not _OF_AN_ARRAY.fullmatch(name)]
    if others:
        raise cannot_create(
            f"this folder holds '{others[0]}' beside a Zarr array, and is never replaced",
            "choose another name",
        )
    if not os.access(final, os.W_OK):
        raise cannot_create(
            "an array of this name exists and is write-protected",
            "choose another name, or allow writing to it",
        )


def check_zarr() -> None:
    """CS104 where zarr is not installed."""
    if find_spec("zarr") is None:
        raise Problem(
            "CS104",
            "Zarr arrays need the package zarr, which is not installed",
            'pip install "convspec[zarr]"',
        )
