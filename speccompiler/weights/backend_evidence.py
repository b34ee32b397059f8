"""What helps to tell which backend trained a model, where nothing says it (CS050).

A Keras 1.x file never says which backend it was trained on. Two things help its owner: the
tensors' names, because only TensorFlow's variables end in ``:0``; and which layers would
compute other numbers, by what rule and by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.frozen import dataclass
from speccompiler.graph.describe import padding_text
from speccompiler.graph.ir import Graph, Node, Padding, Weight
from speccompiler.lowering.by_backend import ByBackend
from speccompiler.weights.backend_names import theano_names
from speccompiler.weights.sources import FileTensor, TensorSource

_LAYERS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """How one layer differs between the backends: by reversed kernels, or by its padding."""

    layer: str
    flipped: tuple[Weight, ...]
    padding: tuple[Padding, Padding] | None
    """TensorFlow's and Theano's."""


def evidence(lowered: ByBackend, sources: Mapping[Weight, TensorSource]) -> tuple[Diagnostic, ...]:
    """CS050 with what the tensors' names tell in its hint, and a note for each of its layers."""
    finding = lowered.finding()
    assert finding is not None, "only what nothing decides needs evidence"
    told = names_hint(sources.values())
    if told is not None:
        finding = replace(finding, hint=f"{finding.hint}; {told}")
    return (finding, *notes(differences(lowered), sources))


def differences(lowered: ByBackend) -> tuple[Difference, ...]:
    """The layers that TensorFlow's and Theano's rules lower differently, in order."""
    one, other = lowered.tensorflow.graph, lowered.theano.graph
    if one is None or other is None:
        return ()
    theirs = other.by_call()
    flipped = _flipped(one, other)
    return tuple(
        Difference(layer, tuple(flipped.get(layer, ())), _paddings(nodes, theirs[layer]))
        for layer, nodes in one.by_call().items()
        if nodes != theirs[layer]
    )


def _flipped(one: Graph, other: Graph) -> Mapping[str, list[Weight]]:
    found: dict[str, list[Weight]] = {}
    for mine, theirs in zip(one.weights(), other.weights(), strict=True):
        if mine.flip != theirs.flip:
            found.setdefault(mine.layer, []).append(mine)
    return found


def _paddings(one: Iterable[Node], other: Iterable[Node]) -> tuple[Padding, Padding] | None:
    for mine, theirs in zip(one, other, strict=False):
        pair = getattr(mine.op, "padding", None), getattr(theirs.op, "padding", None)
        if pair[0] is not None and pair[1] is not None and pair[0] != pair[1]:
            return pair[0], pair[1]
    return None


def notes(
    found: Iterable[Difference], sources: Mapping[Weight, TensorSource]
) -> tuple[Diagnostic, ...]:
    """A note CS083 for each of the first layers, with what reversing changes in given kernels."""
    found = tuple(found)
    by_name = {(w.layer, w.tensor): source for w, source in sources.items()}
    notes = []
    for difference in found[:_LAYERS_SHOWN]:
        parts = [_kernel_text(w, by_name.get((w.layer, w.tensor))) for w in difference.flipped]
        if difference.padding is not None:
            tensorflow, theano = map(padding_text, difference.padding)
            parts.append(f"'same' is padded {tensorflow} by TensorFlow and {theano} by Theano")
        message = "; ".join(parts) or "the backends compute it by other rules"
        notes.append(Diagnostic("CS083", message, Severity.NOTE, layer=difference.layer))
    rest = len(found) - len(notes)
    if rest:
        plural = "layer differs" if rest == 1 else "layers differ"
        notes.append(Diagnostic("CS083", f"{rest} more {plural}", Severity.NOTE))
    return tuple(notes)


def _kernel_text(weight: Weight, source: TensorSource | None) -> str:
    size = "x".join(str(length) for length in _kernel_shape(weight)[:-2])
    text = f"Theano reverses the {size} kernel {weight.tensor}"
    change = None if source is None else flip_change(weight, source)
    if change is None:
        return text
    if change == 0:
        return f"{text}, which is the same reversed"
    return f"{text}, and that changes it by {change:.0%} of its norm"


def _kernel_shape(weight: Weight) -> tuple[int, ...]:
    """The kernel in the operation's order, whole where a transposed convolution splits it."""
    if not weight.phases:
        return weight.shape
    return tuple(weight.stored_shape[axis] for axis in weight.axes)


def flip_change(weight: Weight, source: TensorSource) -> float | None:
    """``|W - reversed W| / |W|``: 0 for a symmetric kernel, 1.41 for a random one."""
    try:
        kernel = source.read().transpose(weight.axes).reshape(_kernel_shape(weight))
    except Problem:
        return None
    kernel = kernel.astype(np.float64)
    norm = float(np.linalg.norm(kernel))
    if not np.isfinite(norm) or norm == 0:
        return None
    spatial = tuple(range(kernel.ndim - 2))
    return float(np.linalg.norm(kernel - np.flip(kernel, spatial))) / norm


def names_hint(sources: Iterable[TensorSource]) -> str | None:
    """Which backend the tensors' names point to; None where they come from no Keras file."""
    files = [s for s in sources if isinstance(s, FileTensor)]
    if not files:
        return None
    if all(source.key.endswith(":0") for source in files):
        return "the tensors' names end in ':0', as TensorFlow's do"
    if theano_names(files):
        return "the tensors' names do not end in ':0', as TensorFlow's do: Theano saved them"
    return None
