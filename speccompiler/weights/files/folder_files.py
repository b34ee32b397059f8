"""A folder of .npy and .npz files, given as one weight file.

People saved a file for each tensor or for each layer. The array files in the folder and in its
own folders are read, not those in deeper ones. Names that begin with a dot are passed over in
silence, other files with a note.
"""

from __future__ import annotations

import os
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass

ENDINGS = (".npy", ".npz")
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files in a folder."""

    named: tuple[tuple[str, Path], ...]
    """Array files, each with the name that its arrays get: its own without the ending."""
    left: tuple[str, ...]
    """Names of the other files."""

    @property
    def arrays(self) -> tuple[Path, ...]:
        """The array files."""
        return tuple(path for _, path in self.named)


def folder_files(folder: Path) -> FolderFiles:
    """What lies in a folder, sorted by name; CS100 where no array does."""
    shown = quoted(str(folder))
    try:
        entries = _entries(folder, "")
        for name, path in list(entries):
            if path.is_dir():
                entries.remove((name, path))
                entries += _entries(path, f"{name}/")
    except OSError as error:
        text = f"cannot read the folder {shown}: {reading_reason(error)}"
        raise Problem("CS100", text, "check its permissions, and the disk that it is on") from None
    arrays = [(n, p) for n, p in entries if p.suffix.lower() in ENDINGS]
    left = [n for n, p in entries if p.suffix.lower() not in ENDINGS and not p.is_dir()]
    if not arrays:
        raise Problem(
            "CS100", f"cannot read weight file {shown}: it is a folder", _advice(folder, left)
        )
    named = sorted((name[: -len(path.suffix)], path) for name, path in arrays)
    return FolderFiles(tuple(named), tuple(sorted(left)))


def _entries(folder: Path, before: str) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    with os.scandir(folder) as listing:
        for entry in listing:
            if len(found) >= _MOST:
                text = f"the folder {quoted(str(folder))} holds more than {_MOST} files"
                raise Problem("CS100", text, "give the folder of the weights alone")
            if not entry.name.startswith("."):
                found.append((before + entry.name, folder / entry.name))
    return found


def _advice(folder: Path, left: list[str]) -> str:
    """What to give instead of a folder without arrays."""
    if "saved_model.pb" in left or (folder / "variables").is_dir():
        return (
            "this is a TensorFlow SavedModel: load it there, and save the model's weights as .h5 "
            "or, by name, as .npz"
        )
    if "checkpoint" in left or any(name.endswith(".index") for name in left):
        return (
            "this is the folder of a TensorFlow checkpoint: in Keras, load it into the model, "
            'then model.save_weights("weights.h5")'
        )
    return "a folder counts where it holds .npy or .npz files; else give one of its files"
