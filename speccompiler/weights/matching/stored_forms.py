"""Other forms in which files keep a tensor, where transposing does not lead to the usual one.

A layer's CuDNN twin keeps each gate's kernel as the columns of CuDNN's row-major matrix, and a
bias for the input beside one for the state (keras 2.3.1 engine/saving.py ``_convert_rnn_weights``).
A LocallyConnected of TensorFlow keeps one matrix from all inputs to all outputs, or the values of
a sparse one (tf_keras 2.16 layers/locally_connected, utils/conv_utils.py ``conv_kernel_idxs``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from speccompiler.frozen import dataclass
from speccompiler.graph.operands import UnsharedPlaces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Shape = tuple[int, ...]


class StoredForm(Protocol):
    """Gives the usual form of a tensor from the one that a file has; its text tells it apart."""

    def read(self, stored: Array) -> Array:
        """The tensor as Keras's plain layer stores it."""
        ...


@dataclass(frozen=True, slots=True)
class CudnnKernels:
    """Kernels ``(inputs, gates * units)``: each gate's numbers are those of its transpose."""

    gates: int

    def read(self, stored: Array) -> Array:
        """``(inputs, gates * units)``."""
        import numpy as np

        inputs, columns = stored.shape
        units = columns // self.gates
        by_gate = stored.reshape(inputs, self.gates, units).swapaxes(0, 1)
        transposed = by_gate.reshape(self.gates, units, inputs)
        return np.ascontiguousarray(transposed.transpose(2, 0, 1)).reshape(inputs, columns)


@dataclass(frozen=True, slots=True)
class CudnnBiases:
    """The bias of the input and that of the state, one after the other.

    ``shape`` has two rows for a layer that keeps them apart; else their sum is its bias.
    """

    shape: Shape

    def read(self, stored: Array) -> Array:
        """A tensor of ``shape``."""
        rows = stored.reshape(2, -1)
        return rows if len(self.shape) == 2 else rows[0] + rows[1]


@dataclass(frozen=True, slots=True)
class UnsharedMatrix:
    """A kernel for each place as the matrix from all inputs to all outputs.

    Where ``sparse``, only its values are stored, by output and then by input. ``padding`` zeros
    stand before the input that the layer sees; those places have no values.
    """

    places: UnsharedPlaces
    shape: Shape
    """``(positions, features, filters)`` of the usual form."""
    padding: Shape
    sparse: bool

    @property
    def stored_shape(self) -> Shape:
        """The shape in the file."""
        inputs, outputs = self._sides()
        if not self.sparse:
            return (*inputs, *outputs)
        channels, filters = self._channels()
        return (math.prod(map(self._taps_inside, range(len(self.padding)))) * channels * filters,)

    def read(self, stored: Array) -> Array:
        """``(positions, features, filters)``, the features as ``places`` orders them."""
        import numpy as np

        inputs, outputs, inside = self._connections()
        found = np.zeros(inside.shape, np.float32)
        if self.sparse:
            values = np.empty(stored.shape, np.float32)
            values[np.lexsort((inputs[inside], outputs[inside]))] = stored
            found[inside] = values
        else:
            matrix = stored.reshape(math.prod(self._sides()[0]), -1)
            found[inside] = matrix[inputs[inside], outputs[inside]]
        return found.reshape(self.shape)

    def _channels(self) -> tuple[int, int]:
        return self.shape[1] // math.prod(self.places.kernel), self.shape[2]

    def _lengths(self) -> Shape:
        """Of the input without the zeros around it."""
        sides = zip(self.places.lengths, self.places.kernel, self.padding, strict=True)
        return tuple(n - (k - 1 if pad else 0) for n, k, pad in sides)

    def _sides(self) -> tuple[Shape, Shape]:
        """The shapes of input and output, with their channels where the layer has them."""
        channels, filters = self._channels()
        if self.places.channels_first:
            return (channels, *self._lengths()), (filters, *self.places.counts)
        return (*self._lengths(), channels), (*self.places.counts, filters)

    def _taps_inside(self, axis: int) -> int:
        """How many taps of all places along an axis lie on the input."""
        stride, kernel = self.places.stride[axis], self.places.kernel[axis]
        first = (at * stride - self.padding[axis] for at in range(self.places.counts[axis]))
        length = self._lengths()[axis]
        return sum(min(start + kernel, length) - max(start, 0) for start in first)

    def _connections(self) -> tuple[Any, Any, Any]:
        """Of each weight of the usual form: its input's and output's index, whether it is one."""
        import numpy as np

        places, rank = self.places, len(self.padding)
        channels, filters = self._channels()
        first = places.channels_first
        features = (channels, *places.kernel) if first else (*places.kernel, channels)
        axes = np.indices((*places.counts, *features, filters), np.int64, sparse=True)
        at, function = axes[:rank], axes[-1]
        channel = axes[rank] if first else axes[-2]
        taps = axes[rank + 1 : -1] if first else axes[rank:-2]
        steps = [
            place * stride - pad + tap
            for place, stride, pad, tap in zip(at, places.stride, self.padding, taps, strict=True)
        ]
        shape = (*places.counts, *features, filters)
        inside = np.ones(shape, bool)
        for step, length in zip(steps, self._lengths(), strict=True):
            inside &= (step >= 0) & (step < length)
        into, out = self._sides()
        reads = _index((channel, *steps) if first else (*steps, channel), into)
        gives = _index((function, *at) if first else (*at, function), out)
        return np.broadcast_to(reads, shape), np.broadcast_to(gives, shape), inside


def _index(axes: Sequence[Any], shape: Shape) -> Any:
    """The index in a flat array, by that along each axis."""
    found = 0
    for place, length in zip(axes, shape, strict=True):
        found = found * length + place
    return found


def unshared_forms(places: UnsharedPlaces, shape: Shape) -> tuple[tuple[Shape, StoredForm], ...]:
    """The other forms of a LocallyConnected's kernel, each with its shape.

    Its input may hold the zeros of 'same' padding, which a file knows nothing of.
    """
    none = (0,) * len(places.kernel)
    same = tuple(k // 2 for k in places.kernel)
    fits = all(n >= k for n, k in zip(places.lengths, places.kernel, strict=True))
    found: dict[Shape, StoredForm] = {}
    for padding in dict.fromkeys([none, same] if fits else []):
        for sparse in (False, True):
            form = UnsharedMatrix(places, shape, padding, sparse)
            found.setdefault(form.stored_shape, form)
    return tuple(found.items())
