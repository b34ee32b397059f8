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
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.convert.conversion import Converted
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import Model


NEEDED = {
    "onnx": ("onnx", "onnx", "ONNX files need"),
    "keras": ("h5py", "hdf5", ".keras files need"),
}
"""The package, its extra, and how a message begins: of what is written by a package."""
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
    if output is not None and kind in NEEDED:
        _check_package(output, kind)
    from speccompiler.convert.conversion import convert, unconverted

    if loaded.spec.onnx is not None and kind != "spec" and not (to_semantics or to_dim_ordering):
        converted = unconverted(loaded)
    else:
        converted = convert(loaded, semantics=to_semantics, dim_ordering=to_dim_ordering)
    read: list[str | Path] = [
        *loaded.loaded.document.read_files,
        *([loading.weights] if loading.weights else []),
    ]
    if output is None:
        from speccompiler.convert.spec_text import spec_text

        text = spec_text(converted, spec_path=Path("model.yaml"), weights_path=None)
        click.echo(text, nl=False)
    elif kind == "onnx":
        _write_onnx(converted, Path(output), read)
        show(_begins_with_zeros(loaded))
    elif kind == "keras":
        _write_keras(converted, Path(output), read)
    else:
        _write_spec(converted, Path(output), weights_output, read)


def _kind(output: str | None) -> str:
    """What is written, by the end of its name."""
    suffix = "" if output is None else Path(output).suffix.lower()
    if output is None or suffix in {".yaml", ".yml"}:
        return "spec"
    if suffix in {".onnx", ".keras"}:
        return suffix[1:]
    raise click.UsageError(
        f"--output {output}: end its name in .yaml for a native spec, in .onnx for an ONNX model, "
        "in .keras for Keras 3"
    )


def _write_spec(
    converted: Converted, target: Path, weights_output: str | None, read: list[str | Path]
) -> None:
    from speccompiler.convert.pair import default_weights_path, write_pair

    file = None
    if converted.has_weights:
        file = Path(weights_output) if weights_output else default_weights_path(target)
    _check(target, file, read)
    count = write_pair(converted, target, file)
    # Said when both are there: a reader that has gone must not leave one without the other.
    if file is not None:
        click.echo(f"wrote {printable(str(file))}: {_counted(count, 'tensor')}")
    click.echo(f"wrote {printable(str(target))}: {len(converted.spec.layers)} layers")


def _check_package(output: str, kind: str) -> None:
    """CS104 where the package that writes such a file is missing, or cannot be imported."""
    from speccompiler.arrays.optional_packages import imported
    from speccompiler.diagnostics.core import about

    with about(output):
        imported(*NEEDED[kind])


def _write_onnx(converted: Converted, target: Path, read: list[str | Path]) -> None:
    from speccompiler.convert.onnx.of_model import onnx_model
    from speccompiler.convert.onnx.onnx_file import data_path, needs_data_file, write_onnx

    _check(target, None, read)
    made = onnx_model(converted)
    if needs_data_file(made):
        _check(target, data_path(target), read)
    written = write_onnx(target, made)
    if written.data is not None:
        click.echo(f"wrote {printable(str(written.data))}: its weights")
    held = f"{_counted(written.nodes, 'node')}, {_counted(written.tensors, 'tensor')}"
    click.echo(f"wrote {printable(str(target))}: {held}")


def _begins_with_zeros(model: Model) -> list[Diagnostic]:
    """A note on the first stateful layer: ONNX has nothing that lasts from one run to the next."""
    from speccompiler.lowering.states import stateful_layers

    for layer in stateful_layers(model.spec):
        found = Diagnostic(
            "CS213",
            "the model is stateful, and in ONNX its states begin with zeros in each run",
            Severity.NOTE,
            layer=layer.name,
            argument="stateful",
            hint="a run gives what the first batch gives here; where each sample is a sequence of "
            "its own, nothing is lost",
        )
        return [model.loaded.locate(found)]
    return []


def _write_keras(converted: Converted, target: Path, read: list[str | Path]) -> None:
    from speccompiler.convert.keras3.keras_file import write_keras
    from speccompiler.convert.keras3.of_model import keras_model

    _check(target, None, read)
    made = keras_model(converted)
    write_keras(target, made)
    click.echo(f"wrote {printable(str(target))}: {_counted(len(made.layers), 'layer')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")


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
