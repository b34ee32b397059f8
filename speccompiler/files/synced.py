"""Names and files that outlast a crash of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from speccompiler.system import facilities


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk. Raises ``OSError``."""
    if not facilities.SYNCED_FOLDERS.here:
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(files: Iterable[Path], root: Path) -> None:
    """Files below ``root``, and the folders that lead to them, itself included.

    Raises ``OSError``.
    """
    folders: set[Path] = {root}
    for file in files:
        descriptor = os.open(file, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for folder in file.parents:
            if folder in folders:
                break
            folders.add(folder)
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        sync_folder(folder)
