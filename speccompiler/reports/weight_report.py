"""The tensors of a model: where each comes from, its statistics, the constraints it breaks.

Tensors are read one at a time, and none is kept.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, SpecError, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.reports.number_text import size
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.negative_variances import negative_variances
from speccompiler.weights.penalties import violations
from speccompiler.weights.sources import DrawnTensor, FileTensor, TensorSource


@dataclass(frozen=True, slots=True)
class TensorReport:
    """One tensor. Statistics are of its finite values, and None where it has none."""

    layer: str
    tensor: str
    shape: tuple[int, ...]
    """As it is stored, or would be in today's layout."""
    source: str
    zeros: int
    non_finite: int
    smallest: float | None
    largest: float | None
    mean: float | None
    deviation: float | None

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    def to_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "layer": self.layer,
            "tensor": self.tensor,
            "shape": list(self.shape),
            "source": self.source,
            "count": self.count,
            "zeros": self.zeros,
            "non_finite": self.non_finite,
            "min": self.smallest,
            "max": self.largest,
            "mean": self.mean,
            "std": self.deviation,
        }


@dataclass(frozen=True, slots=True)
class WeightReport:
    """Every tensor, and what is to be said of them."""

    model: str
    tensors: tuple[TensorReport, ...]
    diagnostics: tuple[Diagnostic, ...]
    """Broken constraints (CS096) and values that are not finite (CS097)."""


def weight_report(model: ValidatedModel) -> WeightReport:
    """Read every tensor; raises ``SpecError`` for what is missing or cannot be read."""
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    tensors = []
    found: list[Diagnostic] = []
    for weight, source in sources.sources.items():
        try:
            array = source.read()
            read = {weight: array}
            broken = violations(model.spec, read) + negative_variances(model.spec, read)
        except Problem as problem:
            raise model.refused(problem, model.weights_file or model.file) from None
        except MemoryError:
            needed = size(4 * prod(weight.stored_shape))
            message = f"{weight.tensor} takes {needed} of memory, and as much again to look at"
            hint = "the tensor is too large for this machine"
            raise model.refused(Problem("CS130", message, hint, layer=weight.layer)) from None
        entry = _report(weight, source, array)
        tensors.append(entry)
        found += broken
        if entry.non_finite:
            message = f"{weight.tensor} holds {entry.non_finite} values that are not finite, of "
            found.append(
                Diagnostic("CS097", f"{message}{entry.count}", Severity.WARNING, layer=weight.layer)
            )
    return WeightReport(model.name, tuple(tensors), tuple(map(model.loaded.locate, found)))


def _report(weight: Weight, source: TensorSource, array: npt.NDArray[Any]) -> TensorReport:
    finite = array[np.isfinite(array)].astype(np.float64)
    known = finite.size > 0
    return TensorReport(
        weight.layer,
        weight.tensor,
        weight.stored_shape,
        _source_text(source),
        int(np.count_nonzero(array == 0)),
        int(array.size - finite.size),
        float(finite.min()) if known else None,
        float(finite.max()) if known else None,
        float(finite.mean()) if known else None,
        float(finite.std()) if known else None,
    )


def _source_text(source: TensorSource) -> str:
    if isinstance(source, FileTensor):
        old = ", old layout" if source.transpose is not None else ""
        old = ", another form" if source.form is not None else old
        return f"{source.file.path.name}#{source.key}{old}"
    if isinstance(source, DrawnTensor):
        return f"drawn by {source.init} from seed {source.seed}"
    return "in the spec"
