"""``convspec explain``: what a diagnostic code means and what to do."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from speccompiler.cli.examples import ExampleCommand

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _titles() -> dict[str, str]:
    """Every code of a diagnostic or of a change, with what it is about."""
    from speccompiler.comparing.codes import CODES as CHANGES
    from speccompiler.diagnostics.codes import CODES

    titles = {name: code.title for name, code in CODES.items()}
    return titles | {name: code.name for name, code in CHANGES.items()}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes, with their titles where the shell shows them."""
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=title)
        for name, title in _titles().items()
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
    """Explain a CODE of a diagnostic or a change, such as CS012 or CD301; without one, list all."""
    from speccompiler.diagnostics.core import did_you_mean

    titles = _titles()
    if code is None:
        for name, title in titles.items():
            click.echo(f"{name}  {title}")
        return
    name = code.upper()
    if name.removeprefix("CS").isdecimal():
        name = f"CS{name.removeprefix('CS'):0>3}"
    if name not in titles:
        hint = did_you_mean(name, titles) or "run 'convspec explain' for the list"
        raise click.UsageError(f"no diagnostic '{code}'; {hint}")
    click.echo(click.style(f"{name}: {titles[name]}", bold=True))
    for part in _paragraphs(name):
        click.echo()
        click.echo(textwrap.fill(part, 88))


def _paragraphs(name: str) -> tuple[str, str]:
    """Why a finding is a problem and what to do, or what a change is and how bad."""
    from speccompiler.comparing.codes import CODES as CHANGES
    from speccompiler.diagnostics.codes import CODES

    if name in CHANGES:
        code = CHANGES[name]
        return code.explanation, f"Impact: {code.impact}, where nothing configures another."
    return CODES[name].why, CODES[name].fix
