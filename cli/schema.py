"""``convspec schema``: the JSON Schema of specs for editors, and of what commands print."""

from __future__ import annotations

import json

import click

from speccompiler.reports import shipped_schemas

SPEC = "spec"


@click.command("schema")
@click.option(
    "--of",
    "what",
    type=click.Choice([SPEC, *shipped_schemas.names()]),
    default=SPEC,
    show_default=True,
    help="spec: the native form, for editors. Else what that command prints with --format json.",
)
def command(what: str) -> None:
    """Print a JSON Schema (draft 2020-12): of the native form, or of a command's JSON.

    With that of the native form saved as convspec.schema.json, a spec that starts with the
    line "# yaml-language-server: $schema=convspec.schema.json" gets completion and hover text
    in an editor.
    """
    if what != SPEC:
        click.echo(json.dumps(shipped_schemas.schema(what), indent=2))
        return
    from speccompiler.schemas.jsonschema import native_schema

    click.echo(json.dumps(native_schema(), indent=2))
