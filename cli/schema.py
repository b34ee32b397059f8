"""``convspec schema``: the JSON Schema of specs for editors, and of what commands print."""

from __future__ import annotations

import json

import click

from speccompiler.cli.examples import ExampleCommand
from speccompiler.reports import shipped_schemas

SPEC = "spec"
EXAMPLES = """
# For an editor, in specs that begin with this line:
# yaml-language-server: $schema=convspec.schema.json
convspec schema > convspec.schema.json

# What convspec shapes --format json prints
convspec schema --of shapes > shapes.schema.json
"""


@click.command("schema", cls=ExampleCommand, examples=EXAMPLES)
@click.option(
    "--of",
    "what",
    type=click.Choice([SPEC, *shipped_schemas.names()]),
    default=SPEC,
    show_default=True,
    help="spec: the native form, for editors. Else what that command prints with --format json.",
)
def command(what: str) -> None:
    """Print a JSON Schema: of the native form, or of a command's JSON (draft 2020-12).

    With that of the native form an editor has completion and hover text in specs: drafts
    7 and later read it alike.
    """
    if what != SPEC:
        click.echo(json.dumps(shipped_schemas.schema(what), indent=2))
        return
    from speccompiler.schemas.jsonschema import native_schema

    click.echo(json.dumps(native_schema(), indent=2))
