"""``convspec explain``: what a diagnostic code means and what to do."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from speccompiler.cli.examples import ExampleCommand

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes, with their titles where the shell shows them."""
    from click.shell_completion import CompletionItem

    from speccompiler.diagnostics.codes import CODES

    return [
        CompletionItem(name, help=code.title)
        for name, code in CODES.items()
        if name.startswith(incomplete.upper())
    ]


EXAMPLES = """
# What a code means, and what to do
convspec explain CS044

# All codes
convspec explain
"""


@click.command("explain", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("code", required=False, shell_complete=_complete)
def command(code: str | None) -> None:
    """Explain a diagnostic CODE, for example CS012; without one, list them all."""
    from speccompiler.diagnostics.codes import CODES
    from speccompiler.diagnostics.core import did_you_mean

    if code is None:
        for name, entry in CODES.items():
            click.echo(f"{name}  {entry.title}")
        return
    name = code.upper()
    if name.removeprefix("CS").isdecimal():
        name = f"CS{name.removeprefix('CS'):0>3}"
    known = CODES.get(name)
    if known is None:
        hint = did_you_mean(name, CODES) or "run 'convspec explain' for the list"
        raise click.UsageError(f"no diagnostic '{code}'; {hint}")
    click.echo(click.style(f"{name}: {known.title}", bold=True))
    for part in (known.why, known.fix):
        click.echo()
        click.echo(textwrap.fill(part, 88))
