"""From a folder to the settings that hold in it."""

from __future__ import annotations

from pathlib import Path

from speccompiler.policy.settings import Settings
from speccompiler.policy.settings_file import find_settings, read_settings_file


def load_settings(folder: Path, file: Path | None = None, *, isolated: bool = False) -> Settings:
    """The settings of a folder, or of a file that is named; ``SpecError``: CS160, CS161."""
    if isolated:
        return Settings()
    found = find_settings(folder) if file is None else read_settings_file(file)
    if found is None:
        return Settings()
    from speccompiler.policy.settings_keys import settings_of

    return settings_of(found)
