"""``convspec schema``: the JSON Schema for editors."""

from __future__ import annotations

import json

import click

from speccompiler.cli.examples import ExampleCommand

EXAMPLES = """
# For an editor
convspec schema > convspec.schema.json
"""


@click.command("schema", cls=ExampleCommand, examples=EXAMPLES)
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of the native form.

    With it saved as convspec.schema.json, an editor has completion and hover text
    in a spec whose first line is
    "# yaml-language-server: $schema=convspec.schema.json".
    """
    from speccompiler.schemas.jsonschema import native_schema

    click.echo(json.dumps(native_schema(), indent=2))
