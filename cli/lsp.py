"""``convspec lsp``: what an editor starts, and talks to on the standard streams."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

import click

from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import gathered, semantics_options
from speccompiler.cli.streams import standard_input
from speccompiler.diagnostics.core import Problem
from speccompiler.options import LoadOptions

WAITING = "convspec lsp is what an editor starts; here it waits for messages (Ctrl+D ends it)"
MISSING = 'convspec lsp needs the extra lsp: pip install "convspec[lsp]"'


EXAMPLES = """
# What an editor starts; docs/how-to/editors.md has the lines for each
convspec lsp

# Keras files of this project are read as Theano's
convspec lsp --semantics theano
"""


@click.command("lsp", cls=ExampleCommand, examples=EXAMPLES)
@semantics_options
@gathered(loading=LoadOptions)
def command(loading: LoadOptions) -> int:
    """Serve an editor by the Language Server Protocol, on standard input and output.

    Diagnostics and shapes while typing, completion, hover, rename and more, in YAML and JSON
    files that are specs. Needs the extra: pip install "convspec[lsp]".
    """
    try:
        from speccompiler.language_server.features import make_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"pygls", "lsprotocol"}:
            raise
        raise click.ClickException(MISSING) from None
    try:
        messages = standard_input("CS001")
    except Problem as problem:
        raise click.ClickException(f"{problem.message}; an editor starts this command") from None
    if messages.isatty():
        click.echo(WAITING, err=True)
    server = make_server(loading)
    gc.freeze()  # what was imported stays
    gc.enable()  # other commands end before there is much to collect
    # A stream of its own, because the server closes it. What is printed by mistake, in a library
    # too, must not end up between the messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with contextlib.redirect_stdout(sys.stderr):
        server.start_io(messages, answers)
    return 0 if server.was_shut_down else 1
