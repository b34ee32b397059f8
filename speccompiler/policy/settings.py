"""What a project says of findings in ``convspec.toml`` or ``[tool.convspec]``, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speccompiler.diagnostics.core import Severity
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.policy.settings_file import SettingsFile


@dataclass(frozen=True, slots=True)
class Ignore:
    """Findings that are not reported, and why."""

    codes: tuple[str, ...]
    files: tuple[str, ...]
    """Patterns relative to the settings' folder; none means every file."""
    layers: tuple[str, ...]
    """Patterns; none means findings of every layer, and those of none."""
    reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's settings. Without a file each field has its default."""

    file: SettingsFile | None = None
    severity: Mapping[str, Severity | None] = field(default_factory=dict)
    """By code; None turns a finding off."""
    ignore: tuple[Ignore, ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None
    diff: Mapping[str, Any] = field(default_factory=dict)
    """The table ``[diff]`` as it is written; ``settings_keys.read_table`` reads it."""

    @property
    def folder(self) -> Path:
        """What patterns and names in the settings are relative to."""
        return Path() if self.file is None else self.file.path.parent
