"""Whether arrays can go into a model, and what to tell their owner if not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import (
    Graph,
    Identity,
    Input,
    Lookup,
    Reshape,
    Shape,
    Transpose,
    Upsample,
)
from speccompiler.graph.shapes import format_shape


def _fits(declared: Shape, given: Sequence[Dim | None]) -> bool:
    return len(declared) == len(given) and all(
        g is None or not isinstance(d, int) or d == g for d, g in zip(declared, given, strict=True)
    )


def by_input(given: Any, names: Sequence[str], what: Literal["array", "shape"]) -> dict[str, Any]:
    """Arrays or shapes by their input's name. CS124 for what is missing or belongs to none.

    ``given`` is a mapping, the one input's own, or a list of arrays in the model's order.
    Every input needs its array; a shape may be missing.
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise Problem(
                    "CS124",
                    f"the model has no input '{name}'",
                    did_you_mean(str(name), names) or f"inputs: {', '.join(names)}",
                )
        missing = [name for name in names if name not in given]
        if missing and what == "array":
            raise Problem("CS124", f"no array for {named_inputs(missing)}")
        return dict(given)
    if len(names) == 1:
        return {names[0]: given}
    if what == "shape" or not isinstance(given, list | tuple) or len(given) != len(names):
        example = ", ".join(f"'{name}': .." for name in names)
        raise Problem(
            "CS124",
            f"the model has {len(names)} inputs: {', '.join(names)}; one {what} was given"
            if not isinstance(given, list | tuple) or what == "shape"
            else f"the model has {len(names)} inputs: {', '.join(names)}; "
            f"{len(given)} arrays were given",
            f"give {{{example}}}",
        )
    return dict(zip(names, given, strict=True))


def named_inputs(names: Sequence[str]) -> str:
    """``input 'a'``, ``inputs 'a', 'b'``."""
    return f"input{'s' if len(names) > 1 else ''} " + ", ".join(f"'{name}'" for name in names)


def looked_up(graph: Graph) -> dict[str, tuple[str, int]]:
    """Inputs whose values are numbers of rows: the layer that looks them up, and its rows."""
    nodes = graph.by_name()
    found: dict[str, tuple[str, int]] = {}
    for node in graph:
        if not isinstance(node.op, Lookup):
            continue
        source = nodes[node.inputs[0]]
        while isinstance(source.op, Identity | Reshape | Transpose | Upsample):
            source = nodes[source.inputs[0]]
        if isinstance(source.op, Input):
            rows = node.op.weight.shape[0]
            known = found.get(source.layer, (node.layer, rows))
            found[source.layer] = min(known, (node.layer, rows), key=lambda of: of[1])
    return found


def check_numbers(values: Any, layer: str, rows: int) -> None:
    """CS126 for a value that is the number of no row: cut off to a whole one, as Keras does."""
    import numpy as np

    outside = ~((values > -1) & (values < rows))
    if outside.any():
        sample = int(np.argwhere(outside)[0][0])
        raise Problem(
            "CS126",
            f"the number {values[outside].flat[0]:g} of sample {sample} is that of no row: layer "
            f"'{layer}' has rows 0 to {rows - 1}",
            "check how words or classes were numbered; input_dim of the layer counts the rows",
        )


def check_samples(samples: Mapping[str, int]) -> None:
    """CS125 unless every input has as many samples as the first."""
    (first, count), *others = samples.items()
    for name, number in others:
        if number != count:
            raise Problem(
                "CS125",
                f"input '{name}' has {number} samples, and input '{first}' has {count}",
                "sample i of each input belong together",
            )


def check_shape(declared: Shape, given: tuple[int | None, ...]) -> None:
    """Compare one sample's shape with the model's input. CS116 rank, CS117 lengths."""
    if _fits(declared, given):
        return
    shown = _tuple(given)
    if len(given) != len(declared):
        raise Problem(
            "CS116",
            f"a sample of shape {shown} has {_axes(given)}; the model's input has "
            f"{len(declared)}: {format_shape(declared)}",
            "leave the batch axis out"
            if _fits(declared, given[1:])
            else "give one length for each axis of a sample",
        )
    raise Problem(
        "CS117",
        f"samples have shape {shown}; the model's input is {format_shape(declared)}",
        _shape_hint(declared, given),
    )


def _axes(shape: tuple[object, ...]) -> str:
    return "1 axis" if len(shape) == 1 else f"{len(shape)} axes"


def check_array(declared: Shape, shape: tuple[int, ...]) -> None:
    """Compare a whole array, samples first, with the model's input.

    CS116 wrong rank, CS117 wrong shape, CS118 no sample, CS119 missing batch axis.
    """
    if _fits(declared, shape):
        text = ", ".join(str(d) for d in (1, *shape))
        raise Problem(
            "CS119",
            f"the array {_tuple(shape)} is one sample without a batch axis",
            f"the model takes (samples, ...): save it as x[None], with shape ({text})",
        )
    if len(shape) != len(declared) + 1:
        raise Problem(
            "CS116",
            f"the array has {_axes(shape)}, {_tuple(shape)}; the model takes "
            f"{len(declared) + 1}: {_with_samples(declared)}",
            _rank_hint(declared, shape),
        )
    if not _fits(declared, shape[1:]):
        raise Problem(
            "CS117",
            f"the array has shape {_tuple(shape)}; the model takes {_with_samples(declared)}",
            _shape_hint(declared, shape[1:]),
        )
    if shape[0] == 0:
        raise Problem(
            "CS118", f"the array {_tuple(shape)} holds no sample", "its first axis counts samples"
        )
    if 0 in shape:
        raise Problem("CS118", f"the array {_tuple(shape)} holds no value")


def _tuple(shape: Sequence[object]) -> str:
    inner = ", ".join("?" if d is None else str(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def _with_samples(declared: Shape) -> str:
    inner = format_shape(declared).strip("()").rstrip(",")
    return f"(samples, {inner})"


def _rank_hint(declared: Shape, shape: tuple[int, ...]) -> str | None:
    if len(shape) == len(declared) and declared and declared[-1] == 1:
        return "a channel axis may be missing: x[..., None]"
    if declared and declared[-1] == 1 and _fits(declared[:-1], shape):
        return "this is one sample without its channel axis: x[None, ..., None]"
    if len(shape) == len(declared) + 2 and shape[0] == 1:
        return "there may be one batch axis too many: x[0]"
    return None


def _moved(shape: Sequence[Dim | None], source: int, target: int) -> list[Dim | None]:
    values = list(shape)
    values.insert(target if target >= 0 else len(values), values.pop(source))
    return values


def _shape_hint(declared: Shape, given: Sequence[int | None]) -> str | None:
    """Name channels-first/last confusion where moving one axis makes it fit."""
    if len(given) < 3:
        reverse = list(reversed(given))
        return "the two axes look swapped" if _fits(declared, reverse) else None
    last = len(given) - 1
    channels_first = _moved(list(given), 0, last)
    if _fits(declared, channels_first):
        return "the array looks channels-first; convert it with np.moveaxis(x, 1, -1)"
    channels_last = _moved(list(given), last, 0)
    if _fits(declared, channels_last):
        return "the array looks channels-last; convert it with np.moveaxis(x, -1, 1)"
    return None
