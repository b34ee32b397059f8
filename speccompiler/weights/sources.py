"""Where one tensor of a model comes from: a file, the spec itself, or its initialiser.

A source knows the tensor's place and shape; ``read`` gives its numbers, as Keras orders them.
``find_weights`` finds a source for every tensor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from speccompiler.weights.files.weight_file import WeightFile
    from speccompiler.weights.matching.stored_forms import StoredForm

    Array = npt.NDArray[np.float32]

MatchName = Literal["name", "topology"]
"""How tensors of a Keras HDF5 file find their layers."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor in a weight file.

    As many numbers in another shape are taken as they lie; an axis that is stored with the
    length 1 is repeated to that of ``shape``.
    """

    file: WeightFile
    key: str
    transpose: tuple[int, ...] | None
    """The axes that ``np.transpose`` takes where another layout is stored."""
    shape: tuple[int, ...]
    form: StoredForm | None = None
    """What brings it into the usual form, where that takes more."""

    def read(self) -> Array:
        """The stored tensor as float32."""
        import numpy as np

        array = self.file.read(self.key)
        if self.form is not None:
            return self.form.read(array)
        if self.transpose:
            array = array.transpose(self.transpose)
        if array.size == math.prod(self.shape):
            return array.reshape(self.shape)
        return np.broadcast_to(array, self.shape)

    def identity(self) -> str | None:
        """The file's state and the tensor's key; None where the file has changed since."""
        state = self.file.unchanged_state()
        how = self.transpose if self.form is None else self.form
        return None if state is None else f"{state} {self.key!r} {how} {self.shape}"


@dataclass(frozen=True, slots=True)
class InlineTensor:
    """A tensor that the spec holds as nested lists."""

    values: Any
    shape: tuple[int, ...]

    def read(self) -> Array:
        """The lists as float32."""
        import numpy as np

        return np.array(self.values, np.float32).reshape(self.shape)

    def identity(self) -> None:
        """None: what is in the spec is not worth caching."""


@dataclass(frozen=True, slots=True)
class DrawnTensor:
    """A tensor that the layer's initialiser draws (a bias is zero, as in Keras)."""

    init: str
    parameters: Mapping[str, float]
    weight: Weight
    seed: int
    fans: str = "kernel"
    factor: float = 1.0
    part: tuple[int, int] | None = None
    """Which of how many equal parts of the last axis is drawn; the others are 0."""

    def identity(self) -> str:
        """A text of all that its values depend on."""
        part = "" if self.part is None else f" {self.part}"
        how = f"{self.init} {dict(self.parameters)} {self.seed} {self.fans} {self.factor}"
        return f"drawn {how}{part}"

    def read(self) -> Array:
        """The same values wherever they are drawn; CS091 for a shape that cannot be drawn."""
        from speccompiler.weights.initializers import initialize, tensor_fans

        layer, shape = self.weight.layer, self.weight.stored_shape
        if self.part is not None:
            shape = (*shape[:-1], shape[-1] // self.part[1])
        fans = tensor_fans(self.fans, shape, self.weight.shape)
        try:
            drawn = initialize(
                self.init,
                self.parameters,
                shape,
                fans,
                seed=self.seed,
                stream=f"{layer}/{self.weight.tensor}",
            )
            drawn = drawn if self.factor == 1 else drawn * drawn.dtype.type(self.factor)
            return drawn if self.part is None else _beside_zeros(drawn, *self.part)
        except Problem as problem:
            raise Problem(
                problem.code, problem.message, problem.hint, layer=layer, argument="init"
            ) from None


def _beside_zeros(drawn: Array, index: int, count: int) -> Array:
    """The part of this number among ``count`` along the last axis; the others are 0."""
    import numpy as np

    zeros = np.zeros_like(drawn)
    return np.concatenate([drawn if i == index else zeros for i in range(count)], axis=-1)


TensorSource = FileTensor | InlineTensor | DrawnTensor


@dataclass(frozen=True, slots=True)
class WeightSources:
    """Sources of a graph's tensors, and findings that say why some have none."""

    sources: Mapping[Weight, TensorSource]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def drawn(self) -> tuple[DrawnTensor, ...]:
        """The sources that draw their tensor."""
        return tuple(s for s in self.sources.values() if isinstance(s, DrawnTensor))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that tensors are read from, each once."""
        files = (s.file for s in self.sources.values() if isinstance(s, FileTensor))
        return tuple(dict.fromkeys(path for file in files for path in (file.path, *file.parts)))

    @property
    def tensors(self) -> Mapping[Weight, Array]:
        """Every tensor; each is read when it is looked up, and not kept."""
        return _Tensors(self.sources)

    @property
    def given(self) -> Mapping[Weight, Array]:
        """The tensors that are not drawn."""
        return _Tensors({w: s for w, s in self.sources.items() if not isinstance(s, DrawnTensor)})

    def read(self) -> dict[Weight, Array]:
        """Every tensor; raises ``Problem`` for what only the data can tell."""
        return {weight: source.read() for weight, source in self.sources.items()}


class _Tensors(Mapping[Weight, "Array"]):
    """Tensors that are read when they are looked up."""

    def __init__(self, sources: Mapping[Weight, TensorSource]) -> None:
        self._sources = sources

    def __getitem__(self, weight: Weight) -> Array:
        return self._sources[weight].read()

    def __iter__(self) -> Iterator[Weight]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)
