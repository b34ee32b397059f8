"""The settings of each folder with open files, read once until something is saved."""

from __future__ import annotations

import os
from pathlib import Path

from speccompiler.diagnostics.core import SpecError
from speccompiler.policy.load_settings import load_settings
from speccompiler.policy.settings import Settings


class ProjectSettings:
    """``convspec.toml`` and ``[tool.convspec]``; what is wrong with one is noted in ``wrong``."""

    def __init__(self) -> None:
        self._of: dict[str, Settings] = {}
        self.wrong: list[str] = []

    def forget(self) -> None:
        """Read them again."""
        self._of.clear()

    def of(self, file: str) -> Settings:
        """The settings that hold for a file; those of no project for a text without one."""
        if not os.path.isabs(file):
            return Settings()
        folder = os.path.dirname(file)
        if folder not in self._of:
            try:
                self._of[folder] = load_settings(Path(folder))
            except SpecError as error:
                self._of[folder] = Settings()
                self.wrong += map(str, error.diagnostics)
        return self._of[folder]
