"""In which orders of its axes a value is there.

The graph's values have their channels last; ONNX's convolutions and pools want them first, its
recurrent operations the steps. A value is therefore known by a tensor for each **layout** that
somebody has asked for. A layout is a permutation: axis i of the tensor is axis ``layout[i]`` of the
value, where axis 0 is the batch and axis j + 1 is axis j of a sample. What works value by value
takes whichever is there, and a ``Transpose`` of the graph only gives layouts other names: nodes
that transpose are written where nothing else will do, which is mostly at the ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Shape

Layout = tuple[int, ...]


def natural(rank: int) -> Layout:
    """The axes as the graph has them; ``rank`` is that of a sample."""
    return tuple(range(rank + 1))


def channels_first(rank: int) -> Layout:
    """Batch, channels, spatial axes; ``rank`` is that of a sample."""
    return (0, rank, *range(1, rank))


def steps_first(rank: int) -> Layout:
    """Steps, batch, and the rest."""
    return (1, 0, *range(2, rank + 1))


@dataclass(slots=True)
class Value:
    """A value of the graph, of one sample's ``shape``: the tensors that hold it."""

    shape: Shape
    tensors: dict[Layout, str]

    @property
    def rank(self) -> int:
        """The rank of a sample."""
        return len(self.shape)

    @property
    def layout(self) -> Layout:
        """That of the tensor which was written first: computed, and not transposed."""
        return next(iter(self.tensors))


def transposed(value: Value, axes: Sequence[int]) -> Value:
    """The same tensors as the value of a ``Transpose``, whose axis i is axis ``axes[i]``."""
    places = (0, *(axis + 1 for axis in axes))
    return Value(
        tuple(value.shape[axis] for axis in axes),
        {
            tuple(places.index(axis) for axis in layout): tensor
            for layout, tensor in value.tensors.items()
        },
    )


def agreed(values: Sequence[Value]) -> Layout:
    """The layout in which most of several values of one rank are there, the first one's before."""
    counts: dict[Layout, int] = {}
    for value in values:
        for layout in value.tensors:
            counts[layout] = counts.get(layout, 0) + 1
    return max(counts, key=lambda layout: counts[layout])


def without(layout: Layout, axes: Sequence[int]) -> Layout:
    """The layout once some axes of the value are gone."""
    left = [axis for axis in layout if axis not in axes]
    order = sorted(left)
    return tuple(order.index(axis) for axis in left)
