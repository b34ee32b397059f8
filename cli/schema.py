"""``convspec schema``: the JSON Schema for editors."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of the native form.

    With it saved as convspec.schema.json, a spec that starts with the line
    "# yaml-language-server: $schema=convspec.schema.json" gets completion and
    hover text in an editor.
    """
    from speccompiler.schemas.jsonschema import native_schema

    click.echo(json.dumps(native_schema(), indent=2))
