"""Examples at the end of a command's ``--help``: lines to copy, each below what it does."""

from __future__ import annotations

from typing import Any

import click


class ExampleCommand(click.Command):
    """A command whose help ends with examples.

    ``click.command("shapes", cls=ExampleCommand, examples=EXAMPLES)``, where the text is what a
    shell would take: a comment that says what a line does, the line, an empty line. Lines of a
    command end with a backslash, and none is longer than 78 characters.
    """

    def __init__(self, *arguments: Any, examples: str = "", **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.examples = examples.strip()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples as they are: a line to copy is not wrapped."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            space = " " * formatter.current_indent
            for line in self.examples.splitlines():
                formatter.write(f"{space}{line}".rstrip() + "\n")
