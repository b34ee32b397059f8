"""``convspec layers``: the layer types in short, or the arguments of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from speccompiler.cli.examples import ExampleCommand

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from speccompiler.schemas.registry import LAYERS

    folded = incomplete.casefold()
    return [CompletionItem(name) for name in LAYERS if name.casefold().startswith(folded)]


EXAMPLES = """
# All types
convspec layers

# The arguments of one
convspec layers Convolution2D
"""


@click.command("layers", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("layer_type", metavar="[TYPE]", required=False, shell_complete=_complete)
def command(layer_type: str | None) -> None:
    """List the layer types that a spec may name, or the arguments of one TYPE."""
    from speccompiler.diagnostics.core import did_you_mean
    from speccompiler.schemas.registry import LAYERS, OTHER_KERAS_LAYERS, aliases, own_type

    if layer_type is None:
        width = max(map(len, LAYERS))
        for each, layer in LAYERS.items():
            click.echo(f"{each:<{width}}  {_first_line(layer.__doc__)}")
        return
    by_folded = {name.casefold(): name for name in (*LAYERS, *aliases())}
    name = by_folded.get(layer_type.casefold())
    if name is None and layer_type in OTHER_KERAS_LAYERS:
        raise click.UsageError(f"{layer_type} is a Keras 1.x layer that convspec does not run")
    if name is None:
        hint = did_you_mean(layer_type, by_folded.values()) or "'convspec layers' lists them"
        raise click.UsageError(f"no layer type '{layer_type}'; {hint}")
    click.echo(_arguments(own_type(name)))


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _arguments(name: str) -> str:
    """A table of what the layer takes: required arguments first."""
    from tabulate import tabulate

    from speccompiler.schemas.arguments import COMMON, own_arguments
    from speccompiler.schemas.markdown import default_text
    from speccompiler.schemas.registry import LAYERS

    layer = LAYERS[name]
    fields = {key: layer.model_fields[key] for key in (*own_arguments(layer), *COMMON)}
    rows = [
        (key, default_text(key, field), field.description or "") for key, field in fields.items()
    ]
    table = tabulate(
        rows,
        headers=("argument", "default", "meaning"),
        disable_numparse=True,
        maxcolwidths=[None, None, 72],
    )
    also = f" (also {', '.join(layer.aliases)})" if layer.aliases else ""
    return f"{name}{also}: {_first_line(layer.__doc__)}\n\n{table}"
