"""Options by which a command takes a project's settings, and where its report goes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from speccompiler.cli.options import complete_files, not_empty
from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.diagnostics.core import SpecError
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.cli.documents import Passed
    from speccompiler.policy.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class SettingsChoice:
    """Which settings a command takes."""

    config: str | None = None
    isolated: bool = False

    def settings(self) -> Settings:
        """Those of the current folder, or of the file that is named. CS160, CS161."""
        from speccompiler.policy.load_settings import load_settings

        file = None if self.config is None else Path(self.config)
        try:
            return load_settings(Path(), file, isolated=self.isolated)
        except SpecError as error:
            remember_settings(error)
            raise


def remember_settings(error: SpecError) -> None:
    """Keep the text of the settings, so that what is wrong with them is shown with its line."""
    kept = SpecTexts.of_command()
    for found in error.diagnostics:
        if found.file is not None and found.span is not None:
            with contextlib.suppress(OSError):
                kept[found.file] = Path(found.file).read_text("utf-8-sig", errors="replace")


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """The file of findings that are accepted."""

    baseline: str | None = None
    write_baseline: str | None = None

    def check(self) -> None:
        """Refuse to read one and write one."""
        if self.baseline is not None and self.write_baseline is not None:
            raise click.UsageError("--baseline and --write-baseline exclude each other")


@dataclass(frozen=True, slots=True)
class Reporting:
    """What a report looks like, and where it goes."""

    style: str | None = None
    output: str | None = None

    @property
    def format(self) -> str:
        """The format that is asked for; by itself text, or annotations under GitHub Actions."""
        if self.style is not None:
            return self.style
        in_action = os.environ.get("GITHUB_ACTIONS") == "true"
        return "github" if in_action and self.output is None else "text"


def settings_options(function: F) -> F:
    """``--config`` and ``--isolated``."""
    for option in (
        click.option("--isolated", is_flag=True, help="Take no settings file."),
        click.option(
            "--config",
            metavar="FILE",
            callback=not_empty,
            shell_complete=complete_files,
            help="The settings, instead of the nearest convspec.toml or pyproject.toml with "
            "[tool.convspec].",
        ),
    ):
        function = option(function)
    return function


def baseline_options(function: F) -> F:
    """``--baseline`` and ``--write-baseline``."""
    for option in (
        click.option(
            "--write-baseline",
            metavar="FILE",
            callback=not_empty,
            shell_complete=complete_files,
            help="Write what is found to this file, for --baseline.",
        ),
        click.option(
            "--baseline",
            metavar="FILE",
            callback=not_empty,
            shell_complete=complete_files,
            help="Do not report the findings of this file.",
        ),
    ):
        function = option(function)
    return function


def reporting_options(*styles: str) -> Callable[[F], F]:
    """``--format`` and ``--output``, for a command whose report CI systems read."""

    def decorate(function: F) -> F:
        for option in (
            click.option(
                "-o",
                "--output",
                metavar="FILE",
                callback=not_empty,
                shell_complete=complete_files,
                help="Write the report to a file, and its last line here.",
            ),
            click.option(
                "--format",
                "style",
                type=click.Choice(styles),
                help=f"Default: {styles[0]}; github where GITHUB_ACTIONS=true.",
            ),
        ):
            function = option(function)
        return function

    return decorate


def excluded(settings: Settings) -> Passed:
    """Which files ``exclude`` means."""
    from speccompiler.cli.documents import Passed

    if not settings.exclude:
        return Passed()
    from speccompiler.policy.globs import file_matches
    from speccompiler.policy.project import shared_name

    folder, patterns = settings.folder, settings.exclude
    return Passed(lambda file: file_matches(shared_name(file, folder), patterns))
