"""``convspec convert``: any model to a native spec with its weights in .safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.options import (
    complete_files,
    gathered,
    model_argument,
    not_empty,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.render import printable
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.loading.spec import OrderingName, SemanticsName


EXAMPLES = """
# A native spec, and its weights beside it
convspec convert model.h5 --semantics theano -o model.yaml

# Only look at it
convspec convert model.json --semantics tensorflow

# The same numbers from channels last, with TensorFlow's rules
convspec convert model.h5 --semantics theano -o model.yaml \\
  --to-semantics tensorflow --to-dim-ordering tf
"""


@click.command("convert", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="The native spec, .yaml. Default: it is printed, and no weights are written.",
)
@click.option(
    "--weights-output",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="The weights, .safetensors. Default: beside --output, under its name.",
)
@click.option(
    "--to-semantics",
    type=click.Choice(["tensorflow", "theano"]),
    help="Give the model these semantics: kernels are reversed. Refused where no exact "
    "equal exists.",
)
@click.option(
    "--to-dim-ordering",
    type=click.Choice(["th", "tf"]),
    help="Move the channels: kernels are transposed, and rows of a Dense after Flatten reordered.",
)
@weights_options
@semantics_options
@replace_option
@gathered(loading=LoadOptions)
def command(
    model: str,
    output: str | None,
    weights_output: str | None,
    to_semantics: SemanticsName | None,
    to_dim_ordering: OrderingName | None,
    loading: LoadOptions,
) -> None:
    """Write MODEL as a native spec, which says all that a Keras file leaves open.

    What MODEL is say --semantics and --dim-ordering; what it is to become,
    --to-semantics and --to-dim-ordering.
    """
    collect_rarely()
    if output is not None and Path(output).suffix.lower() not in {".yaml", ".yml"}:
        raise click.UsageError(f"--output {output}: a native spec is YAML; end its name in .yaml")
    if weights_output is not None and output is None:
        raise click.UsageError("--weights-output needs --output: the spec names the weights")
    if weights_output is not None and Path(weights_output).suffix.lower() != ".safetensors":
        raise click.UsageError(f"--weights-output {weights_output}: end its name in .safetensors")
    loaded = load_model(model, loading)
    from speccompiler.convert.conversion import convert
    from speccompiler.convert.pair import default_weights_path, write_pair
    from speccompiler.convert.spec_text import spec_text

    converted = convert(loaded, semantics=to_semantics, dim_ordering=to_dim_ordering)
    if output is None:
        text = spec_text(converted, spec_path=Path("model.yaml"), weights_path=None)
        click.echo(text, nl=False)
        return
    target = Path(output)
    file = None
    if converted.has_weights:
        file = Path(weights_output) if weights_output else default_weights_path(target)
    read: list[str | Path] = [
        *loaded.loaded.document.read_files,
        *([loading.weights] if loading.weights else []),
    ]
    _check(target, file, read)
    count = write_pair(converted, target, file)
    # Said when both are there: a reader that has gone must not leave one without the other.
    if file is not None:
        click.echo(f"wrote {printable(str(file))}: {count} tensor{'s' if count != 1 else ''}")
    click.echo(f"wrote {printable(str(target))}: {len(converted.spec.layers)} layers")


def _check(target: Path, file: Path | None, files: list[str | Path]) -> None:
    """Refuse to write over what is being read."""
    for read in files:
        for written in filter(None, (target, file)):
            try:
                same = written.samefile(read)
            except (OSError, ValueError):
                same = False
            if same:
                raise click.UsageError(f"'{written}' is what is being read; name another output")
