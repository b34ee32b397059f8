"""What operations read beside their inputs: tensors, numbers of a spec, what is made of these.

operand = Weight | Derived | Constant | Joined | Row
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from speccompiler.expressions.nodes import Expression
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class UnsharedPlaces:
    """The places that have a kernel of their own each; lengths, kernel and stride by axis."""

    lengths: tuple[int, ...]
    """Of what the layer reads, with what pads it."""
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    channels_first: bool
    """Whether channels come first in what a kernel reads, and in the layer's input and output."""

    @property
    def counts(self) -> tuple[int, ...]:
        """How many places there are along each axis."""
        sides = zip(self.lengths, self.kernel, self.stride, strict=True)
        return tuple((n - k) // s + 1 for n, k, s in sides)


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor and how it becomes the operand of an operation.

    ``transpose(stored, axes).reshape(shape)``, then reversed along every spatial axis (all but
    the last two) where ``flip`` is set. Where one stored axis has to be transposed as several,
    ``split`` is the shape that the stored tensor is given first.

    ``phases`` are the strides of a transposed convolution. Its outputs fall into as many classes
    as the stride says: those of one class see only every stride-th place of the kernel. The
    kernel ``(*k, C, F)`` becomes ``(*ceil(k / stride), C, stride * F)``, class by class and
    reversed along the spatial axes, so that correlating with it gives the outputs of all classes
    side by side; a bias is repeated for each. ``shape`` is that of the result.

    ``variants`` says which other shapes a file may hold. "conv1d": Keras up to 1.0.8 stored this
    kernel in another layout, Keras 2 without its axis of length 1; "shared": any axis may have
    the length 1; "split": the same numbers may have the shape ``split``; "cudnn": the bias of a
    recurrent layer may be that of its CuDNN twin; places: a kernel for each may be one matrix.

    The name alone is hashed: few tensors are read in two ways, and sets of them are many.
    """

    layer: str
    tensor: str
    stored_shape: tuple[int, ...] = field(hash=False)
    axes: tuple[int, ...] = field(hash=False)
    shape: tuple[int, ...] = field(hash=False)
    flip: bool = field(default=False, hash=False)
    split: tuple[int, ...] = field(default=(), hash=False)
    phases: tuple[int, ...] = field(default=(), hash=False)
    variants: Literal["", "conv1d", "shared", "split", "cudnn"] | UnsharedPlaces = field(
        default="", hash=False
    )

    @property
    def name(self) -> tuple[str, str]:
        """The layer and the tensor: which stored tensor it is, however it is read."""
        return self.layer, self.tensor

    @property
    def whole_kernel(self) -> tuple[int, ...]:
        """Spatial lengths of the stored kernel of a transposed convolution."""
        more = len(self.phases) + 2 - len(self.axes)
        return (1,) * more + tuple(self.stored_shape[axis] for axis in self.axes[:-2])


@dataclass(frozen=True, slots=True)
class Derived:
    """An operand computed once from others, such as a kernel with a normalisation folded in.

    ``formula`` is an expression whose parameters are ``operands``, which broadcast as NumPy's
    arrays do (along their last axes), in float64.
    """

    formula: Expression = field(hash=False)
    operands: tuple[Operand, ...]
    shape: tuple[int, ...]

    @property
    def layer(self) -> str:
        """The layer of its first tensor."""
        return self.operands[0].layer


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand whose numbers stand in the spec itself, row by row: no stored tensor."""

    layer: str
    values: tuple[float, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Operands one after the other along ``axis``: the kernels of gates, side by side."""

    parts: tuple[Operand, ...]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths along ``axis`` add up, the others are equal."""
        shape = list(self.parts[0].shape)
        shape[self.axis] = sum(part.shape[self.axis] for part in self.parts)
        return tuple(shape)

    @property
    def layer(self) -> str:
        """The layer of its first tensor."""
        return self.parts[0].layer


@dataclass(frozen=True, slots=True)
class Row:
    """One of the rows of an operand, which are stored as one tensor and read apart."""

    rows: Operand
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the rows, without the first axis."""
        return self.rows.shape[1:]

    @property
    def layer(self) -> str:
        """The layer of its first tensor."""
        return self.rows.layer


Operand = Weight | Derived | Constant | Joined | Row


def stored_tensors(operand: Operand) -> tuple[Weight, ...]:
    """The tensors that an operand is made of, each once."""
    if isinstance(operand, Weight):
        return (operand,)
    if isinstance(operand, Constant):
        return ()
    return tuple(dict.fromkeys(w for part in parts_of(operand) for w in stored_tensors(part)))


def parts_of(operand: Derived | Joined | Row) -> tuple[Operand, ...]:
    """The operands that another one is made of."""
    match operand:
        case Derived(operands=operands):
            return operands
        case Joined(parts=parts):
            return parts
        case Row(rows=rows):
            return (rows,)
