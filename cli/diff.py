"""``convspec diff``: what a change of a model means, layer by layer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import (
    complete_files,
    format_option,
    gathered,
    input_shape_option,
    replace_option,
    semantics_options,
)
from speccompiler.cli.render import printable
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.comparing.diff_text import Role
    from speccompiler.comparing.model_diff import ModelDiff
    from speccompiler.model import Model

_COLOURS: Mapping[str, dict[str, object]] = {
    "breaking": {"fg": "red"},
    "cost": {"fg": "yellow"},
    "note": {"fg": "cyan"},
    "added": {"fg": "green", "bold": True},
    "removed": {"fg": "red", "bold": True},
    "changed": {"fg": "yellow", "bold": True},
    "moved": {"fg": "cyan", "bold": True},
    "dim": {"dim": True},
    "strong": {"bold": True},
}


EXAMPLES = """
# What a change of a spec means
convspec diff old.yaml new.yaml

# A model that Keras saved, and the native spec made from it
convspec diff model.json model.yaml --semantics theano

# For a program
convspec diff old.yaml new.yaml --format json
"""


@click.command("diff", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("old", shell_complete=complete_files)
@click.argument("new", shell_complete=complete_files)
@format_option("text", "json")
@input_shape_option
@semantics_options
@replace_option
@gathered(loading=LoadOptions)
def command(old: str, new: str, style: str, loading: LoadOptions) -> int:
    """Compare two models: what changed, what only follows, and what it means.

    OLD and NEW are files of any kind that convspec reads; one of them may be - for standard
    input. Layers are compared as they are validated and lowered, so that the order of keys,
    comments, defaults that are spelled out and Keras's spelling make no difference.

    Exit status: 0 where nothing is breaking, 1 where an input or output changes, old weights no
    longer fit or numbers change, 2 usage or I/O error, or a model with errors.
    """
    from speccompiler.comparing.model_diff import Impact

    found = compared(old, new, loading)
    click.echo(_RENDERERS[style](found))
    return 1 if found.impact is Impact.BREAKING else 0


def compared(old: str, new: str, loading: LoadOptions) -> ModelDiff:
    """The comparison of two names on the command line."""
    from speccompiler.comparing.compare import compare

    if old == new == "-":
        raise click.UsageError("only one of OLD and NEW can be - for standard input")
    one, other = _loaded(old, loading), _loaded(new, loading)
    return compare(one, other, input_shape=loading.input_shape)


def _loaded(name: str, loading: LoadOptions) -> Model:
    return load_model(name, loading)


def terminal_width() -> int | None:
    """The columns of the terminal that is written to; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def painted(text: str, role: Role) -> str:
    """A piece of text in the colours of its role; click takes them off where none are wanted."""
    return click.style(text, **_COLOURS[role])  # type: ignore[arg-type]


def _text(diff: ModelDiff) -> str:
    from speccompiler.comparing.diff_text import diff_text

    return diff_text(diff, width=terminal_width(), paint=painted, name=printable)


def _json(diff: ModelDiff) -> str:
    import json

    return json.dumps(diff.to_data(), indent=2)


_RENDERERS: Mapping[str, Callable[[ModelDiff], str]] = {"text": _text, "json": _json}
"""How each ``--format`` is written."""
