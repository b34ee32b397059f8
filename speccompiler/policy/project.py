"""The folder that names of files are relative to in everything that outlives a command.

Reports, fingerprints and baselines are compared between machines: there a file is named from
the root of its git repository, or else from the current folder, with ``/`` between folders.
"""

from __future__ import annotations

import os
from pathlib import Path

_NO_FILE = ("<", "$", "-")
"""How names begin that findings give to what is no file: ``<stdin>``, ``--replace``."""


def repository_root(folder: Path) -> Path | None:
    """The root of the git repository that holds a folder; a worktree's ``.git`` is a file."""
    # Not (folder, *folder.parents): these strings cost a tenth of what paths do.
    place = os.path.abspath(folder)
    while not os.path.exists(os.path.join(place, ".git")):
        place, before = os.path.dirname(place), place
        if place == before:
            return None
    return Path(place)


def project_root(folder: Path) -> Path:
    """The root of the repository, or the folder itself outside of one."""
    return repository_root(folder) or Path(os.path.abspath(folder))


def shared_name(file: str, root: Path) -> str:
    """A file's name relative to ``root``, or its whole path where it lies elsewhere.

    >>> shared_name("/work/nets/models/a.yaml", Path("/work/nets"))
    'models/a.yaml'
    """
    if file.startswith(_NO_FILE):
        return file
    path = os.path.abspath(file)
    base = os.path.join(root, "")
    if not path.startswith(base):
        # A link to the repository, or a name with one in it.
        real, base = os.path.realpath(path), os.path.join(os.path.realpath(root), "")
        path = real if real.startswith(base) else path
    return path.removeprefix(base).replace(os.sep, "/")
