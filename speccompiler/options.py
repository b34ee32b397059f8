"""What a caller says beside the spec: how to read it, and what to make of it.

Importing this loads nothing else, so that a command can name its options at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.loading.replacement.answers import Answers
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.weights.sources import MatchName

MathName = Literal["fast", "precise"]
InputShapes = Sequence[int | None] | Mapping[str, Sequence[int | None]]
"""The shape of one sample without the batch axis; of several inputs a mapping by name."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What :func:`load` was asked for; None leaves it to the spec."""

    weights: Path | None = None
    semantics: SemanticsName | None = None
    dim_ordering: OrderingName | None = None
    seed: int | None = None
    weights_by: MatchName | None = None
    replace: Answers | None = None
    input_shape: InputShapes | None = None
    """Used only where the model fits no open length, such as a Dense that reads a flattened
    image of any size: the open lengths are bound to this shape then."""
    look_for_weights: bool = True
    """Without, no weights that are named are looked for: shapes and costs need none, and the files
    may be gone that an old version names."""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What :meth:`Model.compile` was asked for; None leaves it to the compiler."""

    target: str = "cpu"
    batch_size: int | None = None
    threads: int | None = None
    input_shape: InputShapes | None = None
    layers: tuple[str, ...] = ()
    apply_constraints: bool = False
    math: MathName = "fast"
    samples: int | None = None
    tune: bool = False
    tile: int | tuple[int, ...] | Literal["auto"] | None = None
    """Runs are made tile by tile: positions of the first input along its spatial axes."""

    @property
    def fast(self) -> bool:
        """Whether kernels that round more may be chosen."""
        return self.math == "fast"
