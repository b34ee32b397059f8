"""Which axis of an input counts samples: the first, unless the file tells otherwise.

A recurrent operation takes steps first and samples second (``layout`` 0). An input that one reads
directly, or whose second axis alone is named as samples are, has them there.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import OnnxNode, OnnxValue

_NAMES = {"n", "b", "bs", "batch", "batch_size", "batchsize", "batch_dim", "num_samples"}
RECURRENT = {"RNN", "GRU", "LSTM"}


def batch_axes(
    inputs: Sequence[OnnxValue], nodes: Sequence[OnnxNode]
) -> tuple[dict[str, int], list[Diagnostic]]:
    """The axis of each input, and CS267 for one that is not the first."""
    second: set[str] = set()
    for node in nodes:
        if node.op_type in RECURRENT and node.attributes.get("layout", 0) == 0:
            second.update(name for i, name in enumerate(node.inputs) if i in {0, 5, 6} and name)
    axes: dict[str, int] = {}
    notes = []
    for value in inputs:
        lengths = value.shape or ()
        named = [i for i, n in enumerate(lengths) if isinstance(n, str) and n.lower() in _NAMES]
        axis = named[0] if named else int(value.name in second and len(lengths) > 1)
        axes[value.name] = axis
        if axis:
            notes.append(
                Diagnostic(
                    "CS267",
                    f"input {quoted(value.name)} counts its samples along axis {axis}; convspec "
                    "takes arrays with samples first: move that axis to the front",
                    Severity.NOTE,
                )
            )
    return axes, notes
