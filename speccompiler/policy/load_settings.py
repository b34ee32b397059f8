"""From a folder to the settings that hold in it."""

from __future__ import annotations

import os
from pathlib import Path

from speccompiler.policy.settings import Settings

NAMES = ("convspec.toml", "pyproject.toml")
"""The files that may hold settings: in a folder, the first comes before the second."""


def load_settings(folder: Path, file: Path | None = None, *, isolated: bool = False) -> Settings:
    """The settings of a folder, or of a file that is named; ``SpecError``: CS160, CS161.

    The first file with settings counts, from the folder upwards to the root of its git
    repository; outside of a repository only the folder itself is looked at.
    """
    places = [] if isolated or file is not None else _files(folder)
    if isolated or (file is None and not places):
        return Settings()  # as in most folders: nothing is imported
    from speccompiler.policy.settings_file import read_settings_file, settings_in

    if file is not None:
        found = read_settings_file(file)
    else:
        held = filter(None, map(settings_in, map(Path, places)))
        nearest = next(held, None)
        if nearest is None:
            return Settings()
        found = nearest
    from speccompiler.policy.settings_keys import settings_of

    return settings_of(found)


def _files(folder: Path) -> list[str]:
    """The files of these names that may count, the nearest first."""
    place = os.path.abspath(folder)
    nearest = found = _in_folder(place)
    while not os.path.exists(os.path.join(place, ".git")):
        place, below = os.path.dirname(place), place
        if place == below:
            return nearest  # in no repository
        found = [*found, *_in_folder(place)]
    return found


def _in_folder(folder: str) -> list[str]:
    paths = [os.path.join(folder, name) for name in NAMES]
    return [path for path in paths if os.path.isfile(path)]
