"""The options of ``validate`` that mend findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from speccompiler.frozen import dataclass

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What is mended, and whether it is written."""

    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False

    def check(self) -> None:
        """Refuse an option that would do nothing."""
        if self.unsafe_fixes and not (self.fix or self.diff):
            raise click.UsageError(
                "--unsafe-fixes says what to fix; add --fix, or --diff to see it"
            )

    @property
    def wanted(self) -> bool:
        """Whether anything is mended at all."""
        return self.fix or self.diff


def fix_options(function: F) -> F:
    """``--fix``, ``--unsafe-fixes`` and ``--diff``."""
    for option in reversed(
        (
            click.option(
                "--fix",
                is_flag=True,
                help="Mend what can only mean one thing: a misspelt word, a number in quotes, a "
                "name of Keras 2. The text of - goes to standard output.",
            ),
            click.option(
                "--unsafe-fixes",
                is_flag=True,
                help="With --fix: mend also what is only likely to be meant, such as an unknown "
                "argument that is taken out.",
            ),
            click.option(
                "--diff", is_flag=True, help="Show what --fix would change, and write nothing."
            ),
        )
    ):
        function = option(function)
    return function
