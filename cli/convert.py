"""``convspec convert``: any model to a native spec with its weights, to ONNX, or to Keras 3."""

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
from speccompiler.cli.render import printable, show
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.convert.saving import FileKind
    from speccompiler.loading.spec import OrderingName, SemanticsName

EXAMPLES = """
# A native spec, and its weights beside it
convspec convert model.h5 --semantics theano -o model.yaml

# For ONNX Runtime and other programs: the extra convspec[onnx]
convspec convert model.h5 --semantics theano -o model.onnx

# For Keras 3, which reads no file of Keras 1: the extra convspec[hdf5]
convspec convert model.h5 --semantics theano -o model.keras

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
    help="The native spec, .yaml, or a model for other programs: .onnx, .keras. Default: the spec "
    "is printed, and no weights are written.",
)
@click.option(
    "--weights-output",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="The weights of a spec, .safetensors. Default: beside --output, under its name.",
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
    """Write MODEL as a native spec, which says all that a Keras file leaves open, or as ONNX.

    What MODEL is say --semantics and --dim-ordering; what it is to become,
    --to-semantics and --to-dim-ordering.
    """
    collect_rarely()
    kind = _kind(output)
    if weights_output is not None:
        if output is None:
            raise click.UsageError("--weights-output needs --output: the spec names the weights")
        if kind != "spec":
            raise click.UsageError(f"--weights-output: {output} holds the weights itself")
        if Path(weights_output).suffix.lower() != ".safetensors":
            text = f"--weights-output {weights_output}: end its name in .safetensors"
            raise click.UsageError(text)
    loaded = load_model(model, loading)
    from speccompiler.convert import saving

    if output is not None:
        saving.check_package(Path(output), kind)
    converted = saving.converted_for(
        loaded, kind, semantics=to_semantics, dim_ordering=to_dim_ordering
    )
    if output is None:
        from speccompiler.convert.spec_text import spec_text

        text = spec_text(converted, spec_path=Path("model.yaml"), weights_path=None)
        click.echo(text, nl=False)
        return
    beside = Path(weights_output) if weights_output else None
    # Said when all are there: a reader that has gone must not leave one without the other.
    for file in saving.write(converted, kind, Path(output), beside, _check):
        click.echo(f"wrote {printable(str(file.path))}: {file.holds}")
    show(saving.begins_with_zeros(loaded, kind))


def _kind(output: str | None) -> FileKind:
    """What is written, by the end of its name."""
    from speccompiler.convert.saving import NAMES, kind_of

    kind = "spec" if output is None else kind_of(Path(output))
    if kind is None:
        raise click.UsageError(f"--output {output}: end its name {NAMES}")
    return kind


def _check(files: list[str | Path], *targets: Path) -> None:
    """Refuse to write over what is being read."""
    from speccompiler.convert.saving import overwritten

    same = overwritten(files, *targets)
    if same is not None:
        raise click.UsageError(f"'{same}' is what is being read; name another output")
