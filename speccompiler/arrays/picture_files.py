"""Which files are the pictures of an input: those of a folder, of a pattern, or a single one.

They are in the plain order of their paths, character by character: ``10.png`` stands before
``2.png``. An order that reads numbers would differ from what ``ls`` and other programs show.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_NOT_TOLD = frozenset({"thumbs.db", "desktop.ini"})
"""What systems put into folders of pictures, beside files whose names begin with a dot."""


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """The pictures in their order, and the other files of their folder."""

    files: tuple[str, ...]
    passed_over: tuple[str, ...] = ()


def is_pattern(text: str) -> bool:
    """Whether a name that no file has is meant as a pattern."""
    return glob.has_magic(text) and not os.path.lexists(text)


def pattern_files(pattern: str) -> PictureFiles:
    """The files that a pattern matches, ``**`` for any folders between. CS110 for none."""
    files = [name for name in glob.glob(pattern, recursive=True) if not os.path.isdir(name)]
    if not files:
        raise Problem("CS110", "no file matches", "check the pattern and the folder")
    return PictureFiles(tuple(sorted(files)))


def folder_files(folder: Path) -> PictureFiles:
    """The pictures in a folder itself, by the endings of their names. CS110."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        text = f"the folder cannot be read: {reading_reason(error)}"
        raise Problem("CS110", text, "check the path and the permissions") from None
    pictures = [name for name in names if name.lower().endswith(ENDINGS)]
    others = [
        name
        for name in names
        if not (name.lower().endswith(ENDINGS) or name[0] == "." or name.lower() in _NOT_TOLD)
    ]
    if not pictures:
        raise _no_picture(others)
    return PictureFiles(tuple(str(folder / name) for name in pictures), tuple(others))


def _no_picture(others: list[str]) -> Problem:
    if not others:
        return Problem("CS110", "the folder is empty", "check the path")
    endings = (".npy", ".npz", ".h5", ".hdf5", ".zarr")
    arrays = [name for name in others if name.lower().endswith(endings)]
    held = first_few([quoted(name) for name in others], 3)
    return Problem(
        "CS110",
        f"the folder holds no pictures (.png, .jpg, .tif) and is no Zarr array; it holds {held}",
        f"give {quoted(arrays[0])} in it" if arrays else "check the path",
    )
