"""Theano's semantics to TensorFlow's and back: kernels are reversed, padding has to agree.

A kernel read backwards turns a convolution into a correlation, exactly. Where the two split
the padding of 'same' differently (even kernels, strides, some pools), the windows stand on
other places, and no change of a kernel makes up for that: those layers are refused.
"""

from __future__ import annotations

from dataclasses import replace

from speccompiler.convert.changes import Changes, Reversed
from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.graph.describe import padding_text
from speccompiler.graph.ir import Graph, Node, Recurrent
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec, SemanticsFields
from speccompiler.schemas.profiles import Profile


def convert_semantics(
    spec: ModelSpec, target: Profile, changes: Changes
) -> tuple[ModelSpec, list[Diagnostic]]:
    """The spec under the other rules; findings CS150 for layers that have no equal there."""
    assert spec.semantics is not None, "it is known whose numbers the model gives"
    source = Semantics.of(spec.semantics)
    new = SemanticsFields(profile=target, running_std=spec.semantics.running_std)
    wanted = Semantics.of(new)
    here = _graph(spec, source)
    found = _other_windows(here, _graph(spec, replace(source, padding=wanted.padding)))
    there = {w.name: w for w in _graph(spec, wanted).weights()}
    for weight in here.weights():
        if weight.flip != there[weight.name].flip:
            changes.add(weight.layer, weight.tensor, Reversed(spatial_axes(weight.axes)))
    return spec.model_copy(update={"semantics": new}), found


def spatial_axes(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The stored axes of a kernel that its window runs along: all but its channels."""
    return axes[:-2]


def _graph(spec: ModelSpec, semantics: Semantics) -> Graph:
    graph = lower(spec, semantics).graph
    assert graph is not None, "a valid spec can be lowered under any semantics"
    return graph


def _other_windows(here: Graph, there: Graph) -> list[Diagnostic]:
    """CS150 for each layer whose windows the two place differently."""
    theirs = there.by_call()
    return [
        _refused(nodes, theirs[layer]).at(layer=layer)
        for layer, nodes in here.by_call().items()
        if nodes != theirs[layer]
    ]


def _refused(here: list[Node], there: list[Node]) -> Problem:
    text = ""
    for mine, other in zip(here, there, strict=True):
        match mine.op, other.op:
            case Recurrent(first_masked=first), Recurrent(first_masked=other_first) if (
                first != other_first
            ):
                return Problem(
                    "CS150",
                    "where steps are masked from the first on, a stateful layer gives its state "
                    "under TensorFlow and zeros under Theano",
                    "with unroll: true it gives zeros under both",
                )
            case _:
                pass
        one, two = getattr(mine.op, "padding", ()), getattr(other.op, "padding", ())
        if one != two:
            text = f": {padding_text(one)} here, {padding_text(two)} there"
            break
    if any(isinstance(node.op, Recurrent) for node in here):
        return Problem(
            "CS150",
            f"'same' is padded differently by the two backends{text}; no kernel makes up for that",
            "keep the semantics: the state of a ConvLSTM2D is padded at every step, which no layer "
            "before it can do",
        )
    return Problem(
        "CS150",
        f"'same' is padded differently by the two backends{text}; no kernel makes up for that",
        "put a ZeroPadding layer with these amounts before it and use border_mode 'valid', which "
        "is the same in both; for a pool there is no such way",
    )
