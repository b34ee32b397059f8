"""What ``convspec diff`` says of numbers: of weights (``--weights``), of outputs (``--input``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.compared_sides import Inputs, Side, Sides
from speccompiler.cli.diff_files import loaded_side
from speccompiler.cli.diff_options import Values
from speccompiler.cli.render import printable
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.frozen import dataclass
from speccompiler.model import Model
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.comparing.weight_values import TensorDifference
    from speccompiler.running.output_differences import OutputDifference

FORMATS = ("text", "json")
WEIGHT_ENDINGS = (".npz", ".npy", ".safetensors")


@dataclass(frozen=True, slots=True)
class ValueReport:
    """What is printed, and whether everything is equal."""

    text: str
    equal: bool
    summary: str


def is_weight_file(name: str) -> bool:
    """Whether a name is that of a file that holds weights and no model."""
    path = Path(name)
    if path.suffix.lower() in WEIGHT_ENDINGS:
        return True
    if not path.is_file():
        return False
    from speccompiler.files.hdf5_signature import begins_as_hdf5

    if not begins_as_hdf5(path):
        return False
    from speccompiler.source.files import read_document

    found = read_document(path).diagnostics
    return any(d.code == "CS081" for d in found)


def value_report(
    names: Sequence[str], loading: LoadOptions, values: Values, style: str, inputs: Inputs
) -> ValueReport:
    """What ``convspec diff`` says of the values of OLD and NEW.

    Where one of them is a weight file and the other a model, the model is compared with itself,
    with these weights.
    """
    if style not in FORMATS:
        raise click.UsageError("--weights and --input are for --format text and json")
    if values.compare_weights and values.input:
        raise click.UsageError("--weights and --input are two comparisons; ask for one at a time")
    files = [is_weight_file(name) for name in names]
    if len(names) == 2 and any(files):
        for given, option in zip((values.old_weights, values.new_weights), _OPTIONS, strict=True):
            which = names[_OPTIONS.index(option)]
            if given is not None and files[_OPTIONS.index(option)]:
                raise click.UsageError(f"'{which}' is a weight file, and {option} names another")
        if all(files) and not values.input:
            return _of_files((names[0], names[1]), values, style)
        if all(files):
            raise click.UsageError("--input needs models, and both names are those of weights")
        number = files.index(True)
        file = Path(names[number])
        if number == 0:
            values = replace(values, old_weights=file)
        else:
            values = replace(values, new_weights=file)
        shown = (names[0], names[1])
        names = (names[1 - number],) * 2
    else:
        shown = None
    from speccompiler.cli.diff_sides import named_sides

    sides = named_sides(names, replace(inputs, weights=True))
    if not sides.single:
        raise click.UsageError("--weights and --input compare two files, OLD and NEW")
    if shown is not None:
        sides = replace(sides, old_name=shown[0], new_name=shown[1])
    models = _models_of(sides, loading, values, inputs)
    try:
        compared = _of_outputs if values.input else _of_weights
        return compared(sides, models, values, style)
    except SpecError as error:
        located = map(inputs.copies.located, error.diagnostics)
        raise SpecError(map(_with_own_options, located)) from None


_OPTIONS = ("--old-weights", "--new-weights")


def _with_own_options(found: Diagnostic) -> Diagnostic:
    """A finding whose hint names a weight file's option as this command calls it."""
    if found.hint is None:
        return found
    named = " and ".join(f"{option} FILE" for option in _OPTIONS)
    return replace(found, hint=found.hint.replace("--weights FILE", named))


def _of_files(names: tuple[str, str], values: Values, style: str) -> ValueReport:
    """Two files that hold weights and no models."""
    from speccompiler.comparing.weight_values import weight_differences

    found = list(weight_differences(Path(names[0]), Path(names[1]), values.tolerance or 0.0))
    return _weights_report(names, found, style)


def _models_of(
    sides: Sides, loading: LoadOptions, values: Values, inputs: Inputs
) -> tuple[Model, Model]:
    """Both models with their weights; ``SpecError`` for what is wrong with either."""
    (pair,) = sides.pairs
    assert pair.old is not None, "two files were named"
    assert pair.new is not None, "two files were named"
    return (
        _with_weights(pair.old, loading, values.old_weights, inputs),
        _with_weights(pair.new, loading, values.new_weights, inputs),
    )


def _with_weights(side: Side, loading: LoadOptions, file: Path | None, inputs: Inputs) -> Model:
    model, found = loaded_side(side, replace(loading, weights=file), inputs)
    if model is None:
        raise SpecError(d for d in found if d.severity is Severity.ERROR)
    return model


def _of_weights(
    sides: Sides, models: tuple[Model, Model], values: Values, style: str
) -> ValueReport:
    """The weights of two models."""
    from speccompiler.comparing.weight_values import weight_differences

    found = list(weight_differences(*models, values.tolerance or 0.0))
    return _weights_report((sides.old_name, sides.new_name), found, style)


def _of_outputs(
    sides: Sides, models: tuple[Model, Model], values: Values, style: str
) -> ValueReport:
    """The outputs of two models for the same input."""
    from speccompiler.cli.progress import compiling_shown
    from speccompiler.cli.run_inputs import input_openers, silent
    from speccompiler.cli.verify import named_files
    from speccompiler.comparing.compare import compare
    from speccompiler.options import CompileOptions
    from speccompiler.running.output_differences import output_differences
    from speccompiler.running.verify import TOLERANCE

    old, new = models
    files = named_files(values.input, new.input_names, "--input")
    openers = input_openers(new, files, values.pictures)
    tolerance = TOLERANCE if values.tolerance is None else values.tolerance
    diff = compare(old, new, old_name=sides.old_name, new_name=sides.new_name)
    with silent(), compiling_shown():
        found = output_differences(old, new, diff, openers, CompileOptions(), tolerance)
    return _outputs_report((sides.old_name, sides.new_name), found, tolerance, style)


def _weights_report(
    names: tuple[str, str], found: Sequence[TensorDifference], style: str
) -> ValueReport:
    from speccompiler.comparing.weight_values import TensorState

    counts = {s: sum(d.state is s for d in found) for s in TensorState}
    parts = [f"{n} {_STATES[str(state)]}" for state, n in counts.items() if n]
    tensors = f"{len(found)} tensor{'' if len(found) == 1 else 's'}"
    summary = f"{tensors}: {', '.join(parts)}" if parts else "no tensors"
    equal = all(d.state is TensorState.EQUAL for d in found)
    if style == "json":
        return ValueReport(
            _json(names, equal, "tensors", list(map(_tensor_data, found))), equal, summary
        )
    shown = [d for d in found if d.state is not TensorState.EQUAL or d.largest or d.old_nan]
    rows = list(map(_tensor_row, shown))
    head = ("tensor", "shape", "largest difference", "relative", "values that differ", "NaN")
    lines = [f"{printable(names[0])} -> {printable(names[1])}", ""]
    if rows:
        lines += [_table(rows, head, ("left", "left", "right", "right", "right", "right")), ""]
    return ValueReport("\n".join([*lines, summary]) + "\n", equal, summary)


_STATES = {
    "equal": "equal",
    "different": "different",
    "reshaped": "of another shape",
    "removed": "removed",
    "added": "added",
}


def _tensor_row(found: TensorDifference) -> tuple[str, ...]:
    names = dict.fromkeys(n for n in (found.old_name, found.new_name) if n is not None)
    name = printable(" -> ".join(names))
    shapes = dict.fromkeys(str(s) for s in (found.old_shape, found.new_shape) if s is not None)
    state = str(found.state)
    if state in {"reshaped", "removed", "added"}:
        return (name, " -> ".join(shapes), _STATES[state], "", "", "")
    nans = "" if not (found.old_nan or found.new_nan) else str(found.old_nan)
    if found.old_nan != found.new_nan:
        nans = f"{found.old_nan} -> {found.new_nan}"
    return (
        name,
        " -> ".join(shapes),
        f"{found.largest:.3g}",
        f"{found.relative:.1e}",
        f"{found.differing:,} of {found.count:,}",
        nans,
    )


def _tensor_data(found: TensorDifference) -> dict[str, Any]:
    compared = str(found.state) in {"equal", "different"}
    return {
        "state": str(found.state),
        "old": found.old_name,
        "new": found.new_name,
        "old_shape": None if found.old_shape is None else list(found.old_shape),
        "new_shape": None if found.new_shape is None else list(found.new_shape),
        "largest_difference": _number(found.largest) if compared else None,
        "relative_difference": _number(found.relative) if compared else None,
        "scale": found.scale if compared else None,
        "differing": found.differing if compared else None,
        "count": found.count,
        "old_nan": found.old_nan if compared else None,
        "new_nan": found.new_nan if compared else None,
    }


def _number(value: float) -> float | str:
    """A number for JSON, which has no infinity."""
    return value if value != float("inf") else "infinity"


def _outputs_report(
    names: tuple[str, str], found: Sequence[OutputDifference], tolerance: float, style: str
) -> ValueReport:
    first = next((each for each in found if not each.equal), None)
    equal = first is None
    if not found:
        summary = "no layer is in both models"
    elif first is None:
        summary = f"equal in all {len(found)} layers that both have"
    else:
        summary = f"first to differ: layer '{first.name}', {_how(first)}"
    summary = printable(summary)
    if style == "json":
        data = list(map(_output_data, found))
        more = {"tolerance": tolerance, "first": None if first is None else first.name}
        return ValueReport(_json(names, equal, "layers", data, more), equal, summary)
    rows = [_output_row(each) for each in found]
    head = ("layer", "shape", "largest difference", "relative", "values that differ")
    lines = [f"{printable(names[0])} -> {printable(names[1])}", ""]
    if rows:
        lines += [_table(rows, head, ("left", "left", "right", "right", "right")), ""]
    lines.append(summary)
    if first is not None:
        lines += [f"  {printable(change.message)}" for change in first.pair.changes]
    return ValueReport("\n".join(lines) + "\n", equal, summary)


def _how(first: OutputDifference) -> str:
    if first.reshaped:
        return f"its shape is {first.new_shape} instead of {first.old_shape}"
    place = first.first
    assert place is not None, "what differs has a first value that does"
    at = place.position if len(place.position) != 1 else place.position[0]
    where = f"sample {place.sample}" + (f" at {at}" if place.position else "")
    return (
        f"{first.differing:,} of {first.count:,} values, by up to {first.largest:.3g}; first "
        f"{where}: {place.found:.7g} instead of {place.expected:.7g}"
    )


def _output_row(found: OutputDifference) -> tuple[str, ...]:
    old = "" if found.pair.old is None else found.pair.old.name
    name = printable(found.name if old in {"", found.name} else f"{old} -> {found.name}")
    if found.reshaped:
        return (name, f"{found.old_shape} -> {found.new_shape}", "another shape", "", "")
    return (
        name,
        str(found.new_shape),
        f"{found.largest:.3g}",
        f"{found.relative:.1e}",
        f"{found.differing:,}" if found.differing else "",
    )


def _output_data(found: OutputDifference) -> dict[str, Any]:
    place = found.first
    return {
        "old": None if found.pair.old is None else found.pair.old.name,
        "new": found.name,
        "equal": found.equal,
        "old_shape": list(found.old_shape),
        "new_shape": list(found.new_shape),
        "largest_difference": None if found.reshaped else _number(found.largest),
        "relative_difference": None if found.reshaped else _number(found.relative),
        "scale": None if found.reshaped else found.scale,
        "differing": None if found.reshaped else found.differing,
        "first": None
        if place is None
        else {
            "sample": place.sample,
            "position": list(place.position),
            "old": repr(place.expected),
            "new": repr(place.found),
        },
    }


def _json(
    names: tuple[str, str],
    equal: bool,
    key: str,
    rows: list[dict[str, Any]],
    more: dict[str, Any] | None = None,
) -> str:
    from speccompiler.cli.json_output import json_text

    data = {"format_version": 1, "old": names[0], "new": names[1], "equal": equal}
    return json_text({**data, **(more or {}), key: rows})


def _table(rows: Sequence[tuple[str, ...]], head: Sequence[str], align: Sequence[str]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers=head, colalign=align, disable_numparse=True)
